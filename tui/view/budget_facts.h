/* Words and figures of budgets, and the actions on them, which more than one view offers. */
#ifndef TUI_VIEW_BUDGET_FACTS_H
#define TUI_VIEW_BUDGET_FACTS_H

#include <jansson.h>
#include <stdbool.h>

#include "tui/model/words.h"
#include "tui/view/host.h"

enum { BUDGET_WORDS = 160 };

/* The fuller of its two limits: 0..1 and above; -1: it has none. */
double budget_fraction(const json_t *budget);
unsigned budget_style(const json_t *budget); /* of its bar */
/* Each prints into `to` and returns it. */
char *budget_mark(char to[BUDGET_WORDS], const json_t *budget); /* "soft, ! warn at 90 %" */
char *budget_per(char to[BUDGET_WORDS], const char *window);    /* "per month", "in total" */
char *budget_of_limit(char to[BUDGET_WORDS], const char *used, const char *limit);
char *budget_used_tokens(char to[BUDGET_WORDS], const json_t *b); /* "9.4 M of 10 M" */
char *budget_used_usd(char to[BUDGET_WORDS], const json_t *b);    /* "$1.55 of $5.00" */

/* whom: an object with project, key or neither (view/subject.h); budget: what the form begins
 * with, NULL: nothing. */
void budget_ask_set(struct host *h, const json_t *whom, const json_t *budget);
void budget_ask_reset(struct host *h, const json_t *budget);
void budget_ask_delete(struct host *h, const json_t *budget);
/* Rate limits of a key or of everybody; limits: as they are now, NULL: none. */
void limits_ask_set(struct host *h, const json_t *whom, const json_t *limits);

#endif
