/* The daemon as a whole, for `status` and for snapshots. */
#include <unistd.h>

#include "shared/clock.h"

#include "daemon/control/commands.h"
#include "daemon/control/internal.h"
#include "daemon/control/json_view.h"
#include "daemon/observe/metrics.h"
#include "daemon/pool/pool_view.h"

#include "ccapi_version.h"

static json_t *store_status(const struct control_deps *deps)
{
	struct store_counts n;

	store_count(deps->store, &n);
	return json_pack("{sb so ss sI sI sI sI sI}", "healthy", store_healthy(deps->store),
			 "detail", view_text(store_detail(deps->store)), "path",
			 store_path(deps->store), "schema_version", (json_int_t)n.schema_version,
			 "bytes", (json_int_t)n.file_bytes, "queued", (json_int_t)n.queued,
			 "writes", (json_int_t)n.writes, "commits", (json_int_t)n.commits);
}

json_t *cache_view(const struct control_deps *deps)
{
	bool enabled = deps->cache && deps->conf->cache.enabled;
	struct cache_counts n = {0};

	if (deps->cache)
		cache_count(deps->cache, &n);
	return json_pack("{sb sI sI sI sI sI sI sI}", "enabled", enabled, "entries",
			 (json_int_t)n.entries, "bytes", (json_int_t)n.bytes, "hits",
			 (json_int_t)n.hits, "misses", (json_int_t)n.misses, "stores",
			 (json_int_t)n.stores, "evictions", (json_int_t)n.evictions, "followed",
			 (json_int_t)n.followed);
}

static json_t *sessions_status(const struct sessions *s)
{
	struct sessions_count n = {0};

	if (s)
		sessions_count(s, &n);
	return json_pack("{sI sI sI sI}", "entries", (json_int_t)n.entries, "bytes",
			 (json_int_t)n.bytes, "evictions", (json_int_t)n.evictions, "conflicts",
			 (json_int_t)n.conflicts);
}

/* null: none is used. */
static json_t *redis_status(const struct redis *r)
{
	if (!r)
		return json_null();
	return json_pack("{ss so}", "state", redis_state_name(redis_state(r)), "detail",
			 view_text(redis_detail(r)));
}

static json_t *counter(enum metric m)
{
	int64_t value = metric_value(m);

	return metric_families[m].micro ? json_real((double)value / 1e6) : json_integer(value);
}

/* Those that modules keep themselves stand in their own parts of the answer. */
static json_t *counters(void)
{
	json_t *to = json_object();

	for (int m = 0; m < METRICS; m++)
		if (metric_families[m].type == METRIC_COUNTER && !metric_families[m].copied)
			json_object_set_new(to, metric_name((enum metric)m),
					    counter((enum metric)m));
	return to;
}

static json_t *addresses(const struct control_deps *deps)
{
	json_t *to = json_array();
	const char *address;

	for (size_t i = 0; deps->address && (address = deps->address(deps->ctx, i)); i++)
		json_array_append_new(to, json_string(address));
	return to;
}

const char *service_state(const struct control *c)
{
	if (c->draining)
		return "draining";
	if (!store_healthy(c->deps.store))
		return "store_failed";
	if (pool_health(c->deps.pool) != POOL_READY)
		return "not_ready";
	return dispatch_is_held(c->deps.dispatch) ? "paused" : "serving";
}

json_t *service_view(const struct control *c)
{
	enum pool_health health = pool_health(c->deps.pool);
	bool ready = health == POOL_READY;

	return json_pack("{ss ss so so}", "state", service_state(c), "health",
			 pool_health_name(health), "detail",
			 view_text(ready ? "" : pool_health_detail(c->deps.pool)), "mend",
			 view_text(pool_mend(c->deps.pool)));
}

json_t *queue_view(const struct control *c)
{
	const struct dispatch *d = c->deps.dispatch;

	return json_pack("{si si si sb sI}", "waiting", (int)dispatch_queued(d), "running",
			 (int)dispatch_running(d), "open", (int)dispatch_open_jobs(d), "paused",
			 dispatch_is_held(d), "most", (json_int_t)c->deps.conf->pool.queue);
}

json_t *status_view(const struct control *c)
{
	const struct control_deps *deps = &c->deps;
	json_t *to = json_pack("{ss ss sI sI}", "state", service_state(c), "version", CCAPI_VERSION,
			       "pid", (json_int_t)getpid(), "uptime_s",
			       (json_int_t)((clock_mono_ms() - c->began_ms) / 1000));

	json_object_set_new(to, "listen", addresses(deps));
	json_object_set_new(to, "control_socket", json_string(deps->conf->control.socket));
	json_object_set_new(to, "state_dir", json_string(deps->conf->state_dir));
	json_object_set_new(to, "auth_required", json_boolean(deps->conf->auth.required));
	json_object_set_new(to, "pool", pool_view(deps->pool));
	json_object_set_new(to, "queue", queue_view(c));
	json_object_set_new(to, "store", store_status(deps));
	json_object_set_new(to, "projects",
			    json_integer((json_int_t)registry_count_projects(deps->registry)));
	json_object_set_new(to, "keys",
			    json_integer((json_int_t)registry_count_keys(deps->registry)));
	json_object_set_new(to, "cache", cache_view(deps));
	json_object_set_new(to, "sessions", sessions_status(deps->sessions));
	json_object_set_new(to, "redis", redis_status(deps->redis));
	json_object_set_new(to, "plan", pool_view_plan(deps->pool));
	json_object_set_new(to, "control_connections", json_integer(c->conn_count));
	json_object_set_new(to, "counters", counters());
	return to;
}

void command_status(struct verb_call *r)
{
	verb_call_answer(r, status_view(r->control));
}

void command_plan(struct verb_call *r)
{
	verb_call_answer(r, pool_view_plan(r->control->deps.pool));
}
