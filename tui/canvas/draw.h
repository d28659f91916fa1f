/* What views draw with.  x and y are relative to the area; everything is clipped to it; text is
 * made safe on the way (canvas/text.h) and may be of any length: no more than what is seen is
 * looked at.  Every shape has a form in ASCII. */
#ifndef TUI_CANVAS_DRAW_H
#define TUI_CANVAS_DRAW_H

#include <stddef.h>

#include "tui/canvas/canvas.h"

enum align { ALIGN_LEFT, ALIGN_RIGHT, ALIGN_CENTER };

/* Text from x on; returns the column after it, also when that is outside of the area.  The text of
 * draw_format is cut after 1,000 bytes. */
int draw_text(struct area a, int x, int y, unsigned style, const char *text);
int draw_bytes(struct area a, int x, int y, unsigned style, const char *text, size_t len);
int draw_format(struct area a, int x, int y, unsigned style, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* Text in exactly `width` columns: aligned, the rest spaces, an ellipsis where it is cut. */
void draw_field(struct area a, int x, int y, int width, enum align align, unsigned style,
		const char *text);

/* Wrapped from row y on; returns the row after it.  draw_wrapped_rows only counts, up to limit. */
int draw_wrapped(struct area a, int y, unsigned style, const char *text);
int draw_wrapped_rows(const char *text, int width, int limit);

void draw_fill(struct area a, struct rect r, unsigned style, char c); /* c of ASCII */

/* A line across the area, with a title unless NULL: "─ Title ────". */
void draw_hline(struct area a, int y, unsigned style, const char *title);
void draw_vline(struct area a, int x, int y, int height, unsigned style);

/* A frame around the area, with a title unless NULL; returns what is inside, emptied. */
struct area draw_box(struct area a, unsigned style, const char *title);

/* The single symbols that have a form in ASCII. */
enum symbol {
	SYMBOL_ELLIPSIS,
	SYMBOL_UP,   /* sorted upwards; more above */
	SYMBOL_DOWN, /* sorted downwards; more below */
	SYMBOL_LEFT, /* more to the left */
	SYMBOL_RIGHT,
	SYMBOL_CHECK,
	SYMBOL_DOT, /* the empty part of a bar */
	SYMBOL_HLINE,
	SYMBOL_VLINE,
	SYMBOL_CORNER_UL,
	SYMBOL_CORNER_UR,
	SYMBOL_CORNER_LL,
	SYMBOL_CORNER_LR
};
void draw_symbol(struct area a, int x, int y, unsigned style, enum symbol symbol);

#endif
