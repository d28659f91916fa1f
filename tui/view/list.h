/* What the views of requests, budgets, keys and routing have in common: a table, and on Enter the
 * facts of the selected row in its place, until Esc.  The rows are made anew before they are next
 * needed, not with each event: there may be hundreds of events between two draws. */
#ifndef TUI_VIEW_LIST_H
#define TUI_VIEW_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/view/host.h"
#include "tui/view/sheet.h"
#include "tui/widget/table.h"

/* Where the rows of a view's keymap count. */
enum list_context { LIST_TABLE = 1, LIST_DETAIL = 2, LIST_BOTH = LIST_TABLE | LIST_DETAIL };

struct list_conf {
	const struct table_column *columns;
	int column_count;
	const struct table_source *source; /* its owner is the view */
	const char *empty;                 /* what an empty table says */
	unsigned parts;                    /* of the model: when they change the rows do */
	unsigned needs;                    /* of the model: until we have them we say so */
	void (*rebuild)(void *self);       /* makes the source's rows anew */
	/* The facts of a row; TABLE_NONE: it has gone since. */
	void (*fill)(void *self, size_t row, struct sheet *s);
};

struct list { /* the first member of the view */
	struct host *host;
	const struct list_conf *conf;
	struct table *table;
	struct sheet *sheet;
	bool stale, in_detail;
	char id[TABLE_ID_MAX]; /* of the row in the detail */
};

int list_init(struct list *l, struct host *h, const struct list_conf *conf); /* 0, -ENOMEM */
void list_done(struct list *l);

/* The row that an action is about: the selected one, or the one whose facts are shown; TABLE_NONE:
 * there is none. */
size_t list_row(struct list *l);

/* For struct view_ops; self is the list. */
void list_changed(void *self, unsigned parts);
void list_draw(void *self, struct area a);
enum input_result list_input(void *self, const struct event *e);
void list_filter(void *self, const char *text);
void list_counts(void *self, size_t *ret_shown, size_t *ret_all);
unsigned list_context(void *self);
void list_enter(struct list *l); /* the detail of the selected row */
void list_leave(struct list *l);

/* A text of a row for a cell: borrowed, "-" if it has none. */
const char *list_text(const json_t *row, const char *member);
/* Two rows by a text or a number, ascending; what is not there comes first. */
int list_compare_text(const json_t *a, const json_t *b, const char *member);
int list_compare_number(const json_t *a, const json_t *b, const char *member);

#endif
