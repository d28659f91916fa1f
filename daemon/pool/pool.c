/* The pool keeps three promises: there are as many workers as configured and no process besides, a
 * worker is only ever given to a job it may serve, and what is doubtful is not used.
 *
 * It opens the gate, then tends the population: tend() is the one function that starts and retires
 * workers; it runs after everything that changes their number, and once a second.  Starts follow
 * one another until the first worker is ready, then two at a time; failures slow them down, and
 * after several the breaker tells everybody that nothing can be served.  A login that upstream
 * rejects closes the pool for a growing time instead of starting worker after worker. */
#include "daemon/pool/pool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/str.h"

#include "daemon/observe/events.h"
#include "daemon/observe/metrics.h"
#include "daemon/pool/dirs.h"
#include "daemon/pool/pool_private.h"
#include "daemon/pool/pool_view.h"

enum { TICK_MS = 1000 };

/* ---- choosing a worker ---- */

unsigned pool_count_state(const struct pool *p, enum worker_state state)
{
	const struct worker *w;
	unsigned n = 0;

	DL_FOREACH(p->workers, w)
	{
		n += w->state == state;
	}
	return n;
}

bool pool_past_its_time(const struct pool *p, struct worker *w)
{
	return w->requests >= (uint64_t)p->conf->pool.max_requests ||
	       clock_mono_us() - w->started_us > p->conf->pool.max_age * 1000 ||
	       (w->requests > 0 && worker_read_rss(w) > p->conf->pool.max_rss);
}

/* The worker to prefer of two that may serve: one that the job's project has warmed, the last used;
 * else an untouched one. */
static struct worker *better(struct worker *a, struct worker *b)
{
	if (!a || (b->project[0] && !a->project[0]))
		return b;
	if (a->project[0] && !b->project[0])
		return a;
	return b->idle_since_us > a->idle_since_us ? b : a;
}

static bool serves(const struct worker *w, const struct job *job)
{
	return strcmp(w->project, job->project) == 0;
}

/* Whether the project is to wait for its own workers: it has as many as may be busy at once, or one
 * of them is about to come free. */
static bool waits_for_own(const struct pool *p, const struct job *job)
{
	const struct worker *w;
	unsigned share = 0;
	bool resetting = false;

	DL_FOREACH(p->workers, w)
	{
		if (w->state >= WORKER_DRAINING || w->retire || !serves(w, job))
			continue;
		share++;
		resetting = resetting || w->state == WORKER_RESETTING;
	}
	return resetting || share >= pool_most_workers(p);
}

/* Who may serve the job now.  A second attempt goes to another worker than the first, where there
 * is one.  Fresh workers are for projects that have not their full share yet: under load a project
 * would else use up the spares, one after another, while its own workers are between two requests.
 */
static struct worker *choose(const struct pool *p, const struct job *job, bool may_take_fresh)
{
	const bool any_project = p->conf->pool.reuse == CONF_REUSE_ALWAYS;
	struct worker *w, *best = NULL, *same = NULL;

	DL_FOREACH(p->workers, w)
	{
		if (w->state != WORKER_READY || w->retire)
			continue;
		if (!any_project && !serves(w, job) && (w->project[0] || !may_take_fresh))
			continue;
		if (job->result.attempts > 0 && w->id == job->result.worker_id)
			same = w;
		else
			best = better(best, w);
	}
	return best ? best : same;
}

int pool_run(struct pool *p, struct job *job)
{
	bool wait_for_own = waits_for_own(p, job);
	struct worker *w;

	if (p->health != POOL_READY || pool_count_state(p, WORKER_READY) == 0 ||
	    pool_count_state(p, WORKER_BUSY) >= pool_most_workers(p))
		return -EBUSY;
	w = choose(p, job, !wait_for_own);
	if (!w)
		return wait_for_own ? -EALREADY : -EAGAIN;
	if (!w->project[0])
		pool_fresh_taken(p);
	snprintf(w->project, sizeof w->project, "%s", job->project);
	job->worker = w;
	job->result.warm = w->requests > 0;
	metric_add_as(METRIC_DISPATCHES, 1, job->result.warm ? "warm" : "cold");
	worker_run(w, job);
	return 0;
}

void pool_want_fresh(struct pool *p, unsigned jobs)
{
	if (jobs == p->wanting)
		return;
	p->wanting = jobs;
	pool_tend(p);
}

void pool_abort(struct pool *p, struct job *job, enum fault why)
{
	(void)p;
	if (job->worker)
		worker_abort(job->worker, why);
}

void pool_pause(struct pool *p, struct job *job, bool paused)
{
	(void)p;
	if (job->worker)
		worker_pause(job->worker, paused);
}

/* ---- what workers say ---- */

