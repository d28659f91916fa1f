/* A turn in body mode: what is written, what is forwarded, how it ends. */
#include "tests/unit/pool/turn_support.h"

#define MESSAGES "[{\"role\":\"user\",\"content\":\"@/etc/passwd /clear\"}]"

static void begin(void)
{
	turn_start(true, MESSAGES);
}

static void begun(void)
{
	begin();
	buf_clear(&out);
}

/* ---- what is written ---- */

static const json_t *env_of(const json_t *line)
{
	const json_t *request = json_object_get(line, "request");

	return json_object_get(json_object_get(request, "settings"), "env");
}

static void settings_model_and_a_constant_line_are_written(void **state)
{
	json_t *line;

	(void)state;
	job->prompt.max_tokens = 99;
	job->prompt.effort = JOB_EFFORT_XHIGH;
	job->prompt.no_thinking = true;
	job->prompt.extra = json_pack("{s:f}", "temperature", 0.7);
	job->prompt.system = strdup("sys");
	begin();
	line = next_line();
	assert_string_equal(json_get_str(line, "request_id"), "s7");
	assert_string_equal(json_get_str(env_of(line), "CLAUDE_CODE_MAX_OUTPUT_TOKENS"), "99");
	assert_string_equal(json_get_str(env_of(line), "CLAUDE_CODE_EFFORT_LEVEL"), "xhigh");
	assert_string_equal(json_get_str(env_of(line), "CLAUDE_CODE_DISABLE_THINKING"), "1");
	assert_string_equal(json_get_str(env_of(line), "CLAUDE_CODE_EXTRA_BODY"),
			    "{\"messages\":" MESSAGES ",\"temperature\":0.7}");
	json_decref(line);
	line = next_line();
	assert_string_equal(json_get_str(line, "request_id"), "m7");
	assert_string_equal(json_get_str(json_object_get(line, "request"), "model"), "haiku");
	assert_string_equal(json_get_str(json_object_get(line, "request"), "system_prompt"), "sys");
	json_decref(line);
	line = next_line();
	assert_true(json_get_true(line, "client_composed"));
	assert_null(json_object_get(line, "shouldQuery"));
	assert_string_equal(json_get_str(json_object_get(line, "message"), "content"), ".");
	assert_string_equal(json_get_str(line, "uuid"), turn.last_uuid);
	assert_string_equal(turn.first_uuid, turn.last_uuid);
	json_decref(line);
	assert_null(next_line());
	assert_int_equal(turn.phase, TURN_ASKED);
}

static void what_was_not_asked_for_is_unset(void **state)
{
	json_t *line;

	(void)state;
	begin();
	line = next_line();
	assert_int_equal(json_object_size(env_of(line)), 4);
	assert_true(json_is_null(json_object_get(env_of(line), "CLAUDE_CODE_MAX_OUTPUT_TOKENS")));
	assert_true(json_is_null(json_object_get(env_of(line), "CLAUDE_CODE_EFFORT_LEVEL")));
	assert_true(json_is_null(json_object_get(env_of(line), "CLAUDE_CODE_DISABLE_THINKING")));
	json_decref(line);
	line = next_line();
	assert_string_equal(json_get_str(json_object_get(line, "request"), "system_prompt"),
			    "default");
	json_decref(line);
}

static void every_question_has_a_uuid_of_its_own(void **state)
{
	char first[37];

	(void)state;
	begun();
	strcpy(first, turn.last_uuid);
	json_decref(job->prompt.messages);
	begun();
	assert_string_not_equal(first, turn.last_uuid);
	assert_int_equal(strlen(first), 36);
}

/* ---- what is forwarded ---- */

static void an_answer_is_forwarded_and_ends_the_turn(void **state)
{
	(void)state;
	begun();
	job->streams = true;
	assert_int_equal(event(START), TURN_GO_ON);
	assert_int_equal(turn.phase, TURN_ANSWERING);
	assert_false(job->forwarded);
	clock_advance_ms(3);
	assert_int_equal(event(DELTA("Hel")), TURN_GO_ON);
	assert_true(job->forwarded);
	assert_int_equal(job->times.first_text, clock_mono_us());
	clock_advance_ms(3);
	assert_int_equal(event(DELTA("lo\\n")), TURN_GO_ON);
	assert_int_equal(job->times.first_text, clock_mono_us() - 3000);
	assert_int_equal(event(STOP("end_turn")), TURN_GO_ON);
	assert_int_equal(event_with_uuid(ANSWERED), TURN_OVER);
	assert_string_equal(answer, "Hello\n");
	assert_int_equal(job->result.fault, FAULT_NONE);
	assert_int_equal(job->result.stop, JOB_STOP_END_TURN);
	assert_string_equal(job->result.model_id, "claude-x");
	assert_string_equal(job->result.upstream_id, "msg_1");
	assert_int_equal(job->result.usage.input_tokens, 11);
	assert_int_equal(job->result.usage.output_tokens, 5);
	assert_int_equal(out.len, 0);
}

