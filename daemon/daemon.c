/* The life of the daemon: a table of what is started, in order, and unwound in reverse; each stop
 * runs the loop until its module has closed.  A module that does not close in time is a bug, and
 * must not keep the process: the workers die with it.  The only file, with services.c and
 * steering.c, that knows every module. */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <uv.h>

#include "shared/err.h"
#include "shared/log.h"

#include "daemon/addresses.h"
#include "daemon/api/api.h"
#include "daemon/api/stream.h"
#include "daemon/dispatch/dispatch.h"
#include "daemon/http/address.h"
#include "daemon/http/listener.h"
#include "daemon/http/server.h"
#include "daemon/http/upgrade.h"
#include "daemon/module_conf.h"
#include "daemon/notify.h"
#include "daemon/pool/pool.h"
#include "daemon/services.h"
#include "daemon/signals.h"
#include "daemon/state_dir.h"
#include "daemon/steering.h"

#include "ccapi_version.h"

#define AREA "daemon"

#define UNWIND_MARGIN_MS 5000 /* beyond what workers are given to end */
#define MAX_PENDING_HEADS 4096

/* `start` returns 0 or a negative code, with words in d->why if the code alone does not tell, and
 * then leaves nothing to stop.  `stop` ends with step_closed(), at once or from the loop.  Either
 * may be NULL. */
struct step {
	const char *name;
	int (*start)(struct daemon *d);
	void (*stop)(struct daemon *d);
};

/* ---- the steps ---- */

static int start_state_dir(struct daemon *d)
{
	int fd = state_dir_open(d->conf->state_dir, d->why, sizeof d->why);

	if (fd < 0)
		return fd;
	d->lock_fd = fd;
	return 0;
}

static void stop_state_dir(struct daemon *d)
{
	state_dir_close(d->lock_fd);
	step_closed(d);
}

static int start_notify(struct daemon *d)
{
	int rc = notify_start(&d->notify, &d->loop);

	if (rc < 0)
		notify_stop(&d->notify);
	return rc;
}

static void stop_notify(struct daemon *d)
{
	notify_stop(&d->notify);
	step_closed(d);
}

static int start_pool(struct daemon *d)
{
	d->pool = pool_new(&d->loop, d->conf);
	return d->pool ? 0 : -ENOMEM;
}

static void pool_closed(void *ctx)
{
	struct daemon *d = ctx;

	d->pool = NULL; /* not earlier: a second signal kills what is being stopped */
	d->closed = true;
}

static void stop_pool(struct daemon *d)
{
	pool_stop(d->pool, pool_closed, d);
}

static int start_dispatch(struct daemon *d)
{
	struct dispatch_conf conf = module_conf_dispatch(d->conf);

	d->dispatch = dispatch_new(&d->loop, d->pool, &conf);
	return d->dispatch ? 0 : -ENOMEM;
}

static void stop_dispatch(struct daemon *d)
{
	struct dispatch *dispatch = d->dispatch;

	d->dispatch = NULL;
	dispatch_free(dispatch, step_closed, d);
}

/* ---- WebSockets ---- */

static void *look_at_upgrade(void *ctx, const char *bytes, size_t len, const struct sockaddr *addr,
			     socklen_t addr_len)
{
	struct daemon *d = ctx;
	struct upgrade_head *head;
	char peer[ADDRESS_SIZE];
	void *stream;

	if (upgrade_head_parse(bytes, len, &head) < 0)
		return NULL;
	address_format(peer, addr, addr_len);
	stream = api_stream_accept(d->api, head, peer);
	upgrade_head_free(head);
	return stream;
}

static void adopt_websocket(void *ctx, int fd, void *stream)
{
	struct daemon *d = ctx;

	ws_server_adopt(d->ws, fd, stream);
}

static bool host_allowed(void *ctx, const char *host)
{
	struct daemon *d = ctx;

	return d->http && http_server_allows_host(d->http, host);
}

static bool room_for_stream(void *ctx)
{
	struct daemon *d = ctx;

	return d->ws && ws_server_has_room(d->ws);
}

static void http_count(void *ctx, unsigned *ret_connections, unsigned *ret_exchanges)
{
	struct daemon *d = ctx;

	*ret_connections = d->http ? http_server_connections(d->http) : 0;
	*ret_exchanges = d->http ? http_server_exchanges(d->http) : 0;
}

