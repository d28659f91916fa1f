/* Steering.  An end has stages: SERVING becomes DRAINING at the first SIGTERM: no new connection or
 * job is taken, what was accepted is finished, for at most drain_timeout.  CUTTING then ends the
 * jobs that are left and gives their clients a moment to get the error.  ENDING unwinds the
 * start-up table.  A second signal goes straight to ENDING with the workers killed. */
#include "daemon/steering.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/buf.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

#include "daemon/addresses.h"
#include "daemon/api/api.h"
#include "daemon/api/routing.h"
#include "daemon/api/stream.h"
#include "daemon/control/control.h"
#include "daemon/dispatch/cache.h"
#include "daemon/dispatch/dispatch.h"
#include "daemon/http/listener.h"
#include "daemon/http/server.h"
#include "daemon/module_conf.h"
#include "daemon/observe/events.h"
#include "daemon/redis/redis.h"
#include "daemon/ws/ws.h"

#define AREA "daemon"

#define TICK_STARTING_MS 10
#define TICK_SERVING_MS 1000
#define TICK_ENDING_MS 10
#define CUT_MS 1000 /* for clients to read that their answer was cut */
#define MAX_RELOAD_ERRORS (64 * 1024)

static void on_tick(uv_timer_t *timer);

void step_closed(void *ctx)
{
	struct daemon *d = ctx;

	d->closed = true;
}

static void set_tick(struct daemon *d, uint64_t every_ms)
{
	uv_timer_start(&d->tick, on_tick, every_ms, every_ms);
}

static void set_stage(struct daemon *d, enum stage stage, int64_t limit_ms)
{
	d->stage = stage;
	d->deadline_ms = clock_mono_ms() + limit_ms;
}

static bool is_idle(const struct daemon *d)
{
	return dispatch_open_jobs(d->dispatch) == 0 && !api_has_calls(d->api) &&
	       http_server_exchanges(d->http) == 0 && ws_server_connections(d->ws) == 0;
}

static void begin_drain(struct daemon *d, const char *signal_name)
{
	char status[128];

	snprintf(status, sizeof status, "%s: draining, open requests: %u", signal_name,
		 http_server_exchanges(d->http));
	log_info(AREA, "%s; a second signal ends at once", status);
	notify_stopping(status);
	set_stage(d, STAGE_DRAINING, d->conf->drain_timeout);
	listener_close_sockets(d->listener);
	dispatch_drain(d->dispatch);
	http_server_drain(d->http);
	api_drain_streams(d->api);
	control_drain(d->control);
	set_tick(d, TICK_ENDING_MS);
}

static void end_now(struct daemon *d)
{
	if (d->dispatch)
		dispatch_abort_all(d->dispatch); /* first, or lost jobs would be tried again */
	if (d->pool)
		pool_kill_all(d->pool);
	if (d->stage != STAGE_ENDING)
		uv_stop(&d->loop);
}

void steering_on_end_signal(void *ctx, const char *name)
{
	struct daemon *d = ctx;

	if (d->stage == STAGE_SERVING) {
		begin_drain(d, name);
	} else {
		log_warn(AREA, "%s again: ending at once", name);
		end_now(d);
	}
}

void steering_drain(void *ctx)
{
	struct daemon *d = ctx;

	if (d->stage == STAGE_SERVING)
		begin_drain(d, "operator");
}

static void tick_draining(struct daemon *d)
{
	bool late = clock_mono_ms() >= d->deadline_ms;

	if (is_idle(d) || (late && d->stage == STAGE_CUTTING)) {
		uv_stop(&d->loop);
	} else if (late) {
		log_warn(AREA, "drain_timeout has passed: cutting off open requests: %u",
			 http_server_exchanges(d->http));
		set_stage(d, STAGE_CUTTING, CUT_MS);
		dispatch_abort_all(d->dispatch);
	}
}

static void tick_ending(struct daemon *d)
{
	if (d->awaits_jobs && dispatch_open_jobs(d->dispatch) == 0 && !api_has_calls(d->api)) {
		d->awaits_jobs = false;
		d->closed = true;
	}
	if (clock_mono_ms() < d->deadline_ms)
		return;
	log_error(AREA, "the shutdown hangs: killing the workers and leaving");
	if (d->pool)
		pool_kill_all(d->pool);
	_exit(EXIT_FAILURE);
}

/* Tells the service manager when the pool's health has changed, and the log when it serves; why it
 * does not is the pool's to log. */
