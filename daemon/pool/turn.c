/* A turn runs through these lines:
 *
 *   body mode:  settings, with the client's conversation as the request body; model and system
 *               prompt; a constant user line
 *   replay:     settings; model and system prompt; every earlier turn as a line of its own, each
 *               user line acknowledged by a result with num_turns 0 before the next goes out; the
 *               question
 *
 * Rules that must hold whatever comes back: text is forwarded from one upstream answer only; at
 * max_tokens the CLI would ask on by itself, so the turn is cut there; a result must name our last
 * user line; nothing of the CLI's own error texts is forwarded as answer (they come in assistant
 * lines, the answer comes in stream events). */
#include "daemon/pool/turn.h"

#include <stdio.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/str.h"

#include "daemon/pool/outcome.h"
#include "daemon/pool/usage.h"

/* Body mode's user line: the CLI needs one, upstream never sees it. */
#define PLACEHOLDER_PROMPT "."

static const char *effort_name(enum job_effort effort)
{
	static const char *const names[] = {NULL, "low", "medium", "high", "xhigh", "max"};

	return names[effort];
}

static void write_question(struct turn *t, const json_t *content, bool query, struct buf *out)
{
	str_uuid4(t->last_uuid);
	if (!t->first_uuid[0])
		strcpy(t->first_uuid, t->last_uuid);
	cli_write_user(out, t->last_uuid, content, query);
}

/* Replay: writes messages up to and including the next user message, which is either acknowledged
 * or the question.  False: there is none. */
static bool write_next_messages(struct turn *t, struct buf *out)
{
	const json_t *messages = t->job->prompt.messages;
	size_t count = json_array_size(messages);

	while (t->next_message < count) {
		const json_t *message = json_array_get(messages, t->next_message++);
		const json_t *content = json_object_get(message, "content");

		if (strcmp(json_get_str(message, "role"), "assistant") == 0) {
			cli_write_assistant(out, content);
			continue;
		}
		if (t->next_message == count)
			t->phase = TURN_ASKED;
		write_question(t, content, t->next_message == count, out);
		return true;
	}
	return false;
}

void turn_begin(struct turn *t, struct job *job, unsigned serial, struct buf *out)
{
	const struct job_prompt *prompt = &job->prompt;
	struct cli_settings settings = {
		.max_tokens = prompt->max_tokens,
		.effort = effort_name(prompt->effort),
		.no_thinking = prompt->no_thinking,
		.extra_body = t->body_mode ? prompt->body : NULL,
		.extra_body_len = t->body_mode ? prompt->body_len : 0,
	};
	char id[24];

	t->job = job;
	t->serial = serial;
	snprintf(id, sizeof id, "s%u", serial);
	cli_write_settings(out, id, &settings);
	snprintf(id, sizeof id, "m%u", serial);
	cli_write_set_model(out, id, prompt->model,
			    prompt->system ? prompt->system : t->default_system);
	if (t->body_mode) {
		json_t *dot = json_string(PLACEHOLDER_PROMPT);

		write_question(t, dot, true, out);
		json_decref(dot);
		t->phase = TURN_ASKED;
	} else {
		t->phase = TURN_HISTORY;
		write_next_messages(t, out);
	}
}

static enum turn_step finish(struct turn *t, enum fault fault, enum turn_step step)
{
	t->job->result.fault = fault;
	return step;
}

bool turn_cut(struct turn *t, enum fault why)
{
	if (t->phase == TURN_CUT)
		return false;
	t->phase = TURN_CUT;
	t->abort_fault = why;
	return true;
}

static enum turn_step cut(struct turn *t, enum fault why)
{
	return turn_cut(t, why) ? TURN_INTERRUPT : TURN_GO_ON;
}

static enum turn_step take_start(struct turn *t, const json_t *event)
{
	const json_t *message = json_object_get(event, "message");
	const char *model = json_get_str(message, "model"), *id = json_get_str(message, "id");
	struct job_result *r = &t->job->result;

