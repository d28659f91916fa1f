/* Whether there is a backend to ask; a request that comes while the first worker starts waits here.
 */
#include "shared/clock.h"

#include "daemon/api/stages.h"

/* Until the first worker has started neither the models nor the CLI's abilities are known. */
static enum step wait_for_pool(struct call *c)
{
	const struct conf *conf = c->api->deps.conf;
	int64_t now = clock_mono_us(), limit_ms = conf->pool.queue_timeout;

	if (c->waiting)
		return now < c->wait_until_us ? STEP_WAIT
					      : step_refuse(c, FAULT_TIMEOUT,
							    "The backend did not start in time.");
	if (c->api->waiting >= (uint64_t)conf->pool.queue)
		return step_refuse(c, FAULT_OVERLOADED, "Too many requests wait for the start.");
	if (c->job->timeout_ms && c->job->timeout_ms < limit_ms)
		limit_ms = c->job->timeout_ms;
	c->wait_from_us = now;
	c->wait_until_us = now + limit_ms * 1000;
	c->waiting = true;
	c->api->waiting++;
	api_run_timer(c->api);
	return STEP_WAIT;
}

void available_done(struct call *c)
{
	if (c->waiting) {
		c->waiting = false;
		c->api->waiting--;
		api_run_timer(c->api);
	}
}

/* What was spent on waiting is no longer there for the job. */
static void charge_wait(struct call *c)
{
	int64_t waited_ms = (clock_mono_us() - c->wait_from_us) / 1000, left_ms;

	available_done(c);
	left_ms = c->job->timeout_ms ? c->job->timeout_ms : c->api->deps.conf->pool.request_timeout;
	left_ms -= waited_ms;
	c->job->timeout_ms = left_ms > 1 ? left_ms : 1;
}

enum step stage_available(struct call *c)
{
	const struct api_deps *deps = &c->api->deps;

	if (dispatch_draining(deps->dispatch))
		return step_refuse(c, FAULT_OVERLOADED, "The server is shutting down.");
	if (pool_health(deps->pool) == POOL_STARTING)
		return wait_for_pool(c);
	if (c->waiting)
		charge_wait(c);
	if (pool_health(deps->pool) != POOL_READY || !pool_models(deps->pool)->count)
		return step_refuse(c, FAULT_BACKEND_UNAVAILABLE, "");
	return STEP_NEXT;
}
