/* Where a canvas is shown: a struct of functions with two implementations, the terminal
 * (term/screen_curses.h) and plain text (term/screen_text.h). */
#ifndef TUI_TERM_SCREEN_H
#define TUI_TERM_SCREEN_H

#include "tui/canvas/canvas.h"

struct screen;

struct screen_ops {
	int (*show)(struct screen *s, const struct canvas *c); /* 0, or a negative code */
	void (*free)(struct screen *s);
};

struct screen { /* the first member of each implementation */
	const struct screen_ops *ops;
};

int screen_show(struct screen *s, const struct canvas *c);
void screen_free(struct screen *s); /* NULL ok */

#endif