	if (++t->starts > 1 && t->answer_bytes > 0) {
		snprintf(r->message, sizeof r->message,
			 "the answer broke off and was started again upstream");
		return cut(t, FAULT_UPSTREAM);
	}
	t->phase = TURN_ANSWERING;
	str_copy_clean(r->model_id, sizeof r->model_id, model ? model : "");
	str_copy_clean(r->upstream_id, sizeof r->upstream_id, id ? id : "");
	usage_take_stream(json_object_get(message, "usage"), &t->streamed);
	return TURN_GO_ON;
}

static enum turn_step take_text(struct turn *t, const json_t *text)
{
	size_t len = json_string_length(text);
	struct job *job = t->job;

	if (t->phase == TURN_CUT || len == 0)
		return TURN_GO_ON;
	t->answer_bytes += len;
	if (t->answer_bytes > t->max_answer) {
		snprintf(job->result.message, sizeof job->result.message,
			 "the answer is larger than the server allows");
		return cut(t, FAULT_UPSTREAM);
	}
	if (!job->times.first_text)
		job->times.first_text = clock_mono_us();
	job->forwarded = job->streams;
	job->ops->text(job, json_string_value(text), len);
	return TURN_GO_ON;
}

/* Where the CLI would not leave it at that answer: at the token limit it asks the model to resume,
 * and after an answer without text to say something visible. */
static bool would_ask_on(const struct turn *t, enum job_stop stop)
{
	return stop == JOB_STOP_MAX_TOKENS ||
	       ((stop == JOB_STOP_END_TURN || stop == JOB_STOP_SEQUENCE) && t->answer_bytes == 0);
}

/* message_delta brings the stop reason before the CLI acts on it. */
static enum turn_step take_stop(struct turn *t, const json_t *event)
{
	enum job_stop stop =
		outcome_stop_reason(json_get_str(json_object_get(event, "delta"), "stop_reason"));

	usage_take_stream(json_object_get(event, "usage"), &t->streamed);
	if (stop != JOB_STOP_NONE)
		t->job->result.stop = stop;
	return would_ask_on(t, stop) ? cut(t, FAULT_NONE) : TURN_GO_ON;
}

static enum turn_step take_stream(struct turn *t, const json_t *event)
{
	const char *type = json_get_str(event, "type");

	if (!type || t->phase == TURN_CUT)
		return TURN_GO_ON;
	if (strcmp(type, "message_start") == 0)
		return take_start(t, event);
	if (strcmp(type, "message_delta") == 0)
		return take_stop(t, event);
	return TURN_GO_ON;
}

static bool names_uuid(const json_t *list, const char *uuid)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (json_is_string(item) && strcmp(json_string_value(item), uuid) == 0)
			return true;
	}
	return false;
}

/* Replies to what this turn sent.  A queued question that the interrupt caught never gets a result.
 */
static enum turn_step take_reply(struct turn *t, const struct cli_event *ev)
{
	char id[24];

	snprintf(id, sizeof id, "i%u", t->serial);
	if (strcmp(ev->request_id, id) == 0) {
		if (!names_uuid(json_object_get(ev->value, "cancelled"), t->last_uuid))
			return TURN_GO_ON;
		if (strcmp(t->first_uuid, t->last_uuid) == 0)
			t->first_uuid[0] = '\0'; /* nothing entered the conversation */
		return finish(t, t->abort_fault, TURN_OVER);
	}
	snprintf(id, sizeof id, "m%u", t->serial);
	if (ev->ok || (strcmp(ev->request_id, id) != 0 && ev->request_id[0] != 's'))
		return TURN_GO_ON;
	return cut(t, strcmp(ev->request_id, id) == 0 ? FAULT_MODEL_NOT_FOUND : FAULT_WORKER);
}

/* A turn that was cut ends as its reason says, unless the whole answer had been forwarded by then:
 * its stop reason comes behind its last text, and neither is looked at after the cut. */
