#include <string.h>

#include "tui/canvas/meter.h"
#include "tui/widget/table_private.h"

/* Columns of the screen: a margin at the left, one at the right for the marks of scrolling. */
static void place_columns(struct table *t, int width)
{
	struct layout_part parts[TABLE_COLUMNS_MAX];
	int gap = width >= 60 ? 2 : 1, x = 1;

	for (int i = 0; i < t->column_count; i++)
		parts[i] = t->columns[i].width;
	layout_share(width - 2, gap, parts, t->column_count, t->width);
	for (int i = 0; i < t->column_count; i++) {
		t->from[i] = x;
		x += t->width[i] > 0 ? t->width[i] + gap : 0;
	}
}

/* The mark stands behind a title that is at the left, and before one that is at the right. */
static void draw_title(const struct table *t, struct area a, int i)
{
	const struct table_column *column = &t->columns[i];
	int columns = text_columns(column->title, strlen(column->title), t->width[i]);
	bool marked = t->sort_column == i && t->width[i] > 1;
	int room = t->width[i] - marked, mark;

	columns = columns > room ? room : columns;
	if (column->align == ALIGN_RIGHT) {
		draw_field(a, t->from[i] + marked, 0, room, ALIGN_RIGHT, STYLE_HEADER,
			   column->title);
		mark = t->from[i] + t->width[i] - columns - 1;
	} else {
		draw_field(a, t->from[i], 0, room, column->align, STYLE_HEADER, column->title);
		mark = t->from[i] + columns;
	}
	if (marked)
		draw_symbol(a, mark, 0, STYLE_ACCENT, t->descending ? SYMBOL_DOWN : SYMBOL_UP);
}

static void draw_row(const struct table *t, struct area a, int y, size_t row)
{
	struct table_cell cell;

	for (int i = 0; i < t->column_count; i++) {
		int width = t->width[i];

		if (width <= 0)
			continue;
		table_read_cell(t, row, i, &cell);
		if (cell.spans)
			width = a.rect.width - 1 - t->from[i];
		if (cell.gauge >= 0)
			draw_gauge(a, t->from[i], y, width, cell.gauge, cell.style);
		else
			draw_field(a, t->from[i], y, width,
				   cell.spans ? ALIGN_LEFT : t->columns[i].align, cell.style,
				   cell.text);
		if (cell.spans)
			break;
	}
}

static void draw_scroll_marks(const struct table *t, struct area a)
{
	int x = a.rect.width - 1;

	if (t->top > 0)
		draw_symbol(a, x, 1, STYLE_DIM, SYMBOL_UP);
	if (t->top + (size_t)t->page < t->shown)
		draw_symbol(a, x, t->page, STYLE_DIM, SYMBOL_DOWN);
}

void table_draw(struct table *t, struct area a)
{
	size_t count = t->source->count(t->owner);

	t->rect = a.rect;
	t->page = a.rect.height - 1;
	place_columns(t, a.rect.width);
	table_keep_in_view(t);
	for (int i = 0; i < t->column_count; i++)
		if (t->width[i] > 0)
			draw_title(t, a, i);
	if (t->shown == 0)
		draw_field(a, 1, 1, a.rect.width - 2, ALIGN_LEFT, STYLE_DIM,
			   t->filter[0] ? "nothing matches the filter" : t->empty);
	for (int y = 0; y < t->page && t->top + (size_t)y < t->shown; y++) {
		size_t place = t->top + (size_t)y;

		if (t->order[place] < count)
			draw_row(t, a, y + 1, t->order[place]);
		if (place == t->place)
			area_restyle(a, (struct rect){0, y + 1, a.rect.width, 1}, STYLE_SELECTED);
	}
	draw_scroll_marks(t, a);
}
