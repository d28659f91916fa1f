#include "daemon/services.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/err.h"
#include "shared/log.h"

#include "daemon/admit/registry.h"
#include "daemon/api/api.h"
#include "daemon/api/replays.h"
#include "daemon/api/routing.h"
#include "daemon/api/stream.h"
#include "daemon/control/control.h"
#include "daemon/dispatch/cache.h"
#include "daemon/http/listener.h"
#include "daemon/module_conf.h"
#include "daemon/observe/activity.h"
#include "daemon/observe/events.h"
#include "daemon/observe/log_ring.h"
#include "daemon/observe/metrics.h"
#include "daemon/observe/webhook.h"
#include "daemon/redis/cache_redis.h"
#include "daemon/redis/redis.h"
#include "daemon/redis/sessions_redis.h"
#include "daemon/steering.h"
#include "daemon/store/store.h"
#include "daemon/ws/ws.h"

#define AREA "daemon"

int services_start_log(struct daemon *d)
{
	d->log = log_ring_new(&d->loop);
	return d->log ? 0 : -ENOMEM;
}

void services_stop_log(struct daemon *d)
{
	struct log_ring *log = d->log;

	d->log = NULL;
	log_ring_free(log, step_closed, d);
	activity_reset();
}

int services_start_webhook(struct daemon *d)
{
	struct webhook_conf conf = module_conf_webhook(d->conf);

	d->webhook = webhook_new(&d->loop, &conf);
	return d->webhook ? 0 : -ENOMEM;
}

void services_stop_webhook(struct daemon *d)
{
	struct webhook *webhook = d->webhook;

	d->webhook = NULL;
	webhook_stop(webhook, step_closed, d);
}

/* What could not be loaded at the start is loaded when the store has come to work. */
static void store_changed(void *ctx)
{
	struct daemon *d = ctx;
	bool healthy = store_healthy(d->store);

	if (!healthy)
		metric_add(METRIC_STORE_FAILURES, 1);
	events_publish(
		"store", !healthy,
		json_pack("{s:b, s:s}", "healthy", healthy, "detail", store_detail(d->store)),
		healthy ? "the store works again" : "the store does not work");
	if (healthy && d->registry && !registry_loaded(d->registry))
		registry_reload(d->registry);
}

/* A store that does not work keeps the daemon from serving, not from telling. */
int services_start_store(struct daemon *d)
{
	struct store_counts counts;
	char *path = NULL;

	if (asprintf(&path, "%s/ledger.db", d->conf->state_dir) < 0)
		return -ENOMEM;
	d->store = store_new(&d->loop, path, store_changed, d);
	free(path);
	if (!d->store)
		return -ENOMEM;
	if (!store_healthy(d->store)) {
		metric_add(METRIC_STORE_FAILURES, 1);
		log_error(AREA, "no request is served, because none could be accounted for: %s",
			  store_detail(d->store));
	}
	store_count(d->store, &counts);
	metric_add(METRIC_HOLDS_INTERRUPTED, counts.open_holds_closed);
	return 0;
}

void services_stop_store(struct daemon *d)
{
	struct store *store = d->store;

	store_stop(store, step_closed, d);
}

int services_start_registry(struct daemon *d)
{
	d->registry = registry_new(&d->loop, d->store);
	if (!d->registry)
		return -ENOMEM;
	if (d->conf->auth.required && registry_loaded(d->registry) &&
	    registry_count_keys(d->registry) == 0)
		log_warn(AREA, "there is no API key yet, so nobody can ask anything: "
			       "`ccapictl keys create --project default` makes one");
	return module_conf_registry(d->conf, d->registry);
}

void services_stop_registry(struct daemon *d)
{
	struct registry *registry = d->registry;

	d->registry = NULL;
	registry_free(registry, step_closed, d);
}

/* Without redis.url there is nothing to start. */
int services_start_redis(struct daemon *d)
{
	struct session_backend sessions;
	struct redis_conf conf = {.url = d->conf->redis.url,
				  .prefix = d->conf->redis.prefix,
				  .timeout_ms = d->conf->redis.timeout};

	if (!*conf.url)
		return 0;
	d->redis = redis_new(&d->loop, &conf);
	if (!d->redis)
		return -ENOMEM;
	sessions_redis_backend(d->redis, &sessions);
	sessions_use_backend(d->sessions, &sessions);
	return 0;
}

