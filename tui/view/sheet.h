/* Facts of one thing, a label and a value each, that fill the area of a view: wrapped, scrolled,
 * and filled anew as often as they change without losing the place. */
#ifndef TUI_VIEW_SHEET_H
#define TUI_VIEW_SHEET_H

#include "tui/canvas/canvas.h"
#include "tui/input/keymap.h"

enum { SHEET_LINES_MAX = 48, SHEET_TEXT_MAX = 4096, SHEET_LABEL_MAX = 16 };

struct sheet;

extern const struct keymap sheet_keymap;

struct sheet *sheet_new(void); /* NULL: out of memory */
void sheet_free(struct sheet *s);

/* Empties it; `title` is copied.  sheet_top() also goes back to the first line. */
void sheet_begin(struct sheet *s, const char *title);
void sheet_top(struct sheet *s);

/* A line behind the others, with a label of at most SHEET_LABEL_MAX - 1 bytes; NULL: over the whole
 * width.  What is too long is cut; out of memory a line is left out. */
void sheet_add(struct sheet *s, unsigned style, const char *label, const char *text);
void sheet_format(struct sheet *s, unsigned style, const char *label, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* As sheet_add, for a text of parts with two or more spaces between, or with dashes before them: it
 * is broken there and nowhere else. */
void sheet_parts(struct sheet *s, unsigned style, const char *label, const char *text);

void sheet_draw(struct sheet *s, struct area a);
enum input_result sheet_input(struct sheet *s, const struct event *e);

#endif
