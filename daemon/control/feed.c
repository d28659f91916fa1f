/* Events for subscribers.
 *
 * An event becomes a line, the line waits some milliseconds for others, and then all of them are
 * one write a subscriber: who gets all shares the bytes, who has asked for some topics gets a copy
 * of those lines.  So the request path pays for making a line, whoever listens.
 *
 * A subscriber that lets too much wait is behind: it gets nothing more until it has read most of
 * it, and then a snapshot that says how many events it has lost.  What waits for one is bounded by
 * feed_max and its last snapshot.  One that stays behind is cut (conn.c). */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/json.h"
#include "shared/log.h"

#include "daemon/control/commands.h"
#include "daemon/control/internal.h"
#include "daemon/observe/activity.h"
#include "daemon/observe/row.h"
#include "daemon/observe/view.h"
#include "daemon/pool/pool_view.h"

enum { BATCH_MAX = 8 * 1024 * 1024, BATCH_FULL = 64 * 1024, WATCH_MS = 100, FIRST_LINES = 64 };

/* Those that exist only while somebody watches; see observe/events.h. */
static const char *const live_topics[] = {"worker", "request", "queue", "stats",
					  "plan",   "service", "log"};

bool feed_wants(const struct subscription *s, const char *topic)
{
	json_t *item;
	size_t i;

	if (!s->topics)
		return true;
	json_array_foreach(s->topics, i, item)
	{
		if (strcmp(json_string_value(item), topic) == 0)
			return true;
	}
	return false;
}

static bool is_wanted(const struct control *c, const char *topic)
{
	const struct conn *conn;

	DL_FOREACH(c->conns, conn)
	{
		if (conn->feed.open && feed_wants(&conn->feed, topic))
			return true;
	}
	return false;
}

static void flush(struct control *c);

/* ---- a subscriber that is too slow ---- */

static void fall_behind(struct conn *conn, uint64_t lost)
{
	struct subscription *s = &conn->feed;

	if (!s->behind) {
		s->behind = true;
		s->behind_ms = clock_mono_ms();
		log_info(CONTROL_AREA,
			 "uid %u, pid %d: behind with the events: it gets a snapshot "
			 "when it has read",
			 (unsigned)conn->peer.uid, (int)conn->peer.pid);
	}
	s->lost += lost;
}

static void send_line(struct conn *conn, struct buf *line)
{
	size_t len = 0;
	char *data = buf_take(line, &len);

	conn_send(conn, data, len);
	buf_done(line);
}

static void catch_up(struct conn *conn)
{
	struct subscription *s = &conn->feed;
	json_t *params;
	struct buf line;

	flush(conn->control); /* what waits is in the snapshot, and counts as lost */
	params = snapshot_new(conn->control, s);
	json_object_set_new(params, "lost", json_integer((json_int_t)s->lost));
	buf_init(&line, RPC_RESPONSE_MAX);
	rpc_write_notification(&line, "snapshot", params);
	s->behind = false;
	s->lost = 0;
	s->since = events_seq();
	s->snapshot_len = line.len;
	if (!params || line.failed)
		fall_behind(conn, 1);
	else
		send_line(conn, &line);
	buf_done(&line);
	json_decref(params);
}

void feed_drained(struct conn *conn)
{
	struct subscription *s = &conn->feed;
	size_t waiting = conn_waiting(conn);

	if (waiting < control_limits.feed_max)
		s->snapshot_len = 0;
	if (s->open && s->behind && waiting <= control_limits.feed_max / 4)
		catch_up(conn);
}

static bool has_room(const struct conn *conn, size_t len)
{
	return conn_waiting(conn) + len <= control_limits.feed_max + conn->feed.snapshot_len;
}

/* ---- batches ---- */

static bool gets(const struct subscription *s, const struct feed_line *l)
{
	return l->seq > s->since && feed_wants(s, l->topic);
}

