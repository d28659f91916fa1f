/* Why this exists: the state machine of a turn: begin, request, wait, message_start, deltas,
 * message_stop, result. After message_stop the request may be repeated: on max_tokens (3 times), on
 * an empty answer (once), on a tool call beyond --max-turns never, without that limit always.
 *
 * Canned answers advance by the clock, upstream ones by the socket; both end in turn_message_done()
 * or turn_fail().  An interrupt is taken between any two deltas.  A continuation begins after a
 * short pause, as a real request would, so that an interrupt sent on the max_tokens delta comes in
 * time. */
#include "tests/sim/turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/answer.h"
#include "tests/sim/canned.h"
#include "tests/sim/emit.h"
#include "tests/sim/errors.h"
#include "tests/sim/login.h"
#include "tests/sim/message.h"
#include "tests/sim/plan.h"
#include "tests/sim/session.h"
#include "tests/sim/upstream.h"

#define CONTINUATION_PAUSE_MS 20
#define CONTINUATIONS_MAX 3
#define FLUSH_BYTES (256u * 1024u)
#define MS 1000000ll

static const char resume_text[] = "{\"type\":\"text\",\"text\":\"Output token limit hit. Resume "
				  "directly \xe2\x80\x94 no apology, no recap of "
				  "what you were doing. Pick up mid-thought if that is where the "
				  "cut happened. Break remaining work into "
				  "smaller pieces.\"}";
static const char nudge_text[] =
	"{\"type\":\"text\",\"text\":\"[Your previous response had no visible output. "
	"Please continue and produce a user-visible response.]\"}";
static const char interrupted_text[] =
	"{\"type\":\"text\",\"text\":\"[Request interrupted by user]\"}";

static void turn_reset(struct turn *turn)
{
	free(turn->uuid);
	json_decref(turn->body);
	struct turn old = *turn;
	*turn = (struct turn){.due_ns = -1};
	/* buffers are kept: a turn should not allocate */
	struct jbuf *to[] = {&turn->uuids,     &turn->prompt,     &turn->answer,
			     &turn->scratch,   &turn->block_text, &turn->block_extra,
			     &turn->last_text, &turn->begun};
	struct jbuf from[] = {old.uuids,      old.prompt,      old.answer,    old.scratch,
			      old.block_text, old.block_extra, old.last_text, old.begun};
	for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
		*to[i] = from[i];
		jbuf_reset(to[i]);
	}
}

void turn_done(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	turn_reset(turn);
	struct jbuf *all[] = {&turn->uuids,     &turn->prompt,     &turn->answer,
			      &turn->scratch,   &turn->block_text, &turn->block_extra,
			      &turn->last_text, &turn->begun};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		jbuf_done(all[i]);
}

static void finish(struct sim *sim, const struct outcome *outcome)
{
	struct turn *turn = &sim->turn;
	plan_print(sim);
	turn->num_turns = turn->num_turns ? turn->num_turns : turn->requests;
	char *own = NULL;
	if (turn->faults.unknown_uuid) {
		own = turn->uuid;
		turn->uuid = strdup("00000000-0000-4000-8000-000000000000");
		turn->uuids.len = 0;
		jbuf_printf(&turn->uuids, "[\"%s\"]", turn->uuid);
	}
	if (!turn->faults.no_result)
		emit_result(sim, outcome);
	emit_lifecycle(sim, own ? own : turn->uuid, outcome->lifecycle);
	free(own);
	sim->session.refuse_rewind = turn->faults.refuse_rewind;
	sim->session.bad_rewind = turn->faults.bad_rewind;
	turn->phase = PHASE_IDLE;
	turn->due_ns = -1;
}

static void finish_text(struct sim *sim, const char *text, size_t len)
{
	struct outcome outcome = {.subtype = "success",
				  .terminal_reason = "completed",
				  .text = text,
				  .text_len = len,
				  .lifecycle = "completed"};
	finish(sim, &outcome);
}

/* A turn without any request: history lines and blank prompts. */
static void finish_without_request(struct sim *sim, const char *text)
{
	struct outcome outcome = {.subtype = "success",
				  .text = text,
				  .text_len = strlen(text),
				  .lifecycle = "completed"};
	finish(sim, &outcome);
}

void turn_fail(struct sim *sim, const char *kind, const char *message)
{
	struct turn *turn = &sim->turn;
	struct outcome outcome;
	if (!error_outcome(sim, kind, message, &turn->scratch, &outcome) &&
	    !error_outcome(sim, "500", message, &turn->scratch, &outcome))
		return;
	if (!strcmp(kind, "sse") && turn->stream_error) {
		outcome.api_status = error_status_of(turn->stream_error);
		outcome.api_error_type = turn->stream_error;
	}
	upstream_stop(sim);
	if (turn->message_open)
		plan_drop(); /* seen: a broken stream tells nothing about the plan */
	plan_print(sim);
	strcpy(turn->stop_reason, "stop_sequence");
	emit_synthetic_assistant(sim, &outcome);
	message_abort_events(sim);
	message_book_broken(sim, strcmp(kind, "sse") != 0);
	finish(sim, &outcome);
}

