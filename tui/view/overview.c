/* One glance: is it healthy, what is busy, what will run out first.
 *
 *	plan       the windows of the subscription, as gauges
 *	now        figures of the last seconds and of today
 *	curves     tokens a second and the queue, over the last minutes
 *	workers    each of them
 *	budgets    those closest to their limit
 *	errors     the last ones
 *
 * As the screen gets smaller, parts go in this order: curves, errors, budgets.  What has little
 * room gets as much as it has rows for. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "tui/canvas/draw.h"
#include "tui/canvas/meter.h"
#include "tui/model/words.h"
#include "tui/view/last_errors.h"
#include "tui/view/view.h"
#include "tui/view/worker_rows.h"
#include "tui/widget/layout.h"
#include "tui/widget/line.h"
#include "tui/widget/table.h"

enum { ONE_LINE_COLUMNS = 76, TEXT_SIZE = 128 };
enum { GAUGE_MIN = 10, RESETS_COLUMNS = 20, UNTIL_COLUMNS = 12 }; /* "resets in 23 h 59 m" */

struct overview {
	struct host *host;
	struct table *workers;
};

/* ---- the plan ---- */

static unsigned use_style(double used)
{
	return used >= 0.95 ? STYLE_ERROR : used >= 0.8 ? STYLE_WARN : STYLE_ACCENT;
}

static int permille(double used)
{
	return (int)words_whole(used * 1000, 1000);
}

/* "5 h [gauge] 57 %  resets in 1 h 12 m" */
static void draw_window(const struct overview *v, struct area a, const char *name,
			const json_t *window)
{
	double used = json_get_num(window, "utilization", -1);
	int64_t resets = words_time(window, "resets_at");
	char per_cent[WORDS_SIZE], until[WORDS_SIZE], tail[TEXT_SIZE] = "";
	int width = a.rect.width, room;

	words_per_cent(per_cent, used);
	words_until(until, resets, v->host->ops->now_ms(v->host));
	draw_text(a, 0, 0, STYLE_NORMAL, name);
	if (used < 0) {
		draw_text(a, 4, 0, STYLE_DIM, "not known yet");
		return;
	}
	room = width - 4 - 7 - RESETS_COLUMNS;
	if (resets > 0 && room >= GAUGE_MIN)
		snprintf(tail, sizeof tail, "resets %s", until);
	else if (resets > 0)
		snprintf(tail, sizeof tail, "%s", until);
	if (room < GAUGE_MIN)
		room = width - 4 - 7 - UNTIL_COLUMNS;
	room = room > 40 ? 40 : room;
	draw_gauge(a, 4, 0, room, permille(used), use_style(used));
	draw_field(a, 4 + room, 0, 6, ALIGN_RIGHT, use_style(used), per_cent);
	draw_text(a, 4 + room + 7, 0, STYLE_NORMAL, tail);
}

static const char *plan_words(const json_t *plan, unsigned *ret_style)
{
	const char *status = json_get_str(plan, "status");

	*ret_style = STYLE_TITLE;
	if (status && strcmp(status, "rejected") == 0) {
		*ret_style = STYLE_ERROR | STYLE_BOLD;
		return "OVER";
	}
	if (status && strcmp(status, "warning") == 0)
		*ret_style = STYLE_WARN | STYLE_BOLD;
	return "plan";
}

static void draw_plan(const struct overview *v, struct area a)
{
	const json_t *plan = json_object_get(v->host->model->status, "plan");
	const json_t *five = json_object_get(plan, "five_hour");
	const json_t *seven = json_object_get(plan, "seven_day");
	int width = a.rect.width - 7, half = width / 2;
	unsigned style;
	const char *words = plan_words(plan, &style);

	draw_text(a, 1, 0, style, words);
	if (!plan)
		return;
	if (a.rect.width < ONE_LINE_COLUMNS) {
		draw_window(v, area_inside(a, (struct rect){6, 0, width, 1}), "5 h", five);
		draw_window(v, area_inside(a, (struct rect){6, 1, width, 1}), "7 d", seven);
		return;
	}
	draw_window(v, area_inside(a, (struct rect){6, 0, half - 2, 1}), "5 h", five);
	draw_window(v, area_inside(a, (struct rect){6 + half, 0, half, 1}), "7 d", seven);
}

/* ---- now ---- */

static void add(struct segment *segments, int *count, const char *text, unsigned style, int drop)
{
	if (text[0])
		segments[(*count)++] = (struct segment){text, style, false, drop};
}

static void busy_words(const struct overview *v, char *to, unsigned *ret_style)
{
	const json_t *pool = json_object_get(v->host->model->status, "pool");
	size_t busy = workers_in_state(v->host, "busy");
	int64_t most = json_get_int(json_object_get(pool, "workers"), "most", -1);

	to[0] = '\0';
	*ret_style = most > 0 && (int64_t)busy >= most ? STYLE_WARN : STYLE_OK;
	if (most >= 0)
		snprintf(to, TEXT_SIZE, "%zu of %" PRId64 " busy", busy, most);
}

