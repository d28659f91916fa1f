/* The results of a batch: kept until they may be written, and written. */
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/json.h"
#include "shared/money.h"

#include "daemon/api/batch.h"
#include "daemon/api/openai.h"

enum {
	QUEUE_HIGH = 1024 * 1024,
	QUEUE_LOW = 256 * 1024,
	ESCAPE_FACTOR = 6,
	FRAME_MAX = 8192,
	PING_US = 15 * 1000 * 1000,
};

bool batch_is_wanted(const struct batch *b)
{
	return b->req->x && !b->stopped;
}

bool batch_may_write(const struct batch *b)
{
	return !b->begun || exchange_stream_queued(b->req->x) <= QUEUE_HIGH;
}

/* ---- slots ---- */

struct slot *batch_take_slot(struct batch *b, size_t index)
{
	size_t count = 2 * b->width;
	struct slot *s = &b->slots[index % count];

	for (size_t i = 0; b->head.stream && s->used && i < count; i++)
		s = &b->slots[i]; /* any will do, when order is none */
	if (s->used)
		return NULL;
	*s = (struct slot){.used = true, .index = index};
	return s;
}

void batch_clear_slot(struct slot *s)
{
	free(s->custom_id);
	buf_done(&s->result);
	*s = (struct slot){.used = false};
}

/* ---- results ---- */

static void begin_result(struct slot *s, size_t text_len)
{
	buf_init(&s->result, text_len * ESCAPE_FACTOR + FRAME_MAX);
	buf_printf(&s->result, "{\"index\":%zu,\"custom_id\":%s,", s->index,
		   s->custom_id ? s->custom_id : "null");
}

static void result_ready(struct slot *s)
{
	s->ready = true;
	if (!s->result.failed)
		return;
	buf_clear(&s->result); /* too little memory for the text: still a result */
	buf_printf(&s->result,
		   "{\"index\":%zu,\"custom_id\":null,\"status\":\"error\",\"content\":null,"
		   "\"model\":null,\"usage\":null,\"error\":{\"message\":\"The server is out of "
		   "memory.\",\"type\":\"server_error\",\"param\":null,\"code\":"
		   "\"internal_error\"}}",
		   s->index);
}

void batch_item_failed(struct batch *b, struct slot *s, const struct failure *f)
{
	struct buf error;

	b->failed++;
	begin_result(s, 0);
	buf_add_str(&s->result,
		    "\"status\":\"error\",\"content\":null,\"model\":null,\"usage\":null,");
	buf_init(&error, FRAME_MAX);
	failure_write_json(f, &error);
	s->result.failed |= error.failed;
	if (error.len)
		buf_add(&s->result, error.data + 1, error.len - 1); /* "error":{...}} */
	buf_done(&error);
	result_ready(s);
}

static void count_usage(struct batch *b, const struct job_usage *u)
{
	int64_t tokens = sum_saturating(u->input_tokens, u->output_tokens);

	tokens = sum_saturating(tokens,
				sum_saturating(u->cache_read_tokens, u->cache_creation_tokens));
	b->total_tokens = sum_saturating(b->total_tokens, tokens);
	b->total_micro_usd = sum_saturating(b->total_micro_usd, u->cost_micro_usd);
}

void batch_item_answered(struct batch *b, struct slot *s, const struct call *c)
{
	b->succeeded++;
	count_usage(b, &c->job->result.usage);
	begin_result(s, c->answer.len);
	buf_add_str(&s->result, "\"status\":\"ok\",\"content\":");
	json_add_string(&s->result, c->answer.data ? c->answer.data : "", c->answer.len);
	buf_add_str(&s->result, ",\"model\":");
	json_add_string_lossy(&s->result, openai_model(c));
	buf_printf(&s->result, ",\"finish_reason\":\"%s\",\"usage\":",
		   openai_finish_reason(c->job->result.stop));
	openai_add_usage(&s->result, &c->job->result.usage);
	buf_add_str(&s->result, ",\"error\":null}");
	result_ready(s);
}

/* ---- writing ---- */

static void on_drain(void *user, struct exchange *x)
{
	struct request *r = user;

	(void)x;
	if (r->user)
		batch_pump(r->user);
}

static void write_text(struct batch *b, const char *text)
{
	exchange_stream_write(b->req->x, text, strlen(text));
	b->sent_us = clock_mono_us();
}

static void begin(struct batch *b)
{
	struct exchange *x = b->req->x;

	if (b->begun)
		return;
	b->begun = true;
	request_add_headers(b->req);
	if (b->replayed)
		exchange_add_header(x, "x-ccapi-idempotent-replay", "true");
	exchange_add_header(x, "Cache-Control", "no-cache");
	exchange_add_header(x, "X-Accel-Buffering", "no");
	exchange_stream_begin(x, 200, b->head.stream ? "text/event-stream" : "application/json");
	exchange_stream_watch(x, QUEUE_HIGH, QUEUE_LOW, on_drain);
	if (!b->head.stream)
		write_text(b, "{\"results\":[");
}

static void write_result(struct batch *b, struct slot *s)
{
	begin(b);
	if (b->head.stream)
		write_text(b, "data: ");
	else if (b->written > 0)
		write_text(b, ",");
	write_text(b, s->result.data);
	if (b->head.stream)
		write_text(b, "\n\n");
	b->written++;
	batch_clear_slot(s);
}

void batch_write_ready(struct batch *b)
{
	size_t count = 2 * b->width;

	if (b->head.stream) {
		for (size_t i = 0; i < count && batch_is_wanted(b); i++)
			if (b->slots[i].ready)
				write_result(b, &b->slots[i]);
		return;
	}
	while (batch_is_wanted(b) && b->slots[b->written % count].ready)
		write_result(b, &b->slots[b->written % count]);
}

void batch_write_summary(struct batch *b)
{
	struct exchange *x = b->req->x;
	struct buf end;

	buf_init(&end, FRAME_MAX);
	buf_add_str(&end, b->head.stream ? "data: {" : "],");
	buf_printf(&end, "\"total_tokens\":%lld,\"total_cost\":", (long long)b->total_tokens);
	money_add_usd(&end, b->total_micro_usd);
	buf_printf(&end, ",\"succeeded\":%zu,\"failed\":%zu}%s", b->succeeded, b->failed,
		   b->head.stream ? "\n\n" : "");
	begin(b);
	b->req->x = NULL;
	if (end.failed) {
		exchange_stream_cut(x);
	} else {
		exchange_stream_write(x, end.data, end.len);
		exchange_stream_end(x);
	}
	buf_done(&end);
}

/* What readers pass over keeps proxies from giving up. */
void batch_ping(struct batch *b, int64_t now_us)
{
	if (!batch_is_wanted(b) || now_us - b->sent_us < PING_US)
		return;
	begin(b);
	write_text(b, b->head.stream ? ": ping\n\n" : "\n");
}
