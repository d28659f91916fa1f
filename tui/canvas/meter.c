#include "tui/canvas/meter.h"

#include <math.h>

#include "tui/canvas/draw.h"

void ring_push(struct ring *r, double value)
{
	r->values[(r->start + r->count) % RING_MAX] = value;
	if (r->count < RING_MAX)
		r->count++;
	else
		r->start = (r->start + 1) % RING_MAX;
}

double ring_at(const struct ring *r, int i)
{
	if (i < 0 || i >= r->count)
		return (double)NAN;
	return r->values[(r->start + i) % RING_MAX];
}

static void put_code(struct area a, int x, int y, unsigned style, uint32_t code)
{
	struct glyph g = glyph_of(code);

	area_put(a, x, y, style, &g);
}

/* Eighths of a column that are filled. */
static int gauge_eighths(int width, int permille)
{
	int all = width * 8;
	int filled = (int)((int64_t)all * permille / 1000);

	return permille > 0 && filled == 0 ? 1 : filled;
}

void draw_gauge(struct area a, int x, int y, int width, int permille, unsigned style)
{
	bool ascii = canvas_is_ascii(a.canvas);
	int filled;

	if (x >= a.rect.width || width <= 0)
		return;
	width = width > CANVAS_MAX_COLUMNS ? CANVAS_MAX_COLUMNS : width;
	permille = permille < 0 ? 0 : permille > 1000 ? 1000 : permille;
	filled = gauge_eighths(width, permille);
	for (int i = 0; i < width; i++, filled -= 8) {
		if (filled <= 0)
			draw_symbol(a, x + i, y, STYLE_DIM, SYMBOL_DOT);
		else if (filled >= 8)
			put_code(a, x + i, y, style, ascii ? '#' : 0x2588);
		else /* U+258F is an eighth, U+2589 seven */
			put_code(a, x + i, y, style, ascii ? '=' : 0x2590 - (uint32_t)filled);
	}
}

static int step_of(double value, double max)
{
	int step;

	if (value <= 0 || max <= 0)
		return 0;
	if (value >= max)
		return 7;
	step = 1 + (int)(value / max * 6.5);
	return step > 7 ? 7 : step;
}

void draw_sparkline(struct area a, int x, int y, int width, const struct ring *r, double max,
		    unsigned style)
{
	static const char ascii_steps[] = "_.:-=+*#";
	int first;

	if (x >= a.rect.width || width <= 0)
		return;
	width = width > CANVAS_MAX_COLUMNS ? CANVAS_MAX_COLUMNS : width;
	first = r->count - width; /* may be negative: blank at the left */
	if (max <= 0)
		for (int i = first < 0 ? 0 : first; i < r->count; i++)
			max = fmax(max, ring_at(r, i)); /* ignores NAN */
	for (int i = 0; i < width && x + i < a.rect.width; i++) {
		double value = ring_at(r, first + i);
		int step = step_of(value, max);

		if (isnan(value))
			put_code(a, x + i, y, style, ' ');
		else if (canvas_is_ascii(a.canvas))
			put_code(a, x + i, y, style, (unsigned char)ascii_steps[step]);
		else
			put_code(a, x + i, y, style, 0x2581 + (uint32_t)step);
	}
}
