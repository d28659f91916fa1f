/* What happens, told to whoever listens: the control socket's subscribers, the webhook.  Publishing
 * also writes the log line.  For the loop thread; listeners are called at once and must not publish
 * from inside; they may end listening, their own or another's. */
#ifndef DAEMON_OBSERVE_EVENTS_H
#define DAEMON_OBSERVE_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct event {
	uint64_t seq; /* from 1, rising by 1; a gap: one could not be told, for want of memory */
	int64_t at_ms;
	const char *topic;  /* "budget", "key", "project", "limit", "override", "store", "reload",
			       "redis" */
	const json_t *data; /* an object */
};

struct event_listener {
	void (*event)(void *ctx, const struct event *e);
	void *ctx;
	struct event_listener *prev, *next;
};

void events_listen(struct event_listener *l); /* the caller's, until events_unlisten */
void events_unlisten(struct event_listener *l);

/* Takes `data` (NULL: out of memory, logged).  `words` is the log line's message; warn: at that
 * level, else info. */
void events_publish(const char *topic, bool warn, json_t *data, const char *words);

uint64_t events_seq(void); /* of the newest */

#endif
