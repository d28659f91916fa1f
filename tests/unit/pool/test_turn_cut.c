/* Turns that are cut or lost: by the client, by time, by the worker's end. */
#include "tests/unit/pool/turn_support.h"

static void begun(void)
{
	json_decref(job->prompt.messages);
	turn_start(true, "[{\"role\":\"user\",\"content\":\"hi\"}]");
	buf_clear(&out);
}

#define CANCELLED REPLY("success", "i7", "{\"still_queued\":[],\"cancelled\":[\"%s\"]}")

static void a_cut_happens_once(void **state)
{
	(void)state;
	begun();
	assert_true(turn_cut(&turn, FAULT_TIMEOUT));
	assert_false(turn_cut(&turn, FAULT_CANCELLED));
	event_with_uuid(INTERRUPTED);
	assert_int_equal(job->result.fault, FAULT_TIMEOUT);
}

static void after_a_cut_nothing_is_forwarded_until_the_result(void **state)
{
	(void)state;
	begun();
	event(START);
	event(DELTA("a"));
	turn_cut(&turn, FAULT_CANCELLED);
	assert_int_equal(event(DELTA("b")), TURN_GO_ON);
	assert_int_equal(event(START), TURN_GO_ON);
	assert_int_equal(event(STOP("max_tokens")), TURN_GO_ON);
	assert_int_equal(event(REPLY("error", "m7", "{}")), TURN_GO_ON);
	assert_int_equal(event(REPLY("success", "i7", "{\"cancelled\":[]}")), TURN_GO_ON);
	assert_int_equal(event_with_uuid(INTERRUPTED), TURN_OVER);
	assert_string_equal(answer, "a");
	assert_int_equal(job->result.fault, FAULT_CANCELLED);
	assert_int_equal(job->result.usage.output_tokens, 3);
}

static void the_reason_of_the_cut_is_the_fault(void **state)
{
	static const enum fault reasons[] = {FAULT_CANCELLED, FAULT_TIMEOUT, FAULT_OVERLOADED,
					     FAULT_WORKER};

	(void)state;
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		begun();
		turn_cut(&turn, reasons[i]);
		assert_int_equal(event_with_uuid(INTERRUPTED), TURN_OVER);
		assert_int_equal(job->result.fault, reasons[i]);
		begun();
		turn_cut(&turn, reasons[i]);
		assert_int_equal(event_with_uuid(FAILED("\"api_error_status\":500")), TURN_OVER);
		assert_int_equal(job->result.fault, reasons[i]);
	}
}

static void a_question_caught_before_it_ran_needs_no_rewind(void **state)
{
	(void)state;
	begun();
	turn_cut(&turn, FAULT_CANCELLED);
	assert_int_equal(event_with_uuid(CANCELLED), TURN_OVER);
	assert_string_equal(turn.first_uuid, "");
	assert_int_equal(job->result.fault, FAULT_CANCELLED);
}

static void another_lines_cancellation_is_not_ours(void **state)
{
	(void)state;
	begun();
	turn_cut(&turn, FAULT_CANCELLED);
	assert_int_equal(event(REPLY("success", "i7", "{\"cancelled\":[\"x\",7,null]}")),
			 TURN_GO_ON);
	assert_int_equal(event(REPLY("success", "i7", "{\"cancelled\":\"x\"}")), TURN_GO_ON);
	assert_int_equal(event(REPLY("success", "i7", "null")), TURN_GO_ON);
	assert_int_equal(event_with_uuid(REPLY("success", "i6", "{\"cancelled\":[\"%s\"]}")),
			 TURN_GO_ON);
	assert_string_not_equal(turn.first_uuid, "");
}

static void an_answer_complete_before_the_time_ran_out_stands(void **state)
{
	(void)state;
	begun();
	event(START);
	event(DELTA("all"));
	event(STOP("end_turn"));
	turn_cut(&turn, FAULT_TIMEOUT);
	assert_int_equal(event_with_uuid(ANSWERED), TURN_OVER);
	assert_int_equal(job->result.fault, FAULT_NONE);
	assert_int_equal(job->result.stop, JOB_STOP_END_TURN);
}

/* The CLI finished it all the same, but its last words were not forwarded. */
static void an_answer_completed_after_the_time_ran_out_does_not_stand(void **state)
{
	(void)state;
	begun();
	event(START);
	event(DELTA("half of "));
	turn_cut(&turn, FAULT_TIMEOUT);
	event(DELTA("it"));
	event(STOP("end_turn"));
	assert_int_equal(event_with_uuid(ANSWERED), TURN_OVER);
	assert_string_equal(answer, "half of ");
	assert_int_equal(job->result.fault, FAULT_TIMEOUT);
}

/* ---- lost turns ---- */

static void a_lost_turn_has_the_streams_figures(void **state)
{
	(void)state;
	begun();
	event(START);
	event(DELTA("a"));
	turn_lost(&turn, FAULT_WORKER, "gone");
	assert_int_equal(job->result.fault, FAULT_WORKER);
	assert_string_equal(job->result.message, "gone");
	assert_int_equal(job->result.usage.input_tokens, 11);
	assert_int_equal(job->result.usage.output_tokens, 1);
}

static void a_lost_turn_that_was_cut_has_the_cuts_reason(void **state)
{
	(void)state;
	begun();
	turn_cut(&turn, FAULT_CANCELLED);
	turn_lost(&turn, FAULT_WORKER, "gone");
	assert_int_equal(job->result.fault, FAULT_CANCELLED);
}

static void a_lost_turn_whose_answer_was_complete_is_an_answer(void **state)
{
	(void)state;
	begun();
	event(START);
	event(DELTA("a"));
	event(STOP("max_tokens"));
	turn_lost(&turn, FAULT_WORKER, "gone");
	assert_int_equal(job->result.fault, FAULT_NONE);
	assert_int_equal(job->result.stop, JOB_STOP_MAX_TOKENS);
	assert_int_equal(job->result.usage.output_tokens, 5);
}

static void the_usage_of_two_attempts_adds_up(void **state)
{
	(void)state;
	begun();
	event(START);
	turn_lost(&turn, FAULT_WORKER, "gone");
	begun();
	event(START);
	event_with_uuid(ANSWERED);
	assert_int_equal(job->result.usage.input_tokens, 22);
	assert_int_equal(job->result.usage.output_tokens, 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, turn_setup, turn_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_cut_happens_once),
		TEST(after_a_cut_nothing_is_forwarded_until_the_result),
		TEST(the_reason_of_the_cut_is_the_fault),
		TEST(a_question_caught_before_it_ran_needs_no_rewind),
		TEST(another_lines_cancellation_is_not_ours),
		TEST(an_answer_complete_before_the_time_ran_out_stands),
		TEST(an_answer_completed_after_the_time_ran_out_does_not_stand),
		TEST(a_lost_turn_has_the_streams_figures),
		TEST(a_lost_turn_that_was_cut_has_the_cuts_reason),
		TEST(a_lost_turn_whose_answer_was_complete_is_an_answer),
		TEST(the_usage_of_two_attempts_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
