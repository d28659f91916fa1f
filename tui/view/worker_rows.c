#include "tui/view/worker_rows.h"

#include <stdio.h>
#include <string.h>

#include "shared/json.h"

#include "tui/model/words.h"
#include "tui/view/request_facts.h"

enum {
	COLUMN_ID,
	COLUMN_STATE,
	COLUMN_MODEL,
	COLUMN_PROJECT,
	COLUMN_REQUEST,
	COLUMN_FOR,
	COLUMN_FIRST,
	COLUMN_RATE,
	COLUMN_TOKENS,
	COLUMN_SERVED,
	COLUMN_RSS,
	COLUMN_AGE,
	COLUMN_PID,
	COLUMN_VERSION
};

const struct table_column worker_columns[WORKER_COLUMNS] = {
	[COLUMN_ID] = {"ID", {.min = 4}, ALIGN_LEFT, true, false},
	[COLUMN_STATE] = {"STATE", {.min = 9, .max = 20, .weight = 1}, ALIGN_LEFT, true, false},
	[COLUMN_MODEL] =
		{"MODEL", {.min = 9, .max = 16, .weight = 1, .drop = 2}, ALIGN_LEFT, true, false},
	[COLUMN_PROJECT] =
		{"PROJECT", {.min = 8, .max = 20, .weight = 2, .drop = 1}, ALIGN_LEFT, true, false},
	[COLUMN_REQUEST] = {"REQUEST",
			    {.min = 10, .max = 28, .weight = 3, .drop = 7},
			    ALIGN_LEFT,
			    false,
			    false},
	[COLUMN_FOR] = {"FOR", {.min = 8, .drop = 3}, ALIGN_RIGHT, true, true},
	[COLUMN_FIRST] = {"FIRST", {.min = 6, .drop = 8}, ALIGN_RIGHT, true, true},
	[COLUMN_RATE] = {"TOK/S", {.min = 6, .drop = 4}, ALIGN_RIGHT, true, true},
	[COLUMN_TOKENS] = {"TOKENS", {.min = 7, .drop = 5}, ALIGN_RIGHT, true, true},
	[COLUMN_SERVED] = {"SERVED", {.min = 7, .drop = 9}, ALIGN_RIGHT, true, true},
	[COLUMN_RSS] = {"RSS", {.min = 6, .drop = 6}, ALIGN_RIGHT, true, true},
	[COLUMN_AGE] = {"AGE", {.min = 9, .drop = 10}, ALIGN_RIGHT, true, true},
	[COLUMN_PID] = {"PID", {.min = 7, .drop = 11}, ALIGN_RIGHT, true, false},
	[COLUMN_VERSION] = {"CLI", {.min = 9, .drop = 12}, ALIGN_LEFT, true, false},
};

static const struct rows *workers_of(const struct host *h)
{
	return &h->model->workers;
}

/* The start that the pool waits for; NULL: it waits for none. */
static const json_t *next_start(const struct host *h)
{
	const json_t *next =
		json_object_get(json_object_get(h->model->status, "pool"), "next_start");

	return json_is_object(next) ? next : NULL;
}

const json_t *worker_at(const struct host *h, size_t row)
{
	return row < workers_of(h)->count ? workers_of(h)->items[row] : NULL;
}

size_t workers_in_state(const struct host *h, const char *state)
{
	size_t n = 0;

	for (size_t i = 0; i < workers_of(h)->count; i++) {
		const char *is = json_get_str(workers_of(h)->items[i], "state");

		n += is && strcmp(is, state) == 0;
	}
	return n;
}

const char *worker_rows_empty(const struct host *h)
{
	return h->model->link == LINK_LIVE ? "no worker is running" : "";
}

static bool is_state(const json_t *worker, const char *state)
{
	const char *is = json_get_str(worker, "state");

	return is && strcmp(is, state) == 0;
}

/* ---- facts ---- */

static const json_t *request_of(const struct host *h, const json_t *worker)
{
	return model_request_of(h->model, worker);
}

static int64_t age_of(const struct host *h, const json_t *worker, const char *since)
{
	int64_t at = words_time(worker, since), now = h->ops->now_ms(h);

	return at <= 0 ? -1 : now > at ? now - at : 0;
}

/* How long it has been at what it does; for one that waits for work that says nothing. */
static int64_t busy_ms(const struct host *h, const json_t *worker)
{
	return is_state(worker, "ready") ? -1 : age_of(h, worker, "since");
}

static int64_t tokens_of(const struct host *h, const json_t *worker)
{
	int64_t n = json_get_int(request_of(h, worker), "output_tokens", -1);

	return n > 0 ? n : -1; /* before the first one it is not known how many */
}

/* What a column is sorted by, where it is a number. */
static double number_of(const struct host *h, const json_t *worker, int column)
{
	switch (column) {
	case COLUMN_ID:
		return (double)json_get_int(worker, "id", -1);
	case COLUMN_FOR:
		return (double)busy_ms(h, worker);
	case COLUMN_FIRST:
		return (double)request_first_ms(request_of(h, worker));
	case COLUMN_RATE:
		return request_rate(request_of(h, worker), h->ops->now_ms(h));
	case COLUMN_TOKENS:
		return (double)tokens_of(h, worker);
	case COLUMN_SERVED:
		return (double)json_get_int(worker, "requests", -1);
	case COLUMN_RSS:
		return (double)json_get_int(worker, "rss_bytes", -1);
	case COLUMN_AGE:
		return (double)age_of(h, worker, "started_at");
	default:
		return (double)json_get_int(worker, "pid", -1);
	}
}

