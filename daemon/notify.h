/* Words with the service manager: readiness, watchdog, sockets it opened for us.  Without systemd,
 * at build or at run time, all of it does nothing. */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include <uv.h>

struct notify {
	uv_timer_t watchdog;
};

/* Starts feeding the watchdog if one is asked for.  0 or -errno. */
int notify_start(struct notify *n, uv_loop_t *loop);
void notify_stop(struct notify *n); /* the handle closes in the loop's next turn */

void notify_ready(const char *status); /* also after a reload */
void notify_status(const char *status);
void notify_reloading(void);
void notify_stopping(const char *status);

/* How many listening sockets were passed; *ret_first is the first's descriptor, the others follow.
 * Once per process. */
int notify_sockets(int *ret_first);

#endif