static void on_ready(struct worker *w)
{
	struct pool *p = w->owner;

	backoff_success(&p->starts);
	p->any_ready = true;
	if (w->initialize_sent && gate_result(p->gate)->late_init)
		w->retire = true; /* its system prompt is settled, and is not the next job's */
	if (w->retire || pool_past_its_time(p, w)) {
		worker_stop(w);
		pool_tend(p);
		return;
	}
	p->version_doubted = false;
	if (p->gate_open && (p->health == POOL_STARTING || p->health == POOL_FAILING) &&
	    (p->spec.body_mode || p->login_known)) {
		pool_set_health(p, POOL_READY, "");
	}
	p->events.capacity(p->events.ctx);
	pool_tend(p); /* after the jobs that waited have had their choice */
}

static void on_turn_end(struct worker *w, struct job *job, bool login_rejected)
{
	struct pool *p = w->owner;

	job->worker = NULL;
	if (job->result.fault == FAULT_PLAN_LIMIT) {
		int64_t wait_ms = plan_limits_wait_ms(&p->plan, clock_wall_ms());

		job->result.retry_after_ms = wait_ms > 0 ? wait_ms : -1;
	}
	if (login_rejected)
		pool_login_lost(p);
	else if (job->result.fault == FAULT_NONE)
		p->gate_retry_ms = 0;
	if (w->state >= WORKER_DRAINING)
		pool_tend(p);
	p->events.turn_end(p->events.ctx, job);
}

static bool has_account(const json_t *reply)
{
	const json_t *account = json_object_get(reply, "account");
	const char *source = json_get_str(account, "tokenSource");

	return !account || !source || strcmp(source, "none") != 0 ||
	       json_get_str(account, "apiKeySource");
}

/* An update under the running daemon; once it is tested, workers are of that version.  A program
 * whose workers never are what it says of itself is not tested over and over without a pause. */
static void other_version(struct worker *w)
{
	struct pool *p = w->owner;
	const char *tested = gate_result(p->gate)->version_text;
	char detail[256];

	w->retire = true;
	if (!p->gate_open)
		return;
	gate_forget(p->gate);
	if (p->version_doubted) {
		snprintf(detail, sizeof detail,
			 "`%s --version` says %s, its workers say that they are %s",
			 gate_result(p->gate)->binary.path, tested, w->version);
		pool_close_gate(p, POOL_FAILING, detail);
		return;
	}
	p->version_doubted = true;
	log_warn("pool", "worker %u is version %s, tested was %s: the gate is opened anew", w->id,
		 w->version, tested);
	pool_check_gate(p);
}

static void on_initialized(struct worker *w, const json_t *reply)
{
	struct pool *p = w->owner;

	if (!has_account(reply))
		pool_login_lost(p);
	if (models_load(&p->models, json_object_get(reply, "models")) != 0)
		log_warn("pool", "worker %u: the CLI named no models", w->id);
	if (!w->retire && w->version[0] &&
	    cli_version_number(w->version) != gate_result(p->gate)->version)
		other_version(w);
}

static void on_plan(struct worker *w, const json_t *info)
{
	struct pool *p = w->owner;

	plan_limits_update(&p->plan, info, clock_wall_ms());
	if (events_live())
		events_tell("plan", pool_view_plan(p));
}

void pool_start_failed(struct pool *p, unsigned id, const char *why)
{
	char detail[512];

	backoff_failure(&p->starts, clock_mono_us());
	str_copy_clean(p->start_why, sizeof p->start_why, why);
	metric_add(METRIC_WORKER_START_FAILURES, 1);
	log_warn("pool", "worker %u did not start (%s); next try in %" PRId64 " ms", id, why,
		 backoff_wait_ms(&p->starts, clock_mono_us()));
	if (backoff_open(&p->starts) && p->health != POOL_NOT_LOGGED_IN &&
	    pool_count_state(p, WORKER_READY) == 0 && pool_count_state(p, WORKER_BUSY) == 0) {
		snprintf(detail, sizeof detail,
			 "%u workers in a row did not start, the last one %s: run `%s -p hello` by "
			 "hand",
			 p->starts.failures, why, gate_result(p->gate)->binary.path);
		pool_set_health(p, POOL_FAILING, detail);
	}
}

/* A worker that dies before its first request may be followed by others that do. */
static void on_failed(struct worker *w, const char *why)
{
	struct pool *p = w->owner;

	if (!w->was_ready)
		pool_start_failed(p, w->id, why);
	else if (w->requests == 0)
		backoff_pause(&p->starts, clock_mono_us());
}

static void finish_stop(struct pool *p);

