/* An event of the daemon, or a line of its log, in words. */
#ifndef TUI_VIEW_EVENT_WORDS_H
#define TUI_VIEW_EVENT_WORDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "tui/model/words.h"

/* Rows as in model.events. */
enum event_level { EVENT_ERROR, EVENT_WARN, EVENT_INFO, EVENT_DEBUG, EVENT_LEVELS };

enum event_level event_level(const json_t *row);
const char *event_level_name(enum event_level level);
unsigned event_level_style(enum event_level level);
bool event_is_log(const json_t *row);      /* a line of the log, or a remark of the dashboard */
const char *event_area(const json_t *row); /* who speaks: "pool"; of an event its topic */

/* What it says, in one line, made in `scratch` and cut to its size; returns it. */
const char *event_words(const json_t *row, char *scratch, size_t size);
/* A member's value; texts are borrowed, what else is simple is made in `number`.  NULL: of objects
 * and arrays the names alone would say little. */
const char *event_value(const json_t *value, char number[WORDS_SIZE]);
bool event_matches(const json_t *row, const char *text);

#endif