static void queue_words(const struct overview *v, char *to, unsigned *ret_style)
{
	const json_t *queue = json_object_get(v->host->model->status, "queue");
	int64_t waiting = json_get_int(queue, "waiting", -1), most = json_get_int(queue, "most", 0);

	to[0] = '\0';
	*ret_style = most > 0 && waiting >= most - most / 2 ? STYLE_WARN : STYLE_NORMAL;
	if (waiting >= 0)
		snprintf(to, TEXT_SIZE, "queue %" PRId64 "%s", waiting,
			 json_get_true(queue, "paused") ? " (paused)" : "");
}

/* A figure of the last seconds or minutes; nothing where it is not known. */
static void figure_words(const struct overview *v, char *to, const char *member, const char *before,
			 int decimals, const char *behind)
{
	double value = json_get_num(v->host->model->stats, member, NAN);

	to[0] = '\0';
	if (value >= 0 && value < 1e12)
		snprintf(to, TEXT_SIZE, "%s%.*f %s", before, decimals, value, behind);
}

static void today_words(const struct overview *v, char *to)
{
	const json_t *today = v->host->model->today;
	char tokens[WORDS_SIZE], usd[WORDS_SIZE];

	to[0] = '\0';
	if (today)
		snprintf(to, TEXT_SIZE, "today %s tok  %s",
			 words_short(tokens, json_get_int(today, "total_tokens", -1)),
			 words_usd(usd, json_get_num(today, "total_cost", -1)));
}

static void draw_now(const struct overview *v, struct area a)
{
	char busy[TEXT_SIZE], queue[TEXT_SIZE], requests[TEXT_SIZE], tokens[TEXT_SIZE];
	char today[TEXT_SIZE], cache[TEXT_SIZE], errors[TEXT_SIZE];
	double wrong = json_get_num(v->host->model->stats, "errors_per_cent", 0);
	unsigned busy_style, queue_style;
	struct segment segments[9];
	int n = 0;

	busy_words(v, busy, &busy_style);
	queue_words(v, queue, &queue_style);
	figure_words(v, requests, "requests_per_minute", "", 1, "req/min");
	figure_words(v, tokens, "tokens_per_second", "", 0, "tok/s");
	today_words(v, today);
	figure_words(v, cache, "cache_hits_per_cent", "cache ", 0, "% hits");
	figure_words(v, errors, "errors_per_cent", "errors ", 1, "%");
	add(segments, &n, "now ", STYLE_TITLE, a.rect.width < 50 ? 9 : 0);
	add(segments, &n, busy, busy_style, 0);
	add(segments, &n, queue, queue_style, 1);
	add(segments, &n, requests, STYLE_NORMAL, 4);
	add(segments, &n, tokens, STYLE_NORMAL, 5);
	add(segments, &n, today, STYLE_NORMAL, 6);
	add(segments, &n, cache, STYLE_NORMAL, 7);
	add(segments, &n, errors,
	    wrong >= 5   ? STYLE_ERROR
	    : wrong >= 1 ? STYLE_WARN
			 : STYLE_NORMAL,
	    3);
	line_draw(a, 0, segments, n);
}

/* ---- curves ---- */

/* "first token p50 0.9 s  p95 2.1 s" */
static void first_token_words(const struct overview *v, char *to)
{
	const json_t *first = json_object_get(v->host->model->stats, "first_token_ms");
	char half[WORDS_SIZE], most[WORDS_SIZE];

	to[0] = '\0';
	if (json_is_object(first))
		snprintf(to, TEXT_SIZE, "first token p50 %s  p95 %s",
			 words_span(half, json_get_int(first, "p50", -1)),
			 words_span(most, json_get_int(first, "p95", -1)));
}

static void draw_curves(const struct overview *v, struct area a)
{
	const struct model *m = v->host->model;
	char first[TEXT_SIZE];
	int tail, room, tokens, queue;

	first_token_words(v, first);
	tail = first[0] && a.rect.width >= ONE_LINE_COLUMNS ? 34 : 0;
	room = a.rect.width - 8 - 9 - tail - 1;
	if (room < 8)
		return;
	tokens = room * 3 / 5;
	queue = room - tokens;
	draw_text(a, 1, 0, STYLE_TITLE, "tok/s");
	draw_sparkline(a, 7, 0, tokens, &m->tokens_per_second, 0, STYLE_ACCENT);
	draw_text(a, 7 + tokens + 2, 0, STYLE_TITLE, "queue");
	draw_sparkline(a, 7 + tokens + 8, 0, queue, &m->waiting, 0, STYLE_ACCENT);
	if (tail > 0)
		draw_text(a, 7 + tokens + 8 + queue + 2, 0, STYLE_NORMAL, first);
}

