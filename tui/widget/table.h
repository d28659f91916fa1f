/* A table of rows that live elsewhere: it asks for what is seen, and keeps what the person did:
 * selection, order, filter, scrolling.  The selection belongs to a row, not to a place: it moves
 * with the row, and when the row goes it stays where that was. */
#ifndef TUI_WIDGET_TABLE_H
#define TUI_WIDGET_TABLE_H

#include "tui/canvas/draw.h"
#include "tui/input/keymap.h"
#include "tui/widget/layout.h"

#define TABLE_COLUMNS_MAX 24
#define TABLE_ROWS_MAX 100000 /* further rows are not shown */
#define TABLE_ID_MAX 128      /* bytes of an id that count */
#define TABLE_NONE ((size_t)-1)

struct table_column {
	const char *title;
	struct layout_part width; /* columns of the screen; the title and its mark should fit */
	enum align align;
	bool sortable;
	bool descending; /* the order it begins with when chosen: largest first */
};

/* What a cell shows; zeroed before it is asked for, but gauge = -1. */
struct table_cell {
	const char *text; /* borrowed until the next call; NULL: nothing */
	unsigned style;
	int gauge;         /* permille: a bar in place of the text; -1: none */
	bool spans;        /* goes over the columns that follow, which are not asked for */
	char scratch[256]; /* room for a text made here */
};

/* Row numbers are the source's own, 0..count-1.  compare and matches may be NULL: not sorted; a row
 * matches when the text of any cell contains the filter, in any case. */
struct table_source {
	size_t (*count)(void *owner);
	const char *(*id)(void *owner, size_t row); /* what stays the same when rows move */
	void (*cell)(void *owner, size_t row, int column, struct table_cell *cell);
	int (*compare)(void *owner, int column, size_t a, size_t b); /* ascending */
	bool (*matches)(void *owner, size_t row, const char *filter);
};

enum table_result { TABLE_ACTIVATED = INPUT_TAKEN + 1 }; /* Enter on the selected row */

extern const struct keymap table_keymap;

struct table;

/* All borrowed.  NULL: out of memory. */
struct table *table_new(const struct table_column *columns, int count,
			const struct table_source *source, void *owner);
void table_free(struct table *t);

/* The rows have changed: filters and orders anew.  Before the first draw too. */
void table_refresh(struct table *t);

/* These refresh.  filter: copied, "" is none; empty: what an empty table says, borrowed. */
void table_set_filter(struct table *t, const char *filter);
void table_set_sort(struct table *t, int column, bool descending); /* column -1: as they come */
void table_set_empty(struct table *t, const char *empty);
void table_select(struct table *t, const char *id); /* nothing happens if it is not shown */

int table_sort_column(const struct table *t, bool *ret_descending); /* -1: none */
size_t table_selected(const struct table *t); /* row of the source, TABLE_NONE: no row */
size_t table_shown(const struct table *t);    /* rows that the filter left */
bool table_is_at_end(const struct table *t);  /* the last of them is selected */

void table_draw(struct table *t, struct area a);

/* INPUT_*, or TABLE_ACTIVATED.  The mouse selects, sorts by the titles, scrolls. */
int table_input(struct table *t, const struct event *event);

/* Prints into the cell's scratch. */
void table_cell_format(struct table_cell *cell, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
