/* Requests: those under way first, then the last 1,000 that have ended, the newest of each first.
 * Enter shows all that is known of one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"
#include "shared/str.h"

#include "tui/model/words.h"
#include "tui/view/list.h"
#include "tui/view/request_facts.h"
#include "tui/view/view.h"

enum { NAME_BYTES = 80 };
enum { DO_CANCEL = 1, DO_RESTART, DO_COPY, DO_OPEN, DO_BACK };

static const struct binding bindings[] = {
	{LIST_TABLE, "Enter", DO_OPEN, "detail", "all that is known of the request"},
	{LIST_DETAIL, "Esc Backspace", DO_BACK, "back", "back to all requests"},
	{LIST_BOTH, "c", DO_CANCEL, "cancel", "cancel the request"},
	{LIST_BOTH, "w", DO_RESTART, "restart worker", "restart the worker that serves it"},
	{LIST_BOTH, "y", DO_COPY, "copy id", "copy the request's id"},
};
static const struct keymap keymap = KEYMAP(bindings);

enum {
	COLUMN_ID,
	COLUMN_STATE,
	COLUMN_PROJECT,
	COLUMN_MODEL,
	COLUMN_IN_ALL,
	COLUMN_QUEUED,
	COLUMN_FIRST,
	COLUMN_RATE,
	COLUMN_IN,
	COLUMN_OUT,
	COLUMN_COST,
	COLUMN_WORKER,
	COLUMN_KEY,
	COLUMN_CACHE,
	COLUMN_ROUTE,
	COLUMN_ERROR,
	COLUMNS
};

/* From the right they go first; the error before its neighbours is what one looks for. */
static const struct table_column columns[COLUMNS] = {
	[COLUMN_ID] = {"REQUEST", {.min = 10, .max = 40, .weight = 1}, ALIGN_LEFT, true, false},
	[COLUMN_STATE] = {"STATE", {.min = 9}, ALIGN_LEFT, true, false},
	[COLUMN_PROJECT] = {"PROJECT",
			    {.min = 10, .max = 24, .weight = 1, .drop = 1},
			    ALIGN_LEFT,
			    true,
			    false},
	[COLUMN_MODEL] =
		{"MODEL", {.min = 10, .max = 20, .weight = 1, .drop = 2}, ALIGN_LEFT, true, false},
	[COLUMN_IN_ALL] = {"IN ALL", {.min = 7, .drop = 3}, ALIGN_RIGHT, true, true},
	[COLUMN_QUEUED] = {"QUEUED", {.min = 6, .drop = 4}, ALIGN_RIGHT, true, true},
	[COLUMN_FIRST] = {"FIRST", {.min = 6, .drop = 5}, ALIGN_RIGHT, true, true},
	[COLUMN_RATE] = {"TOK/S", {.min = 6, .drop = 6}, ALIGN_RIGHT, true, true},
	[COLUMN_IN] = {"IN", {.min = 6, .drop = 7}, ALIGN_RIGHT, true, true},
	[COLUMN_OUT] = {"OUT", {.min = 6, .drop = 8}, ALIGN_RIGHT, true, true},
	[COLUMN_COST] = {"COST", {.min = 9, .drop = 9}, ALIGN_RIGHT, true, true},
	[COLUMN_WORKER] = {"WORKER", {.min = 6, .drop = 13}, ALIGN_RIGHT, true, false},
	[COLUMN_KEY] = {"KEY", {.min = 10, .drop = 14}, ALIGN_LEFT, true, false},
	[COLUMN_CACHE] = {"CACHE", {.min = 6, .drop = 11}, ALIGN_LEFT, true, false},
	[COLUMN_ROUTE] =
		{"ROUTE", {.min = 9, .max = 20, .weight = 1, .drop = 12}, ALIGN_LEFT, true, false},
	[COLUMN_ERROR] = {"ERROR", {.min = 9, .weight = 3, .drop = 10}, ALIGN_LEFT, true, false},
};

struct view {
	struct list list;                       /* the first member */
	const json_t *rows[MODEL_REQUESTS_MAX]; /* references, as they stand in the table */
	size_t count;
	char number[24];          /* of row_id(), the last one */
	char title[TABLE_ID_MAX]; /* the id of the request in the detail, also when it has gone */
};

