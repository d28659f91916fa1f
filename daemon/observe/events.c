#include "daemon/observe/events.h"

#include <stdlib.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/log.h"

#include "daemon/observe/metrics.h"

static struct event_listener *listeners;
static struct event_listener *up_next; /* while an event is told */
static uint64_t newest;

void events_listen(struct event_listener *l)
{
	DL_APPEND(listeners, l);
}

void events_unlisten(struct event_listener *l)
{
	if (l == up_next)
		up_next = l->next;
	DL_DELETE(listeners, l);
}

static void log_it(const char *topic, bool warn, const json_t *data, const char *words)
{
	char *text = json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS);
	const struct log_field fields[] = {LOG_STR("topic", topic), LOG_STR("data", text)};

	log_event(warn ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "event", fields,
		  sizeof fields / sizeof *fields, "%s", words);
	free(text);
}

void events_publish(const char *topic, bool warn, json_t *data, const char *words)
{
	metric_add_as(METRIC_EVENTS, 1, topic);
	struct event e = {.seq = ++newest, .at_ms = clock_wall_ms(), .topic = topic, .data = data};
	if (!data) {
		log_error("event", "%s: %s (no memory to tell more)", topic, words);
		return;
	}
	log_it(topic, warn, data, words);
	for (struct event_listener *l = listeners; l; l = up_next) {
		up_next = l->next;
		l->event(l->ctx, &e);
	}
	json_decref(data);
}

uint64_t events_seq(void)
{
	return newest;
}
