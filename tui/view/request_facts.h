/* What is worked out of a request's row: how long its parts took, how fast it answers, and all of
 * it as a sheet.  Milliseconds; -1: not known, or not yet. */
#ifndef TUI_VIEW_REQUEST_FACTS_H
#define TUI_VIEW_REQUEST_FACTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "tui/view/sheet.h"

bool request_is_live(const json_t *request);
int64_t request_took_ms(const json_t *request, int64_t now_ms);  /* so far, or in all */
int64_t request_queue_ms(const json_t *request, int64_t now_ms); /* so far, or in all */
/* From the worker's beginning to its first token. */
int64_t request_first_ms(const json_t *request);
double request_rate(const json_t *request, int64_t now_ms); /* tokens a second; -1: not known */
/* What came of it, or how far it is: "running", "ok", "timeout"; and how that looks. */
const char *request_state(const json_t *request);
unsigned request_style(const json_t *request);
/* "claude-opus-5-5" is "opus-5-5" where there is little room. */
const char *request_short_model(const char *model);

/* request NULL: it has gone. */
void request_fill(struct sheet *s, const json_t *request, int64_t now_ms);

#endif
