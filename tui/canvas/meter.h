/* Bars and curves. */
#ifndef TUI_CANVAS_METER_H
#define TUI_CANVAS_METER_H

#include "tui/canvas/canvas.h"

#define RING_MAX 512 /* values kept: more than a screen has columns for them */

/* The last values of something, oldest first; embedded, all zero is empty. */
struct ring {
	double values[RING_MAX];
	int start, count;
};

void ring_push(struct ring *r, double value); /* the oldest goes when it is full */
double ring_at(const struct ring *r, int i);  /* i from 0, the oldest; NAN outside */

/* A bar of `width` columns, filled by eighths: permille 0..1000, clamped.  Anything above 0 shows
 * at least a sliver, anything below 1000 a gap. */
void draw_gauge(struct area a, int x, int y, int width, int permille, unsigned style);

/* The newest values at the right end of `width` columns; full height is `max`, or with max <= 0 the
 * largest shown.  Zero is the lowest step, what is unknown (NAN) blank. */
void draw_sparkline(struct area a, int x, int y, int width, const struct ring *r, double max,
		    unsigned style);

#endif
