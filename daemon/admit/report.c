/* Usage as JSON and CSV.
 *
 * A report is one question to the store per grouping: by model, whose sum is the report's totals,
 * and then by whatever else was asked for.  The text grows with the answers; nothing of the store's
 * rows is kept.  Times are whole quarters of an hour, which is how usage is kept: a beginning is
 * rounded down, an end up, and the report says what it really covers. */
#include "daemon/admit/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/json.h"
#include "shared/money.h"

#include "daemon/admit/report_time.h"
#include "daemon/admit/window.h"

#define REPORT_BYTES_MAX (64U << 20)

/* ---- the question ---- */

static const struct period {
	const char *name;
	enum budget_window window;
} periods[] = {
	{"hour", WINDOW_HOUR},   {"day", WINDOW_DAY},   {"week", WINDOW_WEEK},
	{"month", WINDOW_MONTH}, {"all", WINDOW_TOTAL},
};

/* By usage_group: what the client calls it, and the JSON's member. */
static const struct grouping {
	const char *name, *member;
} groupings[] = {
	[USAGE_BY_MODEL] = {"model", "by_model"},
	[USAGE_BY_DAY] = {"day", "by_day"},
	[USAGE_BY_KEY] = {"key", "by_key"},
	[USAGE_BY_PROJECT] = {"project", "by_project"},
};

enum {
	PERIODS = sizeof periods / sizeof *periods,
	GROUPINGS = sizeof groupings / sizeof *groupings
};

static int64_t round_down(int64_t ms)
{
	return ms - ms % BUCKET_MS;
}

static int64_t round_up(int64_t ms)
{
	return round_down(ms + BUCKET_MS - 1);
}

static int parse_period(struct report_query *q, const char *name, int64_t now_ms,
			struct refusal *why)
{
	const struct period *p = NULL;

	for (size_t i = 0; i < PERIODS; i++)
		if (strcmp(periods[i].name, name) == 0)
			p = &periods[i];
	if (!p)
		return refusal_set(why, FAULT_INVALID_REQUEST, "period",
				   "period: expected hour, day, week, month or all.");
	snprintf(q->period, sizeof q->period, "%s", p->name);
	q->usage.from_ms = window_start_ms(p->window, 0, now_ms);
	q->usage.to_ms = p->window == WINDOW_TOTAL ? round_up(now_ms + 1)
						   : window_end_ms(p->window, 0, now_ms);
	return 0;
}

static int parse_moment(const char *text, const char *param, int64_t *ret_ms, struct refusal *why)
{
	if (time_parse(text, ret_ms) == 0)
		return 0;
	return refusal_set(why, FAULT_INVALID_REQUEST, param,
			   "%s: expected a time such as 2026-11-24T08:00:00Z, 2026-11-24 or Unix "
			   "seconds.",
			   param);
}

/* With a beginning of its own a report goes on until now, not to the end of a period. */
static int parse_range(struct report_query *q, const char *from, const char *to, int64_t now_ms,
		       struct refusal *why)
{
	int64_t from_ms = q->usage.from_ms, to_ms = from ? now_ms + 1 : q->usage.to_ms;

	if (!from && !to)
		return 0;
	if ((from && parse_moment(from, "from", &from_ms, why)) ||
	    (to && parse_moment(to, "to", &to_ms, why)))
		return -EINVAL;
	if (to_ms <= from_ms)
		return refusal_set(why, FAULT_INVALID_REQUEST, to ? "to" : "from",
				   to ? "to: expected a time after the beginning."
				      : "from: expected a time in the past.");
	snprintf(q->period, sizeof q->period, "custom");
	q->usage.from_ms = round_down(from_ms);
	q->usage.to_ms = round_up(to_ms);
	return 0;
}

static int parse_group(struct report_query *q, const char *name, struct refusal *why)
{
	for (size_t i = USAGE_BY_MODEL; i < GROUPINGS; i++) {
		if (strcmp(groupings[i].name, name) == 0) {
			q->usage.group = (enum usage_group)i;
			return 0;
		}
	}
	return refusal_set(why, FAULT_INVALID_REQUEST, "group_by",
			   "group_by: expected model, day, key or project.");
}

