#include "tests/unit/dispatch/fakes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/log.h"

#include "tests/unit/test.h"

struct fakes fakes;

/* ---- the pool ---- */

void pool_listen(struct pool *p, const struct pool_events *events)
{
	(void)p;
	fakes.events = *events;
}

int pool_run(struct pool *p, struct job *job)
{
	size_t at = strlen(fakes.order);

	(void)p;
	fakes.runs++;
	assert_int_equal(job->state, JOB_QUEUED);
	if (fakes.free_workers == 0)
		return -EBUSY;
	if (fakes.refused_project && strcmp(job->project, fakes.refused_project) == 0)
		return fakes.refused_rc;
	fakes.free_workers--;
	assert_true(fakes.running_count < FAKE_JOBS_MAX);
	fakes.running[fakes.running_count++] = job;
	snprintf(fakes.order + at, sizeof fakes.order - at, "%s ", job->id);
	return 0;
}

void pool_want_fresh(struct pool *p, unsigned jobs)
{
	(void)p;
	fakes.wanted = jobs;
}

static bool is_running(const struct job *job)
{
	for (unsigned i = 0; i < fakes.running_count; i++)
		if (fakes.running[i] == job)
			return true;
	return false;
}

void pool_abort(struct pool *p, struct job *job, enum fault why)
{
	(void)p;
	assert_true(is_running(job));
	fakes.aborted = job;
	fakes.abort_fault = why;
	fakes.aborts++;
}

void pool_pause(struct pool *p, struct job *job, bool paused)
{
	(void)p;
	assert_true(is_running(job));
	fakes.paused = job;
	fakes.is_paused = paused;
}

enum pool_health pool_health(const struct pool *p)
{
	(void)p;
	return fakes.health;
}

const struct plan_limits *pool_plan(const struct pool *p)
{
	(void)p;
	return &fakes.plan;
}

/* ---- jobs ---- */

static unsigned number_of(const struct job *job)
{
	unsigned i = 0;

	while (fakes.jobs[i] != job)
		assert_true(++i < fakes.jobs_count);
	return i;
}

static void on_text(struct job *job, const char *text, size_t len)
{
	(void)job;
	(void)text;
	(void)len;
}

static void on_restart(struct job *job)
{
	assert_false(job->forwarded);
	fakes.restarts++;
}

static void on_done(struct job *job)
{
	assert_false(fakes.in_call);
	assert_int_equal(job->state, JOB_ENDED);
	assert_int_equal(++fakes.done[number_of(job)], 1);
	if (fakes.on_done)
		fakes.on_done(job);
}

static const struct job_ops job_ops = {.text = on_text, .restart = on_restart, .done = on_done};

struct job *fake_job(const char *id, enum job_lane lane)
{
	struct job *job = job_new(&job_ops, NULL);

	assert_non_null(job);
	assert_true(fakes.jobs_count < FAKE_JOBS_MAX);
	snprintf(job->id, sizeof job->id, "%s", id);
	job->lane = lane;
	fakes.jobs[fakes.jobs_count++] = job;
	return job;
}

enum fault fake_submit(struct job *job)
{
	enum fault fault;

	fakes.in_call = true;
	fault = dispatch_submit(fakes.dispatch, job);
	fakes.in_call = false;
	return fault;
}

struct job *fake_submitted(const char *id, enum job_lane lane)
{
	struct job *job = fake_job(id, lane);

	assert_int_equal(fake_submit(job), FAULT_NONE);
	return job;
}

void fake_cancel(struct job *job)
{
	fakes.in_call = true;
	dispatch_cancel(fakes.dispatch, job);
	fakes.in_call = false;
}

unsigned fake_done(const struct job *job)
{
	return fakes.done[number_of(job)];
}

/* ---- what happens ---- */

void fake_free_workers(unsigned n)
{
	fakes.free_workers += n;
	fakes.in_call = true;
	fakes.events.capacity(fakes.events.ctx);
	fakes.in_call = false;
}

void fake_turn_end(struct job *job, enum fault fault)
{
	unsigned i = 0;

	while (fakes.running[i] != job)
		assert_true(++i < fakes.running_count);
	fakes.running[i] = fakes.running[--fakes.running_count];
	job->result.fault = fault;
	fakes.in_call = true;
	fakes.events.turn_end(fakes.events.ctx, job);
	fakes.in_call = false;
}

void fake_loop(void)
{
	uv_run(&fakes.loop, UV_RUN_NOWAIT);
}

static void fire_timer(uv_handle_t *handle, void *fired)
{
	uv_timer_t *timer = (uv_timer_t *)handle;

	if (handle->type != UV_TIMER || !uv_is_active(handle))
		return;
	*(bool *)fired = true;
	timer->timer_cb(timer);
}

void fake_tick(void)
{
	bool fired = false;

	fakes.in_call = true;
	uv_walk(&fakes.loop, fire_timer, &fired);
	fakes.in_call = false;
}

static void look_for_timer(uv_handle_t *handle, void *found)
{
	*(bool *)found |= handle->type == UV_TIMER && uv_is_active(handle);
}

bool fake_timer_is_armed(void)
{
	bool found = false;

	uv_walk(&fakes.loop, look_for_timer, &found);
	return found;
}

/* ---- life ---- */

int fakes_setup(void **state)
{
	(void)state;
	clock_freeze(INT64_C(5000000000), INT64_C(1700000000000000));
	log_set_level(LOG_LEVEL_ERROR);
	memset(&fakes, 0, sizeof fakes);
	fakes.health = POOL_READY;
	plan_limits_init(&fakes.plan);
	fakes.conf = (struct dispatch_conf){.queue_max = 4,
					    .queue_timeout_ms = 60000,
					    .request_timeout_ms = 600000,
					    .plan_reserve = 0.9};
	uv_loop_init(&fakes.loop);
	fakes.dispatch = dispatch_new(&fakes.loop, NULL, &fakes.conf);
	return fakes.dispatch ? 0 : -1;
}

static void closed(void *ctx)
{
	*(bool *)ctx = true;
}

/* Every job that was accepted ends, once; then nothing is left. */
int fakes_teardown(void **state)
{
	bool is_closed = false;

	(void)state;
	dispatch_abort_all(fakes.dispatch);
	while (fakes.running_count > 0)
		fake_turn_end(fakes.running[0], FAULT_OVERLOADED);
	fake_loop();
	assert_int_equal(dispatch_open_jobs(fakes.dispatch), 0);
	assert_false(fake_timer_is_armed());
	for (unsigned i = 0; i < fakes.jobs_count; i++) {
		assert_int_equal(fakes.jobs[i]->refs, 1);
		assert_int_equal(fakes.done[i], fakes.jobs[i]->state == JOB_ENDED);
		job_unref(fakes.jobs[i]);
	}
	dispatch_free(fakes.dispatch, closed, &is_closed);
	uv_run(&fakes.loop, UV_RUN_DEFAULT);
	assert_true(is_closed);
	assert_int_equal(uv_loop_close(&fakes.loop), 0);
	clock_thaw();
	return 0;
}
