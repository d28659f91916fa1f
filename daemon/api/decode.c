/* The first stage: from a body to a prompt. */
#include <stdlib.h>
#include <string.h>

#include "daemon/api/stages.h"

enum { INLINE_BODY_MAX = 64 * 1024 };

static void parse(struct call *c, const char *body, size_t len)
{
	c->parse_result =
		chat_request_parse(&c->chat, &c->job->prompt, body, len, c->strict, &c->failure);
	c->parsed = true;
}

static void on_thread(uv_work_t *work)
{
	struct call *c = work->data;

	parse(c, c->body, c->body_len);
}

static void after_thread(uv_work_t *work, int status)
{
	struct call *c = work->data;

	(void)status; /* only UV_ECANCELED, and then the call is to end */
	pipeline_resume(c);
}

/* The exchange's body is copied, because it goes with the exchange when the client leaves. */
static bool parse_on_thread(struct call *c, const char *body, size_t len)
{
	if (!c->body) {
		c->body = malloc(len + 1);
		if (!c->body)
			return false;
		memcpy(c->body, body, len);
		c->body[len] = '\0';
		c->body_len = len;
	}
	c->work.data = c;
	if (uv_queue_work(c->api->deps.loop, &c->work, on_thread, after_thread))
		return false;
	c->busy = BUSY_DECODING;
	return true;
}

static enum step decoded(struct call *c)
{
	free(c->body);
	c->body = NULL;
	if (c->parse_result)
		return STEP_DONE;
	if (c->chat.stream && c->encoder == &openai_json)
		c->encoder = &openai_sse;
	c->must_keep = !c->encoder->streams || c->chat.format != CHAT_FORMAT_TEXT;
	if (c->chat.ignored[0] && c->req->x)
		exchange_add_header(c->req->x, "x-ccapi-ignored-params", c->chat.ignored);
	return STEP_NEXT;
}

enum step stage_decode(struct call *c)
{
	size_t len = c->body_len;
	const char *body = c->body ? c->body : exchange_body(c->req->x, &len);

	if (c->parsed)
		return decoded(c); /* back from the thread pool */
	if (len > INLINE_BODY_MAX && parse_on_thread(c, body, len))
		return STEP_WAIT;
	parse(c, body ? body : "", len);
	return decoded(c);
}
