/* A line of text being typed.  The cursor goes by what is seen: a base with its marks is one step,
 * however many bytes. */
#ifndef TUI_WIDGET_EDIT_H
#define TUI_WIDGET_EDIT_H

#include "tui/canvas/canvas.h"
#include "tui/input/keymap.h"

#define EDIT_MAX 1024 /* bytes */

struct edit {
	char text[EDIT_MAX + 1]; /* always UTF-8 that can be shown */
	size_t len, max;
	size_t cursor; /* byte before which it stands */
	size_t first;  /* byte of the leftmost glyph shown */
};

extern const struct keymap edit_keymap;

void edit_init(struct edit *e, size_t max);      /* max: bytes, at most EDIT_MAX; 0: that many */
void edit_set(struct edit *e, const char *text); /* cleaned and cut; the cursor at its end */
void edit_insert(struct edit *e, const char *text, size_t len); /* at the cursor, likewise */

/* Typed and pasted text (line breaks become spaces), and the keys of edit_keymap. */
enum input_result edit_input(struct edit *e, const struct event *event);

/* In `width` columns; scrolls so that the cursor is seen, and shows it when focused. */
void edit_draw(struct edit *e, struct area a, int x, int y, int width, unsigned style,
	       bool focused);

#endif
