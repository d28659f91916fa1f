/* The conversation of a request with a session_id.
 *
 * stage_session puts the turns so far in front of the request's messages, before anything is
 * estimated or sent, and holds the session until the call is over: two answers at once would each
 * miss the other's turn.  It runs up to three times: it asks for the session, joins past and
 * present when it is there, and goes on when the thread pool has written a large conversation out.
 *
 * session_keep adds the turn when there is an answer; whatever fails or is left early leaves the
 * session as it was.  An answer that is replayed for its Idempotency-Key was added when it was
 * first given.
 *
 * What is kept may be larger than sessions.max_size by the last answer, up to twice as large:
 * nothing may be dropped of what was said.  Such a session can be read, but its next turn is
 * refused.  A turn with an even longer answer is not kept, and the client is told. */
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"
#include "shared/str.h"

#include "daemon/api/stages.h"
#include "daemon/observe/metrics.h"

enum { LOOK_AGAIN_MS = 1000, INLINE_MAX = 64 * 1024 };

/* ---- refusals ---- */

static enum step refuse(struct call *c, enum fault fault, const char *words)
{
	failure_set(&c->failure, fault, "session_id", "%s", words);
	return STEP_DONE;
}

static enum step refuse_as(struct call *c, enum session_found found)
{
	switch (found) {
	case SESSION_BUSY:
		return refuse(c, FAULT_CONFLICT, "Another request of this session is under way.");
	case SESSION_NONE:
		return refuse(c, FAULT_SESSION_NOT_FOUND, "");
	case SESSION_FAILED:
	case SESSION_FOUND:
		break;
	}
	refuse(c, FAULT_OVERLOADED, "The session cannot be looked up at the moment.");
	c->failure.retry_after_ms = LOOK_AGAIN_MS;
	return STEP_DONE;
}

static enum step no_memory(struct call *c)
{
	return step_refuse(c, FAULT_INTERNAL, "The server is out of memory.");
}

/* Whether the conversation may be as large as it would be with this turn's messages. */
static bool fits(const struct call *c, size_t messages)
{
	const char *system = c->job->prompt.system;

	return messages + (system ? strlen(system) : 0) <=
	       (size_t)c->api->deps.conf->sessions.max_size;
}

/* ---- past and present ---- */

/* The prompt's own may be added to further on. */
static bool note_system(struct call *c)
{
	const char *system = c->job->prompt.system;

	c->session.system = system ? strdup(system) : NULL;
	return !system || c->session.system;
}

static bool inherit_system(struct call *c)
{
	struct job_prompt *p = &c->job->prompt;
	const char *system = c->session.before->system;

	if (!p->system && system) {
		p->system = strdup(system);
		return p->system != NULL;
	}
	return true;
}

static bool join_messages(struct call *c)
{
	struct job_prompt *p = &c->job->prompt;
	json_t *all = json_copy(c->session.before->messages);

	if (!all || json_array_extend(all, p->messages)) {
		json_decref(all);
		return false;
	}
	json_decref(p->messages);
	p->messages = all;
	return true;
}

/* The messages of the turns so far are shared with the session, and only read. */
static void on_thread(uv_work_t *work)
{
	struct call *c = work->data;

	c->session.seal_result = job_prompt_seal(&c->job->prompt);
}

static void after_thread(uv_work_t *work, int status)
{
	(void)status; /* only UV_ECANCELED, and then the call is to end */
	pipeline_resume(work->data);
}

static enum step seal(struct call *c, size_t size)
{
	c->session.joined = true;
	c->work.data = c;
	if (size > INLINE_MAX &&
	    uv_queue_work(c->api->deps.loop, &c->work, on_thread, after_thread) == 0) {
		c->busy = BUSY_DECODING;
		return STEP_WAIT;
	}
	on_thread(&c->work);
	return STEP_NEXT;
}

static enum step join(struct call *c)
{
	/* Of the two brackets between both one comma is left. */
	size_t size = c->session.before->size + c->job->prompt.messages_len - 1;

	if (!inherit_system(c))
		return no_memory(c);
	if (!fits(c, size))
		return refuse(c, FAULT_INVALID_REQUEST,
			      "session_id: with these messages the session would be too large; "
			      "begin a new one.");
	return note_system(c) && join_messages(c) ? seal(c, size) : no_memory(c);
}

/* ---- looking up ---- */

static void on_found(void *ctx, enum session_found found, struct session *s)
{
	struct call *c = ctx;

	c->session.looked = true;
	if (found == SESSION_FOUND) {
		c->session.before = session_ref(s);
		memcpy(c->session.id, c->session.ticket.key.id, sizeof c->session.id);
	} else {
		refuse_as(c, found);
	}
	if (c->busy == BUSY_SESSION)
		pipeline_resume(c);
}