int report_parse(struct report_query *q, const char *project, const char *period, const char *from,
		 const char *to, const char *group_by, int64_t now_ms, struct refusal *why)
{
	struct report_query made = {0};

	snprintf(made.usage.project, sizeof made.usage.project, "%s", project);
	if (parse_period(&made, period ? period : "month", now_ms, why) ||
	    parse_range(&made, from, to, now_ms, why) ||
	    parse_group(&made, group_by ? group_by : "model", why))
		return -EINVAL;
	*q = made;
	return 0;
}

/* ---- the budget ---- */

struct closest {
	struct budget_view view;
	double share; /* of the limit that is used or held */
	bool found;
};

static double share_of(int64_t limit, int64_t used, int64_t held)
{
	return limit < 0 ? 0 : ((double)used + (double)held) / (double)limit;
}

static void look_closer(void *ctx, const struct budget_view *v)
{
	struct closest *c = ctx;
	double tokens = share_of(v->record.limit_tokens, v->used.tokens, v->held.tokens);
	double usd = share_of(v->record.limit_micro_usd, v->used.micro_usd, v->held.micro_usd);
	double share = tokens > usd ? tokens : usd;

	if (v->record.soft || (c->found && share <= c->share))
		return;
	*c = (struct closest){.view = *v, .share = share, .found = true};
}

static int64_t rest_of(int64_t limit, int64_t used, int64_t held)
{
	__int128 rest = (__int128)limit - used - held;

	return rest > 0 ? (int64_t)rest : 0;
}

static void add_tokens(struct buf *to, const char *name, bool there, int64_t n)
{
	if (there)
		buf_printf(to, "\"%s\":%lld,", name, (long long)n);
	else
		buf_printf(to, "\"%s\":null,", name);
}

static void add_usd(struct buf *to, const char *name, bool there, int64_t micro_usd)
{
	buf_printf(to, "\"%s\":", name);
	if (there)
		money_add_usd(to, micro_usd);
	else
		buf_add_str(to, "null");
	buf_add_char(to, ',');
}

static void add_time(struct buf *to, int64_t at_ms)
{
	char text[TIME_TEXT_SIZE];

	time_print(text, at_ms);
	buf_printf(to, "\"%s\"", text);
}

void report_write_budget(struct account_list *list, int64_t now_ms, struct buf *to)
{
	const struct budget_view *v;
	struct closest c = {.found = false};
	char window[WINDOW_TEXT_SIZE];
	bool tokens, usd;

	budget_each(list, now_ms, look_closer, &c);
	if (!c.found) {
		buf_add_str(to, "null");
		return;
	}
	v = &c.view;
	tokens = v->record.limit_tokens >= 0;
	usd = v->record.limit_micro_usd >= 0;
	buf_add_char(to, '{');
	add_tokens(to, "limit_tokens", tokens, v->record.limit_tokens);
	add_tokens(to, "used_tokens", true, v->used.tokens);
	add_tokens(to, "reserved_tokens", true, v->held.tokens);
	add_tokens(to, "remaining_tokens", tokens,
		   rest_of(v->record.limit_tokens, v->used.tokens, v->held.tokens));
	add_usd(to, "limit_usd", usd, v->record.limit_micro_usd);
	add_usd(to, "used_usd", true, v->used.micro_usd);
	add_usd(to, "reserved_usd", true, v->held.micro_usd);
	add_usd(to, "remaining_usd", usd,
		rest_of(v->record.limit_micro_usd, v->used.micro_usd, v->held.micro_usd));
	window_print(v->record.window, v->record.rolling_ms, window);
	buf_printf(to, "\"window\":\"%s\",\"resets_at\":", window);
	if (v->window_end_ms == INT64_MAX)
		buf_add_str(to, "null");
	else
		add_time(to, v->window_end_ms);
	buf_add_char(to, '}');
}

/* ---- rows ---- */

static int64_t all_tokens(const struct usage_amounts *u)
{
	return sum_saturating(sum_saturating(u->input_tokens, u->output_tokens),
			      sum_saturating(u->cache_read_tokens, u->cache_creation_tokens));
}

