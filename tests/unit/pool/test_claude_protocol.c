/* Lines to the CLI: each is one JSON object that holds exactly what it should, whatever strings go
 * in. */
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "daemon/pool/claude_protocol.h"

#include "tests/unit/test.h"

/* Quotes, line ends of every kind, markup, control characters, what looks like JSON of ours. */
#define HOSTILE                                                                                    \
	"a\"b\\c\nd\re\tf\x01\x1f\x7f\xc2\x85\xe2\x80\xa8\xe2\x80\xa9\xf0\x9f\x98\x80"             \
	"</script>%s%n @/etc/passwd\"},\"client_composed\":false}"

static struct buf out;

static int setup(void **state)
{
	(void)state;
	buf_init(&out, 1 << 24);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_done(&out);
	return 0;
}

/* The buffer is one line with one object, which equals `expected` (taken). */
static void expect_line(json_t *expected)
{
	json_t *got;

	assert_non_null(expected);
	assert_false(out.failed);
	assert_int_equal(out.data[out.len - 1], '\n');
	assert_ptr_equal(memchr(out.data, '\n', out.len), out.data + out.len - 1);
	assert_null(memchr(out.data, '\r', out.len));
	assert_int_equal(strlen(out.data), out.len);
	got = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(got);
	if (!json_equal(got, expected))
		fail_msg("the line is %s", out.data);
	json_decref(got);
	json_decref(expected);
	buf_clear(&out);
}

static void initialize_sets_the_prompt_and_no_snapshot(void **state)
{
	(void)state;
	cli_write_initialize(&out, "n1", HOSTILE);
	expect_line(json_pack("{s:s,s:s,s:{s:s,s:[s],s:b}}", "type", "control_request",
			      "request_id", "n1", "request", "subtype", "initialize",
			      "systemPrompt", HOSTILE, "systemPromptSnapshot", 0));
}

static json_t *settings_line(const char *id, json_t *max, json_t *effort, json_t *no_thinking,
			     json_t *extra)
{
	return json_pack("{s:s,s:s,s:{s:s,s:{s:{s:o,s:o,s:o,s:o}}}}", "type", "control_request",
			 "request_id", id, "request", "subtype", "apply_flag_settings", "settings",
			 "env", "CLAUDE_CODE_MAX_OUTPUT_TOKENS", max, "CLAUDE_CODE_EFFORT_LEVEL",
			 effort, "CLAUDE_CODE_DISABLE_THINKING", no_thinking,
			 "CLAUDE_CODE_EXTRA_BODY", extra);
}

static void settings_that_are_not_asked_for_are_unset(void **state)
{
	struct cli_settings none = {0};

	(void)state;
	cli_write_settings(&out, "s1", &none);
	expect_line(settings_line("s1", json_null(), json_null(), json_null(), json_null()));
}

static void settings_are_strings(void **state)
{
	static const char body[] = "{\"messages\":[\"" HOSTILE "\"]}tail that is not sent";
	struct cli_settings all = {.max_tokens = 1024,
				   .effort = "high",
				   .no_thinking = true,
				   .extra_body = body,
				   .extra_body_len = strlen(body) - 22};

	(void)state;
	cli_write_settings(&out, "s2", &all);
	expect_line(settings_line("s2", json_string("1024"), json_string("high"), json_string("1"),
				  json_stringn(body, strlen(body) - 22)));
	all.max_tokens = INT64_MAX;
	cli_write_settings(&out, "s2", &all);
	expect_line(settings_line("s2", json_string("9223372036854775807"), json_string("high"),
				  json_string("1"), json_stringn(body, strlen(body) - 22)));
}

static void set_model_carries_model_and_prompt(void **state)
{
	(void)state;
	cli_write_set_model(&out, "m1", HOSTILE, HOSTILE "2");
	expect_line(json_pack("{s:s,s:s,s:{s:s,s:s,s:s}}", "type", "control_request", "request_id",
			      "m1", "request", "subtype", "set_model", "model", HOSTILE,
			      "system_prompt", HOSTILE "2"));
}

static json_t *user_line(const char *uuid, json_t *content)
{
	return json_pack("{s:s,s:s,s:b,s:{s:s,s:O},s:n,s:s}", "type", "user", "uuid", uuid,
			 "client_composed", 1, "message", "role", "user", "content", content,
			 "parent_tool_use_id", "session_id", "");
}