void services_stop_redis(struct daemon *d)
{
	struct redis *redis = d->redis;

	d->redis = NULL;
	if (redis)
		redis_stop(redis, step_closed, d);
	else
		step_closed(d);
}

/* Where the answers are kept: in Redis if there is one, else in memory. */
static int start_answers(struct daemon *d)
{
	struct cache_backend backend;
	int rc;

	if (d->redis) {
		rc = cache_redis_new(d->redis, REDIS_CACHE, &backend);
	} else {
		rc = cache_ram_new((size_t)d->conf->cache.max_bytes, &backend);
		d->memory = backend;
	}
	if (rc == 0)
		d->cache = cache_new(&d->loop, &backend);
	return rc == 0 && !d->cache ? -ENOMEM : rc;
}

/* The store keeps them for the time of the promise; Redis tells other daemons of them. */
static int start_replays(struct daemon *d)
{
	struct cache_backend store, redis, both;
	int rc = replays_backend(d->store, &store);

	both = store;
	if (rc == 0 && d->redis)
		rc = cache_redis_new(d->redis, REDIS_REPLAYS, &redis);
	if (rc == 0 && d->redis)
		rc = cache_pair_new(&store, &redis, &both);
	if (rc == 0)
		d->replays = cache_new(&d->loop, &both);
	return rc == 0 && !d->replays ? -ENOMEM : rc;
}

int services_start_cache(struct daemon *d)
{
	int rc = start_answers(d);

	return rc < 0 ? rc : start_replays(d);
}

int services_start_sessions(struct daemon *d)
{
	struct sessions_conf conf = module_conf_sessions(d->conf);

	d->sessions = sessions_new(&conf, NULL);
	return d->sessions ? 0 : -ENOMEM;
}

/* What Redis has not answered holds on to them: it starts later and is stopped earlier. */
void services_stop_sessions(struct daemon *d)
{
	sessions_free(d->sessions);
	d->sessions = NULL;
	step_closed(d);
}

static void cache_closed(void *ctx)
{
	struct daemon *d = ctx;

	d->memory.self = NULL;
	d->closed = true;
}

static void replays_closed(void *ctx)
{
	struct daemon *d = ctx;
	struct cache *cache = d->cache;

	d->cache = NULL;
	cache_free(cache, cache_closed, d);
}

void services_stop_cache(struct daemon *d)
{
	struct cache *replays = d->replays;

	d->replays = NULL;
	cache_free(replays, replays_closed, d);
}

int services_start_routing(struct daemon *d)
{
	d->routing = routing_new(d->conf, d->registry, d->pool);
	return d->routing ? 0 : -ENOMEM;
}

void services_stop_routing(struct daemon *d)
{
	routing_free(d->routing);
	d->routing = NULL;
	step_closed(d);
}

int services_start_websocket(struct daemon *d)
{
	const struct ws_handlers handlers = api_stream_handlers(d->api);
	struct ws_conf conf = module_conf_ws(d->conf);

	d->ws = ws_server_new(&d->loop, &conf, &handlers);
	return d->ws ? 0 : ERR_STATE;
}

void services_stop_websocket(struct daemon *d)
{
	struct ws_server *ws = d->ws;

	d->ws = NULL;
	ws_server_stop(ws, step_closed, d);
}

static const char *listening_on(void *ctx, size_t i)
{
	const struct daemon *d = ctx;

	return d->listener ? listener_address(d->listener, i) : NULL;
}

int services_start_control(struct daemon *d)
{
	struct control_deps deps = {.loop = &d->loop,
				    .conf = d->conf,
				    .source = d->source,
				    .store = d->store,
				    .registry = d->registry,
				    .routing = d->routing,
				    .cache = d->cache,
				    .sessions = d->sessions,
				    .redis = d->redis,
				    .pool = d->pool,
				    .dispatch = d->dispatch,
				    .api = d->api,
				    .log = d->log,
				    .address = listening_on,
				    .drain = steering_drain,
				    .reload = steering_reload,
				    .ctx = d};

	d->control = control_new(&deps, d->why, sizeof d->why);
	return d->control ? 0 : ERR_STATE;
}

void services_stop_control(struct daemon *d)
{
	struct control *control = d->control;

	d->control = NULL;
	control_stop(control, step_closed, d);
}