/* ---- rows ---- */

static const char *when(const json_t *request, bool live)
{
	const char *at = json_get_str(request, live ? "accepted_at" : "ended_at");

	return at ? at : "";
}

struct place {
	const json_t *row;
	const char *when; /* times are texts that sort as they follow one another */
	bool live;
};

static int compare_places(const void *left, const void *right)
{
	const struct place *a = left, *b = right;
	int64_t x, y;
	int r;

	if (a->live != b->live)
		return a->live ? -1 : 1;
	r = strcmp(b->when, a->when);
	if (r != 0)
		return r;
	x = json_get_int(a->row, "number", 0);
	y = json_get_int(b->row, "number", 0);
	return x != y ? (x > y ? -1 : 1) : strcmp(list_text(a->row, "id"), list_text(b->row, "id"));
}

static void clear(struct view *v)
{
	for (size_t i = 0; i < v->count; i++)
		json_decref((json_t *)v->rows[i]);
	v->count = 0;
}

static void rebuild(void *self)
{
	struct view *v = self;
	const struct rows *from = &v->list.host->model->requests;
	struct place places[MODEL_REQUESTS_MAX];
	size_t n = from->count < MODEL_REQUESTS_MAX ? from->count : MODEL_REQUESTS_MAX;

	for (size_t i = 0; i < n; i++) {
		json_t *row = json_incref(from->items[i]);
		bool live = request_is_live(row);

		places[i] = (struct place){row, when(row, live), live};
	}
	clear(v);
	qsort(places, n, sizeof places[0], compare_places);
	for (size_t i = 0; i < n; i++)
		v->rows[i] = places[i].row;
	v->count = n;
}

static size_t count(void *owner)
{
	const struct view *v = owner;

	return v->count;
}

/* Ids are the clients' own and may come twice: numbers tell requests apart, where they are told. */
static const char *row_id(void *owner, size_t row)
{
	struct view *v = owner;
	int64_t number = json_get_int(v->rows[row], "number", -1);
	const char *id = json_get_str(v->rows[row], "id");

	if (number < 0)
		return id ? id : "";
	snprintf(v->number, sizeof v->number, "%" PRId64, number);
	return v->number;
}

static int64_t now(const struct view *v)
{
	return v->list.host->ops->now_ms(v->list.host);
}

/* ---- cells ---- */

static void cell_tokens(const json_t *r, const char *member, struct table_cell *cell)
{
	/* Of a request under way only what it says so far is known. */
	int64_t n = json_get_int(r, member, -1);
	char words[WORDS_SIZE];

	if (n == 0 && request_is_live(r))
		n = -1;
	table_cell_format(cell, "%s", words_short(words, n));
}

static void cell_cost(const json_t *r, struct table_cell *cell)
{
	double usd = json_get_num(r, "cost_usd", -1);

	words_usd(cell->scratch, usd == 0 && request_is_live(r) ? -1 : usd);
	cell->text = cell->scratch;
}

static void cell_first(const json_t *r, struct table_cell *cell)
{
	int64_t ms = request_first_ms(r);

	if (ms < 0 && request_is_live(r) && words_time(r, "dispatched_at") > 0)
		cell->text = "\u2026";
	else
		cell->text = words_span(cell->scratch, ms);
}

static void cell_rate(const json_t *r, int64_t now_ms, struct table_cell *cell)
{
	double rate = request_rate(r, now_ms);

	if (rate < 0)
		cell->text = "-";
	else
		table_cell_format(cell, "%.0f", rate);
}

static void cell_worker(const json_t *r, struct table_cell *cell)
{
	int64_t worker = json_get_int(r, "worker", -1);

	if (worker < 0)
		cell->text = "-";
	else
		table_cell_format(cell, "w%" PRId64, worker);
}

