/* hiredis on a libuv loop, and a watch on what the library would not survive.
 *
 * Its own adapter passes poll errors over, so that a refused connection would never be told; and
 * the library aborts the process when an answer comes that nothing was asked for. */
#ifndef DAEMON_REDIS_ADAPTER_H
#define DAEMON_REDIS_ADAPTER_H

#include <hiredis/async.h>
#include <stdbool.h>
#include <uv.h>

struct adapter_events {
	/* The peer talks nonsense, or the socket is broken: the context is to be freed. */
	void (*broken)(void *ctx, bool nonsense, const char *why);
	/* From the loop, when the context was freed and nothing is watched any more. */
	void (*closed)(void *ctx);
	void *ctx;
};

/* Watches the context's socket until the context is freed.  0, or a negative code, and then nothing
 * is watched and nobody called. */
int adapter_attach(redisAsyncContext *ac, uv_loop_t *loop, const struct adapter_events *events);

/* For a reply's callback: there is more to read and nothing it would answer. */
bool adapter_has_surplus(const redisAsyncContext *ac);

#endif