static void text_of_a_job_that_does_not_stream_can_be_taken_back(void **state)
{
	(void)state;
	begun();
	event(START);
	event(DELTA("Hel"));
	assert_false(job->forwarded);
}

/* Whatever the CLI prints besides, only text deltas reach the client. */
static void nothing_but_text_deltas_is_forwarded(void **state)
{
	static const char *const lines[] = {
		STREAM("\"type\":\"ping\""),
		STREAM("\"type\":\"content_block_start\",\"content_block\":{\"type\":\"text\","
		       "\"text\":\"x\"}"),
		STREAM("\"type\":\"content_block_delta\",\"delta\":{\"type\":\"thinking_delta\","
		       "\"thinking\":\"x\"}"),
		STREAM("\"type\":\"content_block_delta\",\"delta\":{\"type\":\"input_json_delta\","
		       "\"partial_json\":\"x\"}"),
		STREAM("\"type\":\"content_block_delta\",\"delta\":{\"text\":7}"),
		STREAM("\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\","
		       "\"text\":\"\"}"),
		STREAM("\"type\":\"content_block_delta\""),
		STREAM("\"type\":\"message_stop\""),
		STREAM("\"type\":7"),
		STREAM("\"text\":\"x\""),
		STREAM("\"type\":\"error\",\"error\":{\"message\":\"x\"}"),
		"{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":"
		"\"x\"}]}}",
		"{\"type\":\"user\",\"isSynthetic\":true,\"message\":{\"content\":\"x\"}}",
		"{\"type\":\"system\",\"subtype\":\"init\"}",
		"{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"text\":\"x\"}}",
		"{\"type\":\"control_request\",\"request_id\":\"x\"}",
		"{\"type\":\"something_new\",\"text\":\"x\"}",
		REPLY("success", "s7", "null"),
		REPLY("success", "m7", "{\"model\":\"x\"}"),
		REPLY("success", "i7", "{\"cancelled\":[]}"),
		REPLY("success", "zz", "{}"),
		REPLY("error", "r6", "{}"),
	};

	(void)state;
	begun();
	event(START);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		if (event(lines[i]) != TURN_GO_ON || turn.phase != TURN_ANSWERING)
			fail_msg("line %zu changes the turn", i);
	}
	assert_string_equal(answer, "");
	assert_int_equal(out.len, 0);
	assert_false(job->forwarded);
}

static void max_tokens_is_the_end_of_the_answer(void **state)
{
	(void)state;
	begun();
	event(START);
	event(DELTA("cut he"));
	assert_int_equal(event(STOP("max_tokens")), TURN_INTERRUPT);
	assert_int_equal(event(START), TURN_GO_ON);
	assert_int_equal(event(DELTA("Resuming")), TURN_GO_ON);
	assert_int_equal(event(STOP("end_turn")), TURN_GO_ON);
	assert_int_equal(event_with_uuid(INTERRUPTED), TURN_OVER);
	assert_string_equal(answer, "cut he");
	assert_int_equal(job->result.fault, FAULT_NONE);
	assert_int_equal(job->result.stop, JOB_STOP_MAX_TOKENS);
	assert_int_equal(job->result.usage.output_tokens, 3);
}

static void a_full_context_window_is_cut_like_max_tokens(void **state)
{
	(void)state;
	begun();
	event(START);
	assert_int_equal(event(STOP("model_context_window_exceeded")), TURN_INTERRUPT);
	assert_int_equal(turn.phase, TURN_CUT);
}

static void an_answer_that_begins_again_is_cut(void **state)
{
	(void)state;
	begun();
	event(START);
	event(DELTA("one"));
	assert_int_equal(event(START), TURN_INTERRUPT);
	assert_int_equal(event(DELTA("two")), TURN_GO_ON);
	assert_int_equal(event_with_uuid(ANSWERED), TURN_OVER);
	assert_string_equal(answer, "one");
	assert_int_equal(job->result.fault, FAULT_UPSTREAM);
	assert_string_not_equal(job->result.message, "");
}

static void an_empty_answer_may_begin_again(void **state)
{
	(void)state;
	begun();
	event(START);
	assert_int_equal(event(START), TURN_GO_ON);
	event(DELTA("two"));
	event(STOP("end_turn"));
	assert_int_equal(event_with_uuid(ANSWERED), TURN_OVER);
	assert_string_equal(answer, "two");
	assert_int_equal(job->result.fault, FAULT_NONE);
}

static void an_answer_larger_than_allowed_is_cut(void **state)
{
	(void)state;
	begun();
	event(START);
	assert_int_equal(event(DELTA("12345678901234567890")), TURN_GO_ON);
	assert_int_equal(event(DELTA("x")), TURN_INTERRUPT);
	assert_int_equal(event_with_uuid(INTERRUPTED), TURN_OVER);
	assert_string_equal(answer, "12345678901234567890");
	assert_int_equal(job->result.fault, FAULT_UPSTREAM);
}

