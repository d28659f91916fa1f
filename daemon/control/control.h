/* The control socket: JSON-RPC 2.0 by lines over a Unix stream socket, for ccapictl and the
 * dashboard. */
#ifndef DAEMON_CONTROL_CONTROL_H
#define DAEMON_CONTROL_CONTROL_H

#include <stddef.h>
#include <uv.h>

#include "daemon/admit/registry.h"
#include "daemon/api/operator_chat.h"
#include "daemon/api/routing.h"
#include "daemon/conf/conf.h"
#include "daemon/conf/load.h"
#include "daemon/dispatch/cache.h"
#include "daemon/dispatch/dispatch.h"
#include "daemon/dispatch/sessions.h"
#include "daemon/observe/log_ring.h"
#include "daemon/pool/pool.h"
#include "daemon/redis/redis.h"
#include "daemon/store/store.h"

struct control;

struct control_deps {
	uv_loop_t *loop;
	const struct conf *conf;
	const struct conf_source *source; /* for config check */
	struct store *store;
	struct registry *registry;
	struct routing *routing;
	struct cache *cache;
	struct sessions *sessions;
	struct redis *redis; /* NULL: none is used */
	struct pool *pool;
	struct dispatch *dispatch;
	struct api *api;
	struct log_ring *log; /* NULL: no lines are kept */
	/* Reads the settings anew and applies them: 0, or a negative code and the lines of errors
	 * in `errors`. */
	int (*reload)(void *ctx, struct buf *errors);
	/* The i-th address that is really listened on; NULL past the last.  May be NULL. */
	const char *(*address)(void *ctx, size_t i);
	void (*drain)(void *ctx); /* as the first SIGTERM: finish, then end */
	void *ctx;
};

/* Makes the socket (removing a dead one), 0660, owned by control.group if set.  NULL and why. */
struct control *control_new(const struct control_deps *deps, char *why, size_t why_size);
void control_drain(struct control *c); /* `status` says draining; calls go on */
void control_stop(struct control *c, void (*closed)(void *ctx), void *ctx);

#endif