/* ---- the API ---- */

static int start_api(struct daemon *d)
{
	struct api_deps deps = {.loop = &d->loop,
				.conf = d->conf,
				.dispatch = d->dispatch,
				.pool = d->pool,
				.store = d->store,
				.registry = d->registry,
				.routing = d->routing,
				.cache = d->cache,
				.replays = d->replays,
				.sessions = d->sessions,
				.host_allowed = host_allowed,
				.room_for_stream = room_for_stream,
				.http_count = http_count,
				.ctx = d};

	d->api = api_new(&deps);
	return d->api ? 0 : -ENOMEM;
}

static void stop_api(struct daemon *d)
{
	api_free(d->api);
	d->api = NULL;
	step_closed(d);
}

/* Jobs and calls outlive their exchange, and end in the API: so after the HTTP server, before the
 * API.  The tick says when none is left. */
static void stop_jobs(struct daemon *d)
{
	dispatch_abort_all(d->dispatch);
	d->awaits_jobs = true;
}

static int start_http(struct daemon *d)
{
	struct http_handlers handlers = api_handlers(d->api);
	char **hosts = addresses_allowed_hosts(d->conf);
	struct http_conf conf = module_conf_http(d->conf, hosts);

	if (hosts)
		d->http = http_server_new(&d->loop, &conf, &handlers);
	addresses_free_hosts(hosts);
	return d->http ? 0 : -ENOMEM;
}

static void stop_http(struct daemon *d)
{
	struct http_server *http = d->http;

	d->http = NULL;
	http_server_stop(http, step_closed, d);
}

static void adopt(void *ctx, int fd, const struct sockaddr *addr, socklen_t addr_len)
{
	struct daemon *d = ctx;

	http_server_adopt(d->http, fd, addr, addr_len);
}

/* ---- the port ---- */

static int listen_passed(struct daemon *d, int first, int count)
{
	for (int fd = first; fd < first + count; fd++) {
		int rc;

		if (!d->conf->auth.required && !addresses_socket_is_local(fd)) {
			snprintf(
				d->why, sizeof d->why,
				"a socket passed by the service manager is open to other machines, "
				"and auth.required is false");
			return -EPERM;
		}
		rc = listener_add_fd(d->listener, fd);
		if (rc < 0) {
			snprintf(d->why, sizeof d->why,
				 "socket %d passed by the service manager: %s", fd, err_str(rc));
			return rc;
		}
	}
	return 0;
}

static int start_listener(struct daemon *d)
{
	struct listener_conf conf = {.head_timeout = d->conf->http.head_timeout,
				     .max_pending = MAX_PENDING_HEADS};
	struct listener_targets targets = {
		.http = adopt, .upgrade = look_at_upgrade, .websocket = adopt_websocket, .ctx = d};

	d->listener = listener_new(&d->loop, &conf, &targets);
	return d->listener ? 0 : -ENOMEM;
}

static void stop_listener(struct daemon *d)
{
	struct listener *listener = d->listener;

	d->listener = NULL;
	listener_stop(listener, step_closed, d);
}

static int start_listening(struct daemon *d)
{
	int first, count = notify_sockets(&first);

	if (count < 0)
		return count;
	if (count > 0)
		return listen_passed(d, first, count);
	for (size_t i = 0; i < d->conf->listen.count; i++) {
		int rc = listener_add(d->listener, d->conf->listen.items[i]);

		if (rc < 0) {
			snprintf(d->why, sizeof d->why, "cannot listen on %s: %s",
				 d->conf->listen.items[i], err_str(rc));
			return rc;
		}
	}
	return 0;
}

/* Last, so that a taken port costs no worker. */
static int start_workers(struct daemon *d)
{
	return pool_start(d->pool);
}

/* ---- start and end ---- */

static int start_tick(struct daemon *d)
{
	steering_start(d);
	return 0;
}

static void stop_tick(struct daemon *d)
{
	uv_close((uv_handle_t *)&d->tick, NULL);
	step_closed(d);
}

