/* Lines from the CLI: claude_protocol.c's other half. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/buf.h"
#include "shared/json.h"

#include "daemon/pool/claude_protocol.h"

#include "tests/unit/test.h"

/* Parses from memory of exactly the line's size. */
static struct cli_event parse_bytes(const char *line, size_t len)
{
	char *copy = malloc(len ? len : 1);
	struct cli_event ev;

	assert_non_null(copy);
	memcpy(copy, line, len);
	cli_event_parse(&ev, copy, len);
	free(copy);
	return ev;
}

static struct cli_event parse(const char *line)
{
	return parse_bytes(line, strlen(line));
}

static void expect_type(const char *line, enum cli_event_type type)
{
	struct cli_event ev = parse(line);

	if (ev.type != type)
		fail_msg("%s is event %d, not %d", line, (int)ev.type, (int)type);
	cli_event_done(&ev);
}

static void stream_events_carry_the_api_event(void **state)
{
	static const char *const lines[] = {
		"{\"type\":\"stream_event\",\"event\":{\"type\":\"message_delta\"},\"uuid\":\"x\"}",
		"{\"uuid\":\"x\",\"event\":{\"type\":\"message_delta\"},\"type\":\"stream_event\"}",
		" { \"event\" : { \"type\" : \"message_delta\" } , \"type\" : \"stream_event\" } ",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct cli_event ev = parse(lines[i]);

		assert_int_equal(ev.type, CLI_STREAM);
		assert_string_equal(json_get_str(ev.value, "type"), "message_delta");
		cli_event_done(&ev);
	}
}

static void text_deltas_carry_their_text(void **state)
{
	static const char *const lines[] = {
		"{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\",\"index\":"
		"0,"
		"\"delta\":{\"type\":\"text_delta\",\"text\":\"a\\\"\\u00e9\"}}}",
		"{\"event\":{\"delta\":{\"text\":\"a\\\"\\u00e9\",\"type\":\"text_delta\"},"
		"\"type\":\"content_block_delta\"},\"type\":\"stream_event\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct cli_event ev = parse(lines[i]);

		assert_int_equal(ev.type, CLI_TEXT);
		assert_string_equal(json_string_value(ev.value), "a\"\xC3\xA9");
		cli_event_done(&ev);
	}
}

static void deltas_of_other_kinds_are_not_the_answer(void **state)
{
	(void)state;
	expect_type("{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\","
		    "\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"x\",\"text\":\"y\"}}}",
		    CLI_OTHER);
	expect_type("{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\","
		    "\"delta\":{\"text\":\"y\"}}}",
		    CLI_OTHER);
	expect_type("{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\"}}",
		    CLI_OTHER);
	expect_type("{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\","
		    "\"delta\":{\"type\":\"text_delta\",\"text\":7}}}",
		    CLI_GARBAGE);
	expect_type("{\"type\":\"stream_event\",\"event\":{\"type\":\"ping\"}}", CLI_OTHER);
	expect_type("{\"type\":\"stream_event\"}", CLI_GARBAGE);
}

static void replies_carry_id_verdict_and_payload(void **state)
{
	struct cli_event ev = parse(
		"{\"response\":{\"response\":{\"rewound\":true},\"request_id\":\"r1\",\"subtype\":"
		"\"success\"},\"type\":\"control_response\"}");

	(void)state;
	assert_int_equal(ev.type, CLI_CONTROL_REPLY);
	assert_true(ev.ok);
	assert_string_equal(ev.request_id, "r1");
	assert_true(json_get_true(ev.value, "rewound"));
	cli_event_done(&ev);
	ev = parse("{\"type\":\"control_response\",\"response\":{\"subtype\":\"error\","
		   "\"request_id\":\"m1\",\"error\":\"no\"}}");
	assert_int_equal(ev.type, CLI_CONTROL_REPLY);
	assert_false(ev.ok);
	assert_null(ev.value);
	cli_event_done(&ev);
}

static void replies_that_name_no_request_are_nothing(void **state)
{
	(void)state;
	expect_type("{\"type\":\"control_response\"}", CLI_OTHER);
	expect_type("{\"type\":\"control_response\",\"response\":7}", CLI_OTHER);
	expect_type("{\"type\":\"control_response\",\"response\":{\"subtype\":\"success\"}}",
		    CLI_OTHER);
	expect_type("{\"type\":\"control_response\",\"response\":{\"subtype\":\"success\","
		    "\"request_id\":\"0123456789012345678901234567890123456789012345678\"}}",
		    CLI_OTHER);
}

