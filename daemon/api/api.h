/* The API as a whole: the handlers that the HTTP server calls, and what they need to answer. */
#ifndef DAEMON_API_API_H
#define DAEMON_API_API_H

#include <uv.h>

#include "daemon/conf/conf.h"
#include "daemon/dispatch/dispatch.h"
#include "daemon/http/exchange.h"
#include "daemon/pool/pool.h"

struct api_deps {
	uv_loop_t *loop;
	const struct conf *conf; /* the running one; values may change by reload */
	struct dispatch *dispatch;
	struct pool *pool;
};

struct api;

struct api *api_new(const struct api_deps *deps); /* NULL: out of memory */
struct http_handlers api_handlers(struct api *api);
/* NULL ok.  No exchange may be open.  The memory goes when the loop has run once more and the last
 * call has ended. */
void api_free(struct api *api);

#endif
