/* A turn by hand: what it wrote, what it forwarded, and events as the CLI would print them. */
#ifndef TESTS_UNIT_POOL_TURN_SUPPORT_H
#define TESTS_UNIT_POOL_TURN_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/json.h"
#include "shared/log.h"

#include "daemon/pool/turn.h"

#include "tests/unit/test.h"

static struct turn turn;
static struct job *job;
static struct buf out;
static struct job_usage total;
static char answer[256]; /* text that went to the client */

static inline void take_text(struct job *of, const char *text, size_t len)
{
	size_t at = strlen(answer);

	assert_ptr_equal(of, job);
	snprintf(answer + at, sizeof answer - at, "%.*s", (int)len, text);
}

static const struct job_ops turn_job_ops = {.text = take_text};

static inline int turn_setup(void **state)
{
	(void)state;
	clock_freeze(INT64_C(7000000), INT64_C(1700000000000000));
	log_set_level(LOG_LEVEL_ERROR);
	job = job_new(&turn_job_ops, NULL);
	job->prompt.model = strdup("haiku");
	buf_init(&out, 1 << 20);
	total = (struct job_usage){0};
	answer[0] = '\0';
	return 0;
}

static inline int turn_teardown(void **state)
{
	(void)state;
	job_unref(job);
	buf_done(&out);
	clock_thaw();
	return 0;
}

static inline void turn_start(bool body_mode, const char *messages)
{
	job->prompt.messages = json_loads(messages, 0, NULL);
	assert_non_null(job->prompt.messages);
	assert_int_equal(job_prompt_seal(&job->prompt), 0);
	turn = (struct turn){.body_mode = body_mode, .default_system = "default", .max_answer = 20};
	turn_begin(&turn, job, 7, &out);
	assert_false(out.failed);
}

/* The next line that the turn wrote, as JSON; NULL: no more. */
static inline json_t *next_line(void)
{
	char *end = out.len ? memchr(out.data, '\n', out.len) : NULL;
	json_t *line;

	if (!end) {
		assert_int_equal(out.len, 0);
		return NULL;
	}
	line = json_loadb(out.data, (size_t)(end - out.data), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(line);
	buf_drop_front(&out, (size_t)(end - out.data) + 1);
	return line;
}

static inline enum turn_step event(const char *line)
{
	struct cli_event ev;
	enum turn_step step;

	cli_event_parse(&ev, line, strlen(line));
	assert_int_not_equal(ev.type, CLI_GARBAGE);
	step = turn_event(&turn, &ev, &total, &out);
	cli_event_done(&ev);
	return step;
}

/* `fmt` may name the uuid of the last user line by %s. */
static inline enum turn_step event_with_uuid(const char *fmt)
{
	char line[2000];
	const char *at = strstr(fmt, "%s");

	assert_non_null(at);
	snprintf(line, sizeof line, "%.*s%s%s", (int)(at - fmt), fmt, turn.last_uuid, at + 2);
	return event(line);
}

#define STREAM(members) "{\"type\":\"stream_event\",\"event\":{" members "}}"
#define START                                                                                      \
	STREAM("\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-x\","  \
	       "\"usage\":{\"input_tokens\":11,\"output_tokens\":1}}")
#define DELTA(text)                                                                                \
	STREAM("\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":"     \
	       "\"" text "\"}")
#define STOP(reason)                                                                               \
	STREAM("\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason                   \
	       "\"},\"usage\":{\"output_tokens\":5}")
#define RESULT(members) "{\"type\":\"result\",\"user_message_uuid\":\"%s\"," members "}"
#define ANSWERED                                                                                   \
	RESULT("\"subtype\":\"success\",\"is_error\":false,\"num_turns\":1,\"stop_reason\":"       \
	       "\"end_turn\",\"terminal_reason\":\"completed\",\"model_usage_since_last_result\":" \
	       "{"                                                                                 \
	       "\"claude-x\":{\"inputTokens\":11,\"outputTokens\":5}}")
#define INTERRUPTED                                                                                \
	RESULT("\"subtype\":\"error_during_execution\",\"is_error\":true,\"terminal_reason\":"     \
	       "\"aborted_streaming\",\"num_turns\":1,\"model_usage_since_last_result\":{"         \
	       "\"claude-x\":{\"inputTokens\":11,\"outputTokens\":3}}")
#define FAILED(members)                                                                            \
	RESULT("\"subtype\":\"success\",\"is_error\":true,\"num_turns\":1,\"terminal_reason\":"    \
	       "\"api_error\"," members)
#define REPLY(subtype, id, response)                                                               \
	"{\"type\":\"control_response\",\"response\":{\"subtype\":\"" subtype                      \
	"\",\"request_id\":\"" id "\",\"response\":" response "}}"

#endif