static void a_result_is_parsed_whatever_its_order(void **state)
{
	struct cli_event ev =
		parse("{\"is_error\":false,\"result\":\"hi\",\"modelUsage\":{\"a\":1},"
		      "\"type\":\"result\",\"num_turns\":1}");

	(void)state;
	assert_int_equal(ev.type, CLI_RESULT);
	assert_string_equal(json_get_str(ev.value, "result"), "hi");
	assert_int_equal(json_get_int(ev.value, "num_turns", -1), 1);
	assert_int_equal(json_get_int(json_object_get(ev.value, "modelUsage"), "a", -1), 1);
	cli_event_done(&ev);
}

/* `at` characters of text stand in the member `key` of a result line. */
static struct cli_event result_with(const char *key, size_t length, const char *before)
{
	struct cli_event ev;
	struct buf line;

	buf_init(&line, 1 << 24);
	buf_printf(&line, "{%s\"%s\":\"", before, key);
	for (size_t i = 0; i < length; i++)
		buf_add_char(&line, 'x');
	buf_add_str(&line, "\",\"type\":\"result\",\"num_turns\":3}");
	ev = parse_bytes(line.data, line.len);
	buf_done(&line);
	return ev;
}

static void a_results_long_text_is_left_out(void **state)
{
	struct cli_event ev = result_with("result", 100000, "");

	(void)state;
	assert_int_equal(ev.type, CLI_RESULT);
	assert_null(json_object_get(ev.value, "result"));
	assert_int_equal(json_get_int(ev.value, "num_turns", -1), 3);
	assert_int_equal(json_object_size(ev.value), 1);
	cli_event_done(&ev);
	ev = result_with("result", 100000, "\"subtype\":\"x\",\"duration_ms\":1,");
	assert_string_equal(json_get_str(ev.value, "subtype"), "x");
	assert_int_equal(json_object_size(ev.value), 2);
	cli_event_done(&ev);
}

static void a_results_short_text_is_kept(void **state)
{
	struct cli_event ev = result_with("result", 8000, "");

	(void)state;
	assert_int_equal(strlen(json_get_str(ev.value, "result")), 8000);
	cli_event_done(&ev);
}

static void every_member_that_is_looked_at_is_kept(void **state)
{
	static const char *const names[] = {"result",
					    "subtype",
					    "is_error",
					    "num_turns",
					    "stop_reason",
					    "terminal_reason",
					    "api_error",
					    "api_error_status",
					    "user_message_uuid",
					    "modelUsage",
					    "model_usage_since_last_result"};
	char line[200];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct cli_event ev;

		snprintf(line, sizeof line, "{\"%s\":\"x\",\"type\":\"result\"}", names[i]);
		ev = parse(line);
		assert_string_equal(json_get_str(ev.value, names[i]), "x");
		cli_event_done(&ev);
	}
	expect_type("{\"type\":\"result\"}", CLI_RESULT);
}

static void an_assistant_line_tells_only_its_error(void **state)
{
	struct cli_event ev = parse("{\"message\":{\"content\":[{\"type\":\"text\"}],\"error\":"
				    "\"inner\"},\"type\":\"assistant\"}");

	(void)state;
	assert_int_equal(ev.type, CLI_ASSISTANT);
	assert_string_equal(ev.error, "");
	assert_null(ev.value);
	cli_event_done(&ev);
	ev = parse("{\"error\":\"rate_limit\",\"type\":\"assistant\",\"message\":{}}");
	assert_string_equal(ev.error, "rate_limit");
	cli_event_done(&ev);
	ev = parse("{\"error\":\"0123456789012345678901234567890123456789012345678\",\"type\":"
		   "\"assistant\"}");
	assert_string_equal(ev.error, "");
	cli_event_done(&ev);
	expect_type("{\"error\":7,\"type\":\"assistant\"}", CLI_ASSISTANT);
	expect_type("{\"error\":null,\"type\":\"assistant\"}", CLI_ASSISTANT);
}

