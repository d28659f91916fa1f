/* Asks before something is done, and names what will happen.  Takes all input while it is open. */
#ifndef TUI_WIDGET_CONFIRM_H
#define TUI_WIDGET_CONFIRM_H

#include "tui/canvas/canvas.h"
#include "tui/input/keymap.h"

struct confirm {
	char title[80], text[1024], yes[32];
	bool on_yes; /* where Enter is */
	int scroll, rows, page;
	struct rect shown, yes_rect, no_rect;
};

enum confirm_result { CONFIRM_YES = INPUT_TAKEN + 1, CONFIRM_NO };

extern const struct keymap confirm_keymap;

/* Copied.  text: what will happen, may have several lines; yes: the word for doing it ("delete").
 * dangerous: Enter is on "cancel" at first. */
void confirm_init(struct confirm *c, const char *title, const char *text, const char *yes,
		  bool dangerous);
void confirm_draw(struct confirm *c, struct area a);             /* in the middle of the area */
int confirm_input(struct confirm *c, const struct event *event); /* INPUT_TAKEN, or CONFIRM_* */

#endif
