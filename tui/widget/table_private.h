/* Inside of the table, for its three files: table.c (order and selection), table_draw.c,
 * table_input.c. */
#ifndef TUI_WIDGET_TABLE_PRIVATE_H
#define TUI_WIDGET_TABLE_PRIVATE_H

#include "tui/widget/table.h"

struct table {
	const struct table_column *columns;
	int column_count;
	const struct table_source *source;
	void *owner;
	const char *empty;
	char filter[256];

	int sort_column; /* -1: none */
	bool descending;

	size_t *order; /* rows of the source as they are shown */
	size_t shown, capacity;
	size_t place;                   /* of the selected row in order */
	char selected_id[TABLE_ID_MAX]; /* "" while there is none */
	bool chosen;                    /* the row, by the user; else the first one is selected */
	size_t top;                     /* place of the first row drawn */

	/* as it was drawn last */
	struct rect rect;                                      /* titles and rows */
	int page;                                              /* rows that fit */
	int from[TABLE_COLUMNS_MAX], width[TABLE_COLUMNS_MAX]; /* 0: dropped */
};

void table_select_place(struct table *t, size_t place); /* clamped */
void table_keep_in_view(struct table *t);
void table_read_cell(const struct table *t, size_t row, int column, struct table_cell *cell);

#endif
