/* The control socket by itself: real store, registry, pool (not started), dispatch and cache behind
 * it, no HTTP.
 *
 *   control_probe [-o KEY=VALUE]... [--limit NAME=N]...
 *
 * Prints "ready" when it listens, or "failed: WHY".  SIGUSR1 publishes an event of topic "store",
 * SIGUSR2 four hundred of a kilobyte each; SIGTERM ends it in order. */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#include "shared/buf.h"
#include "shared/err.h"
#include "shared/log.h"

#include "daemon/conf/load.h"
#include "daemon/control/control.h"
#include "daemon/control/limits.h"
#include "daemon/observe/events.h"
#include "daemon/observe/log_ring.h"

enum { OVERRIDES_MAX = 64, STORE_PATH_MAX = 512, FLOOD = 400, FLOOD_BYTES = 1024 };

struct probe {
	uv_loop_t loop;
	struct conf conf;
	struct conf_source source;
	const char *overrides[OVERRIDES_MAX];
	struct store *store;
	struct registry *registry;
	struct pool *pool;
	struct dispatch *dispatch;
	struct cache *cache;
	struct routing *routing;
	struct log_ring *log;
	struct control *control;
	uv_signal_t end, one, flood;
	bool closed;
};

static void set_limit(const char *text)
{
	static const struct {
		const char *name;
		int64_t *place;
	} times[] = {
		{"line_ms", &control_limits.line_ms},   {"request_ms", &control_limits.request_ms},
		{"idle_ms", &control_limits.idle_ms},   {"stall_ms", &control_limits.stall_ms},
		{"sweep_ms", &control_limits.sweep_ms}, {"behind_ms", &control_limits.behind_ms},
	};
	const char *equals = strchr(text, '=');

	for (size_t i = 0; equals && i < sizeof times / sizeof times[0]; i++)
		if (strncmp(times[i].name, text, (size_t)(equals - text)) == 0)
			*times[i].place = strtol(equals + 1, NULL, 10);
}

static void read_arguments(struct probe *p, int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "-o") == 0 && p->source.override_count < OVERRIDES_MAX)
			p->overrides[p->source.override_count++] = argv[i + 1];
		else if (strcmp(argv[i], "--limit") == 0)
			set_limit(argv[i + 1]);
	}
	p->source.overrides = p->overrides;
}

static int reload(void *ctx, struct buf *errors)
{
	struct probe *p = ctx;
	struct conf fresh;
	int rc = conf_load(&fresh, &p->source, errors, NULL);

	return rc < 0 ? rc : conf_apply(&p->conf, &fresh, errors);
}

static void drain(void *ctx)
{
	struct probe *p = ctx;

	control_drain(p->control);
}

static void closed(void *ctx)
{
	struct probe *p = ctx;

	p->closed = true;
}

/* Stops one module and runs the loop until it has closed. */
static void await(struct probe *p)
{
	while (!p->closed)
		uv_run(&p->loop, UV_RUN_ONCE);
	p->closed = false;
}

static void publish(size_t bytes)
{
	char *text = calloc(1, bytes + 1);

	if (!text)
		abort();
	memset(text, 'x', bytes);
	events_publish("store", false, json_pack("{ss}", "text", text), "probe");
	free(text);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct probe *p = handle->data;

	if (number == SIGTERM)
		uv_stop(&p->loop);
	else if (number == SIGUSR1)
		publish(10);
	else
		for (int i = 0; i < FLOOD; i++)
			publish(FLOOD_BYTES);
}

static void watch(struct probe *p, uv_signal_t *handle, int number)
{
	uv_signal_init(&p->loop, handle);
	handle->data = p;
	uv_signal_start(handle, on_signal, number);
}

static bool make_modules(struct probe *p)
{
	struct dispatch_conf dispatch_conf = {.queue_max = 10,
					      .queue_timeout_ms = 1000,
					      .request_timeout_ms = 1000,
					      .plan_reserve = 0.9};
	struct cache_backend ram;
	char path[STORE_PATH_MAX];

	snprintf(path, sizeof path, "%s/ccapi.db", p->conf.state_dir);
	mkdir(p->conf.state_dir, 0700);
	p->store = store_new(&p->loop, path, NULL, NULL);
	p->registry = p->store ? registry_new(&p->loop, p->store) : NULL;
	p->pool = pool_new(&p->loop, &p->conf);
	p->dispatch = p->pool ? dispatch_new(&p->loop, p->pool, &dispatch_conf) : NULL;
	if (!p->registry || !p->dispatch || cache_ram_new(1 << 20, &ram) < 0)
		return false;
	p->cache = cache_new(&p->loop, &ram);
	p->routing = routing_new(&p->conf, p->registry, p->pool);
	p->log = log_ring_new(&p->loop);
	return p->cache && p->routing && p->log;
}

static void stop_modules(struct probe *p)
{
	if (p->control) {
		control_stop(p->control, closed, p);
		await(p);
	}
	routing_free(p->routing);
	cache_free(p->cache, closed, p);
	await(p);
	dispatch_free(p->dispatch, closed, p);
	await(p);
	pool_stop(p->pool, closed, p);
	await(p);
	registry_free(p->registry, closed, p);
	await(p);
	store_stop(p->store, closed, p);
	await(p);
	log_ring_free(p->log, closed, p);
	await(p);
}

static void serve(struct probe *p)
{
	const struct control_deps deps = {
		.loop = &p->loop,
		.conf = &p->conf,
		.source = &p->source,
		.store = p->store,
		.registry = p->registry,
		.routing = p->routing,
		.cache = p->cache,
		.pool = p->pool,
		.dispatch = p->dispatch,
		.log = p->log,
		.reload = reload,
		.drain = drain,
		.ctx = p,
	};
	char why[512] = "";

	watch(p, &p->end, SIGTERM);
	watch(p, &p->one, SIGUSR1);
	watch(p, &p->flood, SIGUSR2);
	p->control = control_new(&deps, why, sizeof why);
	if (p->control)
		puts("ready");
	else
		printf("failed: %s\n", why);
	fflush(stdout);
	if (p->control)
		uv_run(&p->loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&p->end, NULL);
	uv_close((uv_handle_t *)&p->one, NULL);
	uv_close((uv_handle_t *)&p->flood, NULL);
}

int main(int argc, char **argv)
{
	static struct probe p;
	struct buf errors;
	bool served;

	signal(SIGPIPE, SIG_IGN);
	umask(077);
	if (sodium_init() < 0)
		return 1;
	read_arguments(&p, argc, argv);
	buf_init(&errors, 64 * 1024);
	if (conf_load(&p.conf, &p.source, &errors, NULL) < 0) {
		printf("failed: %s\n", errors.data ? errors.data : "");
		return 2;
	}
	buf_done(&errors);
	uv_loop_init(&p.loop);
	if (!make_modules(&p)) {
		puts("failed: out of memory");
		return 1;
	}
	serve(&p);
	served = p.control != NULL;
	stop_modules(&p);
	while (uv_loop_close(&p.loop) == UV_EBUSY)
		uv_run(&p.loop, UV_RUN_ONCE);
	conf_done(&p.conf);
	uv_library_shutdown();
	return served ? 0 : 1;
}
