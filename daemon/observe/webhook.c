/* The webhook's queue.
 *
 * The first delivery is either under way (sending), or waits for its next try (the timer runs).
 * send_first is the only place that starts a try.  Whatever ends a delivery is counted: taken, or
 * failed (given up, dropped, off, stopped).
 *
 * The log names the receiver by scheme, host and port: user, password, query and path of the URL
 * may all be secrets. */
#include "daemon/observe/webhook.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/str.h"

#include "daemon/observe/events.h"
#include "daemon/observe/metrics.h"
#include "daemon/observe/poster.h"

enum { QUEUE_MAX = 1000, BODY_MAX = 64 * 1024 };
enum { TIMEOUT_MS = 10000 };
enum { RETRY_FIRST_MS = 1000, RETRY_MOST_MS = 5 * 60 * 1000, RETRY_FOR_MS = 24 * 60 * 60 * 1000 };

struct delivery {
	char id[37], topic[64];
	int64_t since_ms; /* monotonic */
	int64_t wait_ms;  /* before the next try */
	struct delivery *prev, *next;
	size_t len;
	char body[];
};

/* The settings in force, in one piece of memory with their strings. */
struct settings {
	char *url;      /* NULL: off */
	char name[320]; /* of the receiver, for the log */
	char **topics;
	size_t topic_count;
	long timeout_ms;
	int64_t retry_first_ms, retry_most_ms, retry_for_ms;
};

struct webhook {
	uv_loop_t *loop;
	struct settings conf;
	struct event_listener listener;
	struct delivery *queue;
	size_t count;
	bool sending, overflows;
	struct poster
		*poster; /* NULL until there is a URL: the library takes its share of memory */
	uv_timer_t retry;
	unsigned open_parts;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static void send_first(struct webhook *w);

/* ---- the queue ---- */

static void drop_first(struct webhook *w, enum metric counted)
{
	struct delivery *d = w->queue;

	DL_DELETE(w->queue, d);
	w->count--;
	free(d);
	metric_add(counted, 1);
}

static void drop_all(struct webhook *w, const char *why)
{
	if (w->sending)
		poster_abort(w->poster);
	w->sending = false;
	uv_timer_stop(&w->retry);
	if (w->count > 0)
		log_warn("webhook", "%zu events are not delivered: %s", w->count, why);
	while (w->queue)
		drop_first(w, METRIC_WEBHOOK_FAILED);
}

static void on_retry(uv_timer_t *timer)
{
	send_first(timer->data);
}

/* Once more when the wait is over, the last time when it is as old as it may get. */
static void try_later(struct webhook *w, const char *why)
{
	struct delivery *d = w->queue;
	int64_t left = w->conf.retry_for_ms - (clock_mono_ms() - d->since_ms), wait = d->wait_ms;

	if (left <= 0) {
		log_error("webhook", "%s did not take event %s (%s): %s; given up", w->conf.name,
			  d->id, d->topic, why);
		drop_first(w, METRIC_WEBHOOK_FAILED);
		uv_timer_start(&w->retry, on_retry, 0, 0);
		return;
	}
	if (wait > left)
		wait = left;
	log_warn("webhook", "%s did not take event %s (%s): %s; tried again in %lld ms",
		 w->conf.name, d->id, d->topic, why, (long long)wait);
	d->wait_ms =
		d->wait_ms > w->conf.retry_most_ms / 2 ? w->conf.retry_most_ms : 2 * d->wait_ms;
	uv_timer_start(&w->retry, on_retry, (uint64_t)wait, 0);
}

static void on_done(void *ctx, bool taken, const char *why)
{
	struct webhook *w = ctx;

	w->sending = false;
	if (!taken) {
		try_later(w, why);
		return;
	}
	log_debug("webhook", "%s took event %s (%s)", w->conf.name, w->queue->id, w->queue->topic);
	w->overflows = false;
	drop_first(w, METRIC_WEBHOOK_SENT);
	send_first(w);
}

static void send_first(struct webhook *w)
{
	struct delivery *d = w->queue;
	int rc;

	if (!d || w->sending)
		return;
	uv_timer_stop(&w->retry);
	rc = poster_send(w->poster, &(struct post){.url = w->conf.url,
						   .topic = d->topic,
						   .body = d->body,
						   .len = d->len,
						   .timeout_ms = w->conf.timeout_ms,
						   .done = on_done,
						   .ctx = w});
	if (rc < 0)
		try_later(w, rc == -EINVAL ? "the URL cannot be used" : "out of memory");
	else
		w->sending = true;
}

/* ---- events ---- */

static bool wants(const struct webhook *w, const char *topic)
{
	for (size_t i = 0; i < w->conf.topic_count; i++)
		if (strcmp(w->conf.topics[i], topic) == 0)
			return true;
	return w->conf.topic_count == 0;
}

static int write_body(struct buf *b, const char *id, const struct event *e)
{
	time_t seconds = (time_t)(e->at_ms / 1000);
	size_t len = 0;
	char *data = json_dump_exact(e->data, &len), at[32];
	struct tm tm;

	if (!data)
		return -ENOMEM;
	gmtime_r(&seconds, &tm);
	strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(b, "{\"id\":\"%s\",\"topic\":", id);
	json_add_string(b, e->topic, strlen(e->topic));
	buf_printf(b, ",\"at\":\"%s.%03dZ\",\"data\":", at, (int)(e->at_ms % 1000));
	buf_add(b, data, len);
	buf_add_char(b, '}');
	free(data);
	return b->failed ? -ENOMEM : 0;
}

/* NULL: out of memory, or longer than BODY_MAX. */
static struct delivery *delivery_new(const struct webhook *w, const struct event *e)
{
	struct delivery *d = NULL;
	struct buf b;
	char id[37];

