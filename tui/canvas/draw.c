#include "tui/canvas/draw.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	uint32_t unicode;
	char ascii;
} symbols[] = {
	[SYMBOL_ELLIPSIS] = {0x2026, '~'},  [SYMBOL_UP] = {0x25B2, '^'},
	[SYMBOL_DOWN] = {0x25BC, 'v'},      [SYMBOL_LEFT] = {0x2039, '<'},
	[SYMBOL_RIGHT] = {0x203A, '>'},     [SYMBOL_CHECK] = {0x2713, 'x'},
	[SYMBOL_DOT] = {0x00B7, '.'},       [SYMBOL_HLINE] = {0x2500, '-'},
	[SYMBOL_VLINE] = {0x2502, '|'},     [SYMBOL_CORNER_UL] = {0x250C, '+'},
	[SYMBOL_CORNER_UR] = {0x2510, '+'}, [SYMBOL_CORNER_LL] = {0x2514, '+'},
	[SYMBOL_CORNER_LR] = {0x2518, '+'},
};

void draw_symbol(struct area a, int x, int y, unsigned style, enum symbol symbol)
{
	struct glyph g = glyph_of(canvas_is_ascii(a.canvas) ? (unsigned char)symbols[symbol].ascii
							    : symbols[symbol].unicode);

	area_put(a, x, y, style, &g);
}

int draw_bytes(struct area a, int x, int y, unsigned style, const char *text, size_t len)
{
	struct glyph g;
	size_t at = 0;

	if (x >= a.rect.width)
		return x;
	if (y < 0 || y >= a.rect.height)
		return x + text_columns(text, len, a.rect.width);
	while (at < len && x < a.rect.width) {
		at += glyph_next(text + at, len - at, &g);
		x += area_put(a, x, y, style, &g);
	}
	return x;
}

int draw_text(struct area a, int x, int y, unsigned style, const char *text)
{
	return draw_bytes(a, x, y, style, text, strlen(text));
}

int draw_format(struct area a, int x, int y, unsigned style, const char *fmt, ...)
{
	char text[1001];
	va_list args;

	va_start(args, fmt);
	if (vsnprintf(text, sizeof(text), fmt, args) < 0)
		text[0] = '\0';
	va_end(args);
	return draw_text(a, x, y, style, text);
}

void draw_fill(struct area a, struct rect r, unsigned style, char c)
{
	struct area in = area_inside(a, r);
	struct glyph g;

	glyph_next(&c, 1, &g);
	for (int y = 0; y < in.rect.height; y++)
		for (int x = 0; x < in.rect.width; x++)
			area_put(in, x, y, style, &g);
}

void draw_field(struct area a, int x, int y, int width, enum align align, unsigned style,
		const char *text)
{
	struct area field = area_inside(a, (struct rect){x, y, width, 1});
	size_t len = strlen(text);
	int columns = text_columns(text, len, width);

	if (width <= 0)
		return;
	draw_fill(a, (struct rect){x, y, width, 1}, style, ' ');
	if (columns > width) {
		size_t fits = text_fit(text, len, width - 1);

		columns = draw_bytes(field, 0, 0, style, text, fits);
		draw_symbol(field, columns, 0, style, SYMBOL_ELLIPSIS);
		return;
	}
	draw_bytes(field,
		   align == ALIGN_LEFT    ? 0
		   : align == ALIGN_RIGHT ? width - columns
					  : (width - columns) / 2,
		   0, style, text, len);
}

int draw_wrapped(struct area a, int y, unsigned style, const char *text)
{
	size_t len = strlen(text), line;

	while (len > 0 && y < a.rect.height && a.rect.width > 0) {
		size_t n = text_wrap(text, len, a.rect.width, &line);

		draw_bytes(a, 0, y++, style, text, line);
		text += n;
		len -= n;
	}
	return y;
}

int draw_wrapped_rows(const char *text, int width, int limit)
{
	size_t len = strlen(text), line;
	int rows = 0;

	while (len > 0 && rows < limit && width > 0) {
		size_t n = text_wrap(text, len, width, &line);

		rows++;
		text += n;
		len -= n;
	}
	return rows;
}

void draw_hline(struct area a, int y, unsigned style, const char *title)
{
	int x = 0;

	for (int i = 0; i < a.rect.width; i++)
		draw_symbol(a, i, y, style, SYMBOL_HLINE);
	if (!title || a.rect.width < 5)
		return;
	x = text_columns(title, strlen(title), a.rect.width);
	x = x > a.rect.width - 4 ? a.rect.width - 4 : x;
	draw_field(a, 1, y, x + 2, ALIGN_LEFT, style, "");
	draw_field(a, 2, y, x, ALIGN_LEFT, STYLE_TITLE | STYLE_BOLD, title);
}

void draw_vline(struct area a, int x, int y, int height, unsigned style)
{
	struct area in = area_inside(a, (struct rect){x, y, 1, height});

	for (int i = 0; i < in.rect.height; i++)
		draw_symbol(in, 0, i, style, SYMBOL_VLINE);
}

struct area draw_box(struct area a, unsigned style, const char *title)
{
	int right = a.rect.width - 1, bottom = a.rect.height - 1;
	struct rect inside = {1, 1, right - 1, bottom - 1};

	draw_fill(a, (struct rect){0, 0, a.rect.width, a.rect.height}, STYLE_NORMAL, ' ');
	draw_hline(a, 0, style, title);
	draw_hline(a, bottom, style, NULL);
	draw_vline(a, 0, 0, a.rect.height, style);
	draw_vline(a, right, 0, a.rect.height, style);
	draw_symbol(a, 0, 0, style, SYMBOL_CORNER_UL);
	draw_symbol(a, right, 0, style, SYMBOL_CORNER_UR);
	draw_symbol(a, 0, bottom, style, SYMBOL_CORNER_LL);
	draw_symbol(a, right, bottom, style, SYMBOL_CORNER_LR);
	return area_inside(a, inside);
}