static void on_gone(struct worker *w)
{
	struct pool *p = w->owner;

	DL_DELETE(p->workers, w);
	worker_free(w);
	if (p->stopping)
		finish_stop(p);
	else
		pool_tend(p);
}

static void on_changed(struct worker *w)
{
	struct buf row;

	if (!events_live())
		return;
	buf_init(&row, WORKER_ROW_MAX);
	worker_write_row(w, &row);
	events_tell_text("worker", &row);
	buf_done(&row);
}

const struct worker_events pool_worker_events = {.ready = on_ready,
						 .turn_end = on_turn_end,
						 .initialized = on_initialized,
						 .plan = on_plan,
						 .failed = on_failed,
						 .gone = on_gone,
						 .changed = on_changed};

/* ---- what others ask ---- */

enum pool_health pool_health(const struct pool *p)
{
	return p->stopping ? POOL_STOPPED : p->health;
}

const char *pool_health_detail(const struct pool *p)
{
	return p->detail;
}

bool pool_body_mode(const struct pool *p)
{
	return p->spec.body_mode;
}

const struct models *pool_models(const struct pool *p)
{
	return &p->models;
}

const char *pool_cli_version(const struct pool *p)
{
	return gate_result(p->gate)->version_text;
}

const struct gate_result *pool_gate_result(const struct pool *p)
{
	return gate_result(p->gate);
}

const struct plan_limits *pool_plan(const struct pool *p)
{
	return &p->plan;
}

void pool_count(const struct pool *p, struct pool_counts *ret)
{
	*ret = (struct pool_counts){.starting = pool_count_state(p, WORKER_STARTING),
				    .ready = pool_count_state(p, WORKER_READY),
				    .busy = pool_count_state(p, WORKER_BUSY),
				    .resetting = pool_count_state(p, WORKER_RESETTING),
				    .draining = pool_count_state(p, WORKER_DRAINING)};
}

/* ---- life ---- */

struct pool *pool_new(uv_loop_t *loop, const struct conf *conf)
{
	struct pool *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->loop = loop;
	p->conf = conf;
	p->gate = gate_new(loop, conf);
	if (asprintf(&p->cwd, "%s/empty", conf->state_dir) < 0)
		p->cwd = NULL;
	if (asprintf(&p->tmp_root, "%s/tmp", conf->state_dir) < 0)
		p->tmp_root = NULL;
	if (!p->gate || !p->cwd || !p->tmp_root) {
		free(p->cwd);
		free(p->tmp_root);
		free(p); /* with the process at its end of memory the gate's timer is the least
			    concern */
		return NULL;
	}
	plan_limits_init(&p->plan);
	uv_timer_init(loop, &p->tick);
	uv_async_init(loop, &p->wake, pool_woken);
	p->tick.data = p->wake.data = p;
	p->open_handles = 3; /* these two and the gate */
	return p;
}

void pool_listen(struct pool *p, const struct pool_events *events)
{
	p->events = *events;
}

int pool_start(struct pool *p)
{
	int rc = dirs_prepare(p->conf->state_dir);

	if (rc != 0)
		return rc;
	uv_timer_start(&p->tick, pool_tick, TICK_MS, TICK_MS);
	pool_check_gate(p);
	return 0;
}

/* The gate stays shut from here on: nothing is started in place of what is killed. */
void pool_kill_all(struct pool *p)
{
	struct worker *w, *next;

	p->gate_open = false;
	p->gate_retry_at_us = INT64_MAX;
	p->health = POOL_STOPPED;
	DL_FOREACH_SAFE(p->workers, w, next)
	{
		worker_kill(w);
	}
}

static void finish_stop(struct pool *p)
{
	if (p->workers || p->open_handles > 0)
		return;
	models_done(&p->models);
	string_list_done(&p->argv);
	string_list_done(&p->env);
	free(p->cwd);
	free(p->tmp_root);
	free(p->sessions_dir);
	free(p->system_prompt);
	p->closed(p->closed_ctx);
	free(p);
}

static void handle_closed(uv_handle_t *handle)
{
	struct pool *p = handle->data;

	p->open_handles--;
	finish_stop(p);
}

static void gate_closed(void *ctx)
{
	struct pool *p = ctx;

	p->open_handles--;
	finish_stop(p);
}

void pool_stop(struct pool *p, void (*closed)(void *ctx), void *ctx)
{
	struct worker *w, *next;

	p->stopping = true;
	p->closed = closed;
	p->closed_ctx = ctx;
	DL_FOREACH_SAFE(p->workers, w, next)
	{
		worker_stop(w);
	}
	gate_close(p->gate, gate_closed, p);
	uv_close((uv_handle_t *)&p->tick, handle_closed);
	uv_close((uv_handle_t *)&p->wake, handle_closed);
}
