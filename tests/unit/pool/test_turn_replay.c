/* A turn in replay mode: the conversation goes in line by line, each user line acknowledged. */
#include "tests/unit/pool/turn_support.h"

#define USER(t) "{\"role\":\"user\",\"content\":\"" t "\"}"
#define MODEL(t) "{\"role\":\"assistant\",\"content\":\"" t "\"}"
#define ACK RESULT("\"subtype\":\"success\",\"is_error\":false,\"num_turns\":0")

static void skip_controls(void)
{
	json_decref(next_line());
	json_decref(next_line());
}

static void expect_user(const char *text, bool asked)
{
	json_t *line = next_line();

	assert_non_null(line);
	assert_string_equal(json_get_str(line, "type"), "user");
	assert_true(json_get_true(line, "client_composed"));
	assert_string_equal(json_get_str(json_object_get(line, "message"), "content"), text);
	assert_string_equal(json_get_str(line, "uuid"), turn.last_uuid);
	if (asked)
		assert_null(json_object_get(line, "shouldQuery"));
	else
		assert_true(json_is_false(json_object_get(line, "shouldQuery")));
	json_decref(line);
}

static void expect_assistant(const char *text)
{
	json_t *line = next_line();

	assert_string_equal(json_get_str(line, "type"), "assistant");
	assert_string_equal(json_get_str(json_object_get(line, "message"), "content"), text);
	json_decref(line);
}

static void a_single_question_is_asked_at_once_and_not_in_the_body(void **state)
{
	json_t *line, *env;

	(void)state;
	turn_start(false, "[" USER("q") "]");
	line = next_line();
	env = json_object_get(json_object_get(json_object_get(line, "request"), "settings"), "env");
	assert_true(json_is_null(json_object_get(env, "CLAUDE_CODE_EXTRA_BODY")));
	json_decref(line);
	json_decref(next_line());
	expect_user("q", true);
	assert_null(next_line());
	assert_int_equal(turn.phase, TURN_ASKED);
}

static void history_goes_in_order_each_user_line_acknowledged(void **state)
{
	char first[37];

	(void)state;
	turn_start(false, "[" USER("u1") "," MODEL("a1") "," USER("u2") "," USER("u3") "," MODEL(
				  "a3") "," MODEL("a4") "," USER("q") "]");
	skip_controls();
	expect_user("u1", false);
	assert_null(next_line());
	strcpy(first, turn.first_uuid);
	assert_int_equal(turn.phase, TURN_HISTORY);
	assert_int_equal(event_with_uuid(ACK), TURN_WRITE);
	expect_assistant("a1");
	expect_user("u2", false);
	assert_null(next_line());
	assert_int_equal(event_with_uuid(ACK), TURN_WRITE);
	expect_user("u3", false);
	assert_null(next_line());
	assert_int_equal(turn.phase, TURN_HISTORY);
	assert_int_equal(event_with_uuid(ACK), TURN_WRITE);
	expect_assistant("a3");
	expect_assistant("a4");
	expect_user("q", true);
	assert_null(next_line());
	assert_int_equal(turn.phase, TURN_ASKED);
	assert_string_equal(turn.first_uuid, first);
	assert_string_not_equal(turn.last_uuid, first);
	event(START);
	event(DELTA("yes"));
	assert_int_equal(event_with_uuid(ANSWERED), TURN_OVER);
	assert_string_equal(answer, "yes");
	assert_int_equal(job->result.fault, FAULT_NONE);
}

static void a_repeated_acknowledgement_breaks_the_worker(void **state)
{
	char line[200];

	(void)state;
	turn_start(false, "[" USER("u1") "," USER("u2") "," USER("q") "]");
	snprintf(line, sizeof line,
		 "{\"type\":\"result\",\"user_message_uuid\":\"%s\",\"num_turns\":0}",
		 turn.last_uuid);
	buf_clear(&out);
	assert_int_equal(event(line), TURN_WRITE);
	assert_int_equal(event(line), TURN_BROKEN);
	assert_int_equal(job->result.fault, FAULT_WORKER);
}

/* A CLI that ignores shouldQuery asks upstream for every earlier turn. */
static void an_earlier_turn_that_was_asked_breaks_the_worker(void **state)
{
	(void)state;
	turn_start(false, "[" USER("u1") "," USER("q") "]");
	buf_clear(&out);
	assert_int_equal(event_with_uuid(ANSWERED), TURN_BROKEN);
	assert_int_equal(out.len, 0);
	assert_int_equal(job->result.fault, FAULT_WORKER);
	assert_int_equal(job->result.usage.output_tokens, 5);
}

static void a_cut_in_the_history_writes_no_more(void **state)
{
	(void)state;
	turn_start(false, "[" USER("u1") "," USER("q") "]");
	buf_clear(&out);
	assert_true(turn_cut(&turn, FAULT_CANCELLED));
	assert_int_equal(event_with_uuid(ACK), TURN_OVER);
	assert_int_equal(out.len, 0);
	assert_int_equal(job->result.fault, FAULT_CANCELLED);
	assert_string_not_equal(turn.first_uuid, "");
}

static void a_later_line_caught_by_the_interrupt_leaves_the_first(void **state)
{
	(void)state;
	turn_start(false, "[" USER("u1") "," USER("q") "]");
	event_with_uuid(ACK);
	turn_cut(&turn, FAULT_CANCELLED);
	assert_int_equal(event_with_uuid(REPLY("success", "i7", "{\"cancelled\":[\"%s\"]}")),
			 TURN_OVER);
	assert_string_not_equal(turn.first_uuid, "");
	assert_string_not_equal(turn.first_uuid, turn.last_uuid);
}

/* The API refuses such conversations in replay mode; here nobody must wait for ever. */
static void a_conversation_that_ends_with_the_model_asks_nothing(void **state)
{
	(void)state;
	turn_start(false, "[" USER("u1") "," MODEL("a1") "]");
	skip_controls();
	expect_user("u1", false);
	assert_int_equal(event_with_uuid(ACK), TURN_OVER);
	assert_int_equal(job->result.fault, FAULT_INTERNAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, turn_setup, turn_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_single_question_is_asked_at_once_and_not_in_the_body),
		TEST(history_goes_in_order_each_user_line_acknowledged),
		TEST(a_repeated_acknowledgement_breaks_the_worker),
		TEST(an_earlier_turn_that_was_asked_breaks_the_worker),
		TEST(a_cut_in_the_history_writes_no_more),
		TEST(a_later_line_caught_by_the_interrupt_leaves_the_first),
		TEST(a_conversation_that_ends_with_the_model_asks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
