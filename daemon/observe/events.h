/* What happens, told to whoever listens: the control socket's subscribers, the webhook.  Publishing
 * also writes the log line.  For the loop thread; listeners are called at once and must not publish
 * from inside; they may end listening, their own or another's.
 *
 * Live events are what a watcher wants to see but no log: every request's stages, workers' states,
 * figures.  They exist only while somebody watches. */
#ifndef DAEMON_OBSERVE_EVENTS_H
#define DAEMON_OBSERVE_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"

struct event {
	uint64_t seq; /* from 1, rising by 1; a gap: one could not be told, for want of memory */
	int64_t at_ms;
	const char *topic; /* "budget", "key", "project", "limit", "override", "store", "reload",
			      "redis"; live: "worker", "request", "queue", "stats", "plan",
			      "service", "log" */
	/* An object; live events may have it as text instead.  Neither: there was no memory for
	 * it, and a listener that must know all has missed one. */
	const json_t *data;
	const struct buf *text;
};

struct event_listener {
	void (*event)(void *ctx, const struct event *e);
	void *ctx;
	bool live; /* live events too; the listener may change it at any time */
	struct event_listener *prev, *next;
};

void events_listen(struct event_listener *l); /* the caller's, until events_unlisten */
void events_unlisten(struct event_listener *l);

/* Takes `data` (NULL: out of memory, logged).  `words` is the log line's message; warn: at that
 * level, else info. */
void events_publish(const char *topic, bool warn, json_t *data, const char *words);

bool events_live(void); /* somebody watches: it is worth making the data of a live event */
/* A live event: told to watchers, not logged.  Takes `data`, as above. */
void events_tell(const char *topic, json_t *data);
void events_tell_text(const char *topic,
		      const struct buf *text); /* borrowed; as observe/row.h makes it */

uint64_t events_seq(void); /* of the newest */

#endif
