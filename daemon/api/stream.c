/* WebSockets as the API sees them.
 *
 *   accept (stream_accept.c) -> opened -> [key by message] -> messages ... -> closed
 *                                                  |              ^
 *                                                  +-> chats (stream_chat.c), several at a time
 *
 * A stream is made when its upgrade request is found good and lives until its connection is closed
 * and the last of its chats has come back: closing cancels them, and a worker takes its time.
 *
 * A message that cannot be understood is answered, and the connection lives.  It is closed for want
 * of a key (1008), by the transport's own rules (ws.h), and at the daemon's end (1001), but not
 * before the chats under way have ended. */
#include "daemon/api/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/clock.h"

#include "daemon/api/pipeline.h"
#include "daemon/api/stream_private.h"
#include "daemon/observe/metrics.h"

enum {
	QUEUE_HIGH = 1024 * 1024,
	QUEUE_LOW = 256 * 1024,
	ERROR_MAX = 8192,
	KEY_MESSAGE_MAX = 64 * 1024, /* who has no key yet may not fill memory */
	SHORTEST_LOOK_MS = 20,
	STATUS_SWITCHED = 101,
	STATUS_CLIENT_GONE = 499,
	CLOSE_CODE_TEXT = 8
};

static const char shutting_down[] = "The server is shutting down.";

static void stream_free(struct stream *s)
{
	request_unref(s->req);
	free(s);
}

/* A false of the transport needs no answer here: it is closing the connection then, and `closed`
 * ends the chats. */
void stream_send(struct stream *s, const char *text, size_t len)
{
	if (ws_send(s->w, text, len))
		s->sent += len;
}

bool stream_stands_still(const struct stream *s)
{
	return s->stalled && s->sent - ws_queued(s->w) == s->taken_at_stall;
}

void stream_close(struct stream *s, enum ws_close_code code, const char *reason)
{
	s->state = STREAM_CLOSING;
	if (s->w)
		ws_close(s->w, code, reason);
}

void stream_send_error(struct stream *s, const char *id, const struct failure *f)
{
	struct buf b;

	if (!s->w)
		return;
	if (f->fault == FAULT_INVALID_KEY)
		metric_add(METRIC_REFUSED_AUTH, 1);
	buf_init(&b, ERROR_MAX);
	buf_add_str(&b, "{\"type\":\"error\"");
	if (*id)
		buf_printf(&b, ",\"id\":\"%s\"", id);
	buf_add_str(&b, ",\"error\":");
	failure_write_object(f, &b);
	buf_add_char(&b, '}');
	if (b.failed)
		stream_close(s, WS_CLOSE_INTERNAL, "The server is out of memory.");
	else
		stream_send(s, b.data, b.len);
	buf_done(&b);
}

/* What is wrong with a message does not end the chat that it names. */
void stream_refuse_message(struct stream *s, const char *id, const struct failure *f)
{
	stream_send_error(s, chat_find(s, id) ? "" : id, f);
}

static void send_text(struct stream *s, const char *text)
{
	stream_send(s, text, strlen(text));
}

void stream_chat_over(struct stream *s)
{
	s->chat_count--;
	if (!s->w && s->chat_count == 0)
		stream_free(s);
	else if (s->api->streams.draining && s->chat_count == 0)
		stream_close(s, WS_CLOSE_GOING_AWAY, shutting_down);
}

/* ---- the key ---- */

static void on_timer(uv_timer_t *timer);

