/* Splits rectangles.  What does not fit is dropped whole, the least important first, never
 * squeezed. */
#ifndef TUI_WIDGET_LAYOUT_H
#define TUI_WIDGET_LAYOUT_H

#include "tui/canvas/canvas.h"

#define LAYOUT_PARTS_MAX 32

struct layout_part {
	int min;    /* rows or columns that it needs */
	int max;    /* that it can use; 0: no limit */
	int weight; /* its share of what is left over; 0: takes none */
	int drop;   /* the highest goes first, the last one of equals; 0: never (it may be cut) */
};

/* Sizes of up to LAYOUT_PARTS_MAX parts in `total` with `gap` between two; 0 for what is dropped.
 * Returns how many are shown. */
int layout_share(int total, int gap, const struct layout_part *parts, int count, int *ret_sizes);

/* The same with rectangles, from top to bottom and from left to right, without gaps between rows.
 * What is dropped has height or width 0. */
void layout_rows(struct rect r, const struct layout_part *parts, int count, struct rect *ret);
void layout_columns(struct rect r, int gap, const struct layout_part *parts, int count,
		    struct rect *ret);

/* A rectangle of at most that size in the middle of r. */
struct rect layout_center(struct rect r, int width, int height);

/* Says so, and returns true, when the area is smaller than what is needed. */
bool layout_too_small(struct area a, int columns, int rows);

#endif
