/* The life of a worker:
 *
 *   STARTING ──initialize answered──► READY ──worker_run──► BUSY ──turn over──► RESETTING
 *      │                              │  ▲                   │                    │    │
 *      │                              │  └────── rewound ────┼────────────────────┘    │
 *      └──────────────────────────────┴───── crash, doubt ───┴─────────────────────────┘
 *                                           ▼
 *                                       DRAINING ──process reaped, handles closed──► DEAD
 *
 * worker_enter() is the only function that changes the state.  A worker goes back to READY only
 * when the CLI has said that the conversation is empty again; after anything doubtful the process
 * is killed, because the next request may be another client's.  Every wait has a timer of ours: one
 * uv_timer whose meaning is timer_kind.  An owner that is told something (worker_events) is told
 * last, when the worker is already consistent. */
#include "daemon/pool/worker.h"

#include <stdio.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/str.h"

#include "daemon/pool/worker_private.h"

enum { RESET_TIMEOUT_MS = 2000 };

static void timer_fired(uv_timer_t *timer);

const char *worker_state_name(enum worker_state state)
{
	static const char *const names[] = {"starting",  "ready",    "busy",
					    "resetting", "draining", "dead"};

	return names[state];
}

static void tell_changed(struct worker *w)
{
	if (w->events->changed)
		w->events->changed(w);
}

void worker_enter(struct worker *w, enum worker_state state)
{
	log_debug("worker", "%u: %s -> %s", w->id, worker_state_name(w->state),
		  worker_state_name(state));
	w->state = state;
	w->since_us = clock_mono_us();
	if (state == WORKER_READY)
		w->idle_since_us = w->since_us;
	if (state != WORKER_BUSY) /* that is told when it has its request */
		tell_changed(w);
}

void worker_set_timer(struct worker *w, enum timer_kind kind, int64_t ms)
{
	if (uv_is_closing((uv_handle_t *)&w->timer))
		return;
	w->timer_kind = kind;
	if (kind == TIMER_NONE)
		uv_timer_stop(&w->timer);
	else
		uv_timer_start(&w->timer, timer_fired, (uint64_t)(ms > 0 ? ms : 0), 0);
}

/* ---- a turn ---- */

static void write_interrupt(struct worker *w)
{
	struct buf out;
	char id[24];

	worker_read_pause(w, false);
	buf_init(&out, 1024);
	snprintf(id, sizeof id, "i%u", w->turn.serial);
	cli_write_interrupt(&out, id);
	worker_set_timer(w, TIMER_INTERRUPT, w->spec->interrupt_timeout);
	worker_write(w, &out);
}

void worker_write_initialize(struct worker *w, const char *system_prompt, struct buf *out)
{
	cli_write_initialize(out, "n1", system_prompt);
	w->initialize_sent = true;
}

void worker_run(struct worker *w, struct job *job)
{
	const char *system = job->prompt.system ? job->prompt.system : w->spec->system_prompt;
	struct buf out;

	worker_enter(w, WORKER_BUSY);
	w->requests++;
	w->turn = (struct turn){.body_mode = w->spec->body_mode,
				.default_system = w->spec->system_prompt,
				.max_answer = w->spec->max_answer};
	buf_init(&out, SIZE_MAX / 4);
	if (!w->initialize_sent)
		worker_write_initialize(w, system, &out);
	job->result.worker_id = w->id;
	turn_begin(&w->turn, job, ++w->serial, &out);
	w->last_output_us = clock_mono_us();
	worker_set_timer(w, TIMER_FIRST_BYTE, w->spec->first_byte_timeout);
	tell_changed(w);
	worker_write(w, &out);
}

void worker_abort(struct worker *w, enum fault why)
{
	if (w->state == WORKER_BUSY && turn_cut(&w->turn, why))
		write_interrupt(w);
}

void worker_pause(struct worker *w, bool paused)
{
	if (w->state == WORKER_BUSY && w->turn.phase != TURN_CUT)
		worker_read_pause(w, paused);
}

static void become_ready(struct worker *w)
{
	worker_set_timer(w, TIMER_NONE, 0);
	worker_enter(w, WORKER_READY);
	w->was_ready = true;
	w->events->ready(w);
}

/* The conversation must be provably empty before anybody else's request comes. */
static void reset(struct worker *w)
{
	const struct turn *t = &w->turn;
	struct buf out;
	char id[24];

	worker_enter(w, WORKER_RESETTING);
	if (w->spec->one_shot || w->child.exited) {
		worker_stop(w);
		return;
	}
	buf_init(&out, 1024);
	snprintf(id, sizeof id, "r%u", t->serial);
	cli_write_rewind(&out, id, t->first_uuid, t->last_uuid);
	worker_set_timer(w, TIMER_RESET, RESET_TIMEOUT_MS);
	worker_write(w, &out);
}

/* TURN_OVER with nothing in the conversation: the question was caught before it ran, so there is
 * nothing to rewind. */
static void turn_over(struct worker *w)
{
	struct job *job = w->turn.job;
	bool login_rejected = w->turn.login_rejected, nothing_said = w->turn.first_uuid[0] == '\0';

	w->turn.job = NULL;
	worker_read_pause(w, false);
	if (job->result.fault == FAULT_TIMEOUT) {
		worker_kill(w); /* whatever made it late may still be going on */
	} else if (nothing_said && w->turn.body_mode && !w->spec->one_shot && !w->child.exited) {
		worker_set_timer(w, TIMER_NONE, 0);
		worker_enter(w, WORKER_READY);
	} else if (nothing_said) {
		worker_kill(w);
	} else {
		reset(w);
	}
	w->events->turn_end(w, job, login_rejected);
	if (w->state == WORKER_READY)
		w->events->ready(w);
}

