#include "daemon/pool/pool_view.h"

#include <stdlib.h>
#include <utlist.h>

#include "shared/clock.h"

#include "daemon/observe/row.h"
#include "daemon/observe/view.h"
#include "daemon/pool/pool_private.h"

const char *pool_mend(const struct pool *p)
{
	switch (pool_health(p)) {
	case POOL_CLI_NOT_FOUND:
		return p->conf->claude.path[0]
			       ? "npm install -g @anthropic-ai/claude-code, take claude.path out "
				 "of the settings, then systemctl restart ccapid"
			       : "npm install -g @anthropic-ai/claude-code";
	case POOL_CLI_TOO_OLD:
		return "claude update";
	case POOL_CLI_UNSAFE:
		return selftest_is_safe(&gate_result(p->gate)->report)
			       ? "change the settings as it says, then systemctl restart ccapid"
			       : "install another version of Claude Code: claude update";
	case POOL_NOT_LOGGED_IN:
		return p->conf->claude.login == CONF_LOGIN_USER
			       ? "claude, and /login there, as the daemon's user; then ccapictl "
				 "config reload"
			       : "ccapictl login";
	case POOL_FAILING:
		return "look at the log for why the processes end (ccapictl logs), then ccapictl "
		       "config reload";
	case POOL_STARTING:
	case POOL_READY:
	case POOL_STOPPED:
		break;
	}
	return "";
}

/* ---- workers ---- */

void worker_write_row(const struct worker *w, struct buf *to)
{
	const struct job *job = w->turn.job;

	row_open(to);
	row_int(to, "id", w->id);
	row_text(to, "state", w->state == WORKER_DEAD ? "gone" : worker_state_name(w->state));
	row_time(to, "since", clock_wall_ms_at(w->since_us ? w->since_us : w->started_us));
	row_time(to, "started_at", clock_wall_ms_at(w->started_us));
	row_text(to, "project", w->project);
	row_text(to, "request", job ? job->id : NULL);
	row_text(to, "model", job ? job->prompt.model : NULL); /* as the CLI is told it: "opus" */
	row_int(to, "requests", w->requests);
	row_int_or_null(to, "rss_bytes", w->rss ? w->rss : -1);
	row_bool(to, "retiring", w->retire);
	row_text(to, "version", w->version);
	row_int(to, "pid", w->child.process.pid);
	row_text(to, "why", w->why);
	row_close(to);
}

static json_t *worker_view(const struct worker *w)
{
	struct buf text;
	json_t *row;

	buf_init(&text, WORKER_ROW_MAX);
	worker_write_row(w, &text);
	row = row_parse(&text);
	buf_done(&text);
	return row;
}

json_t *pool_view_workers(const struct pool *p)
{
	json_t *rows = json_array();
	const struct worker *w;

	DL_FOREACH(p->workers, w)
	{
		json_array_append_new(rows, worker_view(w));
	}
	return rows;
}

json_t *pool_view_worker(const struct pool *p, unsigned id)
{
	const struct worker *w;

	DL_FOREACH(p->workers, w)
	{
		if (w->id == id)
			return worker_view(w);
	}
	return NULL;
}

json_t *pool_view_rss(const struct pool *p)
{
	json_t *rows = json_array();
	struct worker *w;

	DL_FOREACH(p->workers, w)
	{
		if (w->state < WORKER_DRAINING)
			json_array_append_new(rows, json_pack("{sI sI}", "id", (json_int_t)w->id,
							      "rss_bytes",
							      (json_int_t)worker_read_rss(w)));
	}
	return rows;
}

/* ---- the pool ---- */

/* null: starts do not wait. */
static json_t *view_next_start(const struct pool *p)
{
	int64_t wait_ms = backoff_wait_ms(&p->starts, clock_mono_us());

	if (wait_ms <= 0 || p->starts.failures == 0)
		return json_null();
	return json_pack("{sI so so}", "attempt", (json_int_t)p->starts.failures + 1, "at",
			 view_time_ms(clock_wall_ms() + wait_ms), "why", view_text(p->start_why));
}

static json_t *view_counts(const struct pool *p)
{
	struct pool_counts n;

	pool_count(p, &n);
	return json_pack("{si si si si si sI}", "starting", (int)n.starting, "ready", (int)n.ready,
			 "busy", (int)n.busy, "resetting", (int)n.resetting, "draining",
			 (int)n.draining, "most", (json_int_t)pool_most_workers(p));
}

json_t *pool_view(const struct pool *p)
{
	enum pool_health health = pool_health(p);
	bool ready = health == POOL_READY;

	return json_pack("{ss so so so so so so sI so}", "health", pool_health_name(health),
			 "detail", view_text(ready ? "" : pool_health_detail(p)), "mend",
			 view_text(pool_mend(p)), "mode",
			 ready ? json_string(pool_body_mode(p) ? "body" : "replay") : json_null(),
			 "cli_version", view_text(pool_cli_version(p)), "login",
			 view_text(p->login_words), "workers", view_counts(p), "configured",
			 (json_int_t)p->conf->pool.workers, "next_start", view_next_start(p));
}

const char *pool_login_words(const struct pool *p)
{
	return p->login_words;
}

/* ---- the plan ---- */

static json_t *view_window(const struct plan_window *w)
{
	return json_pack("{so so}", "utilization",
			 w->utilization < 0 ? json_null() : json_real(w->utilization), "resets_at",
			 view_time(w->resets_at * 1000));
}

json_t *pool_view_plan(const struct pool *p)
{
	static const char *const names[] = {[PLAN_UNKNOWN] = "unknown",
					    [PLAN_ALLOWED] = "allowed",
					    [PLAN_WARNING] = "warning",
					    [PLAN_REJECTED] = "rejected"};
	const struct plan_limits *plan = pool_plan(p);

	return json_pack("{ss so so so so so}", "status", names[plan->status], "limit",
			 view_text(plan->type), "resets_at", view_time(plan->resets_at * 1000),
			 "five_hour", view_window(&plan->five_hour), "seven_day",
			 view_window(&plan->seven_day), "received_at",
			 view_time(plan->received_ms));
}
