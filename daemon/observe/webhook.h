/* Events told to a URL: POST of {"id","topic","at","data"} with retries, over libcurl in our loop.
 *
 * Deliveries are in order, one at a time; one that fails (no connection, time-out, status outside
 * 2xx) is tried again after 1 s, 2 s, 4 s ... at most 5 min, until it is RETRY_FOR old, then given
 * up and counted.  At most QUEUE_MAX wait; the newest is dropped then, and counted.
 *
 * "id" is the same in every try of an event, so that a receiver can tell a repetition. */
#ifndef DAEMON_OBSERVE_WEBHOOK_H
#define DAEMON_OBSERVE_WEBHOOK_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct webhook;

struct webhook_conf {
	const char *url; /* http:// or https://; "" or NULL: off */
	const char *const *topics;
	size_t topic_count; /* 0: all */
	long timeout_ms;    /* of one try; 0: 10 s */
	/* Tests: first and longest wait before another try, and RETRY_FOR; 0: 1 s, 5 min, 24 h. */
	int64_t retry_first_ms, retry_most_ms, retry_for_ms;
};

/* Listens to events from now on.  NULL: out of memory. */
struct webhook *webhook_new(uv_loop_t *loop, const struct webhook_conf *conf);
/* Copies; 0, -ENOMEM, and then nothing has changed.  What waits goes to the new URL, at once; off
 * gives it up.  A URL that cannot be used is an error in the log, and off. */
int webhook_configure(struct webhook *w, const struct webhook_conf *conf);
/* Gives up what is under way and what waits; the loop calls `closed` when all is freed. */
void webhook_stop(struct webhook *w, void (*closed)(void *ctx), void *ctx);

#endif