static void send_some(struct control *c, struct conn *conn)
{
	struct feed *f = &c->feed;
	uint64_t count = 0;
	struct buf part;

	buf_init(&part, BATCH_MAX);
	for (size_t i = 0; i < f->count; i++) {
		const struct feed_line *l = &f->lines[i];

		if (!gets(&conn->feed, l))
			continue;
		buf_add(&part, f->batch->text.data + l->at, l->len);
		count++;
	}
	if (count > 0 && (part.failed || !has_room(conn, part.len)))
		fall_behind(conn, count);
	else if (count > 0)
		send_line(conn, &part);
	buf_done(&part);
}

static void count_lost(const struct feed *f, struct subscription *s)
{
	for (size_t i = 0; i < f->count; i++)
		s->lost += gets(s, &f->lines[i]);
}

static void send_batch(struct control *c, struct conn *conn)
{
	struct feed *f = &c->feed;
	struct subscription *s = &conn->feed;
	bool all = !s->topics && f->lines[0].seq > s->since;

	if (s->behind)
		count_lost(f, s);
	else if (!all)
		send_some(c, conn);
	else if (has_room(conn, f->batch->text.len))
		conn_send_shared(conn, f->batch);
	else
		fall_behind(conn, f->count);
}

static void flush(struct control *c)
{
	struct feed *f = &c->feed;
	struct conn *conn, *next;

	uv_timer_stop(&f->flush);
	if (f->count > 0) {
		DL_FOREACH_SAFE(c->conns, conn, next)
		{
			if (conn->feed.open && !conn->closing)
				send_batch(c, conn);
		}
	}
	f->count = 0;
	if (f->batch)
		shared_text_unref(f->batch);
	f->batch = NULL;
}

static void on_flush(uv_timer_t *timer)
{
	flush(timer->data);
}

/* An event that cannot be told is missed by everybody who wants it. */
static void miss(struct control *c, const char *topic)
{
	struct conn *conn;

	DL_FOREACH(c->conns, conn)
	{
		if (conn->feed.open && !conn->closing && feed_wants(&conn->feed, topic))
			fall_behind(conn, 1);
	}
}

static struct feed_line *add_line(struct feed *f)
{
	size_t room = f->room ? f->room * 2 : FIRST_LINES;
	struct feed_line *lines;

	if (!f->batch) {
		f->batch = calloc(1, sizeof *f->batch);
		if (!f->batch)
			return NULL;
		f->batch->refs = 1;
		buf_init(&f->batch->text, BATCH_MAX);
	}
	if (f->count == f->room) {
		lines = realloc(f->lines, room * sizeof *lines);
		if (!lines)
			return NULL;
		f->lines = lines;
		f->room = room;
	}
	return &f->lines[f->count];
}

static void write_params(const struct event *e, struct buf *to)
{
	char *data = e->data ? json_dumps(e->data, JSON_COMPACT) : NULL;

	row_open(to);
	row_int(to, "seq", (int64_t)e->seq);
	row_time(to, "at", e->at_ms);
	row_text(to, "topic", e->topic);
	row_name(to, "data");
	if (data)
		buf_add_str(to, data);
	else if (e->text)
		buf_add(to, e->text->data, e->text->len);
	else
		to->failed = true;
	row_close(to);
	free(data);
}