static enum fault fault_when_cut(const struct turn *t, const struct outcome *o)
{
	if (t->abort_fault == FAULT_TIMEOUT && o->fault == FAULT_NONE && !o->interrupted &&
	    t->job->result.stop != JOB_STOP_NONE)
		return FAULT_NONE;
	return t->abort_fault;
}

static enum turn_step take_final_result(struct turn *t, const json_t *result)
{
	struct job_result *r = &t->job->result;
	struct outcome o;

	outcome_of_result(result, t->assistant_error, &o);
	if (o.fault != FAULT_NONE)
		log_debug("turn", "request %s failed upstream: %s", t->job->id,
			  json_get_str(result, "result"));
	t->login_rejected = o.login_rejected;
	if (t->phase == TURN_CUT)
		return finish(t, fault_when_cut(t, &o), TURN_OVER);
	if (o.interrupted)
		return finish(t, FAULT_WORKER, TURN_BROKEN); /* nobody asked for it */
	if (o.stop != JOB_STOP_NONE)
		r->stop = o.stop;
	r->retry_after_ms = o.retry_after_ms;
	memcpy(r->message, o.message, sizeof r->message);
	memcpy(r->param, o.param, sizeof r->param);
	if (o.fault == FAULT_NONE && r->stop == JOB_STOP_TOOL_USE) {
		snprintf(r->message, sizeof r->message,
			 "the model tried to call a tool, and none was offered");
		return finish(t, FAULT_UPSTREAM, TURN_OVER);
	}
	return finish(t, o.fault, TURN_OVER);
}

static enum turn_step take_result(struct turn *t, const json_t *result, struct job_usage *total,
				  struct buf *out)
{
	const char *uuid = json_get_str(result, "user_message_uuid");
	struct job_result *r = &t->job->result;

	if (!uuid || strcmp(uuid, t->last_uuid) != 0)
		return finish(t, FAULT_WORKER, TURN_BROKEN);
	usage_take_result(result, total, &r->usage, r->model_id, sizeof r->model_id);
	if (t->next_message > 0 && t->next_message < json_array_size(t->job->prompt.messages)) {
		if (json_get_int(result, "num_turns", -1) != 0)
			return finish(t, FAULT_WORKER,
				      TURN_BROKEN); /* an earlier turn was asked upstream */
		if (t->phase == TURN_CUT)
			return finish(t, t->abort_fault, TURN_OVER);
		return write_next_messages(t, out) ? TURN_WRITE
						   : finish(t, FAULT_INTERNAL, TURN_OVER);
	}
	return take_final_result(t, result);
}

enum turn_step turn_event(struct turn *t, const struct cli_event *ev, struct job_usage *usage_total,
			  struct buf *out)
{
	switch (ev->type) {
	case CLI_TEXT:
		return take_text(t, ev->value);
	case CLI_STREAM:
		return take_stream(t, ev->value);
	case CLI_RESULT:
		return take_result(t, ev->value, usage_total, out);
	case CLI_CONTROL_REPLY:
		return take_reply(t, ev);
	case CLI_ASSISTANT:
		if (ev->error[0])
			memcpy(t->assistant_error, ev->error, sizeof t->assistant_error);
		return TURN_GO_ON;
	default:
		return TURN_GO_ON;
	}
}

void turn_lost(struct turn *t, enum fault fault, const char *why)
{
	struct job_result *r = &t->job->result;

	usage_add(&r->usage, &t->streamed);
	r->lost = true;
	if (t->abort_fault == FAULT_NONE)
		snprintf(r->message, sizeof r->message, "%s", why);
	r->fault = t->phase == TURN_CUT && t->abort_fault != FAULT_NONE ? t->abort_fault : fault;
	if (t->phase == TURN_CUT && t->abort_fault == FAULT_NONE)
		r->fault =
			FAULT_NONE; /* the answer is whole; only the bookkeeping line is missing */
}