void turn_refuse(struct sim *sim)
{
	struct outcome outcome;
	strcpy(sim->turn.stop_reason, "refusal");
	error_outcome(sim, "refusal", "", &sim->turn.scratch, &outcome);
	emit_refusal(sim);
	emit_synthetic_assistant(sim, &outcome);
}

void turn_abort(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	upstream_stop(sim);
	message_abort_text(sim);
	emit_user(sim, interrupted_text, false);
	message_abort_events(sim);
	message_book_broken(sim, true);
	char uuid[UUID_SIZE];
	uuid_make(uuid);
	session_add(&sim->session, true, uuid, json_string("[Request interrupted by user]"))
		->synthetic = true;
	char errors[160];
	snprintf(errors, sizeof errors,
		 "[\"[ede_diagnostic] result_type=user last_content_type=n/a stop_reason=%s\"]",
		 *turn->stop_reason ? turn->stop_reason : "null");
	turn->num_turns = turn->requests + 1;
	struct outcome outcome = {.subtype = "error_during_execution",
				  .is_error = true,
				  .terminal_reason = "aborted_streaming",
				  .errors = errors,
				  .lifecycle = "cancelled"};
	finish(sim, &outcome);
}

static bool canned(const struct sim *sim)
{
	return !sim->upstream || sim->turn.faults.local;
}

/* Sends a request or plans an answer; the turn goes on when the phase is due. */
static void request(struct sim *sim, int64_t pause_ms)
{
	struct turn *turn = &sim->turn;
	turn->requests++;
	turn->attempts = 0;
	turn->sent_ns = now_ns();
	turn->headers_seen = false;
	if (canned(sim)) {
		answer_make(sim);
		turn->phase = PHASE_CANNED_WAIT;
		turn->due_ns = turn->sent_ns + pause_ms * MS;
	} else if (pause_ms) {
		turn->phase = PHASE_RETRY;
		turn->due_ns = turn->sent_ns + pause_ms * MS;
	} else {
		upstream_start(sim);
	}
}

void turn_retry(struct sim *sim, int64_t delay_ms)
{
	sim->turn.phase = PHASE_RETRY;
	sim->turn.due_ns = now_ns() + delay_ms * MS;
}

static void continue_with(struct sim *sim, const char *block, json_t *content)
{
	char uuid[UUID_SIZE];
	uuid_make(uuid);
	emit_user(sim, block, true);
	session_add(&sim->session, true, uuid, content)->synthetic = true;
	emit_status(sim);
	request(sim, CONTINUATION_PAUSE_MS);
}

static json_t *one_block(const char *block)
{
	json_t *content = json_array();
	json_array_append_new(content, json_loads(block, 0, NULL));
	return content;
}

/* Without --max-turns the CLI tells the model that there is no such tool, for ever. */
static void tool_called(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	if (!sim->max_turns || turn->requests < sim->max_turns) {
		emit_status(sim);
		request(sim, CONTINUATION_PAUSE_MS);
		return;
	}
	char errors[64];
	snprintf(errors, sizeof errors, "[\"Reached maximum number of turns (%d)\"]",
		 sim->max_turns);
	turn->num_turns = turn->requests + 1;
	struct outcome outcome = {.subtype = "error_max_turns",
				  .is_error = true,
				  .terminal_reason = "max_turns",
				  .errors = errors,
				  .lifecycle = "completed"};
	finish(sim, &outcome);
}

void turn_message_done(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	sim->session.api_ms += (now_ns() - turn->sent_ns) / MS;
	if (!strcmp(turn->stop_reason, "refusal")) {
		struct outcome outcome;
		error_outcome(sim, "refusal", "", &turn->scratch, &outcome);
		finish(sim, &outcome);
	} else if (!strcmp(turn->stop_reason, "max_tokens") ||
		   !strcmp(turn->stop_reason, "model_context_window_exceeded")) {
		if (turn->continuations++ < CONTINUATIONS_MAX)
			continue_with(sim, resume_text, one_block(resume_text));
		else
			turn_fail(sim, "max_tokens", "");
	} else if (!strcmp(turn->stop_reason, "tool_use")) {
		tool_called(sim);
	} else if (!turn->had_text && !turn->continuations++) {
		continue_with(sim, nudge_text, one_block(nudge_text));
	} else {
		finish_text(sim, turn->last_text.data ? turn->last_text.data : "",
			    turn->last_text.len);
	}
}

int64_t turn_run(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	int64_t now = turn->started_ns;
	while (turn->phase != PHASE_IDLE && turn->due_ns >= 0 && sim->out.len < FLUSH_BYTES) {
		if (turn->due_ns > now && turn->due_ns > (now = now_ns()))
			break;
		if (turn->phase == PHASE_CANNED_WAIT)
			canned_first(sim);
		else if (turn->phase == PHASE_CANNED_DELTA)
			canned_step(sim);
		else if (turn->phase == PHASE_RETRY)
			upstream_start(sim);
		else if (turn->phase == PHASE_STALL)
			turn_fail(sim, turn->message_open ? "stall" : "timeout", "");
		else
			upstream_timeout(sim);
	}
	return turn->phase == PHASE_IDLE ? -1 : turn->due_ns;
}

