/* A view: one of the screens behind the tabs.  It draws what the model says into an area, takes
 * keys, and asks the host for everything else. */
#ifndef TUI_VIEW_VIEW_H
#define TUI_VIEW_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/canvas/canvas.h"
#include "tui/input/event.h"
#include "tui/input/keymap.h"
#include "tui/view/host.h"

enum { VIEW_TABLE = 1 }; /* the first bit of a context */

struct view_ops {
	const char *name;  /* for --view: "requests" */
	const char *title; /* on its tab: "Requests" */
	unsigned parts;    /* of the model that it shows: asked for while it is on the screen */
	void *(*create)(struct host *h); /* NULL: out of memory */
	void (*free)(void *self);        /* NULL ok */
	void (*changed)(void *self, unsigned parts);
	void (*draw)(void *self, struct area a);
	enum input_result (*input)(void *self, const struct event *e);
	/* NULL where there is nothing to filter.  counts: rows that are shown, and all. */
	void (*filter)(void *self, const char *text);
	void (*counts)(void *self, size_t *ret_shown, size_t *ret_all);
	/* Keys of its own, on the line of hints and in the help.  context: which rows count now;
	 * with VIEW_TABLE a table is shown that can be sorted. */
	const struct keymap *keymap;
	unsigned (*context)(void *self);
	/* False: shown greyed.  act() is called all the same, so that whoever presses the key is
	 * told why it does nothing; host_ops.act says which right is missing. */
	bool (*enabled)(void *self, int action);
	void (*act)(void *self, int action);
};

extern const struct view_ops view_overview, view_workers, view_requests, view_budgets, view_keys,
	view_routing, view_events, view_help;

#endif
