/* Bounds of the control socket.  One set for the process; tests make them smaller before
 * control_new(). */
#ifndef DAEMON_CONTROL_LIMITS_H
#define DAEMON_CONTROL_LIMITS_H

#include <stddef.h>
#include <stdint.h>

struct control_limits {
	unsigned connections; /* open at one time */
	unsigned readers;     /* of them by peers that may only look: an operator finds a place */
	int64_t line_ms;      /* from a request line's first byte to its last */
	int64_t request_ms;   /* until a request is answered */
	int64_t idle_ms;      /* of a connection without requests or a subscription */
	int64_t stall_ms;     /* a reader takes nothing of what is waiting for it */
	int64_t sweep_ms;     /* how often the times are looked at */
	size_t out_pause;     /* bytes waiting: no further request is looked at */
	size_t feed_max; /* bytes of events waiting: a subscriber gets no more until it has read */
	int64_t behind_ms;     /* then, how long it may take for that */
	int64_t flush_ms;      /* how long an event may wait for others */
	unsigned bad_requests; /* lines that are no requests: the connection is cut */
};

extern struct control_limits control_limits;

#endif
