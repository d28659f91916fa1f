/* Connections whose protocol is not known yet. */
#ifndef DAEMON_HTTP_PENDING_H
#define DAEMON_HTTP_PENDING_H

#include <stdbool.h>
#include <uv.h>

#include "daemon/http/listener.h"

struct pending;

/* The waiting room of one listener, embedded in it. */
struct pendings {
	uv_loop_t *loop;
	struct listener_targets targets;
	int64_t head_timeout;
	unsigned max, count;
	struct pending *list; /* oldest first: all have the same time to live */
	uv_timer_t deadline;
	unsigned handles;          /* not closed yet, the timer among them */
	void (*closed)(void *ctx); /* set by pendings_done: no handle is left */
	void *ctx;
};

int pendings_init(struct pendings *ps, uv_loop_t *loop, const struct listener_conf *conf,
		  const struct listener_targets *targets);

/* Looks at a fresh connection's head: hands it over at once, or keeps it until its head has
 * decided. */
void pendings_take(struct pendings *ps, int fd, const struct sockaddr *addr, socklen_t addr_len);

/* Closes all of them; `closed` is called from the loop when no handle is left. */
void pendings_done(struct pendings *ps, void (*closed)(void *ctx), void *ctx);

#endif
