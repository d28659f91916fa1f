/* Jobs between the API and the pool.
 *
 * A job is in one of three lists: a lane of the queue, the running ones, or the ended ones whose
 * done() is due.  pump() is the only place that gives jobs to workers; it runs whenever a job or a
 * worker arrives.  done() is only called from deliver(), which the loop calls, so nobody is called
 * back from inside a call of his own.  The timer looks at deadlines ten times a second while there
 * are jobs, and is off otherwise. */
#include "daemon/dispatch/dispatch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/log.h"

#include "daemon/pool/pool.h"

enum { DEADLINE_TICK_MS = 100, MAX_ATTEMPTS = 2, OVERLOADED_RETRY_MS = 1000 };

struct dispatch {
	struct pool *pool;
	struct dispatch_conf conf;
	struct job *lanes[JOB_LANES], *running, *ended;
	unsigned queued, running_count, ended_count;
	bool draining, aborting;
	bool held;                            /* by order: nothing is given to workers */
	int64_t held_from_us, held_before_us; /* when that began; all earlier times together */
	int64_t look_us;                      /* when deadlines were last looked at */
	uv_timer_t deadlines;
	uv_idle_t deliverer;
	unsigned open_handles;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static void pump(struct dispatch *d);

/* ---- ending ---- */

static void deliver(uv_idle_t *idle)
{
	struct dispatch *d = idle->data;

	while (d->ended) {
		struct job *job = d->ended;

		DL_DELETE2(d->ended, job, queue_prev, queue_next);
		d->ended_count--;
		job->ops->done(job);
		job_unref(job);
	}
	uv_idle_stop(idle);
	if (dispatch_open_jobs(d) == 0)
		uv_timer_stop(&d->deadlines);
}

/* The job is in no list; its result is complete. */
static void end_job(struct dispatch *d, struct job *job)
{
	job->times.ended = clock_mono_us();
	job->state = JOB_ENDED;
	DL_APPEND2(d->ended, job, queue_prev, queue_next);
	d->ended_count++;
	uv_idle_start(&d->deliverer, deliver);
}

static void end_with(struct dispatch *d, struct job *job, enum fault fault)
{
	job->result.fault = fault;
	end_job(d, job);
}

/* ---- queue ---- */

static void enqueue(struct dispatch *d, struct job *job, bool in_front)
{
	job->state = JOB_QUEUED;
	if (in_front)
		DL_PREPEND2(d->lanes[job->lane], job, queue_prev, queue_next);
	else
		DL_APPEND2(d->lanes[job->lane], job, queue_prev, queue_next);
	d->queued++;
}

static void dequeue(struct dispatch *d, struct job *job)
{
	DL_DELETE2(d->lanes[job->lane], job, queue_prev, queue_next);
	d->queued--;
}

/* Low priority work leaves the last part of the plan to the others. */
static bool lane_waits(const struct dispatch *d, enum job_lane lane)
{
	return lane == JOB_LANE_LOW &&
	       plan_limits_use(pool_plan(d->pool), clock_wall_ms()) >= d->conf.plan_reserve;
}

static void job_runs(struct dispatch *d, struct job *job)
{
	dequeue(d, job);
	job->state = JOB_RUNNING;
	job->result.attempts++;
	if (!job->times.dispatched)
		job->times.dispatched = clock_mono_us();
	DL_APPEND2(d->running, job, queue_prev, queue_next);
	d->running_count++;
	if (job->ops->runs)
		job->ops->runs(job);
}

/* Gives the lane's jobs to workers, in order; jobs of one project that found none are not asked
 * again one by one.  The pool hears at once of a job that needs a fresh worker: an idle one of
 * another project makes room before younger jobs of that project can take it.  False: nobody can be
 * served now. */
static bool pump_lane(struct dispatch *d, enum job_lane lane, unsigned *wanting)
{
	struct job *job, *next;
	const char *refused = NULL;
	int rc, why = 0;

	DL_FOREACH_SAFE2(d->lanes[lane], job, next, queue_next)
	{
		rc = refused && strcmp(job->project, refused) == 0 ? why : pool_run(d->pool, job);
		if (rc == -EBUSY)
			return false;
		if (rc == 0) {
			job_runs(d, job);
			continue;
		}
		refused = job->project;
		why = rc;
		if (rc == -EAGAIN)
			pool_want_fresh(d->pool, ++*wanting);
	}
	return true;
}

static void pump(struct dispatch *d)
{
	unsigned wanting = 0;
	bool any_free = true;

	if (d->held)
		return;
	for (int lane = 0; lane < JOB_LANES && any_free; lane++)
		if (d->lanes[lane] && !lane_waits(d, (enum job_lane)lane))
			any_free = pump_lane(d, (enum job_lane)lane, &wanting);
	pool_want_fresh(d->pool, any_free ? wanting : 0);
}

/* ---- admission ---- */

static enum fault refuse(struct job *job, enum fault fault, int64_t retry_ms, const char *message)
{
	job->result.fault = fault;
	job->result.retry_after_ms = retry_ms;
	snprintf(job->result.message, sizeof job->result.message, "%s", message);
	return fault;
}

static bool may_serve(enum pool_health health)
{
	return health == POOL_READY || health == POOL_STARTING;
}

enum fault dispatch_submit(struct dispatch *d, struct job *job)
{
	int64_t now = clock_mono_us(),
		wait_ms = plan_limits_wait_ms(pool_plan(d->pool), clock_wall_ms());

