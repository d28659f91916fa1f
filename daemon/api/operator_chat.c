#include "daemon/api/operator_chat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"

#include "daemon/api/call.h"
#include "daemon/api/openai.h"
#include "daemon/api/pipeline.h"

enum { STATUS_CLIENT_GONE = 499 };

struct operator_chat {
	struct operator_chat_events events;
	struct call *call;
	bool abandoned;
	char error[256];
	const char *finish_reason; /* NULL: it has not ended well */
};

/* ---- the encoder ---- */

static void on_text(struct call *c, const char *text, size_t len)
{
	struct operator_chat *chat = c->slot;

	if (!chat->abandoned)
		chat->events.text(chat->events.ctx, text, len);
}

static void on_end(struct call *c)
{
	struct operator_chat *chat = c->slot;

	c->req->entry.status = 200;
	chat->finish_reason = openai_finish_reason(c->job->result.stop);
}

static void on_fail(struct call *c, const struct failure *f)
{
	struct operator_chat *chat = c->slot;

	c->req->entry.status = failure_status(f);
	c->req->entry.fault = failure_name(f);
	failure_words(f, chat->error, sizeof chat->error);
}

static void on_tick(struct call *c, int64_t now_us)
{
	(void)c; /* the control socket has its own patience */
	(void)now_us;
}

const struct encoder operator_text = {
	.text = on_text, .end = on_end, .fail = on_fail, .tick = on_tick, .streams = true};

/* ---- beginning and end ---- */

static void on_over(struct call *c)
{
	struct operator_chat *chat = c->slot;
	struct request *r = c->req;
	json_t *row;

	if (!r->entry.status)
		r->entry.status = STATUS_CLIENT_GONE;
	r->entry.duration_ms = (clock_mono_us() - r->started_us) / 1000;
	request_count(r);
	if (!chat->abandoned) {
		row = activity_find(c->job->id, c->activity.number);
		chat->events.end(chat->events.ctx, chat->finish_reason ? NULL : chat->error,
				 chat->finish_reason, row);
		json_decref(row);
	}
	free(chat);
}

static char *body_of(const struct operator_prompt *p, size_t *ret_len)
{
	json_t *body = json_pack("{ss s[{ss ss}]}", "model", p->model ? p->model : "auto",
				 "messages", "role", "user", "content", p->text);
	char *text;

	if (p->project)
		json_object_set_new(body, "project_id", json_string(p->project));
	if (p->max_tokens)
		json_object_set_new(body, "max_tokens", json_integer(p->max_tokens));
	text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	*ret_len = text ? strlen(text) : 0;
	return text;
}

int operator_chat_begin(struct api *api, const struct operator_prompt *prompt,
			const struct operator_chat_events *events, struct operator_chat **ret_chat)
{
	struct operator_chat *chat = calloc(1, sizeof *chat);
	struct request *r = request_new_bare(api, "CTL", "chat", prompt->peer, NULL);
	size_t len = 0;
	char *body = body_of(prompt, &len);
	struct call *c = NULL;

	if (chat && r && body)
		c = call_new(r, &operator_text, body, len); /* takes the body in any case */
	else
		free(body);
	if (r && c)
		request_unref(r); /* the call's */
	else if (r)
		request_drop(r);
	if (!c) {
		free(chat);
		return -ENOMEM;
	}
	*ret_chat = chat;
	chat->events = *events;
	chat->call = c;
	c->owner = c->slot = chat;
	c->over = on_over;
	pipeline_begin(c);
	return 0;
}

void operator_chat_abandon(struct operator_chat *chat)
{
	chat->abandoned = true;
	pipeline_abort(chat->call);
}
