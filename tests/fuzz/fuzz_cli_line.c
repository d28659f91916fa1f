/* Lines of the CLI's output: whatever comes, a turn in any phase ends at most once, forwards no
 * more than it may, and neither crashes nor leaks.  The first byte chooses mode and phase, the rest
 * are lines. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/log.h"

#include "daemon/pool/turn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_ANSWER = 64, MAX_LINES = 64, OUT_MAX = 1 << 16 };

/* A uuid that inputs can name; the real ones are random. */
#define UUID "00000000-0000-4000-8000-000000000000"

static size_t forwarded;

static void require(int truth)
{
	if (!truth)
		abort();
}

static void take_text(struct job *job, const char *text, size_t len)
{
	require(job->forwarded == job->streams && len > 0 && text != NULL);
	forwarded += len;
}

static const struct job_ops ops = {.text = take_text};

static struct job *make_job(void)
{
	struct job *job = job_new(&ops, NULL);

	require(job != NULL);
	job->prompt.model = strdup("haiku");
	job->prompt.messages =
		json_pack("[{s:s,s:s},{s:s,s:s},{s:s,s:s}]", "role", "user", "content", "a", "role",
			  "assistant", "content", "b", "role", "user", "content", "c");
	require(job->prompt.model && job->prompt.messages && job_prompt_seal(&job->prompt) == 0);
	return job;
}

static void name_uuids(struct turn *t)
{
	strcpy(t->last_uuid, UUID);
	if (t->first_uuid[0])
		strcpy(t->first_uuid, UUID);
}

static void begin(struct turn *t, struct job *job, uint8_t choice, struct buf *out)
{
	*t = (struct turn){
		.body_mode = choice & 1, .default_system = "s", .max_answer = MAX_ANSWER};
	turn_begin(t, job, 1, out);
	name_uuids(t);
	if (choice & 2)
		turn_cut(t, choice & 4 ? FAULT_TIMEOUT : FAULT_CANCELLED);
	else if (choice & 4)
		t->phase = TURN_ANSWERING;
}

/* The line stands in memory of its own size, so that a read past its end is seen. */
static enum turn_step give(struct turn *t, const uint8_t *line, size_t len, struct job_usage *total,
			   struct buf *out)
{
	char *copy = malloc(len ? len : 1);
	enum turn_step step = TURN_BROKEN;
	struct cli_event ev;

	require(copy != NULL);
	memcpy(copy, line, len);
	cli_event_parse(&ev, copy, len);
	free(copy);
	if (ev.type == CLI_GARBAGE)
		turn_lost(t, FAULT_WORKER, "garbage");
	else
		step = turn_event(t, &ev, total, out);
	cli_event_done(&ev);
	name_uuids(t);
	return step;
}

static void check_end(const struct turn *t, enum turn_step step)
{
	const struct job_result *r = &t->job->result;

	require(forwarded <= MAX_ANSWER && t->job->forwarded == (t->job->streams && forwarded > 0));
	require(r->fault < FAULTS && strlen(r->message) < sizeof r->message);
	require(r->usage.input_tokens >= 0 && r->usage.output_tokens >= 0 &&
		r->usage.cost_micro_usd >= 0);
	require(step != TURN_INTERRUPT || t->phase == TURN_CUT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum turn_step step = TURN_GO_ON;
	struct job_usage total = {0};
	const uint8_t *at = data + 1, *end = data + size;
	struct job *job;
	struct turn turn;
	struct buf out;

	if (size < 1)
		return 0;
	log_set_level(LOG_LEVEL_ERROR);
	forwarded = 0;
	job = make_job();
	buf_init(&out, OUT_MAX);
	job->streams = data[0] & 8;
	begin(&turn, job, data[0], &out);
	for (int i = 0; i < MAX_LINES && at < end && step < TURN_OVER; i++) {
		const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = newline ? (size_t)(newline - at) : (size_t)(end - at);

		step = give(&turn, at, len, &total, &out);
		check_end(&turn, step);
		at += len + (newline != NULL);
	}
	if (step < TURN_OVER)
		turn_lost(&turn, FAULT_WORKER, "the end");
	check_end(&turn, step);
	buf_done(&out);
	job_unref(job);
	return 0;
}