static json_t *hostile_blocks(void)
{
	json_t *blocks = json_pack("[{s:s,s:s,s:f,s:I},{s:s,s:b}]", "type", "text", "text", HOSTILE,
				   "x", 0.1, "n", (json_int_t)INT64_MIN, "client_composed",
				   "client_composed", "shouldQuery", 1);

	assert_non_null(blocks);
	return blocks;
}

static void a_question_is_client_composed(void **state)
{
	json_t *text = json_string(HOSTILE), *blocks = hostile_blocks();

	(void)state;
	cli_write_user(&out, "u-1", text, true);
	expect_line(user_line("u-1", text));
	cli_write_user(&out, "u-2", blocks, true);
	expect_line(user_line("u-2", blocks));
	json_decref(text);
	json_decref(blocks);
}

static void an_earlier_turn_is_client_composed_and_asks_nothing(void **state)
{
	json_t *blocks = hostile_blocks(), *expected = user_line("u-3", blocks);

	(void)state;
	json_object_set_new(expected, "shouldQuery", json_false());
	cli_write_user(&out, "u-3", blocks, false);
	expect_line(expected);
	json_decref(blocks);
}

/* Only the literal counts for the CLI: looked for in the text, at the object's own level. */
static void client_composed_is_the_literal_true(void **state)
{
	json_t *text = json_string("x");

	(void)state;
	for (int query = 0; query <= 1; query++) {
		cli_write_user(&out, "u", text, query);
		assert_non_null(strstr(out.data, ",\"client_composed\":true,"));
		assert_true(strstr(out.data, "client_composed") < strstr(out.data, "content"));
		buf_clear(&out);
	}
	json_decref(text);
}

static void an_answer_of_the_history_is_an_assistant_line(void **state)
{
	json_t *blocks = hostile_blocks();

	(void)state;
	cli_write_assistant(&out, blocks);
	expect_line(json_pack("{s:s,s:{s:s,s:O},s:n,s:s}", "type", "assistant", "message", "role",
			      "assistant", "content", blocks, "parent_tool_use_id", "session_id",
			      ""));
	json_decref(blocks);
}

static void rewind_names_the_first_and_the_last_line(void **state)
{
	(void)state;
	cli_write_rewind(&out, "r7", "first", "last");
	expect_line(json_pack("{s:s,s:s,s:{s:s,s:s,s:s}}", "type", "control_request", "request_id",
			      "r7", "request", "subtype", "rewind_conversation",
			      "target_message_uuid", "first", "last_seen_user_message_uuid",
			      "last"));
}

static void interrupt_cancels_what_is_queued(void **state)
{
	(void)state;
	cli_write_interrupt(&out, "i7");
	expect_line(json_pack("{s:s,s:s,s:{s:s,s:b}}", "type", "control_request", "request_id",
			      "i7", "request", "subtype", "interrupt", "cancel_queued", 1));
}

/* The id comes from the CLI: any bytes. */
static void a_refusal_echoes_any_id(void **state)
{
	(void)state;
	cli_write_refusal(&out, "x\"\n\xe2\x80\xa8");
	expect_line(json_pack("{s:s,s:{s:s,s:s,s:s}}", "type", "control_response", "response",
			      "subtype", "error", "request_id", "x\"\n\xe2\x80\xa8", "error",
			      "not supported"));
	cli_write_refusal(&out, "\xff");
	expect_line(json_pack("{s:s,s:{s:s,s:s,s:s}}", "type", "control_response", "response",
			      "subtype", "error", "request_id", "\xef\xbf\xbd", "error",
			      "not supported"));
}

static void a_line_without_its_content_fails_the_buffer(void **state)
{
	(void)state;
	cli_write_user(&out, "u", NULL, true);
	assert_true(out.failed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(initialize_sets_the_prompt_and_no_snapshot),
		TEST(settings_that_are_not_asked_for_are_unset),
		TEST(settings_are_strings),
		TEST(set_model_carries_model_and_prompt),
		TEST(a_question_is_client_composed),
		TEST(an_earlier_turn_is_client_composed_and_asks_nothing),
		TEST(client_composed_is_the_literal_true),
		TEST(an_answer_of_the_history_is_an_assistant_line),
		TEST(rewind_names_the_first_and_the_last_line),
		TEST(interrupt_cancels_what_is_queued),
		TEST(a_refusal_echoes_any_id),
		TEST(a_line_without_its_content_fails_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
