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

static void tell(const char *topic, const json_t *data, const struct buf *text, bool live)
{
	const struct event e = {.seq = ++newest,
				.at_ms = clock_wall_ms(),
				.topic = topic,
				.data = data,
				.text = text};

	for (struct event_listener *l = listeners; l; l = up_next) {
		up_next = l->next;
		if (l->live || (!live && data))
			l->event(l->ctx, &e);
	}
	up_next = NULL;
}

void events_publish(const char *topic, bool warn, json_t *data, const char *words)
{
	metric_add_as(METRIC_EVENTS, 1, topic);
	if (data)
		log_it(topic, warn, data, words);
	else
		log_error("event", "%s: %s (no memory to tell more)", topic, words);
	tell(topic, data, NULL, false);
	json_decref(data);
}

bool events_live(void)
{
	for (const struct event_listener *l = listeners; l; l = l->next)
		if (l->live)
			return true;
	return false;
}

void events_tell(const char *topic, json_t *data)
{
	if (events_live())
		tell(topic, data, NULL, true);
	json_decref(data);
}

void events_tell_text(const char *topic, const struct buf *text)
{
	if (events_live())
		tell(topic, NULL, text->failed ? NULL : text, true);
}

uint64_t events_seq(void)
{
	return newest;
}