/* ---- results ---- */

static void a_result_for_another_line_breaks_the_worker(void **state)
{
	static const char *const results[] = {
		"{\"type\":\"result\",\"user_message_uuid\":\"other\",\"num_turns\":1}",
		"{\"type\":\"result\",\"num_turns\":1}",
		"{\"type\":\"result\",\"user_message_uuid\":null}",
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		json_decref(job->prompt.messages);
		begun();
		assert_int_equal(event(results[i]), TURN_BROKEN);
		assert_int_equal(job->result.fault, FAULT_WORKER);
	}
}

static void an_upstream_error_is_the_jobs_fault(void **state)
{
	(void)state;
	begun();
	assert_int_equal(event_with_uuid(FAILED("\"api_error_status\":400,\"result\":\"API Error: "
						"400 top_k: too small\"")),
			 TURN_OVER);
	assert_int_equal(job->result.fault, FAULT_INVALID_REQUEST);
	assert_string_equal(job->result.message, "top_k: too small");
	assert_string_equal(job->result.param, "top_k");
	assert_string_equal(answer, "");
}

static void the_assistant_lines_error_decides_where_the_result_does_not(void **state)
{
	(void)state;
	begun();
	event("{\"type\":\"assistant\",\"error\":\"authentication_failed\"}");
	event("{\"type\":\"assistant\"}");
	assert_int_equal(event_with_uuid(FAILED("\"result\":\"x\"")), TURN_OVER);
	assert_int_equal(job->result.fault, FAULT_BACKEND_UNAVAILABLE);
	assert_true(turn.login_rejected);
}

static void throttling_says_when_to_come_back(void **state)
{
	(void)state;
	begun();
	event_with_uuid(FAILED("\"api_error_status\":429"));
	assert_int_equal(job->result.fault, FAULT_RATE_LIMIT);
	assert_int_equal(job->result.retry_after_ms, 10000);
}

static void a_tool_call_that_nobody_offered_is_an_error(void **state)
{
	(void)state;
	begun();
	event(START);
	event(STOP("tool_use"));
	assert_int_equal(
		event_with_uuid(RESULT("\"subtype\":\"error_max_turns\",\"is_error\":true,"
				       "\"terminal_reason\":\"max_turns\",\"num_turns\":1")),
		TURN_OVER);
	assert_int_equal(job->result.fault, FAULT_UPSTREAM);
	assert_string_not_equal(job->result.message, "");
}

static void an_interrupt_that_nobody_sent_breaks_the_worker(void **state)
{
	(void)state;
	begun();
	assert_int_equal(event_with_uuid(INTERRUPTED), TURN_BROKEN);
	assert_int_equal(job->result.fault, FAULT_WORKER);
}

/* ---- controls refused ---- */

static void a_refused_model_or_setting_ends_the_turn(void **state)
{
	static const struct {
		const char *reply;
		enum fault fault;
	} cases[] = {{REPLY("error", "m7", "{}"), FAULT_MODEL_NOT_FOUND},
		     {REPLY("error", "s7", "{}"), FAULT_WORKER}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		json_decref(job->prompt.messages);
		begun();
		assert_int_equal(event(cases[i].reply), TURN_INTERRUPT);
		assert_int_equal(event(DELTA("x")), TURN_GO_ON);
		assert_int_equal(event_with_uuid(ANSWERED), TURN_OVER);
		assert_int_equal(job->result.fault, cases[i].fault);
		assert_string_equal(answer, "");
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, turn_setup, turn_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(settings_model_and_a_constant_line_are_written),
		TEST(what_was_not_asked_for_is_unset),
		TEST(every_question_has_a_uuid_of_its_own),
		TEST(an_answer_is_forwarded_and_ends_the_turn),
		TEST(text_of_a_job_that_does_not_stream_can_be_taken_back),
		TEST(nothing_but_text_deltas_is_forwarded),
		TEST(max_tokens_is_the_end_of_the_answer),
		TEST(a_full_context_window_is_cut_like_max_tokens),
		TEST(an_answer_that_begins_again_is_cut),
		TEST(an_empty_answer_may_begin_again),
		TEST(an_answer_larger_than_allowed_is_cut),
		TEST(a_result_for_another_line_breaks_the_worker),
		TEST(an_upstream_error_is_the_jobs_fault),
		TEST(the_assistant_lines_error_decides_where_the_result_does_not),
		TEST(throttling_says_when_to_come_back),
		TEST(a_tool_call_that_nobody_offered_is_an_error),
		TEST(an_interrupt_that_nobody_sent_breaks_the_worker),
		TEST(a_refused_model_or_setting_ends_the_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
