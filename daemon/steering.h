/* The daemon while it runs, and what steers it: signals, reload, the stages of its end, words to
 * the service manager. For daemon.c, which builds and unwinds what is in here. */
#ifndef DAEMON_STEERING_H
#define DAEMON_STEERING_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/conf/load.h"
#include "daemon/dispatch/cache.h"
#include "daemon/notify.h"
#include "daemon/pool/pool.h"
#include "daemon/signals.h"

struct api;
struct control;
struct dispatch;
struct http_server;
struct listener;
struct log_ring;
struct redis;
struct registry;
struct routing;
struct sessions;
struct store;
struct webhook;
struct ws_server;

enum stage { STAGE_SERVING, STAGE_DRAINING, STAGE_CUTTING, STAGE_ENDING };

struct daemon {
	struct conf *conf;
	const struct conf_source *source;
	uv_loop_t loop;
	enum stage stage;
	int64_t deadline_ms; /* of the stage, monotonic */
	bool closed;         /* the step that is being stopped has closed */
	bool awaits_jobs;    /* ... and is the one that ends jobs and calls */
	char why[512];       /* what a failed step has to say */

	int lock_fd;
	struct signals signals;
	struct notify notify;
	struct log_ring *log;
	uv_timer_t tick;
	enum pool_health told_health;
	bool ready_told;
	struct store *store;
	struct registry *registry;
	struct webhook *webhook;
	struct pool *pool;
	struct dispatch *dispatch;
	struct cache *cache, *replays;
	struct cache_backend memory; /* what `cache` keeps its entries in; self NULL: Redis does */
	struct redis *redis;         /* NULL: none is used */
	struct sessions *sessions;
	struct routing *routing;
	struct control *control;
	struct api *api;
	struct http_server *http;
	struct ws_server *ws;
	struct listener *listener;
};

void step_closed(void *ctx); /* of daemon.c's table: what is being stopped has closed */

void steering_start(struct daemon *d); /* starts the tick; the loop is there */
void steering_on_end_signal(void *ctx,
			    const char *name); /* for struct signal_actions; ctx is the daemon */
void steering_on_reload_signal(void *ctx);
void steering_drain(void *ctx); /* an operator's order to end, as the first SIGTERM */

/* Reads the settings anew and applies them, all or none; also for the control socket.  0, or a
 * negative code with a line in `errors` for each. */
int steering_reload(void *ctx, struct buf *errors);

/* From here on the table is being unwound: d->closed is awaited for at most `limit_ms` in all. */
void steering_begin_unwind(struct daemon *d, int64_t limit_ms);

#endif