static void rate_limits_carry_their_info(void **state)
{
	struct cli_event ev = parse(
		"{\"rate_limit_info\":{\"status\":\"allowed\"},\"type\":\"rate_limit_event\"}");

	(void)state;
	assert_int_equal(ev.type, CLI_RATE_LIMIT);
	assert_string_equal(json_get_str(ev.value, "status"), "allowed");
	cli_event_done(&ev);
}

static void control_requests_tell_their_id(void **state)
{
	struct cli_event ev = parse("{\"request\":{\"subtype\":\"can_use_tool\"},\"request_id\":"
				    "\"a\\\"b\",\"type\":\"control_request\"}");

	(void)state;
	assert_int_equal(ev.type, CLI_CONTROL_REQUEST);
	assert_string_equal(ev.request_id, "a\"b");
	cli_event_done(&ev);
	expect_type("{\"type\":\"control_request\"}", CLI_CONTROL_REQUEST);
}

static void unknown_types_are_nothing(void **state)
{
	static const char *const lines[] = {
		"{}",
		"{\"a\":1}",
		"{\"type\":null}",
		"{\"type\":7}",
		"{\"type\":\"keep_alive\"}",
		"{\"type\":\"system\",\"subtype\":\"init\",\"tools\":[]}",
		"{\"type\":\"user\",\"isSynthetic\":true}",
		"{\"type\":\"RESULT\"}",
		"{\"subtype\":\"result\",\"message\":{\"type\":\"result\"}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		expect_type(lines[i], CLI_OTHER);
}

static void lines_that_are_no_objects_are_garbage(void **state)
{
	static const char *const lines[] = {
		"",
		"null",
		"[]",
		"hello",
		"Not logged in \xc2\xb7 Please run /login",
		"{",
		"{\"type\":\"result\"",
		"{\"type\":\"result\",}x",
		"{\"type\":\"keep_alive\"}{\"type\":\"keep_alive\"}",
		"{\"type\":\"result\",\"subtype\":nul}",
		"{\"type\":\"stream_event\"}",
		"{\"type\":\"stream_event\",\"event\":[]}",
		"{\"type\":\"stream_event\",\"event\":{\"a\":}}",
		"{\"type\":\"rate_limit_event\"}",
		"{\"type\":\"rate_limit_event\",\"rate_limit_info\":\"x\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		expect_type(lines[i], CLI_GARBAGE);
}

static void deep_nesting_is_garbage_not_a_crash(void **state)
{
	struct cli_event ev;
	struct buf line;

	(void)state;
	buf_init(&line, 1 << 24);
	buf_add_str(&line,
		    "{\"type\":\"stream_event\",\"event\":{\"type\":\"message_start\",\"a\":");
	for (int i = 0; i < 100000; i++)
		buf_add_str(&line, "{\"a\":");
	buf_add_char(&line, '1');
	for (int i = 0; i < 100002; i++)
		buf_add_char(&line, '}');
	ev = parse_bytes(line.data, line.len);
	assert_int_equal(ev.type, CLI_GARBAGE);
	cli_event_done(&ev);
	buf_done(&line);
}

static void bad_utf8_is_garbage(void **state)
{
	(void)state;
	expect_type("{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\","
		    "\"delta\":{\"type\":\"text_delta\",\"text\":\"\xff\"}}}",
		    CLI_GARBAGE);
	expect_type("{\"type\":\"result\",\"result\":\"\xc3\"}", CLI_GARBAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stream_events_carry_the_api_event),
		cmocka_unit_test(text_deltas_carry_their_text),
		cmocka_unit_test(deltas_of_other_kinds_are_not_the_answer),
		cmocka_unit_test(replies_carry_id_verdict_and_payload),
		cmocka_unit_test(replies_that_name_no_request_are_nothing),
		cmocka_unit_test(a_result_is_parsed_whatever_its_order),
		cmocka_unit_test(a_results_long_text_is_left_out),
		cmocka_unit_test(a_results_short_text_is_kept),
		cmocka_unit_test(every_member_that_is_looked_at_is_kept),
		cmocka_unit_test(an_assistant_line_tells_only_its_error),
		cmocka_unit_test(rate_limits_carry_their_info),
		cmocka_unit_test(control_requests_tell_their_id),
		cmocka_unit_test(unknown_types_are_nothing),
		cmocka_unit_test(lines_that_are_no_objects_are_garbage),
		cmocka_unit_test(deep_nesting_is_garbage_not_a_crash),
		cmocka_unit_test(bad_utf8_is_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
