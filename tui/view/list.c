#include "tui/view/list.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "shared/json.h"

#include "tui/canvas/draw.h"

int list_init(struct list *l, struct host *h, const struct list_conf *conf)
{
	l->host = h;
	l->conf = conf;
	l->stale = true;
	l->table = table_new(conf->columns, conf->column_count, conf->source, l);
	l->sheet = sheet_new();
	if (!l->table || !l->sheet) {
		list_done(l);
		return -ENOMEM;
	}
	table_set_empty(l->table, conf->empty);
	return 0;
}

void list_done(struct list *l)
{
	table_free(l->table);
	sheet_free(l->sheet);
	l->table = NULL;
	l->sheet = NULL;
}

static void refresh(struct list *l)
{
	if (!l->stale)
		return;
	l->stale = false;
	l->conf->rebuild(l);
	table_refresh(l->table);
}

/* Linear, but only for the one row in the detail. */
static size_t find(const struct list *l)
{
	size_t count = l->conf->source->count((void *)l);

	for (size_t row = 0; row < count; row++)
		if (strncmp(l->conf->source->id((void *)l, row), l->id, sizeof l->id - 1) == 0)
			return row;
	return TABLE_NONE;
}

size_t list_row(struct list *l)
{
	refresh(l);
	return l->in_detail ? find(l) : table_selected(l->table);
}

void list_leave(struct list *l)
{
	l->in_detail = false;
}

void list_enter(struct list *l)
{
	size_t row = table_selected(l->table);

	if (row == TABLE_NONE || !l->conf->fill)
		return;
	snprintf(l->id, sizeof l->id, "%.*s", (int)sizeof l->id - 1, l->conf->source->id(l, row));
	table_select(l->table, l->id); /* one comes back to it */
	l->in_detail = true;
	sheet_top(l->sheet);
}

/* ---- of a view ---- */

void list_changed(void *self, unsigned parts)
{
	struct list *l = self;

	l->stale |= (parts & (l->conf->parts | PART_LINK)) != 0;
}

void list_draw(void *self, struct area a)
{
	struct list *l = self;

	refresh(l);
	table_set_empty(l->table, (l->host->model->have & l->conf->needs) == l->conf->needs
					  ? l->conf->empty
					  : "waiting for the daemon");
	if (!l->in_detail) {
		table_draw(l->table, a);
		return;
	}
	l->conf->fill(l, find(l), l->sheet);
	sheet_draw(l->sheet, a);
}

enum input_result list_input(void *self, const struct event *e)
{
	struct list *l = self;
	int r;

	refresh(l);
	if (l->in_detail)
		return sheet_input(l->sheet, e);
	r = table_input(l->table, e);
	if (r == TABLE_ACTIVATED)
		list_enter(l);
	return r == INPUT_IGNORED ? INPUT_IGNORED : INPUT_TAKEN;
}

void list_filter(void *self, const char *text)
{
	struct list *l = self;

	refresh(l);
	list_leave(l);
	table_set_filter(l->table, text);
}

void list_counts(void *self, size_t *ret_shown, size_t *ret_all)
{
	struct list *l = self;

	refresh(l);
	*ret_shown = table_shown(l->table);
	*ret_all = l->conf->source->count(l);
}

unsigned list_context(void *self)
{
	const struct list *l = self;

	return l->in_detail ? LIST_DETAIL : LIST_TABLE;
}

/* ---- cells ---- */

const char *list_text(const json_t *row, const char *member)
{
	const char *text = json_get_str(row, member);

	return text && *text ? text : "-";
}

int list_compare_text(const json_t *a, const json_t *b, const char *member)
{
	const char *left = json_get_str(a, member), *right = json_get_str(b, member);

	return strcmp(left ? left : "", right ? right : "");
}

int list_compare_number(const json_t *a, const json_t *b, const char *member)
{
	double left = json_get_num(a, member, -INFINITY);
	double right = json_get_num(b, member, -INFINITY);

	return left < right ? -1 : left > right;
}
