/* An answer as a stream of chat.completion.chunk frames.
 *
 * The headers are held back until the first text, the job's end or PING_US of silence, whichever
 * comes first, so that whatever goes wrong before is an ordinary HTTP error.  Then: the role, one
 * chunk per piece of text, the finish reason, the usage if asked for, [DONE].  After an error there
 * is neither a finish reason nor [DONE].
 *
 * A piece of text becomes a frame without a JSON tree: everything before the text is the same in
 * every frame and made once.  When the reader is slower than the model, the worker's output is left
 * unread until the queue has drained. */
#include <string.h>

#include "shared/clock.h"
#include "shared/json.h"

#include "daemon/api/openai.h"

enum {
	PREFIX_MAX = 1024,
	FRAME_MAX = 400 * 1024 * 1024, /* a worker's longest line, every byte escaped */
	QUEUE_HIGH = 1024 * 1024,
	QUEUE_LOW = 256 * 1024,
	PING_US = 15 * 1000 * 1000,
};

static void send_bytes(struct call *c, const char *data, size_t len)
{
	exchange_stream_write(c->req->x, data, len);
	c->sse.sent_us = clock_mono_us();
	if (!c->sse.paused && exchange_stream_queued(c->req->x) > QUEUE_HIGH) {
		c->sse.paused = true;
		call_pause(c, true);
	}
}

static void on_drain(void *user, struct exchange *x)
{
	struct request *r = user;
	struct call *c = r->call;

	(void)x;
	if (!c || !c->sse.paused)
		return;
	c->sse.paused = false;
	call_pause(c, false);
}

static void begin(struct call *c)
{
	struct exchange *x = c->req->x;

	if (c->sse.begun)
		return;
	c->sse.begun = true;
	request_add_headers(c->req);
	openai_add_headers(c);
	exchange_add_header(x, "Cache-Control", "no-cache");
	exchange_add_header(x, "X-Accel-Buffering", "no");
	exchange_stream_begin(x, 200, "text/event-stream");
	exchange_stream_watch(x, QUEUE_HIGH, QUEUE_LOW, on_drain);
}

static struct buf *start_frame(struct call *c)
{
	struct buf *b = &c->sse.frame;

	if (!b->max)
		buf_init(b, FRAME_MAX);
	buf_clear(b);
	return b;
}

static void start_chunk(struct buf *b, const struct call *c)
{
	buf_printf(b,
		   "data: {\"id\":\"%s\",\"object\":\"chat.completion.chunk\",\"created\":%lld,"
		   "\"model\":",
		   c->id, (long long)c->created);
	json_add_string_lossy(b, openai_model(c));
	buf_add_str(b, ",\"choices\":[");
}

/* With include_usage every chunk before the last carries the key. */
static const char *chunk_end(const struct call *c)
{
	return c->chat.include_usage ? ",\"usage\":null}\n\n" : "}\n\n";
}

/* Sends the frame; a frame that could not be made ends the stream, for a gap must not go unseen. */
static bool send_frame(struct call *c)
{
	struct buf *b = &c->sse.frame;
	struct exchange *x = c->req->x;

	if (!b->failed) {
		send_bytes(c, b->data, b->len);
		return true;
	}
	failure_set(&c->failure, FAULT_INTERNAL, NULL, "The server is out of memory.");
	c->req->x = NULL;
	exchange_stream_cut(x);
	c->gone = true;
	if (c->busy == BUSY_RUNNING)
		dispatch_cancel(c->api->deps.dispatch, c->job);
	return false;
}

/* The first chunk.  The model's name is settled now, and with it the prefix of all others. */
static bool send_role(struct call *c)
{
	struct buf *b = start_frame(c), *prefix = &c->sse.prefix;

	if (c->sse.role_sent)
		return true;
	c->sse.role_sent = true;
	buf_init(prefix, PREFIX_MAX);
	start_chunk(prefix, c);
	buf_add_str(prefix, "{\"index\":0,\"delta\":");
	b->failed |= prefix->failed;
	if (!prefix->failed)
		buf_add(b, prefix->data, prefix->len);
	buf_add_str(b, "{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,"
		       "\"finish_reason\":null}]");
	buf_add_str(b, chunk_end(c));
	return send_frame(c);
}

static void on_text(struct call *c, const char *text, size_t len)
{
	struct buf *b;

	begin(c);
	if (!send_role(c))
		return;
	b = start_frame(c);
	buf_add(b, c->sse.prefix.data, c->sse.prefix.len);
	buf_add_str(b, "{\"content\":");
	json_add_string(b, text, len);
	buf_add_str(b, "},\"logprobs\":null,\"finish_reason\":null}]");
	buf_add_str(b, chunk_end(c));
	send_frame(c);
}

/* What the headers could not tell goes into the last JSON frame. */
static void end_last_frame(struct call *c)
{
	struct buf *b = &c->sse.frame;

	buf_add_str(b, ",\"ccapi\":");
	openai_add_ccapi(b, c);
	buf_add_str(b, "}\n\ndata: [DONE]\n\n");
}

static bool send_finish(struct call *c)
{
	struct buf *b = start_frame(c);

	buf_add(b, c->sse.prefix.data, c->sse.prefix.len);
	buf_printf(b, "{},\"logprobs\":null,\"finish_reason\":\"%s\"}]",
		   openai_finish_reason(c->job->result.stop));
	if (c->chat.include_usage)
		buf_add_str(b, chunk_end(c));
	else
		end_last_frame(c);
	return send_frame(c);
}

static bool send_usage(struct call *c)
{
	struct buf *b = start_frame(c);

	start_chunk(b, c);
	buf_add_str(b, "],\"usage\":");
	openai_add_usage(b, &c->job->result.usage);
	end_last_frame(c);
	return send_frame(c);
}

static void end_stream(struct call *c)
{
	struct exchange *x = c->req->x;

	c->req->x = NULL;
	exchange_stream_end(x);
}

static void end(struct call *c)
{
	begin(c);
	if (!send_role(c) || !send_finish(c))
		return;
	if (c->chat.include_usage && !send_usage(c))
		return;
	end_stream(c);
}

static void fail(struct call *c, const struct failure *f)
{
	struct buf *b;

	if (!c->sse.begun) {
		openai_json.fail(c, f);
		return;
	}
	c->req->entry.fault = failure_name(f);
	b = start_frame(c);
	buf_add_str(b, "data: ");
	failure_write_json(f, b);
	buf_add_str(b, "\n\n");
	if (send_frame(c))
		end_stream(c);
}

static void tick(struct call *c, int64_t now_us)
{
	static const char ping[] = ": ping\n\n";

	if (!c->sse.sent_us)
		c->sse.sent_us = c->req->started_us;
	if (now_us - c->sse.sent_us < PING_US)
		return;
	begin(c);
	send_bytes(c, ping, sizeof ping - 1);
}

const struct encoder openai_sse = {
	.text = on_text, .end = end, .fail = fail, .tick = tick, .streams = true};