static void add_amounts(struct usage_amounts *to, const struct usage_amounts *u)
{
	to->requests = sum_saturating(to->requests, u->requests);
	to->errors = sum_saturating(to->errors, u->errors);
	to->cache_hits = sum_saturating(to->cache_hits, u->cache_hits);
	to->input_tokens = sum_saturating(to->input_tokens, u->input_tokens);
	to->output_tokens = sum_saturating(to->output_tokens, u->output_tokens);
	to->cache_read_tokens = sum_saturating(to->cache_read_tokens, u->cache_read_tokens);
	to->cache_creation_tokens =
		sum_saturating(to->cache_creation_tokens, u->cache_creation_tokens);
	to->thinking_tokens = sum_saturating(to->thinking_tokens, u->thinking_tokens);
	to->cost_micro_usd = sum_saturating(to->cost_micro_usd, u->cost_micro_usd);
}

struct report {
	struct registry *registry;
	struct store *store;
	struct report_query q;
	enum report_format format;
	const char *(*names)(void *ctx, const char *model_id);
	void (*done)(void *ctx, int rc, const struct buf *text);
	void *ctx;
	struct buf text;
};

/* The name that a row goes by.  Requests that had no model or key yet have a name all the same. */
static const char *name_of(const struct report *r, enum usage_group group, const char *name)
{
	if (!name[0])
		return group == USAGE_BY_NOTHING ? "all" : "none";
	return group == USAGE_BY_MODEL && r->names ? r->names(r->ctx, name) : name;
}

/* Several ids may have one short name; their rows are one.  At its first row it is written with
 * what all of them have.  There are few models, so looking through all of them is cheap. */
static bool gather(const struct report *r, enum usage_group group, const struct usage_row *rows,
		   size_t count, size_t i, struct usage_amounts *ret)
{
	const char *name = name_of(r, group, rows[i].name);

	*ret = rows[i].sum;
	if (group != USAGE_BY_MODEL)
		return true;
	for (size_t k = 0; k < count; k++) {
		if (k == i || strcmp(name_of(r, group, rows[k].name), name) != 0)
			continue;
		if (k < i)
			return false;
		add_amounts(ret, &rows[k].sum);
	}
	return true;
}

static void write_group(struct report *r, enum usage_group group, const struct usage_row *rows,
			size_t count)
{
	struct buf *to = &r->text;
	struct usage_amounts sum;
	bool first = true;

	buf_printf(to, ",\"%s\":{", groupings[group].member);
	for (size_t i = 0; i < count; i++) {
		if (!gather(r, group, rows, count, i, &sum))
			continue;
		if (!first)
			buf_add_char(to, ',');
		first = false;
		json_add_string_lossy(to, name_of(r, group, rows[i].name));
		buf_printf(to, ":{\"tokens\":%lld,\"cost\":", (long long)all_tokens(&sum));
		money_add_usd(to, sum.cost_micro_usd);
		buf_printf(to, ",\"requests\":%lld}", (long long)sum.requests);
	}
	buf_add_char(to, '}');
}

/* ---- JSON ---- */

static void write_totals(struct report *r, const struct usage_row *rows, size_t count)
{
	struct usage_amounts u = {0};
	struct buf *to = &r->text;

	for (size_t i = 0; i < count; i++)
		add_amounts(&u, &rows[i].sum);
	buf_add_str(to, "{\"project_id\":");
	if (r->q.usage.project[0])
		json_add_string_lossy(to, r->q.usage.project);
	else
		buf_add_str(to, "null");
	buf_printf(to, ",\"period\":\"%s\",\"from\":", r->q.period);
	add_time(to, r->q.usage.from_ms);
	buf_add_str(to, ",\"to\":");
	add_time(to, r->q.usage.to_ms);
	buf_printf(to,
		   ",\"total_tokens\":%lld,\"input_tokens\":%lld,\"output_tokens\":%lld,"
		   "\"cache_read_tokens\":%lld,\"cache_creation_tokens\":%lld,\"total_cost\":",
		   (long long)all_tokens(&u), (long long)u.input_tokens, (long long)u.output_tokens,
		   (long long)u.cache_read_tokens, (long long)u.cache_creation_tokens);
	money_add_usd(to, u.cost_micro_usd);
	buf_printf(to, ",\"requests\":%lld,\"cache_hits\":%lld", (long long)u.requests,
		   (long long)u.cache_hits);
}

