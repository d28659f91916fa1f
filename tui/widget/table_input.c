#include "tui/widget/table_private.h"

enum {
	TABLE_UP = 1,
	TABLE_DOWN,
	TABLE_PAGE_UP,
	TABLE_PAGE_DOWN,
	TABLE_HOME,
	TABLE_END,
	TABLE_SORT,
	TABLE_REVERSE,
	TABLE_OPEN
};

static const struct binding rows[] = {
	{KEYMAP_ANYWHERE, "Enter", TABLE_OPEN, "detail", "show the selected row in full"},
	{KEYMAP_ANYWHERE, "s", TABLE_SORT, "sort", "sort by the next column"},
	{KEYMAP_ANYWHERE, "S", TABLE_REVERSE, NULL, "turn the order around"},
	{KEYMAP_ANYWHERE, "Up k", TABLE_UP, NULL, "a row up"},
	{KEYMAP_ANYWHERE, "Down j", TABLE_DOWN, NULL, "a row down"},
	{KEYMAP_ANYWHERE, "PgUp C-b", TABLE_PAGE_UP, NULL, "a page up"},
	{KEYMAP_ANYWHERE, "PgDn C-f", TABLE_PAGE_DOWN, NULL, "a page down"},
	{KEYMAP_ANYWHERE, "Home g", TABLE_HOME, NULL, "to the first row"},
	{KEYMAP_ANYWHERE, "End G", TABLE_END, NULL, "to the last row"},
};
const struct keymap table_keymap = KEYMAP(rows);

#define WHEEL_ROWS 3

static void move_by(struct table *t, int rows_down)
{
	size_t up = rows_down < 0 ? (size_t)-rows_down : 0;

	if (rows_down < 0)
		table_select_place(t, t->place > up ? t->place - up : 0);
	else
		table_select_place(t, t->place + (size_t)rows_down);
	t->chosen = t->place > 0;
	table_keep_in_view(t);
}

static void sort_by(struct table *t, int column)
{
	if (t->sort_column == column)
		table_set_sort(t, column, !t->descending);
	else
		table_set_sort(t, column, t->columns[column].descending);
}

/* The next column that is on the screen; behind the last one, the order in which they come. */
static void sort_by_next(struct table *t)
{
	for (int i = t->sort_column + 1; i < t->column_count; i++) {
		if (t->columns[i].sortable && t->width[i] > 0) {
			sort_by(t, i);
			return;
		}
	}
	table_set_sort(t, -1, false);
}

static int clicked_title(struct table *t, int x)
{
	for (int i = 0; i < t->column_count; i++)
		if (t->width[i] > 0 && t->columns[i].sortable && x >= t->from[i] &&
		    x < t->from[i] + t->width[i])
			sort_by(t, i);
	return INPUT_TAKEN;
}

static void clicked_row(struct table *t, size_t place)
{
	if (place >= t->shown)
		return;
	t->chosen = true;
	table_select_place(t, place);
}

static int mouse(struct table *t, const struct event *event)
{
	int row = event->y - t->rect.y - 1;

	if (!rect_contains(t->rect, event->x, event->y))
		return INPUT_IGNORED;
	if (event->button == MOUSE_WHEEL_UP)
		move_by(t, -WHEEL_ROWS);
	else if (event->button == MOUSE_WHEEL_DOWN)
		move_by(t, WHEEL_ROWS);
	else if (event->button != MOUSE_LEFT)
		return INPUT_IGNORED;
	else if (row < 0)
		return clicked_title(t, event->x - t->rect.x);
	else
		clicked_row(t, t->top + (size_t)row);
	return INPUT_TAKEN;
}

static int act(struct table *t, int action)
{
	switch (action) {
	case TABLE_UP:
		move_by(t, -1);
		break;
	case TABLE_DOWN:
		move_by(t, 1);
		break;
	case TABLE_PAGE_UP:
		move_by(t, -t->page);
		break;
	case TABLE_PAGE_DOWN:
		move_by(t, t->page);
		break;
	case TABLE_HOME:
		move_by(t, -TABLE_ROWS_MAX);
		break;
	case TABLE_END:
		move_by(t, TABLE_ROWS_MAX);
		break;
	case TABLE_SORT:
		sort_by_next(t);
		break;
	case TABLE_REVERSE:
		if (t->sort_column >= 0)
			sort_by(t, t->sort_column);
		break;
	case TABLE_OPEN:
		return table_selected(t) == TABLE_NONE ? INPUT_TAKEN : (int)TABLE_ACTIVATED;
	default:
		return INPUT_IGNORED;
	}
	return INPUT_TAKEN;
}

int table_input(struct table *t, const struct event *event)
{
	if (event->kind == EVENT_MOUSE)
		return mouse(t, event);
	return act(t, keymap_action(&table_keymap, KEYMAP_ANYWHERE, event));
}