static const char *text_member(int column)
{
	switch (column) {
	case COLUMN_STATE:
		return "state";
	case COLUMN_MODEL:
		return "model";
	case COLUMN_PROJECT:
		return "project";
	case COLUMN_REQUEST:
		return "request";
	case COLUMN_VERSION:
		return "version";
	default:
		return NULL;
	}
}

/* ---- cells ---- */

static unsigned style_of(const json_t *worker)
{
	if (is_state(worker, "busy"))
		return STYLE_ACCENT;
	if (is_state(worker, "ready"))
		return STYLE_OK;
	if (is_state(worker, "draining") || is_state(worker, "gone"))
		return STYLE_WARN;
	return STYLE_DIM;
}

static void cell_state(const json_t *worker, struct table_cell *cell)
{
	const char *state = json_get_str(worker, "state"), *why = json_get_str(worker, "why");

	cell->style = style_of(worker);
	if (why)
		table_cell_format(cell, "%s (%s)", state ? state : "-", why);
	else
		table_cell_format(cell, "%s%s", state ? state : "-",
				  json_get_true(worker, "retiring") ? ", retiring" : "");
}

static void cell_text(const json_t *worker, int column, struct table_cell *cell)
{
	const char *text = json_get_str(worker, text_member(column));

	if (text && column == COLUMN_MODEL)
		text = request_short_model(text);
	cell->text = text ? text : "-";
	if (!text)
		cell->style = STYLE_DIM;
}

static void cell_first(const struct host *h, const json_t *worker, struct table_cell *cell)
{
	int64_t ms = request_first_ms(request_of(h, worker));

	if (ms < 0 && is_state(worker, "busy"))
		cell->text = "\u2026";
	else
		cell->text = words_span(cell->scratch, ms);
}

static void cell_number(const struct host *h, const json_t *worker, int column,
			struct table_cell *cell)
{
	double value = number_of(h, worker, column);

	switch (column) {
	case COLUMN_ID:
		table_cell_format(cell, "w%.0f", value);
		return;
	case COLUMN_FOR:
	case COLUMN_AGE:
		words_span(cell->scratch, words_whole(value, INT64_MAX));
		break;
	case COLUMN_FIRST:
		cell_first(h, worker, cell);
		return;
	case COLUMN_RATE:
		words_short(cell->scratch, words_whole(value, INT64_MAX));
		break;
	case COLUMN_RSS:
		words_bytes(cell->scratch, words_whole(value, INT64_MAX));
		break;
	case COLUMN_PID:
		snprintf(cell->scratch, sizeof cell->scratch, value < 0 ? "-" : "%.0f", value);
		break;
	default:
		words_short(cell->scratch, words_whole(value, INT64_MAX));
		break;
	}
	cell->text = cell->scratch;
}

/* "restarting (exit 1, attempt 2, next in 4 s)" */
static void cell_next_start(const struct host *h, int column, struct table_cell *cell)
{
	const json_t *next = next_start(h);
	const char *why = json_get_str(next, "why");
	int64_t at = words_time(next, "at");
	char until[WORDS_SIZE];

	if (column == COLUMN_ID)
		return;
	cell->style = STYLE_WARN;
	cell->spans = true;
	table_cell_format(cell, "restarting (%s%sattempt %lld, next %s)", why ? why : "",
			  why ? ", " : "", (long long)json_get_int(next, "attempt", 1),
			  words_until(until, at, h->ops->now_ms(h)));
}

static void cell(void *owner, size_t row, int column, struct table_cell *ret)
{
	const struct host *h = owner;
	const json_t *worker = worker_at(h, row);

	if (!worker)
		cell_next_start(h, column, ret);
	else if (column == COLUMN_STATE)
		cell_state(worker, ret);
	else if (text_member(column))
		cell_text(worker, column, ret);
	else
		cell_number(h, worker, column, ret);
}

/* ---- the source ---- */

static size_t count(void *owner)
{
	const struct host *h = owner;

	return workers_of(h)->count + (next_start(h) != NULL);
}

static const char *id(void *owner, size_t row)
{
	const struct host *h = owner;

	return worker_at(h, row) ? rows_id(workers_of(h), row) : "next";
}

static int compare_texts(const json_t *a, const json_t *b, const char *member)
{
	const char *left = json_get_str(a, member), *right = json_get_str(b, member);

	return strcmp(left ? left : "", right ? right : "");
}

/* The start that is waited for has no order: it is larger than all workers. */
static int compare(void *owner, int column, size_t a, size_t b)
{
	const struct host *h = owner;
	const json_t *left = worker_at(h, a), *right = worker_at(h, b);
	double x, y;

	if (!left || !right)
		return (left == NULL) - (right == NULL);
	if (text_member(column))
		return compare_texts(left, right, text_member(column));
	x = number_of(h, left, column);
	y = number_of(h, right, column);
	return (x > y) - (x < y);
}

const struct table_source worker_source = {
	.count = count, .id = id, .cell = cell, .compare = compare};