static void run_timer(struct api *api)
{
	int64_t every = api->deps.conf->websocket.auth_timeout / 4;

	if (every < SHORTEST_LOOK_MS)
		every = SHORTEST_LOOK_MS;
	if (!uv_is_closing((uv_handle_t *)&api->streams.timer) &&
	    !uv_is_active((uv_handle_t *)&api->streams.timer))
		uv_timer_start(&api->streams.timer, on_timer, (uint64_t)every, 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct api *api = timer->data;
	int64_t now = clock_mono_ms();
	struct stream *s, *next;
	bool more = false;

	DL_FOREACH_SAFE(api->streams.list, s, next)
	{
		if (s->state != STREAM_AUTH)
			continue;
		if (now >= s->key_until_ms)
			stream_close(s, WS_CLOSE_POLICY, "No API key came in time.");
		else
			more = true;
	}
	if (more)
		run_timer(api);
}

static void want_key(struct stream *s)
{
	s->key_until_ms = clock_mono_ms() + s->api->deps.conf->websocket.auth_timeout;
	ws_limit(s->w, KEY_MESSAGE_MAX);
	run_timer(s->api);
}

static void take_key(struct stream *s, const struct stream_message *m)
{
	struct failure f;

	if (s->req->key) {
		failure_set(&f, FAULT_INVALID_REQUEST, "type", "A key was given before.");
		stream_refuse_message(s, m->id, &f);
	} else if (auth_check_secret(s->req, m->api_key, &f)) {
		stream_refuse_message(s, m->id, &f);
		stream_close(s, WS_CLOSE_POLICY, "The API key was not accepted.");
	} else {
		s->state = STREAM_OPEN;
		ws_limit(s->w, 0);
		send_text(s, "{\"type\":\"auth_ok\"}");
	}
}

static void lack_key(struct stream *s, const struct stream_message *m)
{
	struct failure f;

	failure_set(
		&f, FAULT_INVALID_KEY, NULL,
		"An API key is needed first: {\"type\":\"auth\",\"api_key\":KEY}, or the header "
		"Authorization.");
	stream_refuse_message(s, m->id, &f);
	stream_close(s, WS_CLOSE_POLICY, "An API key is needed first.");
}

/* ---- messages ---- */

static void take_cancel(struct stream *s, const struct stream_message *m)
{
	struct chat *chat = *m->id ? chat_find(s, m->id) : NULL;
	struct failure f;

	if (chat) {
		chat_cancel(chat);
		return;
	}
	failure_set(&f, *m->id ? FAULT_NOT_FOUND : FAULT_INVALID_REQUEST, "id", "%s",
		    *m->id ? "No chat of this id is under way." : "id: the chat's id is needed.");
	stream_refuse_message(s, m->id, &f);
}

static void take_message(struct stream *s, const struct stream_message *m, const char *text,
			 size_t len)
{
	metric_add_as(METRIC_WS_MESSAGES, 1, stream_message_name(m->type));
	if (s->state == STREAM_AUTH && m->type != MESSAGE_AUTH) {
		lack_key(s, m);
		return;
	}
	switch (m->type) {
	case MESSAGE_CHAT:
		chat_begin(s, m, text, len);
		break;
	case MESSAGE_CANCEL:
		take_cancel(s, m);
		break;
	case MESSAGE_PING:
		send_text(s, "{\"type\":\"pong\"}");
		break;
	case MESSAGE_AUTH:
		take_key(s, m);
		break;
	}
}

static void on_message(void *ctx, struct ws_conn *w, const char *text, size_t len)
{
	struct stream *s = ws_user(w);
	struct stream_message m;
	struct failure f;

	(void)ctx;
	if (s->state == STREAM_CLOSING)
		return;
	if (stream_message_read(&m, text, len, &f) == 0) {
		take_message(s, &m, text, len);
	} else {
		metric_add_as(METRIC_WS_MESSAGES, 1, "invalid");
		stream_refuse_message(s, m.id, &f);
		if (s->state == STREAM_AUTH)
			stream_close(s, WS_CLOSE_POLICY, "An API key is needed first.");
	}
	stream_message_done(&m);
}

/* ---- the connection ---- */

static void on_open(void *ctx, struct ws_conn *w)
{
	struct stream *s = ws_user(w);
	struct api *api = ctx;

	s->w = w;
	s->req->entry.status = STATUS_SWITCHED;
	DL_APPEND(api->streams.list, s);
	ws_watch(w, QUEUE_HIGH, QUEUE_LOW);
	metric_add(METRIC_WS_OPENED, 1);
	metric_set(METRIC_WS_CONNECTIONS, ++api->streams.open);
	if (api->streams.draining)
		stream_close(s, WS_CLOSE_GOING_AWAY, shutting_down);
	else if (s->state == STREAM_AUTH)
		want_key(s);
}

static void on_drained(void *ctx, struct ws_conn *w)
{
	struct stream *s = ws_user(w);

	(void)ctx;
	s->stalled = false;
	chats_resume(s);
}

static void on_stalled(void *ctx, struct ws_conn *w)
{
	struct stream *s = ws_user(w);

	(void)ctx;
	metric_add(METRIC_WS_STALLS, 1);
	s->stalled = true;
	s->taken_at_stall = s->sent - ws_queued(w);
	chats_end_slow(s);
}

static void cancel_chats(struct stream *s)
{
	struct chat *chat, *next;

	DL_FOREACH_SAFE(s->chats, chat, next)
	{
		if (!chat->call->gone)
			pipeline_abort(chat->call);
	}
}

static void note_end(const struct stream *s, int code)
{
	char text[CLOSE_CODE_TEXT];

	snprintf(text, sizeof text, "%d", code);
	metric_add_as(METRIC_WS_CLOSED, 1, text);
	s->req->entry.duration_ms = (clock_mono_us() - s->req->started_us) / 1000;
	request_count(s->req);
}

static void on_closed(void *ctx, struct ws_conn *w, int code)
{
	struct stream *s = ws_user(w);
	struct api *api = ctx;

	if (s->w) {
		DL_DELETE(api->streams.list, s);
		metric_set(METRIC_WS_CONNECTIONS, --api->streams.open);
		note_end(s, code);
	} else {
		s->req->entry.status = STATUS_CLIENT_GONE; /* in the handshake */
	}
	s->w = NULL;
	s->state = STREAM_CLOSING;
	s->chat_count++; /* stays until all of them were told */
	cancel_chats(s);
	stream_chat_over(s);
}

void streams_init(struct api *api)
{
	uv_timer_init(api->deps.loop, &api->streams.timer);
	api->streams.timer.data = api;
}

struct ws_handlers api_stream_handlers(struct api *api)
{
	return (struct ws_handlers){.open = on_open,
				    .message = on_message,
				    .drained = on_drained,
				    .stalled = on_stalled,
				    .closed = on_closed,
				    .ctx = api};
}

void api_drain_streams(struct api *api)
{
	struct stream *s, *next;

	api->streams.draining = true;
	DL_FOREACH_SAFE(api->streams.list, s, next)
	{
		if (s->chat_count == 0)
			stream_close(s, WS_CLOSE_GOING_AWAY, shutting_down);
	}
}
