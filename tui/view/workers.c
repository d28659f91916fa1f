/* The workers, and what an operator does with them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "tui/model/words.h"
#include "tui/view/view.h"
#include "tui/view/worker_rows.h"
#include "tui/widget/table.h"

struct workers {
	struct host *host;
	struct table *table;
};

enum { DO_RESTART = 1, DO_DRAIN, DO_MORE, DO_FEWER, DO_COPY, DO_DRAIN_ALL, DO_OPEN };

static const struct binding bindings[] = {
	{KEYMAP_ANYWHERE, "Enter", DO_OPEN, "request", "show the request that it serves"},
	{KEYMAP_ANYWHERE, "R", DO_RESTART, "restart", "restart the worker, also if it is busy"},
	{KEYMAP_ANYWHERE, "d", DO_DRAIN, "drain",
	 "let the worker finish what it serves, then replace it"},
	{KEYMAP_ANYWHERE, "+", DO_MORE, "more", "more workers"},
	{KEYMAP_ANYWHERE, "-", DO_FEWER, "fewer", "fewer workers"},
	{KEYMAP_ANYWHERE, "y", DO_COPY, NULL, "copy the id of the request that it serves"},
	{KEYMAP_ANYWHERE, "D", DO_DRAIN_ALL, NULL,
	 "take no requests any more and end ccapid when those under way are finished"},
};
static const struct keymap keymap = KEYMAP(bindings);

/* ---- life ---- */

static void workers_free(void *self)
{
	struct workers *v = self;

	if (!v)
		return;
	table_free(v->table);
	free(v);
}

static void *workers_create(struct host *h)
{
	struct workers *v = calloc(1, sizeof *v);

	if (!v)
		return NULL;
	v->host = h;
	v->table = table_new(worker_columns, WORKER_COLUMNS, &worker_source, h);
	if (!v->table) {
		workers_free(v);
		return NULL;
	}
	table_set_sort(v->table, 0, false);
	return v;
}

static void workers_changed(void *self, unsigned parts)
{
	struct workers *v = self;

	/* Cells show requests too, and a column of them may be what it is sorted by. */
	if (!(parts & (PART_WORKERS | PART_STATUS | PART_REQUESTS | PART_LINK)))
		return;
	table_set_empty(v->table, worker_rows_empty(v->host));
	table_refresh(v->table);
}

static void workers_filter(void *self, const char *text)
{
	struct workers *v = self;

	table_set_filter(v->table, text);
}

static void workers_counts(void *self, size_t *ret_shown, size_t *ret_all)
{
	struct workers *v = self;

	*ret_shown = table_shown(v->table);
	*ret_all = worker_source.count(v->host);
}

/* ---- drawing ---- */

/* "3 of 5 busy, 2 ready", as in the overview and in ccapictl status */
static void draw_sum(const struct workers *v, struct area a)
{
	const json_t *pool = json_object_get(v->host->model->status, "pool");
	const json_t *counts = json_object_get(pool, "workers");
	int64_t most = json_get_int(counts, "most", -1), configured;
	const char *mode = json_get_str(pool, "mode");
	int x;

	if (most < 0)
		return;
	configured = json_get_int(pool, "configured", most);
	x = draw_format(a, 1, 0, STYLE_NORMAL, "%zu of %" PRId64 " busy, %zu ready",
			workers_in_state(v->host, "busy"), most,
			workers_in_state(v->host, "ready"));
	if (configured != most)
		x = draw_format(a, x + 1, 0, STYLE_WARN,
				"(%" PRId64 " by the settings, until they are read again)",
				configured);
	if (mode)
		draw_format(a, x + 3, 0, STYLE_DIM, "mode %s", mode);
}

static void workers_draw(void *self, struct area a)
{
	struct workers *v = self;

	if (a.rect.height < 5) {
		table_draw(v->table, a);
		return;
	}
	draw_sum(v, a);
	table_draw(v->table, area_inside(a, (struct rect){0, 1, a.rect.width, a.rect.height - 1}));
}

/* ---- actions ---- */

static const json_t *selected(const struct workers *v)
{
	size_t row = table_selected(v->table);

	return row == TABLE_NONE ? NULL : worker_at(v->host, row);
}

static void restarted(struct host *h, const json_t *params, const json_t *result)
{
	char words[96];

	(void)result;
	snprintf(words, sizeof words, "worker %" PRId64 " was ended, another one starts",
		 json_get_int(params, "id", 0));
	h->ops->say(h, STYLE_OK, words);
}

static void drains(struct host *h, const json_t *params, const json_t *result)
{
	char words[96];

	(void)result;
	snprintf(words, sizeof words, "worker %" PRId64 " takes no further request",
		 json_get_int(params, "id", 0));
	h->ops->say(h, STYLE_OK, words);
}

static void scaled(struct host *h, const json_t *params, const json_t *result)
{
	char words[128];

	(void)params;
	snprintf(words, sizeof words,
		 "up to %" PRId64 " workers until the settings are read again (%" PRId64 " there)",
		 json_get_int(result, "workers", 0), json_get_int(result, "configured", 0));
	h->ops->say(h, STYLE_OK, words);
}

static void drains_all(struct host *h, const json_t *params, const json_t *result)
{
	char words[96];

	(void)params;
	snprintf(words, sizeof words, "ccapid ends when %" PRId64 " requests are finished",
		 json_get_int(result, "open", 0));
	h->ops->say(h, STYLE_WARN, words);
}

