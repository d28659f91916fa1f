/* A whole answer as one chat.completion object. */
#include "shared/json.h"

#include "daemon/api/openai.h"

enum { FRAME_MAX = 4096, ESCAPE_FACTOR = 6 };

static void on_text(struct call *c, const char *text, size_t len)
{
	(void)c; /* kept by the pipeline until the end */
	(void)text;
	(void)len;
}

static void fail(struct call *c, const struct failure *f)
{
	if (c->admission.project)
		openai_add_headers(c);
	request_fail(c->req, f);
}

static void end(struct call *c)
{
	struct failure f;
	struct buf b;

	buf_init(&b, c->answer.len * ESCAPE_FACTOR + FRAME_MAX);
	buf_printf(&b, "{\"id\":\"%s\",\"object\":\"chat.completion\",\"created\":%lld,\"model\":",
		   c->id, (long long)c->created);
	json_add_string_lossy(&b, openai_model(c));
	buf_add_str(&b, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
			"\"content\":");
	json_add_string(&b, c->answer.data ? c->answer.data : "", c->answer.len);
	buf_printf(&b, ",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"%s\"}],\"usage\":",
		   openai_finish_reason(c->job->result.stop));
	openai_add_usage(&b, &c->job->result.usage);
	buf_add_char(&b, '}');
	if (b.failed) {
		failure_set(&f, FAULT_INTERNAL, NULL, "The server is out of memory.");
		fail(c, &f);
	} else {
		openai_add_headers(c);
		request_reply(c->req, 200, "application/json", &b);
	}
	buf_done(&b);
}

static void tick(struct call *c, int64_t now_us)
{
	(void)c;
	(void)now_us;
}

const struct encoder openai_json = {.text = on_text, .end = end, .fail = fail, .tick = tick};