static void tell_health(struct daemon *d)
{
	enum pool_health health = pool_health(d->pool);
	char status[400];

	if (health == d->told_health)
		return;
	d->told_health = health;
	if (health == POOL_READY) {
		snprintf(status, sizeof status, "serving with up to %u workers",
			 pool_most_workers(d->pool));
		log_info(AREA, "%s", status);
	} else {
		snprintf(status, sizeof status, "cannot serve: %s: %s", pool_health_name(health),
			 pool_health_detail(d->pool));
	}
	if (d->ready_told)
		notify_status(status);
	else
		notify_ready(status);
	d->ready_told = true;
	set_tick(d, TICK_SERVING_MS);
}

static void log_lines(const struct buf *lines)
{
	const char *at = lines->data;

	while (at && *at) {
		size_t len = strcspn(at, "\n");

		if (len > 0)
			log_error(AREA, "%.*s", (int)len, at);
		at += len;
		if (*at)
			at++;
	}
}

static void hand_out_conf(struct daemon *d)
{
	struct dispatch_conf dispatch_conf = module_conf_dispatch(d->conf);
	char **hosts = addresses_allowed_hosts(d->conf);
	struct http_conf http_conf = module_conf_http(d->conf, hosts);
	struct webhook_conf webhook_conf = module_conf_webhook(d->conf);
	struct sessions_conf sessions_conf = module_conf_sessions(d->conf);
	struct ws_conf ws_conf = module_conf_ws(d->conf);
	int rc = -ENOMEM;

	module_conf_log(d->conf);
	dispatch_configure(d->dispatch, &dispatch_conf);
	pool_reconfigure(d->pool);
	ws_server_configure(d->ws, &ws_conf);
	if (d->memory.self)
		cache_ram_set_max(&d->memory, (size_t)d->conf->cache.max_bytes);
	sessions_configure(d->sessions, &sessions_conf);
	if (d->redis)
		redis_set_timeout(d->redis, d->conf->redis.timeout);
	if (module_conf_registry(d->conf, d->registry) < 0 || routing_reconfigure(d->routing) < 0 ||
	    webhook_configure(d->webhook, &webhook_conf) < 0)
		log_error(AREA, "limits, routing or webhook stay as they were");
	if (hosts)
		rc = http_server_configure(d->http, &http_conf);
	if (rc < 0)
		log_error(AREA, "the http settings stay as they were: %s", err_str(rc));
	addresses_free_hosts(hosts);
}

int steering_reload(void *ctx, struct buf *errors)
{
	struct daemon *d = ctx;
	struct conf fresh;
	char *file = NULL;
	int rc;

	if (d->stage != STAGE_SERVING) {
		buf_add_str(errors, "the daemon is shutting down\n");
		return ERR_STATE;
	}
	if (d->ready_told)
		notify_reloading();
	rc = conf_load(&fresh, d->source, errors, &file);
	if (rc == 0)
		rc = conf_apply(d->conf, &fresh, errors);
	if (rc == 0) {
		hand_out_conf(d);
		log_info(AREA, "settings reloaded from %s", file ? file : "the command line");
	} else {
		log_lines(errors);
		log_error(AREA, "settings not reloaded, the running ones stay: %s", err_str(rc));
	}
	events_publish("reload", rc != 0, json_pack("{s:b}", "applied", rc == 0),
		       rc == 0 ? "settings reloaded" : "settings not reloaded");
	if (d->ready_told)
		notify_ready(rc == 0 ? "settings reloaded" : "settings not reloaded, see the log");
	free(file);
	return rc;
}

void steering_on_reload_signal(void *ctx)
{
	struct daemon *d = ctx;
	struct buf errors;

	if (d->stage != STAGE_SERVING)
		return;
	buf_init(&errors, MAX_RELOAD_ERRORS);
	steering_reload(d, &errors);
	buf_done(&errors);
}

static void on_tick(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	switch (d->stage) {
	case STAGE_SERVING:
		tell_health(d);
		break;
	case STAGE_DRAINING:
	case STAGE_CUTTING:
		tick_draining(d);
		break;
	case STAGE_ENDING:
		tick_ending(d);
		break;
	}
}

void steering_start(struct daemon *d)
{
	uv_timer_init(&d->loop, &d->tick);
	d->tick.data = d;
	set_tick(d, TICK_STARTING_MS);
}

void steering_begin_unwind(struct daemon *d, int64_t limit_ms)
{
	set_stage(d, STAGE_ENDING, limit_ms);
	set_tick(d, TICK_ENDING_MS);
}
