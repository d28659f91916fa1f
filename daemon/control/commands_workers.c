/* workers.*, pause, resume, drain, plan: what serves, and how much of it. */
#include <errno.h>

#include "shared/json.h"

#include "daemon/control/commands.h"
#include "daemon/control/internal.h"
#include "daemon/pool/pool_view.h"

void command_workers_list(struct verb_call *r)
{
	const struct pool *pool = r->control->deps.pool;

	verb_call_answer(r, json_pack("{so so}", "workers", pool_view_workers(pool), "pool",
				      pool_view(pool)));
}

static void operate(struct verb_call *r, int (*order)(struct pool *p, unsigned id))
{
	struct pool *pool = r->control->deps.pool;
	unsigned id = (unsigned)json_get_int(r->params, "id", 0);
	int rc = order(pool, id);

	if (rc == -ENOENT)
		verb_call_refuse(r, RPC_NOT_FOUND, "id", "there is no worker %u", id);
	else if (rc < 0)
		verb_call_refuse(r, RPC_REFUSED, "id", "worker %u is leaving already", id);
	else
		verb_call_answer(r, pool_view_worker(pool, id));
}

void command_workers_restart(struct verb_call *r)
{
	operate(r, pool_restart_worker);
}

void command_workers_drain(struct verb_call *r)
{
	operate(r, pool_drain_worker);
}

void command_workers_scale(struct verb_call *r)
{
	const struct control_deps *deps = &r->control->deps;

	pool_scale(deps->pool, (unsigned)json_get_int(r->params, "workers", 1));
	verb_call_answer(r,
			 json_pack("{sI sI}", "workers", (json_int_t)pool_most_workers(deps->pool),
				   "configured", (json_int_t)deps->conf->pool.workers));
}

static void hold(struct verb_call *r, bool held)
{
	if (held && r->control->draining) {
		verb_call_refuse(r, RPC_REFUSED, NULL, "the daemon is draining");
		return;
	}
	dispatch_hold(r->control->deps.dispatch, held);
	verb_call_answer(r, queue_view(r->control));
}

void command_pause(struct verb_call *r)
{
	hold(r, true);
}

void command_resume(struct verb_call *r)
{
	hold(r, false);
}

void command_drain(struct verb_call *r)
{
	const struct control_deps *deps = &r->control->deps;

	deps->drain(deps->ctx);
	verb_call_answer(r, json_pack("{sb si}", "draining", 1, "open",
				      (int)dispatch_open_jobs(deps->dispatch)));
}
