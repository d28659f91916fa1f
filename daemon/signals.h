/* The signals that steer the daemon, as events of the loop. */
#ifndef DAEMON_SIGNALS_H
#define DAEMON_SIGNALS_H

#include <uv.h>

struct signal_actions {
	void (*end)(void *ctx, const char *name); /* SIGTERM or SIGINT; every time */
	void (*reload)(void *ctx);                /* SIGHUP */
	void *ctx;
};

struct signals {
	uv_signal_t terminate, interrupt, hangup;
	struct signal_actions actions;
};

/* 0 or -errno; after a failure signals_stop() is still due. */
int signals_start(struct signals *s, uv_loop_t *loop, const struct signal_actions *actions);
void signals_stop(struct signals *s); /* the handles close in the loop's next turn */

#endif
