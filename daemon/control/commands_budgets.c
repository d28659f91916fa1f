/* budgets.* and limits.*: how much, and how often. */
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/json.h"
#include "shared/verb_value.h"

#include "daemon/admit/window.h"
#include "daemon/control/commands.h"
#include "daemon/control/json_view.h"
#include "daemon/control/whom.h"

/* ---- budgets ---- */

struct ranked {
	json_t *row;
	double fullness;
};

struct list {
	struct registry *registry;
	struct buf ranked; /* of struct ranked; owns the rows */
	int64_t now_ms;
};

static void append(void *ctx, const struct budget_view *b)
{
	const struct ranked one = {view_budget(b), budget_fullness(b)};
	struct list *l = ctx;

	buf_add(&l->ranked, &one, sizeof one);
	if (l->ranked.failed)
		json_decref(one.row);
}

static void append_all(struct list *l, struct account_list *accounts)
{
	if (accounts)
		budget_each(accounts, l->now_ms, append, l);
}

static void append_projects_budgets(void *ctx, struct project *p)
{
	if (!p->deleted)
		append_all(ctx, &p->budgets);
}

static void append_keys_budgets(void *ctx, struct key *k)
{
	append_all(ctx, &k->budgets);
}

static int fullest_first(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return (x->fullness < y->fullness) - (x->fullness > y->fullness);
}

void command_budgets_list(struct verb_call *r)
{
	struct list l = {.registry = r->control->deps.registry, .now_ms = clock_wall_ms()};
	size_t closest = (size_t)json_get_int(r->params, "closest", 0), count;
	const struct ranked *all;
	json_t *rows = json_array();

	buf_init(&l.ranked, SIZE_MAX / 4);
	append_all(&l, registry_global_budgets(l.registry));
	registry_each_project(l.registry, append_projects_budgets, &l);
	registry_each_key(l.registry, NULL, append_keys_budgets, &l);
	count = l.ranked.len / sizeof *all;
	if (closest > 0 && count > 0)
		qsort(l.ranked.data, count, sizeof *all, fullest_first);
	all = (const void *)l.ranked.data;
	for (size_t i = 0; i < count; i++) {
		if (closest == 0 || i < closest)
			json_array_append_new(rows, all[i].row);
		else
			json_decref(all[i].row);
	}
	buf_done(&l.ranked);
	verb_call_answer(r, json_pack("{so}", "budgets", rows));
}

void command_budgets_show(struct verb_call *r)
{
	struct whom w;

	if (!whom_read(r, &w))
		return;
	verb_call_answer(r, json_pack("{so}", "budgets",
				      view_budgets(registry_budgets(r->control->deps.registry,
								    w.scope, w.subject),
						   clock_wall_ms())));
}

static bool read_window(struct verb_call *r, const char *text, struct budget_record *to)
{
	int rc = window_parse(text, &to->window, &to->rolling_ms);

	if (rc == 0)
		return true;
	verb_call_refuse(
		r, RPC_INVALID_PARAMS, "window",
		rc == ERR_LIMIT
			? "window: a rolling one is 1h to 366d, in quarters of an hour"
			: "window must be hour, day, week, month, total or rolling:TIME such "
			  "as rolling:24h");
	return false;
}

/* What `then` needs to find the budget again. */
static void remember(struct verb_call *r, const struct budget_record *b)
{
	r->scope = b->scope;
	snprintf(r->subject, sizeof r->subject, "%s", b->subject);
	r->number = (int64_t)b->window << 56 | b->rolling_ms; /* 366 days fit in 36 bits */
}

struct search {
	int64_t number;
	json_t *budget; /* NULL: not found */
};

static void find_remembered(void *ctx, const struct budget_view *b)
{
	struct search *s = ctx;

	if (((int64_t)b->record.window << 56 | b->record.rolling_ms) == s->number && !s->budget)
		s->budget = view_budget(b);
}

