/* The bar of views: keys 1..9, Tab and the mouse choose. */
#ifndef TUI_WIDGET_TABS_H
#define TUI_WIDGET_TABS_H

#include "tui/canvas/canvas.h"
#include "tui/input/keymap.h"

#define TABS_MAX 9

struct tabs {
	const char *const *names; /* borrowed */
	int count, current;
	struct rect shown; /* where the bar was drawn, and each name's columns in it */
	int from[TABS_MAX], to[TABS_MAX];
};

extern const struct keymap tabs_keymap;

void tabs_init(struct tabs *t, const char *const *names, int count);
/* One row.  Where the names do not fit, only the current one is spelled out. */
void tabs_draw(struct tabs *t, struct area a, int y);
enum input_result tabs_input(struct tabs *t,
			     const struct event *event); /* TAKEN: look at current */

#endif