/* ---- budgets ---- */

/* What has been used of one side of a budget, 0 of nothing; -1: it has no such side. */
static double side(const json_t *budget, const char *used, const char *limit)
{
	double most = json_get_num(budget, limit, -1);

	if (most < 0)
		return -1;
	return most > 0 ? json_get_num(budget, used, 0) / most : 1;
}

static void subject_of(char *to, size_t size, const json_t *budget)
{
	const char *project = json_get_str(budget, "project"), *key = json_get_str(budget, "key");

	snprintf(to, size, "%s", project ? project : key ? key : "everybody");
}

/* "month"; "24h" of a rolling one. */
static const char *window_of(const json_t *budget)
{
	const char *window = json_get_str(budget, "window");

	if (window && strncmp(window, "rolling:", 8) == 0)
		return window + 8;
	return window ? window : "-";
}

static void amount_words(char *to, size_t size, const json_t *budget, bool by_usd)
{
	char used[WORDS_SIZE], limit[WORDS_SIZE];

	if (by_usd)
		snprintf(to, size, "%s of %s",
			 words_usd(used, json_get_num(budget, "used_usd", -1)),
			 words_usd(limit, json_get_num(budget, "limit_usd", -1)));
	else
		snprintf(to, size, "%s of %s tok",
			 words_short(used, json_get_int(budget, "used_tokens", -1)),
			 words_short(limit, json_get_int(budget, "limit_tokens", -1)));
}

static void held_words(char *to, size_t size, const json_t *budget, bool by_usd)
{
	char held[WORDS_SIZE];
	double amount = json_get_num(budget, by_usd ? "held_usd" : "held_tokens", 0);

	to[0] = '\0';
	if (amount > 0)
		snprintf(to, size, "held %s",
			 by_usd ? words_usd(held, amount)
				: words_short(held, words_whole(amount, INT64_MAX)));
}

static unsigned budget_style(const json_t *budget, double used)
{
	double warn = json_get_num(budget, "warn_percent", 90) / 100;

	return used >= 1 ? STYLE_ERROR : used >= warn ? STYLE_WARN : STYLE_ACCENT;
}

static void draw_budget(const struct overview *v, struct area a, int y, const json_t *budget)
{
	static const struct layout_part parts[] = {
		{.min = 9, .max = 24, .weight = 1},             /* of whom */
		{.min = 7, .max = 12, .weight = 1, .drop = 2},  /* window */
		{.min = 6, .max = 40, .weight = 3, .drop = 1},  /* gauge */
		{.min = 5},                                     /* per cent */
		{.min = 20, .max = 24, .weight = 1, .drop = 3}, /* amount */
		{.min = 19, .drop = 4},                         /* resets */
		{.min = 11, .drop = 5},                         /* held */
	};
	double tokens = side(budget, "used_tokens", "limit_tokens");
	double usd = side(budget, "used_usd", "limit_usd"), used = fmax(tokens, usd);
	char subject[TEXT_SIZE], amount[TEXT_SIZE], held[TEXT_SIZE], per_cent[WORDS_SIZE];
	char until[WORDS_SIZE], resets[TEXT_SIZE] = "";
	unsigned style = budget_style(budget, used);
	struct rect at[7];

	subject_of(subject, sizeof subject, budget);
	amount_words(amount, sizeof amount, budget, usd > tokens);
	held_words(held, sizeof held, budget, usd > tokens);
	if (words_time(budget, "resets_at") > 0)
		snprintf(resets, sizeof resets, "resets %s",
			 words_until(until, words_time(budget, "resets_at"),
				     v->host->ops->now_ms(v->host)));
	layout_columns((struct rect){1, y, a.rect.width - 2, 1}, 2, parts, 7, at);
	draw_field(a, at[0].x, y, at[0].width, ALIGN_LEFT, STYLE_NORMAL, subject);
	draw_field(a, at[1].x, y, at[1].width, ALIGN_LEFT, STYLE_NORMAL, window_of(budget));
	draw_gauge(a, at[2].x, y, at[2].width, permille(used), style);
	draw_field(a, at[3].x, y, at[3].width, ALIGN_RIGHT, style, words_per_cent(per_cent, used));
	draw_field(a, at[4].x, y, at[4].width, ALIGN_LEFT, STYLE_NORMAL, amount);
	draw_field(a, at[5].x, y, at[5].width, ALIGN_LEFT, STYLE_NORMAL, resets);
	draw_field(a, at[6].x, y, at[6].width, ALIGN_LEFT, STYLE_DIM, held);
}

