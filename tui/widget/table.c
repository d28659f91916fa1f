/* Order and selection.  The order is made in table_refresh() and at no other time, so that drawing
 * costs what is seen; ties keep the order of the source.
 *
 * A row that the user has moved to stays selected wherever it goes.  Until then, and again at the
 * top, the first row is selected whichever it is: who watches a list in which new rows come first
 * sees the new ones. */
#include "tui/widget/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/str.h"

#include "tui/widget/table_private.h"

struct table *table_new(const struct table_column *columns, int count,
			const struct table_source *source, void *owner)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->columns = columns;
	t->column_count = count > TABLE_COLUMNS_MAX ? TABLE_COLUMNS_MAX : count;
	t->source = source;
	t->owner = owner;
	t->empty = "nothing here";
	t->sort_column = -1;
	t->page = 1;
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	free(t->order);
	free(t);
}

void table_cell_format(struct table_cell *cell, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(cell->scratch, sizeof(cell->scratch), fmt, args);
	va_end(args);
	cell->text = cell->scratch;
}

void table_read_cell(const struct table *t, size_t row, int column, struct table_cell *cell)
{
	cell->text = NULL;
	cell->style = STYLE_NORMAL;
	cell->gauge = -1;
	cell->spans = false;
	cell->scratch[0] = '\0';
	t->source->cell(t->owner, row, column, cell);
	if (!cell->text)
		cell->text = "";
}

/* ---- order ---- */

static bool contains_filter(const struct table *t, size_t row)
{
	struct table_cell cell;

	for (int column = 0; column < t->column_count; column++) {
		table_read_cell(t, row, column, &cell);
		if (text_contains(cell.text, t->filter))
			return true;
		if (cell.spans)
			break;
	}
	return false;
}

static bool matches(const struct table *t, size_t row)
{
	if (!t->filter[0])
		return true;
	return t->source->matches ? t->source->matches(t->owner, row, t->filter)
				  : contains_filter(t, row);
}

static int compare(const void *a, const void *b, void *table)
{
	const struct table *t = table;
	size_t left = *(const size_t *)a, right = *(const size_t *)b;
	int r = t->source->compare(t->owner, t->sort_column, left, right);

	if (r == 0)
		return left < right ? -1 : left > right;
	return t->descending ? (r < 0 ? 1 : -1) : r;
}

/* Room for the order; when there is no memory, for as many rows as before. */
static size_t reserve(struct table *t, size_t count)
{
	size_t *order;

	count = count > TABLE_ROWS_MAX ? TABLE_ROWS_MAX : count;
	if (count <= t->capacity)
		return count;
	order = realloc(t->order, (count + 64) * sizeof(*order));
	if (!order)
		return t->capacity;
	t->order = order;
	t->capacity = count + 64;
	return count;
}

static void make_order(struct table *t)
{
	size_t count = reserve(t, t->source->count(t->owner));

	t->shown = 0;
	for (size_t row = 0; row < count; row++)
		if (matches(t, row))
			t->order[t->shown++] = row;
	if (t->sort_column >= 0 && t->source->compare && t->shown > 1)
		qsort_r(t->order, t->shown, sizeof(*t->order), compare, t);
}

/* ---- selection ---- */

static bool has_id(const struct table *t, size_t place, const char *id)
{
	return strncmp(t->source->id(t->owner, t->order[place]), id, TABLE_ID_MAX - 1) == 0;
}

static size_t find(const struct table *t, const char *id)
{
	/* Mostly it is where it was. */
	if (t->place < t->shown && has_id(t, t->place, id))
		return t->place;
	for (size_t place = 0; place < t->shown; place++)
		if (has_id(t, place, id))
			return place;
	return TABLE_NONE;
}

void table_select_place(struct table *t, size_t place)
{
	const char *id;

	if (t->shown == 0) {
		t->place = 0;
		return; /* the id stays: the row may come back */
	}
	t->place = place < t->shown ? place : t->shown - 1;
	id = t->source->id(t->owner, t->order[t->place]);
	snprintf(t->selected_id, sizeof(t->selected_id), "%.*s", TABLE_ID_MAX - 1, id);
}

void table_keep_in_view(struct table *t)
{
	size_t page = t->page > 0 ? (size_t)t->page : 1;

	if (t->place < t->top)
		t->top = t->place;
	if (t->place >= t->top + page)
		t->top = t->place - page + 1;
	if (t->top + page > t->shown)
		t->top = t->shown > page ? t->shown - page : 0;
}

void table_refresh(struct table *t)
{
	size_t place;

	make_order(t);
	place = t->chosen ? find(t, t->selected_id) : TABLE_NONE;
	if (place == TABLE_NONE) {
		table_select_place(t, t->chosen ? t->place : 0);
	} else {
		/* A list that is scrolled stays still around the selected row. */
		if (t->top > 0 && place + t->top >= t->place)
			t->top = place + t->top - t->place;
		t->place = place;
	}
	table_keep_in_view(t);
}

void table_set_filter(struct table *t, const char *filter)
{
	str_copy_clean(t->filter, sizeof(t->filter), filter);
	table_refresh(t);
}

void table_set_sort(struct table *t, int column, bool descending)
{
	if (column >= t->column_count || (column >= 0 && !t->columns[column].sortable))
		return;
	t->sort_column = column;
	t->descending = descending;
	table_refresh(t);
}

void table_set_empty(struct table *t, const char *empty)
{
	t->empty = empty;
}

void table_select(struct table *t, const char *id)
{
	size_t place = find(t, id);

	if (place == TABLE_NONE)
		return;
	t->chosen = true;
	table_select_place(t, place);
	table_keep_in_view(t);
}

int table_sort_column(const struct table *t, bool *ret_descending)
{
	*ret_descending = t->descending;
	return t->sort_column;
}

size_t table_selected(const struct table *t)
{
	size_t row = t->place < t->shown ? t->order[t->place] : TABLE_NONE;

	/* Rows may have gone since the last refresh. */
	return row != TABLE_NONE && row < t->source->count(t->owner) ? row : TABLE_NONE;
}

size_t table_shown(const struct table *t)
{
	return t->shown;
}

bool table_is_at_end(const struct table *t)
{
	return t->place + 1 >= t->shown;
}