static void cell_of_text(const json_t *r, int column, struct table_cell *cell)
{
	static const char *const members[COLUMNS] = {[COLUMN_ID] = "id",
						     [COLUMN_PROJECT] = "project",
						     [COLUMN_KEY] = "key_id",
						     [COLUMN_CACHE] = "cache",
						     [COLUMN_ROUTE] = "route"};

	switch (column) {
	case COLUMN_STATE:
		cell->text = request_state(r);
		cell->style = request_style(r);
		break;
	case COLUMN_MODEL:
		cell->text =
			request_short_model(json_get_str(r, "model") ? list_text(r, "model")
								     : list_text(r, "model_asked"));
		break;
	case COLUMN_ERROR:
		cell->text = list_text(r, "error");
		cell->style = json_get_str(r, "error") ? STYLE_ERROR : STYLE_NORMAL;
		break;
	default:
		cell->text = list_text(r, members[column]);
		break;
	}
}

static void cell(void *owner, size_t row, int column, struct table_cell *cell)
{
	const struct view *v = owner;
	const json_t *r = v->rows[row];

	switch (column) {
	case COLUMN_IN_ALL:
		cell->text = words_span(cell->scratch, request_took_ms(r, now(v)));
		break;
	case COLUMN_QUEUED:
		cell->text = words_span(cell->scratch, request_queue_ms(r, now(v)));
		break;
	case COLUMN_FIRST:
		cell_first(r, cell);
		break;
	case COLUMN_RATE:
		cell_rate(r, now(v), cell);
		break;
	case COLUMN_IN:
		cell_tokens(r, "input_tokens", cell);
		break;
	case COLUMN_OUT:
		cell_tokens(r, "output_tokens", cell);
		break;
	case COLUMN_COST:
		cell_cost(r, cell);
		break;
	case COLUMN_WORKER:
		cell_worker(r, cell);
		break;
	default:
		cell_of_text(r, column, cell);
		break;
	}
}

static double number(const struct view *v, const json_t *r, int column)
{
	switch (column) {
	case COLUMN_IN_ALL:
		return (double)request_took_ms(r, now(v));
	case COLUMN_QUEUED:
		return (double)request_queue_ms(r, now(v));
	case COLUMN_FIRST:
		return (double)request_first_ms(r);
	case COLUMN_RATE:
		return request_rate(r, now(v));
	case COLUMN_IN:
		return json_get_num(r, "input_tokens", -1);
	case COLUMN_OUT:
		return json_get_num(r, "output_tokens", -1);
	case COLUMN_COST:
		return json_get_num(r, "cost_usd", -1);
	default:
		return json_get_num(r, "worker", -1);
	}
}

static int compare(void *owner, int column, size_t a, size_t b)
{
	const struct view *v = owner;
	struct table_cell left = {.gauge = -1}, right = {.gauge = -1};
	double x, y;

	if (column >= COLUMN_IN_ALL && column <= COLUMN_WORKER) {
		x = number(v, v->rows[a], column);
		y = number(v, v->rows[b], column);
		return x < y ? -1 : x > y;
	}
	cell_of_text(v->rows[a], column, &left);
	cell_of_text(v->rows[b], column, &right);
	return strcmp(left.text, right.text);
}

static const struct table_source source = {count, row_id, cell, compare, NULL};

static void fill(void *self, size_t row, struct sheet *s)
{
	struct view *v = self;
	const json_t *r = row == TABLE_NONE ? NULL : v->rows[row];

	if (r)
		snprintf(v->title, sizeof v->title, "%s", list_text(r, "id"));
	sheet_begin(s, v->title);
	request_fill(s, r, now(v));
}

/* ---- actions ---- */

static const json_t *chosen(struct view *v)
{
	size_t row = list_row(&v->list);

	return row == TABLE_NONE ? NULL : v->rows[row];
}

static void told_cancelled(struct host *h, const json_t *params, const json_t *result)
{
	char id[NAME_BYTES], text[2 * NAME_BYTES];

	(void)result;
	str_copy_clean(id, sizeof id, list_text(params, "id"));
	snprintf(text, sizeof text, "request %s cancelled", id);
	h->ops->say(h, STYLE_OK, text);
}