static void draw_budgets(const struct overview *v, struct area a)
{
	const struct rows *closest = &v->host->model->closest;

	draw_hline(a, 0, STYLE_TITLE, "Budgets closest to their limit");
	if (closest->count == 0 && v->host->model->have & PART_CLOSEST)
		draw_text(a, 1, 1, STYLE_DIM, "there are no budgets");
	for (int y = 1; y < a.rect.height && (size_t)y <= closest->count; y++)
		draw_budget(v, a, y, closest->items[y - 1]);
}

/* ---- errors ---- */

static void draw_errors(const struct overview *v, struct area a)
{
	struct last_error errors[LAST_ERRORS_MAX];
	int count = last_errors(v->host->model, errors, a.rect.height - 1);

	draw_hline(a, 0, STYLE_TITLE, "Last errors");
	if (count == 0 && v->host->model->link == LINK_LIVE)
		draw_text(a, 1, 1, STYLE_DIM, "none");
	for (int i = 0; i < count; i++)
		last_error_draw(&errors[i], a, i + 1);
}

/* ---- all of it ---- */

static void draw_workers(struct overview *v, struct area a)
{
	if (a.rect.height < 5) { /* another worker says more than the title */
		table_draw(v->workers, a);
		return;
	}
	draw_hline(a, 0, STYLE_TITLE, "Workers");
	table_draw(v->workers,
		   area_inside(a, (struct rect){0, 1, a.rect.width, a.rect.height - 1}));
}

static void overview_draw(void *self, struct area a)
{
	struct overview *v = self;
	const struct model *m = v->host->model;
	int workers = (int)worker_source.count(v->host);
	int budgets = m->closest.count > 0 ? (int)m->closest.count : 1;
	const struct layout_part parts[] = {
		{.min = a.rect.width < ONE_LINE_COLUMNS ? 2 : 1, .drop = 1},
		{.min = 1},
		{.min = 1, .drop = 4},
		{.min = 3, .max = 2 + (workers > 1 ? workers : 1), .weight = 3},
		{.min = 2, .max = 1 + budgets, .weight = 2, .drop = 2},
		{.min = 2, .max = 1 + LAST_ERRORS_MAX, .weight = 2, .drop = 3}};
	struct rect rows[6];

	layout_rows((struct rect){0, 0, a.rect.width, a.rect.height}, parts, 6, rows);
	if (rows[0].height > 0)
		draw_plan(v, area_inside(a, rows[0]));
	draw_now(v, area_inside(a, rows[1]));
	if (rows[2].height > 0)
		draw_curves(v, area_inside(a, rows[2]));
	if (rows[3].height > 2)
		draw_workers(v, area_inside(a, rows[3]));
	if (rows[4].height > 0)
		draw_budgets(v, area_inside(a, rows[4]));
	if (rows[5].height > 0)
		draw_errors(v, area_inside(a, rows[5]));
}

/* The table takes it; here it is for the hints and the help. */
static const struct binding bindings[] = {
	{KEYMAP_ANYWHERE, "Enter", 1, "request", "show the request that the worker serves"},
};
static const struct keymap keymap = KEYMAP(bindings);

static void overview_changed(void *self, unsigned parts)
{
	struct overview *v = self;

	(void)parts;
	table_set_empty(v->workers, worker_rows_empty(v->host));
	table_refresh(v->workers);
}

static enum input_result overview_input(void *self, const struct event *e)
{
	struct overview *v = self;
	int r = table_input(v->workers, e);

	if (r == TABLE_ACTIVATED) {
		const json_t *worker = worker_at(v->host, table_selected(v->workers));
		const char *request = json_get_str(worker, "request");

		v->host->ops->go(v->host, request ? "requests" : "workers", request);
	}
	return r == INPUT_IGNORED ? INPUT_IGNORED : INPUT_TAKEN;
}

static void overview_free(void *self)
{
	struct overview *v = self;

	if (!v)
		return;
	table_free(v->workers);
	free(v);
}

static void *overview_create(struct host *h)
{
	struct overview *v = calloc(1, sizeof *v);

	if (!v)
		return NULL;
	v->host = h;
	v->workers = table_new(worker_columns, WORKER_COLUMNS, &worker_source, h);
	if (!v->workers) {
		overview_free(v);
		return NULL;
	}
	table_set_sort(v->workers, 0, false);
	return v;
}

const struct view_ops view_overview = {
	.name = "overview",
	.title = "Overview",
	.parts = PART_STATUS | PART_STATS | PART_WORKERS | PART_REQUESTS | PART_EVENTS |
		 PART_CLOSEST | PART_TODAY,
	.create = overview_create,
	.free = overview_free,
	.changed = overview_changed,
	.draw = overview_draw,
	.input = overview_input,
	.keymap = &keymap,
};