static void show_changed(struct verb_call *r)
{
	struct search s = {.number = r->number};
	struct account_list *accounts =
		registry_budgets(r->control->deps.registry, r->scope, r->subject);

	if (accounts)
		budget_each(accounts, clock_wall_ms(), find_remembered, &s);
	if (s.budget)
		verb_call_answer(r, s.budget);
	else
		verb_call_refuse(r, RPC_NOT_FOUND, "window", "the budget is gone meanwhile");
}

void command_budgets_set(struct verb_call *r)
{
	struct budget_record wanted = {.window = WINDOW_MONTH};
	const char *window = json_get_str(r->params, "window");
	struct refusal why;
	struct whom w;

	if (!whom_read(r, &w) || !read_window(r, window ? window : "month", &wanted))
		return;
	wanted.scope = w.scope;
	snprintf(wanted.subject, sizeof wanted.subject, "%s", w.subject);
	wanted.limit_tokens = param_count(r->params, "tokens", -1);
	wanted.limit_micro_usd = param_micro_usd(r->params, "usd", -1);
	wanted.soft = json_get_true(r->params, "soft");
	wanted.warn_percent = (int)param_count(r->params, "warn", 0);
	if (wanted.limit_tokens < 0 && wanted.limit_micro_usd < 0) {
		verb_call_refuse(
			r, RPC_INVALID_PARAMS, "tokens",
			"a budget needs tokens, usd or both; budgets.delete takes one away");
		return;
	}
	remember(r, &wanted);
	r->then = show_changed;
	verb_call_started(
		r, registry_put_budget(r->control->deps.registry, &wanted, verb_call_done, r, &why),
		&why);
}

struct choice {
	const struct budget_record *wanted; /* NULL: any window */
	struct budget_record found;
	unsigned count;
};

static void choose(void *ctx, const struct budget_view *b)
{
	struct choice *c = ctx;

	if (c->wanted && (c->wanted->window != b->record.window ||
			  c->wanted->rolling_ms != b->record.rolling_ms))
		return;
	c->found = b->record;
	c->count++;
}

/* The one budget that is meant.  False: refused. */
static bool find_budget(struct verb_call *r, struct budget_record *ret)
{
	const char *window = json_get_str(r->params, "window");
	struct budget_record wanted = {0};
	struct choice c = {.wanted = window ? &wanted : NULL};
	struct account_list *accounts;
	struct whom w;

	if (!whom_read(r, &w) || (window && !read_window(r, window, &wanted)))
		return false;
	accounts = registry_budgets(r->control->deps.registry, w.scope, w.subject);
	if (accounts)
		budget_each(accounts, clock_wall_ms(), choose, &c);
	if (c.count == 1) {
		*ret = c.found;
		return true;
	}
	if (c.count == 0)
		verb_call_refuse(r, RPC_NOT_FOUND, window ? "window" : "project",
				 "there is no such budget%s%s", window ? " of window " : "",
				 window ? window : "");
	else
		verb_call_refuse(r, RPC_INVALID_PARAMS, "window",
				 "there are %u budgets: window must say which", c.count);
	return false;
}

void command_budgets_reset(struct verb_call *r)
{
	struct budget_record which;
	struct refusal why;

	if (!find_budget(r, &which))
		return;
	remember(r, &which);
	r->then = show_changed;
	verb_call_started(
		r,
		registry_reset_budget(r->control->deps.registry, &which, verb_call_done, r, &why),
		&why);
}

static void show_deleted(struct verb_call *r)
{
	json_t *what = json_object();

	view_add_subject(what, r->scope, r->subject);
	verb_call_answer(r, json_pack("{so}", "deleted", what));
}

void command_budgets_delete(struct verb_call *r)
{
	struct budget_record which;
	struct refusal why;

	if (!find_budget(r, &which))
		return;
	remember(r, &which);
	r->then = show_deleted;
	verb_call_started(
		r,
		registry_delete_budget(r->control->deps.registry, &which, verb_call_done, r, &why),
		&why);
}