static void ask_cancel(struct view *v, const json_t *r)
{
	char id[NAME_BYTES], project[NAME_BYTES], title[2 * NAME_BYTES], text[512];

	str_copy_clean(id, sizeof id, list_text(r, "id"));
	str_copy_clean(project, sizeof project, list_text(r, "project"));
	snprintf(title, sizeof title, "Cancel %s", id);
	snprintf(text, sizeof text,
		 "Request %s of %s ends now: its client gets an error that says that the operator "
		 "cancelled it, and what was spent so far is charged.",
		 id, project);
	v->list.host->ops->act(
		v->list.host,
		&(struct action){.kind = ACTION_CONFIRM,
				 .method = "requests.cancel",
				 .params = json_pack("{sO sO*}", "id", json_object_get(r, "id"),
						     "number", json_object_get(r, "number")),
				 .title = title,
				 .text = text,
				 .word = "end it",
				 .done = told_cancelled});
}

static void told_restarted(struct host *h, const json_t *params, const json_t *result)
{
	char text[NAME_BYTES];

	(void)result;
	snprintf(text, sizeof text, "worker w%" PRId64 " restarted", json_get_int(params, "id", 0));
	h->ops->say(h, STYLE_OK, text);
}

static void ask_restart(struct view *v, const json_t *r)
{
	int64_t worker = json_get_int(r, "worker", -1);
	char id[NAME_BYTES], title[NAME_BYTES], text[512];

	str_copy_clean(id, sizeof id, list_text(r, "id"));
	snprintf(title, sizeof title, "Restart worker w%" PRId64, worker);
	snprintf(text, sizeof text,
		 "Worker w%" PRId64 " ends now and another one starts in its place. Request %s, "
		 "which it serves, is tried once more on another worker if nothing of its answer "
		 "was sent yet; else it fails.",
		 worker, id);
	v->list.host->ops->act(
		v->list.host,
		&(struct action){.kind = ACTION_CONFIRM,
				 .method = "workers.restart",
				 .params = json_pack("{sI}", "id", (json_int_t)worker),
				 .title = title,
				 .text = text,
				 .word = "restart",
				 .done = told_restarted});
}

/* Why the action does not fit the row; NULL: it does. */
static const char *refusal(const json_t *r, int action)
{
	if (action == DO_BACK)
		return NULL;
	if (!r)
		return "no request is selected";
	if ((action == DO_CANCEL || action == DO_RESTART) && !request_is_live(r))
		return "the request has ended already";
	if (action == DO_RESTART && json_get_int(r, "worker", -1) < 0)
		return "no worker serves the request";
	return NULL;
}

static bool enabled(void *self, int action)
{
	struct view *v = self;

	if (refusal(chosen(v), action))
		return false;
	return action == DO_CANCEL    ? host_may(v->list.host, "requests.cancel")
	       : action == DO_RESTART ? host_may(v->list.host, "workers.restart")
				      : true;
}

static void act(void *self, int action)
{
	struct view *v = self;
	struct host *h = v->list.host;
	const json_t *r = chosen(v);
	const char *why = refusal(r, action);

	if (why)
		h->ops->say(h, STYLE_WARN, why);
	else if (action == DO_CANCEL)
		ask_cancel(v, r);
	else if (action == DO_RESTART)
		ask_restart(v, r);
	else if (action == DO_COPY)
		h->ops->copy(h, "id", list_text(r, "id"));
	else if (action == DO_OPEN)
		list_enter(&v->list);
	else
		list_leave(&v->list);
}

/* ---- life ---- */

static const struct list_conf conf = {
	.columns = columns,
	.column_count = COLUMNS,
	.source = &source,
	.empty = "no request yet",
	.parts = PART_REQUESTS,
	.needs = PART_REQUESTS,
	.rebuild = rebuild,
	.fill = fill,
};

static void *create(struct host *h)
{
	struct view *v = calloc(1, sizeof *v);

	if (v && list_init(&v->list, h, &conf) == 0)
		return v;
	free(v);
	return NULL;
}

static void destroy(void *self)
{
	struct view *v = self;

	if (!v)
		return;
	clear(v);
	list_done(&v->list);
	free(v);
}

const struct view_ops view_requests = {
	.name = "requests",
	.title = "Requests",
	.parts = PART_REQUESTS | PART_STATS,
	.create = create,
	.free = destroy,
	.changed = list_changed,
	.draw = list_draw,
	.input = list_input,
	.filter = list_filter,
	.counts = list_counts,
	.keymap = &keymap,
	.context = list_context,
	.enabled = enabled,
	.act = act,
};
