#include "tui/canvas/canvas.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct canvas {
	int columns, rows;
	enum glyphs glyphs;
	int cursor_x, cursor_y; /* -1: hidden */
	struct cell *cells;
};

static const struct cell blank = {.text = " ", .width = 1, .style = STYLE_NORMAL};

static int clamp(int value, int min, int max)
{
	return value < min ? min : value > max ? max : value;
}

static struct cell *cell_at(const struct canvas *c, int x, int y)
{
	return &c->cells[(size_t)y * (size_t)c->columns + (size_t)x];
}

struct canvas *canvas_new(int columns, int rows, enum glyphs glyphs)
{
	struct canvas *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->glyphs = glyphs;
	if (canvas_resize(c, columns, rows) < 0) {
		free(c);
		return NULL;
	}
	return c;
}

void canvas_free(struct canvas *c)
{
	if (!c)
		return;
	free(c->cells);
	free(c);
}

int canvas_resize(struct canvas *c, int columns, int rows)
{
	struct cell *cells;

	columns = clamp(columns, 1, CANVAS_MAX_COLUMNS);
	rows = clamp(rows, 1, CANVAS_MAX_ROWS);
	cells = malloc((size_t)columns * (size_t)rows * sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	free(c->cells);
	c->cells = cells;
	c->columns = columns;
	c->rows = rows;
	canvas_clear(c);
	return 0;
}

void canvas_clear(struct canvas *c)
{
	size_t count = (size_t)c->columns * (size_t)c->rows;

	for (size_t i = 0; i < count; i++)
		c->cells[i] = blank;
	c->cursor_x = c->cursor_y = -1;
}

int canvas_columns(const struct canvas *c)
{
	return c->columns;
}

int canvas_rows(const struct canvas *c)
{
	return c->rows;
}

bool canvas_is_ascii(const struct canvas *c)
{
	return c->glyphs == GLYPHS_ASCII;
}

const struct cell *canvas_cell(const struct canvas *c, int x, int y)
{
	if (x < 0 || y < 0 || x >= c->columns || y >= c->rows)
		return NULL;
	return cell_at(c, x, y);
}

struct area canvas_area(struct canvas *c)
{
	return (struct area){.canvas = c, .rect = {0, 0, c->columns, c->rows}};
}

/* Clips start and length to 0..size. */
static void clip(int *start, int *length, int size)
{
	int64_t from = *start, to = from + (*length > 0 ? *length : 0);

	from = from < 0 ? 0 : from > size ? size : from;
	to = to < from ? from : to > size ? size : to;
	*start = (int)from;
	*length = (int)(to - from);
}

struct area area_inside(struct area a, struct rect inner)
{
	clip(&inner.x, &inner.width, a.rect.width);
	clip(&inner.y, &inner.height, a.rect.height);
	inner.x += a.rect.x;
	inner.y += a.rect.y;
	return (struct area){.canvas = a.canvas, .rect = inner};
}

bool rect_contains(struct rect r, int x, int y)
{
	return x >= r.x && y >= r.y && x - r.x < r.width && y - r.y < r.height;
}

/* Blanks the other half of a wide glyph one half of which is overwritten. */
static void part(struct canvas *c, int x, int y)
{
	struct cell *cell = cell_at(c, x, y);

	if (cell->width == 0 && x > 0) {
		cell[-1] = (struct cell){.text = " ", .width = 1, .style = cell[-1].style};
		*cell = (struct cell){.text = " ", .width = 1, .style = cell->style};
	} else if (cell->width == 2) {
		cell[1] = (struct cell){.text = " ", .width = 1, .style = cell[1].style};
		*cell = (struct cell){.text = " ", .width = 1, .style = cell->style};
	}
}

static void set(struct canvas *c, int x, int y, unsigned style, const char *text, int width)
{
	struct cell *cell = cell_at(c, x, y);

	part(c, x, y);
	memcpy(cell->text, text, strnlen(text, sizeof(cell->text) - 1) + 1);
	cell->width = (uint8_t)width;
	cell->style = (uint8_t)style;
}

static void set_wide(struct canvas *c, int x, int y, unsigned style, const char *text)
{
	set(c, x, y, style, " ", 1);
	set(c, x + 1, y, style, " ", 1);
	memcpy(cell_at(c, x, y)->text, text, strnlen(text, GLYPH_BYTES - 1) + 1);
	cell_at(c, x, y)->width = 2;
	*cell_at(c, x + 1, y) = (struct cell){.width = 0, .style = (uint8_t)style};
}

int area_put(struct area a, int x, int y, unsigned style, const struct glyph *g)
{
	char ascii[2] = {0};
	int width = g->width;

	if (width == 0 || y < 0 || y >= a.rect.height || x >= a.rect.width || x < -1)
		return width;
	if (width == 2 && !canvas_is_ascii(a.canvas) && x >= 0 && x + 1 < a.rect.width) {
		set_wide(a.canvas, a.rect.x + x, a.rect.y + y, style, g->text);
		return 2;
	}
	ascii[0] = glyph_ascii(g);
	for (int i = 0; i < width; i++) {
		const char *text = canvas_is_ascii(a.canvas) ? ascii : width == 2 ? " " : g->text;

		if (x + i >= 0 && x + i < a.rect.width)
			set(a.canvas, a.rect.x + x + i, a.rect.y + y, style, text, 1);
	}
	return width;
}

void area_restyle(struct area a, struct rect r, unsigned style)
{
	struct area in = area_inside(a, r);

	for (int y = 0; y < in.rect.height; y++) {
		for (int x = 0; x < in.rect.width; x++) {
			struct cell *cell = cell_at(a.canvas, in.rect.x + x, in.rect.y + y);

			cell->style |= (uint8_t)(style & ~(unsigned)STYLE_MEANING);
			if ((cell->style & STYLE_MEANING) == STYLE_NORMAL)
				cell->style |= (uint8_t)(style & STYLE_MEANING);
		}
	}
}

void area_set_cursor(struct area a, int x, int y)
{
	if (x < 0 || y < 0 || x >= a.rect.width || y >= a.rect.height)
		return;
	a.canvas->cursor_x = a.rect.x + x;
	a.canvas->cursor_y = a.rect.y + y;
}

bool canvas_cursor(const struct canvas *c, int *ret_x, int *ret_y)
{
	if (c->cursor_x < 0)
		return false;
	*ret_x = c->cursor_x;
	*ret_y = c->cursor_y;
	return true;
}
