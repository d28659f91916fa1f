/* The API as a whole: the handlers that the HTTP server calls, and what they need to answer. */
#ifndef DAEMON_API_API_H
#define DAEMON_API_API_H

#include <stdbool.h>
#include <uv.h>

#include "daemon/admit/registry.h"
#include "daemon/api/routing.h"
#include "daemon/conf/conf.h"
#include "daemon/dispatch/cache.h"
#include "daemon/dispatch/dispatch.h"
#include "daemon/dispatch/sessions.h"
#include "daemon/http/exchange.h"
#include "daemon/pool/pool.h"
#include "daemon/store/store.h"

struct api_deps {
	uv_loop_t *loop;
	const struct conf *conf; /* the running one; values may change by reload */
	struct dispatch *dispatch;
	struct pool *pool;
	struct store *store;
	struct registry *registry;
	struct routing *routing;
	struct cache *cache;   /* of answers */
	struct cache *replays; /* of answers kept for Idempotency-Key: api/replays.h */
	struct sessions *sessions;
	/* For WebSockets, whose head the HTTP server does not see. */
	bool (*host_allowed)(void *ctx, const char *host);
	bool (*room_for_stream)(void *ctx);
	/* For metrics. */
	void (*http_count)(void *ctx, unsigned *ret_connections, unsigned *ret_exchanges);
	void *ctx;
};

struct api;

struct api *api_new(const struct api_deps *deps); /* NULL: out of memory */
struct http_handlers api_handlers(struct api *api);
/* Calls outlive their exchange: a job until its worker is done with it, a large body until the
 * thread that decodes it is. */
bool api_has_calls(const struct api *api);
/* NULL ok.  No exchange and no call may be open.  The memory goes when the loop has run once more.
 */
void api_free(struct api *api);

#endif
