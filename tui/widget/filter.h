/* The line in which one types what to look for; it counts as one types. */
#ifndef TUI_WIDGET_FILTER_H
#define TUI_WIDGET_FILTER_H

#include "tui/widget/edit.h"

struct filter {
	struct edit edit;
	bool typing;
};

enum filter_result { FILTER_CHANGED = INPUT_TAKEN + 1 }; /* the text is another one */

extern const struct keymap filter_keymap;

void filter_init(struct filter *f);
void filter_open(struct filter *f); /* the next keys are text */
const char *filter_text(const struct filter *f);
bool filter_is_shown(const struct filter *f); /* typing, or something is filtered out */

/* While typing everything but the mouse is taken: Enter keeps the text, Esc clears it.  Otherwise
 * only Esc, when there is a text to clear.  INPUT_*, or FILTER_CHANGED. */
int filter_input(struct filter *f, const struct event *event);

/* One row: "/text   12 of 340". */
void filter_draw(struct filter *f, struct area a, int y, size_t shown, size_t all);

#endif
