/* Lines of one row: facts with gaps between, and the hints at the bottom. */
#ifndef TUI_WIDGET_LINE_H
#define TUI_WIDGET_LINE_H

#include "tui/canvas/canvas.h"
#include "tui/input/keymap.h"

/* A fact in a status line. */
struct segment {
	const char *text;
	unsigned style;
	bool right; /* stands at the right end; these come last in the array */
	int drop;   /* as in layout_part: what goes first where all do not fit */
};

#define SEGMENTS_MAX 24
void line_draw(struct area a, int y, const struct segment *segments, int count);

/* A table of keys as it counts here and now; enabled may be NULL: all are. */
struct hint_source {
	const struct keymap *map;
	unsigned context;
	bool (*enabled)(void *owner, int action); /* false: shown greyed */
	void *owner;
};

/* "/ filter  s sort  Enter detail": the labelled rows of all sources in their order, as many as
 * fit. */
void hints_draw(struct area a, int y, const struct hint_source *sources, int count);

#endif
