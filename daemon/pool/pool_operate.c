/* What operators do to workers.  The population is tended as always: whoever goes is replaced. */
#include <errno.h>
#include <inttypes.h>
#include <utlist.h>

#include "shared/log.h"

#include "daemon/pool/pool_private.h"

/* NULL: there is none that is not leaving already; ret_rc says which. */
static struct worker *find(struct pool *p, unsigned id, int *ret_rc)
{
	struct worker *w;

	*ret_rc = -ENOENT;
	DL_FOREACH(p->workers, w)
	{
		if (w->id != id)
			continue;
		*ret_rc = w->state >= WORKER_DRAINING ? -EALREADY : 0;
		return *ret_rc == 0 ? w : NULL;
	}
	return NULL;
}

/* A request that it serves is lost as by a crash: tried once more where that is allowed. */
int pool_restart_worker(struct pool *p, unsigned id)
{
	int rc;
	struct worker *w = find(p, id, &rc);

	if (!w)
		return rc;
	log_info("pool", "worker %u is restarted by order", id);
	w->retire = true;
	if (w->state == WORKER_READY)
		worker_stop(w);
	else
		worker_kill(w);
	pool_tend(p);
	return 0;
}

int pool_drain_worker(struct pool *p, unsigned id)
{
	int rc;
	struct worker *w = find(p, id, &rc);

	if (!w)
		return rc;
	log_info("pool", "worker %u is drained by order", id);
	w->retire = true;
	if (w->state == WORKER_READY)
		worker_stop(w);
	else
		w->events->changed(w);
	pool_tend(p);
	return 0;
}

unsigned pool_most_workers(const struct pool *p)
{
	return p->scale ? p->scale : (unsigned)p->conf->pool.workers;
}

void pool_scale(struct pool *p, unsigned workers)
{
	log_info("pool", "up to %u workers by order, settings say %" PRId64, workers,
		 p->conf->pool.workers);
	p->scale = workers;
	pool_tend(p);
	uv_async_send(&p->wake); /* more may run at one time */
}
