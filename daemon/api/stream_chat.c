/* Chats on a WebSocket.
 *
 * A chat is a call like any other, with a request of its own (and its line in the access log), but
 * without an exchange: what the pipeline has to say becomes messages.  "start" is held back until
 * the first text or the end, so that what goes wrong before is one error and nothing else.  A chat
 * that the client cancels ends with "done" all the same, by which time its cost is known.
 *
 * All chats of a connection share its queue.  Who finds it too full leaves its worker unread until
 * it has drained; when the reader stands still for too long, those chats are ended. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/json.h"
#include "shared/money.h"

#include "daemon/api/openai.h"
#include "daemon/api/pipeline.h"
#include "daemon/api/stream_private.h"

enum {
	QUEUE_HIGH = 1024 * 1024,
	PREFIX_MAX = 512,
	FRAME_MAX = 400 * 1024 * 1024, /* a worker's longest line, every byte escaped */
	STATUS_CLIENT_GONE = 499
};

/* ---- messages to the client ---- */

static struct buf *start_frame(struct chat *chat, const char *type)
{
	struct buf *b = &chat->frame;

	buf_clear(b);
	buf_printf(b, "{\"type\":\"%s\",\"id\":\"%s\"", type, chat->id);
	return b;
}

/* A message that could not be made ends the chat: a gap must not go unseen. */
static void send_frame(struct chat *chat)
{
	struct buf *b = &chat->frame;

	if (!b->failed)
		stream_send(chat->stream, b->data, b->len);
	else
		stream_close(chat->stream, WS_CLOSE_INTERNAL, "The server is out of memory.");
}

static void add_ignored(struct buf *b, const char *list)
{
	const char *at = list;

	buf_add_str(b, ",\"ignored_params\":[");
	while (*at) {
		size_t len = strcspn(at, ",");

		buf_add_str(b, at == list ? "" : ",");
		json_add_string(b, at, len);
		at += len;
		at += strspn(at, ", ");
	}
	buf_add_char(b, ']');
}

static void send_start(struct chat *chat)
{
	const struct call *c = chat->call;
	struct buf *b;

	if (chat->started)
		return;
	chat->started = true;
	b = start_frame(chat, "start");
	buf_add_str(b, ",\"model\":");
	json_add_string_lossy(b, openai_model(c));
	buf_printf(b, ",\"route\":\"%s\",\"request_id\":\"%s\"", c->route, c->job->id);
	if (c->session.id[0])
		buf_printf(b, ",\"session_id\":\"%s\"", c->session.id);
	if (c->chat.ignored[0])
		add_ignored(b, c->chat.ignored);
	buf_add_char(b, '}');
	send_frame(chat);
}

static void send_done(struct chat *chat, const char *finish_reason)
{
	const struct call *c = chat->call;
	const struct job_usage *used = &c->job->result.usage;
	struct buf *b = start_frame(chat, "done");

	buf_printf(b, ",\"finish_reason\":\"%s\",\"model\":", finish_reason);
	json_add_string_lossy(b, openai_model(c));
	buf_add_str(b, ",\"usage\":");
	openai_add_usage(b, used);
	buf_add_str(b, ",\"cost_usd\":");
	money_add_usd(b, used->cost_micro_usd);
	buf_printf(b, ",\"cached\":%s", c->cache_state == CACHE_STATE_HIT ? "true" : "false");
	if (c->session.id[0])
		buf_printf(b, ",\"session_id\":\"%s\"", c->session.id);
	buf_add_str(b, ",\"ccapi\":");
	openai_add_ccapi(b, c);
	buf_add_char(b, '}');
	send_frame(chat);
}

/* ---- the encoder ---- */

static void end_slow(struct chat *chat)
{
	struct call *c = chat->call;

	if (call_failed(c) || c->busy != BUSY_RUNNING)
		return;
	failure_set(&c->failure, FAULT_SLOW_READER, NULL, "%s", "");
	dispatch_cancel(c->api->deps.dispatch, c->job);
}

static void on_text(struct call *c, const char *text, size_t len)
{
	struct chat *chat = c->slot;
	struct buf *b = &chat->frame;

	send_start(chat);
	buf_clear(b);
	buf_add(b, chat->prefix.data, chat->prefix.len);
	json_add_string(b, text, len);
	buf_add_char(b, '}');
	send_frame(chat);
	if (chat->paused || ws_queued(chat->stream->w) <= QUEUE_HIGH)
		return;
	chat->paused = true;
	call_pause(c, true);
	if (stream_stands_still(chat->stream))
		end_slow(chat);
}

static void end(struct call *c)
{
	c->req->entry.status = 200;
	send_start(c->slot);
	send_done(c->slot, openai_finish_reason(c->job->result.stop));
}