/* ---- limits ---- */

static json_t *view_limits(enum scope scope, const char *subject, struct rate *rate)
{
	json_t *to = json_object();
	struct rate_view view;

	rate_look(rate, clock_mono_us(), &view);
	view_add_subject(to, scope, subject);
	view_add_limits(to, &rate->limits);
	json_object_set_new(to, "remaining_requests", view_count(view.remaining_requests));
	json_object_set_new(to, "remaining_tokens", view_count(view.remaining_tokens));
	json_object_set_new(to, "running", json_integer(rate->running));
	return to;
}

static bool has_limits(const struct rate *rate)
{
	return rate->limits.requests_per_minute >= 0 || rate->limits.tokens_per_minute >= 0 ||
	       rate->limits.concurrent >= 0;
}

static void append_project_limits(void *ctx, struct project *p)
{
	if (!p->deleted && has_limits(&p->rate))
		json_array_append_new(ctx, view_limits(SCOPE_PROJECT, p->record.name, &p->rate));
}

static void append_key_limits(void *ctx, struct key *k)
{
	if (has_limits(&k->rate) && !k->record.revoked_ms)
		json_array_append_new(ctx, view_limits(SCOPE_KEY, k->record.id, &k->rate));
}

/* NULL: gone meanwhile. */
static struct rate *rate_of(struct registry *registry, enum scope scope, const char *subject)
{
	struct project *p;
	struct key *k;

	if (scope == SCOPE_GLOBAL)
		return registry_global_rate(registry);
	if (scope == SCOPE_PROJECT) {
		p = registry_find_project(registry, subject);
		return p ? &p->rate : NULL;
	}
	k = registry_find_key(registry, subject);
	return k ? &k->rate : NULL;
}

void command_limits_show(struct verb_call *r)
{
	struct registry *registry = r->control->deps.registry;
	json_t *rows;
	struct whom w;

	if (whom_count(r) > 0) {
		if (!whom_read(r, &w))
			return;
		rows = json_array();
		json_array_append_new(rows, view_limits(w.scope, w.subject,
							rate_of(registry, w.scope, w.subject)));
	} else {
		rows = json_array();
		json_array_append_new(
			rows, view_limits(SCOPE_GLOBAL, "", registry_global_rate(registry)));
		registry_each_project(registry, append_project_limits, rows);
		registry_each_key(registry, NULL, append_key_limits, rows);
	}
	verb_call_answer(r, json_pack("{so}", "limits", rows));
}

static void show_limits(struct verb_call *r)
{
	struct rate *rate = rate_of(r->control->deps.registry, r->scope, r->subject);

	if (rate)
		verb_call_answer(r, view_limits(r->scope, r->subject, rate));
	else
		verb_call_refuse(r, RPC_NOT_FOUND, NULL, "it has been deleted meanwhile");
}

void command_limits_set(struct verb_call *r)
{
	struct registry *registry = r->control->deps.registry;
	bool none = json_get_true(r->params, "none");
	bool some = param_given(r->params, "requests_per_minute") ||
		    param_given(r->params, "tokens_per_minute") ||
		    param_given(r->params, "concurrent");
	struct rate_limits limits;
	struct refusal why;
	struct whom w;

	if (!whom_read(r, &w))
		return;
	if (none == some) {
		verb_call_refuse(r, RPC_INVALID_PARAMS, "requests_per_minute",
				 "name a limit to set, or none to take all away");
		return;
	}
	limits = rate_of(registry, w.scope, w.subject)->limits;
	whom_limits(r, &limits);
	r->scope = w.scope;
	snprintf(r->subject, sizeof r->subject, "%s", w.subject);
	r->then = show_limits;
	verb_call_started(r,
			  registry_set_limits(registry, w.scope, w.subject, none ? NULL : &limits,
					      verb_call_done, r, &why),
			  &why);
}
