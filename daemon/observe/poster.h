/* HTTP POST over libcurl in our loop, one at a time, for the webhook.
 *
 * Only http and https, verified against the system's certificates; no redirects, no proxy (also
 * none of the environment's), no cookies, no reuse of connections.  The answer is read and dropped.
 */
#ifndef DAEMON_OBSERVE_POSTER_H
#define DAEMON_OBSERVE_POSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct poster;

struct post {
	const char *url;
	const char *topic; /* goes into the header X-Ccapi-Event */
	const char *body;  /* JSON; must stay until `done` or poster_abort */
	size_t len;
	long timeout_ms;
	/* Called once, by the loop.  taken: the status is 2xx.  why: words without any part of the
	 * URL, valid during the call. */
	void (*done)(void *ctx, bool taken, const char *why);
	void *ctx;
};

struct poster *poster_new(uv_loop_t *loop); /* NULL: out of memory */
/* None may be under way.  Copies `post`, but for the body.  0, -ENOMEM, -EINVAL (the URL). */
int poster_send(struct poster *p, const struct post *post);
void poster_abort(struct poster *p); /* `done` is not called any more; a no-op when idle */
void poster_stop(struct poster *p, void (*closed)(void *ctx), void *ctx); /* aborts and frees */

#endif