static void fail(struct call *c, const struct failure *f)
{
	struct chat *chat = c->slot;

	c->req->entry.status = failure_status(f);
	c->req->entry.fault = failure_name(f);
	stream_send_error(chat->stream, chat->id, f);
	if (f->fault == FAULT_INVALID_KEY)
		stream_close(chat->stream, WS_CLOSE_POLICY, "The API key is no longer good.");
}

static void tick(struct call *c, int64_t now_us)
{
	(void)c; /* the connection has pings of its own */
	(void)now_us;
}

const struct encoder ws_frames = {
	.text = on_text, .end = end, .fail = fail, .tick = tick, .streams = true};

/* ---- the clients' side ---- */

struct chat *chat_find(struct stream *s, const char *id)
{
	struct chat *chat;

	DL_FOREACH(s->chats, chat)
	{
		if (strcmp(chat->id, id) == 0)
			return chat;
	}
	return NULL;
}

void chat_cancel(struct chat *chat)
{
	if (chat->call->gone)
		return; /* it is under way */
	chat->cancelled = true;
	pipeline_abort(chat->call);
}

void chats_resume(struct stream *s)
{
	struct chat *chat;

	DL_FOREACH(s->chats, chat)
	{
		if (!chat->paused)
			continue;
		chat->paused = false;
		call_pause(chat->call, false);
	}
}

void chats_end_slow(struct stream *s)
{
	struct chat *chat;

	DL_FOREACH(s->chats, chat)
	{
		if (chat->paused)
			end_slow(chat);
	}
}

/* ---- beginning and end ---- */

static void chat_free(struct chat *chat)
{
	buf_done(&chat->prefix);
	buf_done(&chat->frame);
	free(chat);
}

static void on_over(struct call *c)
{
	struct chat *chat = c->slot;
	struct stream *s = chat->stream;
	struct request *r = c->req;

	if (chat->cancelled && s->w)
		send_done(chat, "cancelled");
	if (!r->entry.status)
		r->entry.status = STATUS_CLIENT_GONE;
	r->entry.duration_ms = (clock_mono_us() - r->started_us) / 1000;
	request_count(r);
	DL_DELETE(s->chats, chat);
	chat_free(chat);
	stream_chat_over(s);
}

static struct chat *chat_new(struct stream *s, const char *id)
{
	struct chat *chat = calloc(1, sizeof *chat);
	unsigned char random[12];

	if (!chat)
		return NULL;
	chat->stream = s;
	if (*id) {
		memcpy(chat->id, id, strlen(id) + 1);
	} else {
		randombytes_buf(random, sizeof random);
		memcpy(chat->id, "chat-", 5);
		sodium_bin2hex(chat->id + 5, sizeof chat->id - 5, random, sizeof random);
	}
	buf_init(&chat->prefix, PREFIX_MAX);
	buf_init(&chat->frame, FRAME_MAX);
	buf_printf(&chat->prefix, "{\"type\":\"token\",\"id\":\"%s\",\"content\":", chat->id);
	return chat;
}

static struct call *new_call(struct stream *s, const char *text, size_t len)
{
	struct request *r = request_new_part(s->req, s->chats_begun);
	char *body = malloc(len + 1);
	struct call *c = NULL;

	if (body)
		memcpy(body, text, len + 1);
	if (r && body) {
		r->entry.status = 0;
		memcpy(r->entry.method, "WS", sizeof "WS");
		c = call_new(r, &ws_frames, body, len); /* takes the body in any case */
	} else {
		free(body);
	}
	if (r)
		request_unref(r); /* the call's, if there is one */
	return c;
}

static void refuse(struct stream *s, const char *id, enum fault fault, const char *param,
		   const char *words)
{
	struct failure f;

	failure_set(&f, fault, param, "%s", words);
	stream_refuse_message(s, id, &f);
}

void chat_begin(struct stream *s, const struct stream_message *m, const char *text, size_t len)
{
	struct chat *chat;

	if (*m->id && chat_find(s, m->id)) {
		refuse(s, m->id, FAULT_CONFLICT, "id", "A chat of this id is under way.");
		return;
	}
	if (s->chat_count >= (unsigned)s->api->deps.conf->websocket.max_chats) {
		refuse(s, m->id, FAULT_LIMIT_REQUESTS, NULL,
		       "Too many chats are under way on this connection.");
		return;
	}
	chat = chat_new(s, m->id);
	if (chat && !chat->prefix.failed)
		chat->call = new_call(s, text, len);
	if (!chat || !chat->call) {
		if (chat)
			chat_free(chat);
		refuse(s, m->id, FAULT_INTERNAL, NULL, "The server is out of memory.");
		return;
	}
	chat->call->owner = s;
	chat->call->slot = chat;
	chat->call->over = on_over;
	chat->call->job->lane = JOB_LANE_NORMAL;
	chat->call->strict = m->strict;
	DL_APPEND(s->chats, chat);
	s->chat_count++;
	s->chats_begun++;
	pipeline_begin(chat->call);
}