/* What becomes of the request that it serves. */
static void its_request(char *to, size_t size, const struct host *h, const json_t *worker,
			const char *fate)
{
	const char *request = json_get_str(worker, "request");
	const char *project = json_get_str(worker, "project");
	char span[WORDS_SIZE];

	if (!request) {
		snprintf(to, size, "It serves no request.");
		return;
	}
	words_since(span, words_time(worker, "since"), h->ops->now_ms(h));
	snprintf(to, size, "It serves %.128s of %.64s for %s now: %s", request,
		 project ? project : "nobody", span, fate);
}

static void act_on_worker(struct workers *v, const json_t *worker, bool restart)
{
	json_int_t id = json_get_int(worker, "id", 0);
	char title[64], text[600], request[400];
	struct action a = {.kind = ACTION_CONFIRM,
			   .method = restart ? "workers.restart" : "workers.drain",
			   .title = title,
			   .text = text,
			   .word = restart ? "restart" : "drain",
			   .dangerous = restart && json_get_str(worker, "request"),
			   .done = restart ? restarted : drains};

	its_request(request, sizeof request, v->host, worker,
		    restart ? "that is cut off, and tried once more by another worker if no text "
			      "has gone out yet; else it fails."
			    : "that is finished first.");
	snprintf(title, sizeof title, "%s worker %" PRId64, restart ? "Restart" : "Drain",
		 (int64_t)id);
	snprintf(text, sizeof text, "%s %s", request,
		 restart ? "The process is ended now and another one takes its place."
			 : "Then the process ends and another one takes its place.");
	a.params = json_pack("{sI}", "id", id);
	v->host->ops->act(v->host, &a);
}

static void scale(struct workers *v, int by)
{
	const json_t *pool = json_object_get(v->host->model->status, "pool");
	int64_t most = json_get_int(json_object_get(pool, "workers"), "most", 1);
	int64_t wanted = most + by < 1 ? 1 : most + by;
	struct action a = {
		.kind = ACTION_FORM,
		.method = "workers.scale",
		.params = json_pack("{sI}", "workers", (json_int_t)wanted),
		.title = by > 0 ? "More workers" : "Fewer workers",
		.text = "How many requests may be served at one time, until the settings are read "
			"again or ccapid is started anew. Busy workers finish what they serve.",
		.word = "scale",
		.done = scaled};

	v->host->ops->act(v->host, &a);
}

static void drain_all(struct workers *v)
{
	char text[200];
	struct action a = {.kind = ACTION_CONFIRM,
			   .method = "drain",
			   .title = "Drain ccapid",
			   .text = text,
			   .word = "drain",
			   .dangerous = true,
			   .done = drains_all};

	snprintf(text, sizeof text,
		 "ccapid takes no requests any more, finishes those under way (%zu busy workers), "
		 "and ends. Whether it is started again is up to the service manager.",
		 workers_in_state(v->host, "busy"));
	v->host->ops->act(v->host, &a);
}

static void with_request(struct workers *v, int action)
{
	const char *request = json_get_str(selected(v), "request");

	if (!request)
		v->host->ops->say(v->host, STYLE_NORMAL, "it serves no request at this moment");
	else if (action == DO_COPY)
		v->host->ops->copy(v->host, "request id", request);
	else
		v->host->ops->go(v->host, "requests", request);
}

static void workers_act(void *self, int action)
{
	struct workers *v = self;
	const json_t *worker = selected(v);

	switch (action) {
	case DO_RESTART:
	case DO_DRAIN:
		if (worker)
			act_on_worker(v, worker, action == DO_RESTART);
		else
			v->host->ops->say(v->host, STYLE_NORMAL, "no worker is selected");
		break;
	case DO_MORE:
		scale(v, 1);
		break;
	case DO_FEWER:
		scale(v, -1);
		break;
	case DO_DRAIN_ALL:
		drain_all(v);
		break;
	default:
		with_request(v, action);
	}
}

static bool workers_enabled(void *self, int action)
{
	struct workers *v = self;

	switch (action) {
	case DO_RESTART:
		return selected(v) && host_may(v->host, "workers.restart");
	case DO_DRAIN:
		return selected(v) && host_may(v->host, "workers.drain");
	case DO_MORE:
	case DO_FEWER:
		return host_may(v->host, "workers.scale");
	case DO_DRAIN_ALL:
		return host_may(v->host, "drain");
	default:
		return json_get_str(selected(v), "request");
	}
}

static enum input_result workers_input(void *self, const struct event *e)
{
	struct workers *v = self;
	int r = table_input(v->table, e);

	if (r == TABLE_ACTIVATED)
		with_request(v, DO_OPEN);
	return r == INPUT_IGNORED ? INPUT_IGNORED : INPUT_TAKEN;
}

const struct view_ops view_workers = {
	.name = "workers",
	.title = "Workers",
	.parts = PART_WORKERS | PART_REQUESTS | PART_STATUS | PART_STATS,
	.create = workers_create,
	.free = workers_free,
	.changed = workers_changed,
	.draw = workers_draw,
	.input = workers_input,
	.filter = workers_filter,
	.counts = workers_counts,
	.keymap = &keymap,
	.enabled = workers_enabled,
	.act = workers_act,
};