	str_uuid4(id);
	buf_init(&b, BODY_MAX);
	if (write_body(&b, id, e) == 0)
		d = malloc(sizeof *d + b.len + 1);
	if (d) {
		*d = (struct delivery){.since_ms = clock_mono_ms(),
				       .wait_ms = w->conf.retry_first_ms,
				       .len = b.len};
		memcpy(d->id, id, sizeof id);
		snprintf(d->topic, sizeof d->topic, "%s", e->topic);
		memcpy(d->body, b.data, b.len + 1);
	}
	buf_done(&b);
	return d;
}

static void on_event(void *ctx, const struct event *e)
{
	struct webhook *w = ctx;
	struct delivery *d;

	if (!w->conf.url || !wants(w, e->topic))
		return;
	if (w->count >= QUEUE_MAX) {
		if (!w->overflows)
			log_error("webhook", "%d events wait for %s; new ones are dropped",
				  QUEUE_MAX, w->conf.name);
		w->overflows = true;
		metric_add(METRIC_WEBHOOK_FAILED, 1);
		return;
	}
	d = delivery_new(w, e);
	if (!d) {
		log_error("webhook", "an event (%s) is too long or memory too short; not delivered",
			  e->topic);
		metric_add(METRIC_WEBHOOK_FAILED, 1);
		return;
	}
	DL_APPEND(w->queue, d);
	if (++w->count == 1)
		send_first(w);
}

/* ---- settings ---- */

static void settings_done(struct settings *s)
{
	for (size_t i = 0; i < s->topic_count; i++)
		free(s->topics[i]);
	free(s->topics);
	free(s->url);
}

/* "https://host:port"; -EINVAL when it is no such URL. */
static int name_receiver(const char *url, char *name, size_t size)
{
	char *scheme = NULL, *host = NULL, *port = NULL;
	CURLU *u = curl_url();
	CURLUcode code = u ? curl_url_set(u, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY;
	int rc = 0;

	if (!code)
		code = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0);
	if (!code)
		code = curl_url_get(u, CURLUPART_HOST, &host, 0);
	if (!code)
		code = curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
	if (code)
		rc = code == CURLUE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
	else if (strcmp(scheme, "http") && strcmp(scheme, "https"))
		rc = -EINVAL;
	else
		snprintf(name, size, "%s://%s:%s", scheme, host, port);
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return rc;
}

static int settings_copy_url(struct settings *s, const char *url)
{
	int rc;

	if (!url || !*url)
		return 0;
	rc = name_receiver(url, s->name, sizeof s->name);
	if (rc == -EINVAL) {
		log_error("webhook", "webhook.url is not a URL of http or https; no event is sent");
		return 0;
	}
	if (rc == 0)
		s->url = strdup(url);
	return s->url ? 0 : -ENOMEM;
}

static int settings_copy(struct settings *s, const struct webhook_conf *conf)
{
	int rc;

	*s = (struct settings){.timeout_ms = TIMEOUT_MS};
	if (conf->timeout_ms > 0)
		s->timeout_ms = conf->timeout_ms;
	s->retry_first_ms = conf->retry_first_ms ? conf->retry_first_ms : RETRY_FIRST_MS;
	s->retry_most_ms = conf->retry_most_ms ? conf->retry_most_ms : RETRY_MOST_MS;
	s->retry_for_ms = conf->retry_for_ms ? conf->retry_for_ms : RETRY_FOR_MS;
	rc = settings_copy_url(s, conf->url);
	if (rc == 0 && conf->topic_count > 0) {
		s->topics = calloc(conf->topic_count, sizeof *s->topics);
		rc = s->topics ? 0 : -ENOMEM;
	}
	for (size_t i = 0; rc == 0 && i < conf->topic_count; i++) {
		s->topics[i] = strdup(conf->topics[i]);
		s->topic_count += s->topics[i] != NULL;
		rc = s->topics[i] ? 0 : -ENOMEM;
	}
	if (rc < 0)
		settings_done(s);
	return rc;
}

int webhook_configure(struct webhook *w, const struct webhook_conf *conf)
{
	struct settings fresh;
	int rc = settings_copy(&fresh, conf);

	if (rc < 0)
		return rc;
	if (fresh.url && !w->poster && !(w->poster = poster_new(w->loop))) {
		settings_done(&fresh);
		return -ENOMEM;
	}
	settings_done(&w->conf);
	w->conf = fresh;
	if (w->conf.url)
		send_first(w); /* a try that is under way goes on */
	else
		drop_all(w, "the webhook is off");
	return 0;
}

/* ---- life ---- */

struct webhook *webhook_new(uv_loop_t *loop, const struct webhook_conf *conf)
{
	struct webhook *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->loop = loop;
	if (settings_copy(&w->conf, conf) < 0 ||
	    (w->conf.url && !(w->poster = poster_new(w->loop)))) {
		settings_done(&w->conf);
		free(w);
		return NULL;
	}
	uv_timer_init(loop, &w->retry);
	w->retry.data = w;
	w->listener = (struct event_listener){.event = on_event, .ctx = w};
	events_listen(&w->listener);
	return w;
}

static void part_closed(void *ctx)
{
	struct webhook *w = ctx;

	if (--w->open_parts > 0)
		return;
	if (w->closed)
		w->closed(w->closed_ctx);
	settings_done(&w->conf);
	free(w);
}

static void retry_closed(uv_handle_t *handle)
{
	part_closed(handle->data);
}

void webhook_stop(struct webhook *w, void (*closed)(void *ctx), void *ctx)
{
	w->closed = closed;
	w->closed_ctx = ctx;
	w->open_parts = w->poster ? 2 : 1;
	events_unlisten(&w->listener);
	drop_all(w, "the daemon stops");
	uv_close((uv_handle_t *)&w->retry, retry_closed);
	if (w->poster)
		poster_stop(w->poster, part_closed, w);
}