static void take_step(struct worker *w, enum turn_step step, struct buf *out)
{
	switch (step) {
	case TURN_GO_ON:
		break;
	case TURN_WRITE:
		worker_write(w, out);
		break;
	case TURN_INTERRUPT:
		write_interrupt(w);
		break;
	case TURN_OVER:
		turn_over(w);
		break;
	case TURN_BROKEN:
		worker_distrust(w, "printed a result that belongs to no request");
		break;
	}
}

static void busy_event(struct worker *w, const struct cli_event *ev)
{
	bool waiting = w->turn.phase < TURN_ANSWERING;
	struct buf out;
	enum turn_step step;

	buf_init(&out, SIZE_MAX / 4);
	step = turn_event(&w->turn, ev, &w->usage_total, &out);
	if (waiting && w->turn.phase == TURN_ANSWERING)
		worker_set_timer(w, TIMER_IDLE, w->spec->idle_timeout);
	take_step(w, step, &out);
	buf_done(&out);
}

/* ---- start and reset ---- */

static void started(struct worker *w, const struct cli_event *ev)
{
	const char *version = json_get_str(ev->value, "claude_code_version");

	if (!ev->ok) {
		worker_distrust(w, "refused to initialize");
		return;
	}
	str_copy_clean(w->version, sizeof w->version, version ? version : "");
	w->events->initialized(w, ev->value);
	if (w->state == WORKER_STARTING)
		become_ready(w);
}

static void rewound(struct worker *w, const struct cli_event *ev)
{
	const json_t *before = json_object_get(ev->value, "precedingAssistantUuid");

	if (!ev->ok || !json_get_true(ev->value, "rewound") || !json_is_null(before))
		worker_distrust(w, "did not confirm that the conversation is empty");
	else
		become_ready(w);
}

static void take_reply(struct worker *w, const struct cli_event *ev)
{
	char id[24];

	snprintf(id, sizeof id, "r%u", w->serial);
	if (strcmp(ev->request_id, "n1") == 0)
		started(w, ev);
	else if (w->state == WORKER_RESETTING && strcmp(ev->request_id, id) == 0)
		rewound(w, ev);
	else if (w->state == WORKER_BUSY)
		busy_event(w, ev);
}

static void refuse_request(struct worker *w, const char *request_id)
{
	struct buf out;

	buf_init(&out, 4096);
	cli_write_refusal(&out, request_id);
	worker_write(w, &out);
}

void worker_take_line(struct worker *w, const char *line, size_t len)
{
	struct cli_event ev;

	cli_event_parse(&ev, line, len);
	switch (ev.type) {
	case CLI_GARBAGE:
		worker_distrust(w, "printed a line that is not of the protocol");
		break;
	case CLI_RATE_LIMIT:
		w->events->plan(w, ev.value);
		break;
	case CLI_CONTROL_REQUEST:
		refuse_request(w, ev.request_id);
		break;
	case CLI_CONTROL_REPLY:
		take_reply(w, &ev);
		break;
	case CLI_RESULT:
		if (w->state == WORKER_BUSY)
			busy_event(w, &ev);
		else
			worker_distrust(w, "printed a result that nobody waits for");
		break;
	default:
		if (w->state == WORKER_BUSY)
			busy_event(w, &ev);
	}
	cli_event_done(&ev);
}

/* ---- time ---- */

/* Looks whether output came since the timer was set; output itself does not touch the timer. */
static void idle_timer(struct worker *w)
{
	int64_t quiet_ms = (clock_mono_us() - w->last_output_us) / 1000;

	if (w->paused) {
		worker_set_timer(w, TIMER_IDLE, w->spec->idle_timeout);
	} else if (quiet_ms < w->spec->idle_timeout) {
		worker_set_timer(w, TIMER_IDLE, w->spec->idle_timeout - quiet_ms);
	} else {
		log_warn("worker", "%u: nothing came for %lld ms in the middle of request %s",
			 w->id, (long long)quiet_ms, w->turn.job->id);
		worker_abort(w, FAULT_TIMEOUT);
	}
}

static void timer_fired(uv_timer_t *timer)
{
	struct worker *w = timer->data;

	switch ((enum timer_kind)w->timer_kind) {
	case TIMER_NONE:
		break;
	case TIMER_START:
		worker_distrust(w, "did not answer initialize in time");
		break;
	case TIMER_LATE_INIT:
		become_ready(w);
		break;
	case TIMER_FIRST_BYTE:
		log_warn("worker", "%u: no first byte for request %s", w->id, w->turn.job->id);
		worker_abort(w, FAULT_TIMEOUT);
		break;
	case TIMER_IDLE:
		idle_timer(w);
		break;
	case TIMER_INTERRUPT:
		worker_distrust(w, "did not obey an interrupt in time");
		break;
	case TIMER_RESET:
		worker_distrust(w, "did not answer the reset in time");
		break;
	case TIMER_PIPE_CLOSED:
		worker_distrust(w, "closed its output");
		break;
	case TIMER_TERM:
		child_signal(&w->child, SIGTERM);
		worker_set_timer(w, TIMER_KILL, w->spec->stop_timeout);
		break;
	case TIMER_KILL:
		child_signal(&w->child, SIGKILL);
		break;
	}
}