static enum step begin_new(struct call *c)
{
	struct session_key key;

	if (!fits(c, c->job->prompt.messages_len))
		return refuse(c, FAULT_INVALID_REQUEST,
			      "session_id: these messages are too large for a session.");
	sessions_new_id(c->session.id);
	session_key_set(&key, c->job->project, c->session.id);
	sessions_hold_new(c->api->deps.sessions, &key, &c->session.ticket);
	return c->session.ticket.held && note_system(c) ? STEP_NEXT : no_memory(c);
}

static enum step look_up(struct call *c)
{
	struct session_key key;

	if (c->encoder == &batch_item)
		return refuse(c, FAULT_INVALID_REQUEST,
			      "session_id: not in a batch, whose items have no order.");
	c->may_keep = true;
	if (strcmp(c->chat.session_id, "new") == 0)
		return begin_new(c);
	if (!sessions_id_is_valid(c->chat.session_id))
		return refuse_as(c, SESSION_NONE);
	session_key_set(&key, c->job->project, c->chat.session_id);
	sessions_open(c->api->deps.sessions, &key, &c->session.ticket, on_found, c);
	if (!c->session.looked) {
		c->busy = BUSY_SESSION;
		return STEP_WAIT;
	}
	return STEP_NEXT;
}

enum step stage_session(struct call *c)
{
	enum step step = STEP_NEXT;

	if (!c->chat.session_id)
		return STEP_NEXT;
	if (!c->session.looked)
		step = look_up(c);
	if (step == STEP_NEXT && call_failed(c))
		step = STEP_DONE;
	if (step == STEP_NEXT && c->session.before && !c->session.joined)
		step = join(c);
	if (step == STEP_NEXT && c->session.seal_result)
		step = no_memory(c);
	return step;
}

void session_abandon(struct call *c)
{
	sessions_release(c->api->deps.sessions, &c->session.ticket);
}

/* ---- keeping ---- */

/* What was answered; NULL: it is not there as a whole. */
static const char *answer_text(const struct call *c, size_t *ret_len)
{
	const struct answer *found = c->recall.answer;

	if (!found && !c->must_keep && !c->may_keep)
		return NULL;
	*ret_len = found ? found->len : c->answer.len;
	return found ? found->text : c->answer.data ? c->answer.data : "";
}

/* 0 or -1.  An answer without text is no turn that the upstream would take back. */
static int add_answer(json_t *messages, const char *text, size_t len, size_t *size)
{
	size_t added = 0;
	json_t *turn;
	char *json;

	if (str_is_blank(text, len))
		return 0;
	turn = json_pack("{s:s, s:[{s:s, s:s%}]}", "role", "assistant", "content", "type", "text",
			 "text", text, len);
	json = turn ? json_dump_exact(turn, &added) : NULL;
	free(json);
	*size += added + 1;
	if (json)
		return json_array_append_new(messages, turn);
	json_decref(turn);
	return -1;
}

/* NULL: no memory, or too large. */
static struct session *next_session(const struct call *c)
{
	size_t most = 2 * (size_t)c->api->deps.conf->sessions.max_size;
	size_t len = 0, size = c->job->prompt.messages_len;
	const char *text = answer_text(c, &len);
	json_t *messages = text ? json_copy(c->job->prompt.messages) : NULL;
	struct session *next = NULL;

	if (messages && add_answer(messages, text, len, &size) == 0)
		next = session_after(c->session.before, c->session.system, messages, size);
	json_decref(messages);
	if (!next || session_bytes(next) <= most)
		return next;
	session_unref(next);
	return NULL;
}

static void on_kept(void *ctx, bool conflict)
{
	struct call *c = ctx;

	if (conflict)
		c->session.fate = SESSION_FATE_CONFLICT;
	metric_add(conflict ? METRIC_SESSION_CONFLICTS : METRIC_SESSION_TURNS, 1);
	c->session.kept(c);
}

void session_keep(struct call *c, void (*done)(struct call *c))
{
	bool answered = c->session.ticket.held && !call_failed(c) && call_is_wanted(c) &&
			c->job->state == JOB_ENDED && !c->recall.replayed;
	struct session *next = answered ? next_session(c) : NULL;

	if (!next) {
		if (answered)
			c->session.fate = SESSION_FATE_LOST;
		done(c);
		return;
	}
	c->session.kept = done;
	sessions_save(c->api->deps.sessions, &c->session.ticket, next, on_kept, c);
	session_unref(next);
}

void session_done(struct call *c)
{
	sessions_release(c->api->deps.sessions, &c->session.ticket);
	session_unref(c->session.before);
	free(c->session.system);
}
