/* Events told to a URL: POST of {"id","topic","at","data"} with retries, over libcurl in our loop.
 *
 * Deliveries are in order, one at a time; one that fails (no connection, time-out, status outside
 * 2xx) is tried again after 1 s, 2 s, 4 s ... at most 5 min, until it is RETRY_FOR old, then given
 * up and counted.  At most QUEUE_MAX wait; the newest is dropped then, and counted. */
#ifndef DAEMON_OBSERVE_WEBHOOK_H
#define DAEMON_OBSERVE_WEBHOOK_H

#include <uv.h>

struct webhook;

struct webhook_conf {
	const char *url;           /* http:// or https://; "" or NULL: off */
	const char *const *topics; /* NULL-terminated; NULL: all */
	long timeout_ms;
};

/* Listens to events from now on.  NULL: out of memory. */
struct webhook *webhook_new(uv_loop_t *loop, const struct webhook_conf *conf);
int webhook_configure(struct webhook *w, const struct webhook_conf *conf);  /* copies; 0, -ENOMEM */
void webhook_stop(struct webhook *w, void (*closed)(void *ctx), void *ctx); /* frees */

#endif