static void finish(struct report *r, int rc)
{
	if (rc == 0 && r->text.failed)
		rc = -ENOMEM;
	r->done(r->ctx, rc, &r->text);
	buf_done(&r->text);
	free(r);
}

/* Of the project, or of everybody when the report is of all. */
static void finish_json(struct report *r)
{
	const char *project = r->q.usage.project;
	struct account_list *list =
		registry_budgets(r->registry, project[0] ? SCOPE_PROJECT : SCOPE_GLOBAL, project);

	buf_add_str(&r->text, ",\"budget\":");
	if (list)
		report_write_budget(list, clock_wall_ms(), &r->text);
	else
		buf_add_str(&r->text, "null");
	buf_add_char(&r->text, '}');
	finish(r, 0);
}

static int ask(struct report *r, enum usage_group group,
	       void (*done)(void *ctx, int rc, const struct usage_row *rows, size_t count))
{
	struct usage_query q = r->q.usage;

	q.group = group;
	return store_usage(r->store, &q, done, r);
}

static void got_group(void *ctx, int rc, const struct usage_row *rows, size_t count)
{
	struct report *r = ctx;

	if (rc < 0) {
		finish(r, rc);
		return;
	}
	write_group(r, r->q.usage.group, rows, count);
	finish_json(r);
}

static void got_models(void *ctx, int rc, const struct usage_row *rows, size_t count)
{
	struct report *r = ctx;

	if (rc == 0) {
		write_totals(r, rows, count);
		write_group(r, USAGE_BY_MODEL, rows, count);
		if (r->q.usage.group == USAGE_BY_MODEL || r->q.usage.group == USAGE_BY_NOTHING) {
			finish_json(r);
			return;
		}
		rc = ask(r, r->q.usage.group, got_group);
	}
	if (rc < 0)
		finish(r, rc);
}

/* ---- CSV ---- */

static void add_csv_name(struct buf *to, const char *name)
{
	if (name[strcspn(name, ",\"\r\n")] == '\0') {
		buf_add_str(to, name);
		return;
	}
	buf_add_char(to, '"');
	for (; *name; name++) {
		if (*name == '"')
			buf_add_char(to, '"');
		buf_add_char(to, *name);
	}
	buf_add_char(to, '"');
}

static void got_csv(void *ctx, int rc, const struct usage_row *rows, size_t count)
{
	struct report *r = ctx;
	enum usage_group group = r->q.usage.group;
	struct buf *to = &r->text;
	struct usage_amounts u;

	buf_printf(to,
		   "%s,requests,errors,cache_hits,input_tokens,output_tokens,cache_read_tokens,"
		   "cache_creation_tokens,thinking_tokens,total_tokens,cost_usd\r\n",
		   group == USAGE_BY_NOTHING ? "all" : groupings[group].name);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		if (!gather(r, group, rows, count, i, &u))
			continue;
		add_csv_name(to, name_of(r, group, rows[i].name));
		buf_printf(to, ",%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,",
			   (long long)u.requests, (long long)u.errors, (long long)u.cache_hits,
			   (long long)u.input_tokens, (long long)u.output_tokens,
			   (long long)u.cache_read_tokens, (long long)u.cache_creation_tokens,
			   (long long)u.thinking_tokens, (long long)all_tokens(&u));
		money_add_usd(to, u.cost_micro_usd);
		buf_add_str(to, "\r\n");
	}
	finish(r, rc);
}

int report_run(struct registry *registry, struct store *store, const struct report_query *q,
	       enum report_format format, const char *(*names)(void *ctx, const char *model_id),
	       void (*done)(void *ctx, int rc, const struct buf *text), void *ctx)
{
	struct report *r = calloc(1, sizeof *r);
	int rc;

	if (!r)
		return -ENOMEM;
	*r = (struct report){
		.registry = registry,
		.store = store,
		.q = *q,
		.format = format,
		.names = names,
		.done = done,
		.ctx = ctx,
	};
	buf_init(&r->text, REPORT_BYTES_MAX);
	rc = format == REPORT_CSV ? ask(r, q->usage.group, got_csv)
				  : ask(r, USAGE_BY_MODEL, got_models);
	if (rc < 0)
		free(r);
	return rc;
}
