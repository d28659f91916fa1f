/* Why this exists: plays a canned answer by the clock, with the faults that break one: the wait
 * before the first token, paced deltas, a drop or a stall half-way, a crash. */
#include "tests/sim/canned.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/answer.h"
#include "tests/sim/emit.h"
#include "tests/sim/message.h"
#include "tests/sim/turn.h"

#define MS 1000000ll

void canned_crash(struct sim *sim)
{
	sim_flush(sim);
	fputs("claude-sim: crash asked for\n", stderr);
	_exit(134);
}

static struct usage canned_usage(const struct sim *sim)
{
	struct usage usage = {.input = prompt_tokens(sim),
			      .output = token_count(sim->turn.answer.len)};
	intmax_t input, output;
	if (sscanf(sim->turn.faults.usage, "%jd,%jd", &input, &output) == 2) {
		usage.input = input;
		usage.output = output;
	}
	if (usage.output < 1)
		usage.output = 1;
	return usage;
}

static void canned_start(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	char text[640], id[40];
	struct usage usage = canned_usage(sim);
	usage.output = 1;
	snprintf(id, sizeof id, "msg_sim%016jx", (uintmax_t)random_u64());
	int n = snprintf(
		text, sizeof text,
		"{\"type\":\"message_start\",\"message\":{\"id\":\"%s\",\"type\":\"message\","
		"\"role\":\"assistant\",\"model\":\"%.127s\",\"content\":[],\"stop_reason\":null,"
		"\"stop_sequence\":null,\"usage\":{\"input_tokens\":%jd,\"cache_creation_input_"
		"tokens\":0,"
		"\"cache_read_input_tokens\":0,\"output_tokens\":1}}}",
		id, sim->session.model, (intmax_t)usage.input);
	message_start(sim, text, (size_t)n, id, sim->session.model, &usage);
	turn->phase = PHASE_CANNED_DELTA;
	if (!turn->answer.len && !turn->tool_call)
		return;
	if (turn->tool_call) {
		n = snprintf(
			text, sizeof text,
			"{\"type\":\"content_block_start\",\"index\":0,\"content_block\":%.*s{}}}",
			(int)turn->block_extra.len, turn->block_extra.data);
		message_block_start(sim, text, (size_t)n, 0, "tool_use");
	} else {
		static const char start[] =
			"{\"type\":\"content_block_start\",\"index\":0,\"content_block\":"
			"{\"type\":\"text\",\"text\":\"\"}}";
		message_block_start(sim, start, sizeof start - 1, 0, "text");
	}
}

static size_t write_stamp(char *to, size_t size)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (size_t)snprintf(to, size, "%jd ",
				(intmax_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
}

static void canned_delta(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	size_t n = answer_next_piece(turn);
	const char *piece = turn->answer.data + turn->answer_at;
	size_t length = n;
	char stamp[32];
	if (turn->faults.stamp) {
		length = write_stamp(stamp, sizeof stamp);
		piece = stamp;
	}
	emit_event_open(sim);
	jbuf_puts(&sim->out,
		  turn->tool_call
			  ? "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
			    "\"input_json_delta\",\"partial_json\":"
			  : "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
			    "\"text_delta\",\"text\":");
	jbuf_string(&sim->out, piece, length);
	jbuf_puts(&sim->out, "}}");
	emit_event_close(sim);
	message_block_add(sim, piece, length);
	turn->answer_at += n;
	turn->answer_deltas++;
	if (!strcmp(turn->faults.crash, "after"))
		canned_crash(sim);
}

static void canned_end(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	static const char block_stop[] = "{\"type\":\"content_block_stop\",\"index\":0}";
	static const char stop[] = "{\"type\":\"message_stop\"}";
	struct usage usage = canned_usage(sim);
	struct jbuf delta = {0};
	message_block_stop(sim, block_stop, sizeof block_stop - 1);
	jbuf_printf(
		&delta,
		"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":",
		turn->planned_stop);
	if (turn->planned_sequence)
		jbuf_string(&delta, turn->planned_sequence, strlen(turn->planned_sequence));
	else
		jbuf_puts(&delta, "null");
	jbuf_printf(&delta,
		    "},\"usage\":{\"input_tokens\":%jd,\"cache_creation_input_tokens\":0,"
		    "\"cache_read_input_tokens\":0,\"output_tokens\":%jd}}",
		    (intmax_t)usage.input, (intmax_t)usage.output);
	if (!strcmp(turn->planned_stop, "refusal"))
		turn_refuse(sim);
	message_delta(sim, delta.data, delta.len, turn->planned_stop, &usage);
	jbuf_done(&delta);
	emit_event(sim, stop, sizeof stop - 1, false);
	turn_message_done(sim);
}

static int64_t timeout_ms(const struct sim *sim, const char *name, int64_t fallback, int64_t min)
{
	const char *value = sim_env(sim, name);
	int64_t ms = value ? strtoll(value, NULL, 10) : 0;
	if (ms <= 0)
		ms = fallback;
	return ms < min ? min : ms;
}

static void stall(struct sim *sim)
{
	bool started = sim->turn.message_open;
	int64_t ms = started ? timeout_ms(sim, "CLAUDE_BYTE_STREAM_IDLE_TIMEOUT_MS", 180000, 10000)
			     : timeout_ms(sim, "API_TIMEOUT_MS", 600000, 1);
	sim->turn.phase = PHASE_STALL;
	sim->turn.due_ns = now_ns() + ms * MS;
}

/* The first token is due: the answer starts, or the error shows. */
void canned_first(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	const char *error = turn->faults.error;
	if (!strcmp(turn->faults.crash, "before"))
		canned_crash(sim);
	if (!strcmp(error, "timeout")) {
		stall(sim);
		return;
	}
	bool midway = !strcmp(error, "drop") || !strcmp(error, "stall");
	if (*error && !midway && strcmp(error, "refusal")) {
		turn_fail(sim, error, "simulated");
		return;
	}
	if (!strcmp(error, "refusal"))
		strcpy(turn->planned_stop, "refusal");
	canned_start(sim);
}

/* The half-way faults.  True: the turn took another course. */
static bool canned_breaks(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	if (turn->answer_at < turn->answer.len / 2 || !turn->answer_deltas)
		return false;
	if (!strcmp(turn->faults.error, "drop")) {
		turn_fail(sim, "drop", "");
		return true;
	}
	if (!strcmp(turn->faults.error, "stall")) {
		stall(sim);
		return true;
	}
	if (!turn->faults.second_start)
		return false;
	turn->faults.second_start = false;
	message_abort_events(sim);
	message_book_broken(sim, true);
	turn->answer_at = turn->answer_deltas = 0;
	canned_start(sim);
	return true;
}

void canned_step(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	if (canned_breaks(sim))
		return;
	if (turn->answer_at >= turn->answer.len) {
		canned_end(sim);
		return;
	}
	canned_delta(sim);
	if (turn->faults.pace_ms && turn->answer_at < turn->answer.len)
		turn->due_ns += turn->faults.pace_ms * MS;
}