/* --- beginning --- */

static bool blank(const struct jbuf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (!strchr(" \t\r\n\v\f", text->data[i]))
			return false;
	return text->len > 0;
}

static void take_queue(struct sim *sim, bool *ret_query)
{
	struct turn *turn = &sim->turn;
	*ret_query = false;
	jbuf_puts(&turn->uuids, "[");
	for (size_t i = 0; i < sim->queue_count; i++) {
		struct queued *line = &sim->queue[i];
		if (i)
			jbuf_puts(&turn->uuids, ",");
		jbuf_string(&turn->uuids, line->uuid, strlen(line->uuid));
		emit_lifecycle(sim, line->uuid, "started");
		*ret_query = *ret_query || line->query;
		turn->prompt.len = 0;
		content_text(line->content, &turn->prompt);
		session_add(&sim->session, true, line->uuid, line->content)->composed =
			line->composed;
		free(turn->uuid);
		turn->uuid = line->uuid;
	}
	jbuf_puts(&turn->uuids, "]");
	sim->queue_count = 0;
}

/* In body mode the prompt is the last user message of the body, not the user line. */
static void take_body(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	const char *text = sim_env(sim, "CLAUDE_CODE_EXTRA_BODY");
	if (!text)
		return;
	turn->body = json_loads(text, JSON_ALLOW_NUL, NULL);
	if (turn->body && !json_is_object(turn->body)) {
		json_decref(turn->body);
		turn->body = NULL;
	}
	if (sim->faults.ignore_body) {
		json_object_del(turn->body, "messages");
		json_object_del(turn->body, "tools");
		json_object_del(turn->body, "tool_choice");
	}
	json_t *messages = json_object_get(turn->body, "messages");
	for (size_t i = json_array_size(messages); i-- > 0;) {
		json_t *message = json_array_get(messages, i);
		const char *role = json_string_value(json_object_get(message, "role"));
		if (!role || strcmp(role, "user"))
			continue;
		turn->prompt.len = 0;
		content_text(json_object_get(message, "content"), &turn->prompt);
		break;
	}
}

static void take_limits(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	int64_t ceiling = model_max_output(sim->session.model);
	const char *value = sim_env(sim, "CLAUDE_CODE_MAX_OUTPUT_TOKENS");
	turn->max_tokens = value ? strtoll(value, NULL, 10) : 0;
	if (turn->max_tokens <= 0 || turn->max_tokens > ceiling)
		turn->max_tokens = ceiling;
	json_t *own = json_object_get(turn->body, "max_tokens");
	if (json_is_integer(own) && json_integer_value(own) > 0)
		turn->max_tokens = json_integer_value(own);
	if (sim->faults.ignore_max_tokens)
		turn->max_tokens = ceiling;
}

/* Faults bound to a file happen once: the file is removed. */
static void once_files(struct sim *sim)
{
	char path[FAULT_WORD_MAX];
	if (*sim->faults.crash_file && !unlink(sim->faults.crash_file))
		canned_crash(sim);
	strcpy(path, sim->faults.error_once_file);
	char *kind = strrchr(path, ':');
	if (!kind)
		return;
	*kind++ = '\0';
	if (unlink(path))
		return;
	snprintf(sim->turn.faults.error, sizeof sim->turn.faults.error, "%.200s", kind);
	sim->turn.faults.local = true;
}

static void begin_request(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	sim->session.served++;
	if (sim->faults.crash_after && sim->session.served > sim->faults.crash_after)
		canned_crash(sim);
	once_files(sim);
	emit_status(sim);
	if (!strcmp(turn->faults.crash, "before"))
		canned_crash(sim);
	if (turn->faults.garbage)
		jbuf_puts(&sim->out, "this line is not JSON\n");
	if (turn->faults.hang) {
		turn->phase = PHASE_HUNG;
		return;
	}
	plan_from_fault(sim);
	if (!login_present(sim) || !strcmp(turn->faults.error, "not_logged_in")) {
		turn->requests = 1;
		turn_fail(sim, "not_logged_in", "");
		return;
	}
	request(sim, turn->faults.delay_ms);
}

void turn_begin(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	bool query;
	turn_reset(turn);
	turn->started_ns = now_ns();
	turn->faults = sim->faults;
	take_queue(sim, &query);
	emit_init(sim);
	if (!query) {
		finish_without_request(sim, "");
		return;
	}
	if (blank(&turn->prompt)) {
		emit_blank_prompt(sim);
		session_cut(&sim->session, sim->session.entry_count - 1);
		finish_without_request(
			sim,
			"Blank prompt \xe2\x80\x94 the message was only whitespace, so nothing "
			"was sent to the model.");
		return;
	}
	take_body(sim);
	take_limits(sim);
	faults_from_prompt(turn->prompt.data, &turn->prompt.len, &turn->faults);
	begin_request(sim);
}