/* False: there is no memory for it. */
static bool write_event(struct feed *f, const struct event *e)
{
	struct feed_line *line = add_line(f);
	struct buf *to = line ? &f->batch->text : NULL;
	size_t at;

	if (!line)
		return false;
	at = to->len;
	buf_add_str(to, "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":");
	write_params(e, to);
	buf_add_str(to, "}\n");
	if (to->failed) {
		to->failed = false; /* what was whole before is still told */
		to->len = at;
		return false;
	}
	*line = (struct feed_line){.topic = e->topic, .seq = e->seq, .at = at, .len = to->len - at};
	f->count++;
	return true;
}

void feed_event(void *ctx, const struct event *e)
{
	struct control *c = ctx;
	struct feed *f = &c->feed;

	if (!is_wanted(c, e->topic))
		return;
	if (!write_event(f, e)) {
		flush(c);
		miss(c, e->topic);
		return;
	}
	if (f->batch->text.len >= BATCH_FULL)
		flush(c);
	else if (f->count == 1)
		uv_timer_start(&f->flush, on_flush, (uint64_t)control_limits.flush_ms, 0);
}

/* ---- figures ---- */

/* What changes too often, or says nothing by itself, is looked at. */
static void on_watch(uv_timer_t *timer)
{
	struct control *c = timer->data;
	struct feed *f = &c->feed;
	const struct dispatch *d = c->deps.dispatch;
	const char *state = service_state(c), *detail = pool_health_detail(c->deps.pool);

	if (f->waiting != dispatch_queued(d) || f->running != dispatch_running(d) ||
	    f->paused != dispatch_is_held(d)) {
		f->waiting = dispatch_queued(d);
		f->running = dispatch_running(d);
		f->paused = dispatch_is_held(d);
		events_tell("queue", queue_view(c));
	}
	if (f->state != state || strncmp(f->detail, detail, sizeof f->detail - 1) != 0) {
		f->state = state;
		snprintf(f->detail, sizeof f->detail, "%s", detail);
		events_tell("service", service_view(c));
	}
}

static json_t *stats_view(const struct control *c)
{
	json_t *to = json_pack("{sI ss si si sb}", "uptime_s",
			       (json_int_t)((clock_mono_ms() - c->began_ms) / 1000), "state",
			       service_state(c), "waiting", (int)dispatch_queued(c->deps.dispatch),
			       "running", (int)dispatch_running(c->deps.dispatch), "paused",
			       dispatch_is_held(c->deps.dispatch));

	activity_add_stats(to);
	json_object_set_new(to, "workers", pool_view_rss(c->deps.pool));
	json_object_set_new(to, "requests", activity_progress());
	return to;
}

void feed_second(struct control *c)
{
	activity_tick(dispatch_queued(c->deps.dispatch));
	if (is_wanted(c, "stats"))
		events_tell("stats", stats_view(c));
}

/* ---- who listens ---- */

void feed_audience_changed(struct control *c)
{
	bool live = false, watches = is_wanted(c, "queue") || is_wanted(c, "service");

	for (size_t i = 0; i < sizeof live_topics / sizeof *live_topics; i++)
		live = live || is_wanted(c, live_topics[i]);
	c->events.live = live;
	if (!watches)
		uv_timer_stop(&c->feed.watch);
	else if (!uv_is_active((uv_handle_t *)&c->feed.watch) && !c->stopping)
		uv_timer_start(&c->feed.watch, on_watch, WATCH_MS, WATCH_MS);
}

void feed_end(struct conn *conn)
{
	if (!conn->feed.open)
		return; /* most never subscribe: nothing is looked through for them */
	json_decref(conn->feed.topics);
	conn->feed = (struct subscription){0};
	feed_audience_changed(conn->control);
}

int feed_start(struct control *c)
{
	uv_timer_init(c->deps.loop, &c->feed.flush);
	uv_timer_init(c->deps.loop, &c->feed.watch);
	c->feed.flush.data = c->feed.watch.data = c;
	c->feed.state = "";
	return 2;
}

void feed_stop(struct control *c, void (*closed)(uv_handle_t *handle))
{
	flush(c);
	free(c->feed.lines);
	c->feed.lines = NULL;
	c->feed.room = 0;
	uv_close((uv_handle_t *)&c->feed.flush, closed);
	uv_close((uv_handle_t *)&c->feed.watch, closed);
}

void command_subscribe(struct verb_call *r)
{
	struct conn *conn = r->conn;
	struct subscription *s = &conn->feed;

	flush(r->control);
	json_decref(s->topics);
	*s = (struct subscription){
		.open = !conn->eof,
		.topics = json_incref(json_object_get(r->params, "topics")),
		.recent = (size_t)json_get_int(r->params, "recent", 0),
		.logs = (size_t)json_get_int(r->params, "logs", 0),
		.since = events_seq(),
	};
	feed_audience_changed(r->control);
	verb_call_answer(r, snapshot_new(r->control, s));
	s->snapshot_len = conn_waiting(conn); /* a connection outlives the call */
}
