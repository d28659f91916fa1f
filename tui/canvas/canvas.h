/* A grid of cells that views draw into; a screen shows it.  Drawing happens in areas: a canvas and
 * a rectangle of it, passed by value.  Coordinates are relative to the area's upper left corner,
 * and nothing is ever drawn outside of it.
 *
 * Always true: every cell holds one printable glyph of one column, the left half of one of two,
 * or the right half behind it; each row has exactly as many columns as the canvas. */
#ifndef TUI_CANVAS_CANVAS_H
#define TUI_CANVAS_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

#include "tui/canvas/style.h"
#include "tui/canvas/text.h"

#define CANVAS_MAX_COLUMNS 1000 /* a larger terminal is used up to here */
#define CANVAS_MAX_ROWS 500

enum glyphs { GLYPHS_UNICODE, GLYPHS_ASCII };

struct cell {
	char text[GLYPH_BYTES]; /* ends in NUL; empty: right half of the cell before */
	uint8_t width;          /* columns: 1, 2, or 0 for a right half */
	uint8_t style;
};

struct rect {
	int x, y, width, height;
};

struct canvas;

struct area {
	struct canvas *canvas;
	struct rect rect; /* within the canvas */
};

/* Sizes are clamped to 1..the maxima above.  NULL: out of memory. */
struct canvas *canvas_new(int columns, int rows, enum glyphs glyphs);
void canvas_free(struct canvas *c);

/* Empties it as well.  Out of memory (-ENOMEM): as it was. */
int canvas_resize(struct canvas *c, int columns, int rows);
void canvas_clear(struct canvas *c); /* spaces of STYLE_NORMAL, no cursor */

int canvas_columns(const struct canvas *c);
int canvas_rows(const struct canvas *c);
bool canvas_is_ascii(const struct canvas *c);
const struct cell *canvas_cell(const struct canvas *c, int x, int y); /* NULL outside */

struct area canvas_area(struct canvas *c);                 /* all of it */
struct area area_inside(struct area a, struct rect inner); /* inner is relative to a; clipped */
bool rect_contains(struct rect r, int x, int y);

/* Puts one glyph (unsanitised glyphs do not exist: they come from glyph_next or glyph_of); returns
 * its width.  One that does not fit whole leaves spaces. */
int area_put(struct area a, int x, int y, unsigned style, const struct glyph *g);

/* Adds flags, and where the cell is STYLE_NORMAL the meaning, to what is drawn already. */
void area_restyle(struct area a, struct rect r, unsigned style);

/* Where the terminal's cursor is shown; without a call it is hidden. */
void area_set_cursor(struct area a, int x, int y);
bool canvas_cursor(const struct canvas *c, int *ret_x, int *ret_y); /* false: hidden */

#endif