static int start_signals(struct daemon *d)
{
	struct signal_actions actions = {
		.end = steering_on_end_signal, .reload = steering_on_reload_signal, .ctx = d};
	int rc = signals_start(&d->signals, &d->loop, &actions);

	if (rc < 0)
		signals_stop(&d->signals);
	return rc;
}

static void stop_signals(struct daemon *d)
{
	signals_stop(&d->signals);
	step_closed(d);
}

static const struct step steps[] = {
	{"clock", start_tick, stop_tick},
	{"recent log", services_start_log, services_stop_log},
	{"signals", start_signals, stop_signals},
	{"service manager", start_notify, stop_notify},
	{"state directory", start_state_dir, stop_state_dir},
	{"webhook", services_start_webhook, services_stop_webhook},
	{"store", services_start_store, services_stop_store},
	{"registry", services_start_registry, services_stop_registry},
	{"pool", start_pool, stop_pool},
	{"dispatch", start_dispatch, stop_dispatch},
	{"sessions", services_start_sessions, services_stop_sessions},
	{"redis", services_start_redis, services_stop_redis},
	{"cache", services_start_cache, services_stop_cache},
	{"routing", services_start_routing, services_stop_routing},
	{"api", start_api, stop_api},
	{"control socket", services_start_control, services_stop_control},
	{"jobs", NULL, stop_jobs},
	{"http server", start_http, stop_http},
	{"websocket server", services_start_websocket, services_stop_websocket},
	{"listener", start_listener, stop_listener},
	{"addresses", start_listening, NULL},
	{"workers", start_workers, NULL},
};

#define STEP_COUNT (sizeof steps / sizeof steps[0])

/* How many steps were started; fewer than all: one has failed, and was logged. */
static size_t start_steps(struct daemon *d)
{
	for (size_t i = 0; i < STEP_COUNT; i++) {
		int rc;

		if (!steps[i].start)
			continue;
		d->why[0] = '\0';
		rc = steps[i].start(d);
		if (rc == 0)
			continue;
		if (d->why[0] != '\0')
			log_error(AREA, "%s", d->why);
		else
			log_error(AREA, "cannot start (%s): %s", steps[i].name, err_str(rc));
		return i;
	}
	return STEP_COUNT;
}

static void stop_steps(struct daemon *d, size_t started)
{
	steering_begin_unwind(d, d->conf->pool.interrupt_timeout + d->conf->pool.stop_timeout +
					 UNWIND_MARGIN_MS);
	while (started > 0) {
		const struct step *step = &steps[--started];

		if (!step->stop)
			continue;
		d->closed = false;
		step->stop(d);
		while (!d->closed)
			uv_run(&d->loop, UV_RUN_ONCE);
	}
}

static void log_open_handle(uv_handle_t *handle, void *ctx)
{
	(void)ctx;
	log_error(AREA, "bug: a %s handle is left open", uv_handle_type_name(handle->type));
}

static int close_loop(uv_loop_t *loop)
{
	int rc = uv_loop_close(loop);

	/* Each closed handle has its callback in the next turn. */
	for (int turn = 0; rc == UV_EBUSY && turn < 10; turn++) {
		uv_run(loop, UV_RUN_NOWAIT);
		rc = uv_loop_close(loop);
	}
	if (rc == UV_EBUSY)
		uv_walk(loop, log_open_handle, NULL);
	return rc;
}

int daemon_run(struct conf *conf, const struct conf_source *source, const char *file)
{
	struct daemon d = {
		.conf = conf, .source = source, .lock_fd = -1, .told_health = POOL_STARTING};
	size_t started;
	int rc;

	module_conf_log(conf);
	log_info(AREA, "ccapid %s starting, %s%s", CCAPI_VERSION, file ? "settings of " : "",
		 file ? file : "embedded defaults");
	rc = uv_loop_init(&d.loop);
	if (rc < 0) {
		log_error(AREA, "no event loop: %s", err_str(rc));
		return rc;
	}
	started = start_steps(&d);
	if (started == STEP_COUNT)
		uv_run(&d.loop, UV_RUN_DEFAULT);
	stop_steps(&d, started);
	rc = close_loop(&d.loop);
	if (started < STEP_COUNT)
		return ERR_STATE;
	log_info(AREA, "ended");
	return rc;
}