	if (d->draining)
		return refuse(job, FAULT_OVERLOADED, OVERLOADED_RETRY_MS,
			      "the server is shutting down");
	if (!may_serve(pool_health(d->pool)))
		return refuse(job, FAULT_BACKEND_UNAVAILABLE, -1, "");
	if (wait_ms > 0)
		return refuse(job, FAULT_PLAN_LIMIT, wait_ms, "");
	if (job->timeout_ms <= 0 || job->timeout_ms > d->conf.request_timeout_ms)
		job->timeout_ms = d->conf.request_timeout_ms;
	job->times.submitted = now;
	job->deadline_us = now + job->timeout_ms * 1000;
	job->queue_deadline_us = now + d->conf.queue_timeout_ms * 1000;
	job_ref(job);
	enqueue(d, job, false);
	if (!uv_is_active((uv_handle_t *)&d->deadlines)) {
		d->look_us = now;
		uv_timer_again(&d->deadlines);
	}
	pump(d);
	if (job->state != JOB_QUEUED || d->queued <= d->conf.queue_max)
		return FAULT_NONE;
	dequeue(d, job); /* it cannot run at once, and nobody more may wait */
	job->state = JOB_NEW;
	job_unref(job);
	return refuse(job, FAULT_OVERLOADED, OVERLOADED_RETRY_MS, "the queue is full");
}

/* ---- what the pool says ---- */

static bool may_retry(const struct dispatch *d, struct job *job)
{
	return (job->result.fault == FAULT_WORKER || job->result.fault == FAULT_UPSTREAM) &&
	       !job->forwarded && !job->cancelled && !d->aborting &&
	       job->result.attempts < MAX_ATTEMPTS && may_serve(pool_health(d->pool)) &&
	       clock_mono_us() < job->deadline_us &&
	       (!job->ops->may_retry || job->ops->may_retry(job));
}

static void refuse_queued(struct dispatch *d, enum fault fault, int64_t retry_ms,
			  const char *message)
{
	for (int lane = 0; lane < JOB_LANES; lane++) {
		while (d->lanes[lane]) {
			struct job *job = d->lanes[lane];

			dequeue(d, job);
			refuse(job, fault, retry_ms, message);
			end_job(d, job);
		}
	}
}

static void turn_ended(void *ctx, struct job *job)
{
	struct dispatch *d = ctx;

	DL_DELETE2(d->running, job, queue_prev, queue_next);
	d->running_count--;
	if (job->cancelled)
		job->result.fault = FAULT_CANCELLED;
	if (job->result.fault == FAULT_PLAN_LIMIT) /* it is everybody's */
		refuse_queued(d, FAULT_PLAN_LIMIT, job->result.retry_after_ms, "");
	if (!may_retry(d, job)) {
		end_job(d, job);
		return;
	}
	log_info("dispatch", "request %s is tried once more after %s", job->id,
		 fault_name(job->result.fault));
	if (job->times.first_text)
		job->ops->restart(job);
	job->times.first_text = 0;
	job->result.fault = FAULT_NONE;
	job->result.stop = JOB_STOP_NONE;
	job->result.lost = false;
	job->result.message[0] = job->result.param[0] = '\0';
	job->result.retry_after_ms = -1;
	job->queue_deadline_us = clock_mono_us() + d->conf.queue_timeout_ms * 1000;
	enqueue(d, job, true);
	pump(d);
}

static void capacity(void *ctx)
{
	struct dispatch *d = ctx;

	if (!may_serve(pool_health(d->pool)))
		refuse_queued(d, FAULT_BACKEND_UNAVAILABLE, -1, "");
	else
		pump(d);
}

/* ---- deadlines, cancel, pause ---- */

static void expire_queued(struct dispatch *d, int64_t now)
{
	for (int lane = 0; lane < JOB_LANES; lane++) {
		struct job *job, *next;

		DL_FOREACH_SAFE2(d->lanes[lane], job, next, queue_next)
		{
			if (now < job->queue_deadline_us && now < job->deadline_us)
				continue;
			dequeue(d, job);
			snprintf(job->result.message, sizeof job->result.message,
				 "the request waited too long for a worker");
			end_with(d, job, FAULT_TIMEOUT);
		}
	}
}

/* While the queue is held its clocks stand still. */
static void put_off_queued(struct dispatch *d, int64_t by_us)
{
	for (int lane = 0; lane < JOB_LANES; lane++) {
		struct job *job;

		DL_FOREACH2(d->lanes[lane], job, queue_next)
		{
			job->queue_deadline_us += by_us;
			if (!job->own_timeout)
				job->deadline_us += by_us;
		}
	}
}

static void look_at_deadlines(uv_timer_t *timer)
{
	struct dispatch *d = timer->data;
	int64_t now = clock_mono_us();
	struct job *job;

	if (d->held)
		put_off_queued(d, now - d->look_us);
	d->look_us = now;
	expire_queued(d, now);
	DL_FOREACH2(d->running, job, queue_next)
	{
		if (now >= job->deadline_us)
			pool_abort(d->pool, job, FAULT_TIMEOUT);
	}
	if (dispatch_open_jobs(d) == 0)
		uv_timer_stop(timer);
	pump(d); /* the plan's use may have fallen below the reserve */
}

void dispatch_cancel(struct dispatch *d, struct job *job)
{
	if (job->cancelled)
		return;
	job->cancelled = true;
	if (job->state == JOB_QUEUED) {
		dequeue(d, job);
		end_with(d, job, FAULT_CANCELLED);
	} else if (job->state == JOB_RUNNING) {
		pool_abort(d->pool, job, FAULT_CANCELLED);
	}
}

void dispatch_pause(struct dispatch *d, struct job *job, bool paused)
{
	if (job->state == JOB_RUNNING)
		pool_pause(d->pool, job, paused);
}

void dispatch_hold(struct dispatch *d, bool held)
{
	int64_t now = clock_mono_us();

	if (held == d->held)
		return;
	if (d->held) {
		put_off_queued(d, now - d->look_us);
		d->held_before_us += now - d->held_from_us;
	}
	d->held = held;
	d->held_from_us = d->look_us = now;
	pump(d);
}

bool dispatch_is_held(const struct dispatch *d)
{
	return d->held;
}

int64_t dispatch_held_us(const struct dispatch *d)
{
	return d->held_before_us + (d->held ? clock_mono_us() - d->held_from_us : 0);
}

/* What is held would keep the end waiting. */
void dispatch_drain(struct dispatch *d)
{
	d->draining = true;
	dispatch_hold(d, false);
}

void dispatch_abort_all(struct dispatch *d)
{
	struct job *job;

	d->draining = d->aborting = true;
	refuse_queued(d, FAULT_OVERLOADED, OVERLOADED_RETRY_MS, "the server is shutting down");
	DL_FOREACH2(d->running, job, queue_next)
	{
		snprintf(job->result.message, sizeof job->result.message,
			 "the server is shutting down");
		pool_abort(d->pool, job, FAULT_OVERLOADED);
	}
}

/* ---- life ---- */

void dispatch_configure(struct dispatch *d, const struct dispatch_conf *conf)
{
	d->conf = *conf;
	pump(d);
}

unsigned dispatch_open_jobs(const struct dispatch *d)
{
	return d->queued + d->running_count + d->ended_count;
}

unsigned dispatch_queued(const struct dispatch *d)
{
	return d->queued;
}

unsigned dispatch_running(const struct dispatch *d)
{
	return d->running_count;
}

bool dispatch_draining(const struct dispatch *d)
{
	return d->draining;
}

struct dispatch *dispatch_new(uv_loop_t *loop, struct pool *pool, const struct dispatch_conf *conf)
{
	struct dispatch *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	d->pool = pool;
	d->conf = *conf;
	uv_timer_init(loop, &d->deadlines);
	uv_idle_init(loop, &d->deliverer);
	d->deadlines.data = d->deliverer.data = d;
	d->open_handles = 2;
	uv_timer_start(&d->deadlines, look_at_deadlines, DEADLINE_TICK_MS, DEADLINE_TICK_MS);
	uv_timer_stop(&d->deadlines); /* armed for uv_timer_again */
	pool_listen(pool,
		    &(struct pool_events){.capacity = capacity, .turn_end = turn_ended, .ctx = d});
	return d;
}

static void handle_closed(uv_handle_t *handle)
{
	struct dispatch *d = handle->data;

	if (--d->open_handles > 0)
		return;
	if (d->closed)
		d->closed(d->closed_ctx);
	free(d);
}

void dispatch_free(struct dispatch *d, void (*closed)(void *ctx), void *ctx)
{
	d->closed = closed;
	d->closed_ctx = ctx;
	uv_close((uv_handle_t *)&d->deadlines, handle_closed);
	uv_close((uv_handle_t *)&d->deliverer, handle_closed);
}
