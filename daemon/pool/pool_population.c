/* Keeping the number of workers right: population.c says what is missing or too much, this does it.
 */
#include <utlist.h>

#include "shared/clock.h"
#include "shared/log.h"

#include "daemon/pool/dirs.h"
#include "daemon/pool/pool_private.h"
#include "daemon/pool/population.h"

enum { STARTS_AT_ONCE = 2, RESTOCK_AFTER_MS = 300 };

static struct population census(const struct pool *p)
{
	struct population c = {.workers = pool_most_workers(p),
			       .spares = (unsigned)p->conf->pool.spares,
			       .bound = p->conf->pool.reuse == CONF_REUSE_PROJECT &&
					!p->spec.one_shot,
			       .wanting = p->wanting};
	const struct worker *w;

	DL_FOREACH(p->workers, w)
	{
		if (w->state >= WORKER_DRAINING || w->retire)
			continue;
		c.alive++;
		c.fresh +=
			w->state == WORKER_STARTING || (w->state == WORKER_READY && !w->project[0]);
		c.idle_bound += w->state == WORKER_READY && w->project[0];
	}
	return c;
}

/* The idle worker that was used longest ago, one with a project before a fresh one. */
static struct worker *least_needed(const struct pool *p)
{
	struct worker *w, *least = NULL;

	DL_FOREACH(p->workers, w)
	{
		if (w->state != WORKER_READY || w->retire)
			continue;
		if (!least || (w->project[0] && !least->project[0]) ||
		    ((w->project[0] != '\0') == (least->project[0] != '\0') &&
		     w->idle_since_us < least->idle_since_us))
			least = w;
	}
	return least;
}

static bool may_start(const struct pool *p)
{
	unsigned at_once = p->any_ready && !p->serial_starts ? STARTS_AT_ONCE : 1;

	return p->gate_open && pool_count_state(p, WORKER_STARTING) < at_once &&
	       backoff_wait_ms(&p->starts, clock_mono_us()) == 0;
}

/* Where workers are initialized only with their job, the first one is an exception: it is asked at
 * once for the models, and retires as soon as it has told them. */
static void start_one(struct pool *p)
{
	struct worker *w;

	p->spec.late_init = gate_result(p->gate)->late_init && p->models.count > 0;
	w = worker_start(p->loop, ++p->last_id, &p->spec, &pool_worker_events, p);
	if (w) {
		DL_APPEND(p->workers, w);
		w->events->changed(w);
	}
	if (w && w->state < WORKER_DRAINING)
		return;
	if (dirs_mend(p->conf->state_dir) != 0)
		pool_start_failed(p, p->last_id, "the state directory cannot be used");
	else
		pool_start_failed(p, p->last_id, "no process could be made");
}

/* A start takes a core for some hundred milliseconds: the request that has just taken a spare is
 * not to share it with the next spare's start, as long as nobody waits for that. */
void pool_fresh_taken(struct pool *p)
{
	if (p->conf->pool.reuse == CONF_REUSE_PROJECT && !p->spec.one_shot)
		p->restock_at_us = clock_mono_us() + RESTOCK_AFTER_MS * 1000;
}

static bool may_restock(const struct pool *p)
{
	return p->wanting > 0 || clock_mono_us() >= p->restock_at_us;
}

void pool_tend(struct pool *p)
{
	while (!p->stopping && p->gate_open && may_restock(p)) {
		struct population now = census(p);
		enum population_step step = population_next(&now);
		struct worker *w;

		if (step == POPULATION_START_ONE && may_start(p) && !gate_is_current(p->gate)) {
			log_info("pool", "the CLI's program file has changed: it is tested again");
			pool_check_gate(p);
			return;
		}
		if (step == POPULATION_START_ONE && may_start(p)) {
			start_one(p);
			continue;
		}
		w = step == POPULATION_RETIRE_ONE ? least_needed(p) : NULL;
		if (!w)
			return;
		log_debug("pool", "worker %u makes room", w->id);
		worker_stop(w);
	}
}

static void retire_old(struct pool *p)
{
	struct worker *w, *next;

	DL_FOREACH_SAFE(p->workers, w, next)
	{
		if (w->state == WORKER_READY && (w->retire || pool_past_its_time(p, w)))
			worker_stop(w);
	}
}

void pool_tick(uv_timer_t *timer)
{
	struct pool *p = timer->data;

	if (p->renewal_due && !p->gate_running)
		pool_renew(p);
	else if (!p->gate_open && !p->gate_running && clock_mono_us() >= p->gate_retry_at_us)
		pool_check_gate(p);
	retire_old(p);
	pool_tend(p);
}

void pool_woken(uv_async_t *async)
{
	struct pool *p = async->data;

	if (!p->stopping && p->events.capacity)
		p->events.capacity(p->events.ctx);
}
