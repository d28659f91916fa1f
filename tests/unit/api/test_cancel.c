/* Requests that an operator cancels, whatever is under way for them. */
#include <string.h>

#include "shared/clock.h"

#include "daemon/api/pipeline.h"
#include "daemon/observe/activity.h"

#include "tests/unit/api/fakes.h"
#include "tests/unit/test.h"

#define HELLO "\"model\":\"haiku\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"

static struct exchange *named_chat(const char *id, const char *body)
{
	struct exchange *x = fake_chat(body);

	fake_add_header(x, "x-request-id", id);
	return x;
}

static bool cancel(const char *id)
{
	return activity_cancel(id, 0) != 0;
}

static void assert_cancelled(struct exchange *x)
{
	fake_assert_error(x, 499, "cancelled", NULL);
	assert_non_null(strstr(x->sent.data, "operator"));
	fake_finish(x);
}

static void a_running_job_is_cancelled_and_what_it_used_is_charged(void **state)
{
	struct exchange *x = named_chat("a", "{" HELLO "}");

	(void)state;
	fake_send(x);
	fake_text("half an answer");
	assert_true(cancel("a"));
	assert_int_equal(fakes.cancelled, 1);
	assert_true(cancel("a")); /* again: it is being done */
	assert_int_equal(fakes.cancelled, 1);
	fakes.job->result.usage = (struct job_usage){.input_tokens = 9, .output_tokens = 3};
	fake_done(FAULT_CANCELLED);
	fake_flush();
	assert_cancelled(x);
	assert_int_equal(fakes.admit.settled, 1);
	assert_string_equal(fakes.admit.line.outcome, "cancelled");
	assert_int_equal(fakes.admit.line.used.output_tokens, 3);
	assert_true(fakes.admit.line.used.cost_micro_usd > 0);
}

static void a_body_that_is_being_decoded_asks_nobody(void **state)
{
	struct exchange *x;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_add_str(&b, "{\"messages\":[{\"role\":\"user\",\"content\":\"");
	for (int i = 0; i < 10000; i++)
		buf_add_str(&b, "0123456789");
	buf_add_str(&b, "\"}]}");
	x = named_chat("a", b.data);
	buf_done(&b);
	fake_send(x);
	assert_int_equal(x->status, 0);
	assert_true(cancel("a"));
	uv_run(&fakes.loop, UV_RUN_DEFAULT);
	assert_cancelled(x);
	assert_int_equal(fakes.submitted, 0);
}

static void who_waits_for_the_pool_is_told_at_once(void **state)
{
	struct exchange *x = named_chat("a", "{" HELLO "}");

	(void)state;
	fakes.health = POOL_STARTING;
	fake_send(x);
	assert_true(cancel("a"));
	assert_cancelled(x);
	fakes.health = POOL_READY;
	pipeline_tick(fakes.api);
	assert_int_equal(fakes.submitted, 0);
}

static void a_hold_that_is_being_written_is_given_back(void **state)
{
	struct exchange *x = named_chat("a", "{" HELLO "}");

	(void)state;
	fakes.admit.stalled = true;
	fake_send(x);
	assert_true(cancel("a"));
	assert_int_equal(x->status, 0);
	fakes.admit.stalled = false;
	fake_flush();
	assert_cancelled(x);
	assert_int_equal(fakes.submitted, 0);
	assert_int_equal(fakes.admit.settled, 1);
	assert_int_equal(fakes.admit.line.used.cost_micro_usd, 0);
}

static void an_answer_whose_line_is_being_written_is_given_out(void **state)
{
	struct exchange *x = named_chat("a", "{" HELLO "}");

	(void)state;
	fake_send(x);
	fake_text("whole");
	fakes.admit.stalled = true;
	fake_done(FAULT_NONE);
	assert_false(cancel("a"));
	fakes.admit.stalled = false;
	fake_flush();
	assert_int_equal(x->status, 200);
	fake_finish(x);
	assert_false(cancel("a"));
}

static void whose_client_has_left_is_ending_already(void **state)
{
	struct exchange *x = named_chat("a", "{" HELLO "}");

	(void)state;
	fake_send(x);
	fake_abort(x);
	assert_false(cancel("a"));
	assert_int_equal(fakes.cancelled, 1);
	fake_done(FAULT_CANCELLED);
	fake_flush();
	assert_string_equal(fakes.admit.line.outcome, "cancelled");
}

static void who_waits_for_anothers_answer_leaves_the_other_alone(void **state)
{
	struct exchange *first = named_chat("a", "{" HELLO "}");
	struct exchange *second = named_chat("b", "{" HELLO "}");

	(void)state;
	fakes.conf.cache.enabled = true;
	fake_send(first);
	fake_send(second);
	assert_true(cancel("b"));
	assert_cancelled(second);
	assert_int_equal(fakes.cancelled, 0);
	fake_text("whole");
	fake_done(FAULT_NONE);
	fake_flush();
	assert_int_equal(first->status, 200);
	fake_finish(first);
}

static void of_two_with_one_id_the_newest_is_cancelled_and_named(void **state)
{
	struct exchange *older = named_chat("same", "{" HELLO "}");
	struct exchange *newer = named_chat("same", "{" HELLO "}");
	json_t *row;
	uint64_t number;

	(void)state;
	fakes.health = POOL_STARTING; /* so that it is over within the call */
	fake_send(older);
	fake_send(newer);
	number = activity_cancel("same", 0);
	assert_cancelled(newer);
	row = activity_find("same", number);
	assert_string_equal(json_string_value(json_object_get(row, "state")), "ended");
	json_decref(row);
	assert_true(cancel("same"));
	assert_cancelled(older);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_running_job_is_cancelled_and_what_it_used_is_charged),
		T(a_body_that_is_being_decoded_asks_nobody),
		T(who_waits_for_the_pool_is_told_at_once),
		T(a_hold_that_is_being_written_is_given_back),
		T(an_answer_whose_line_is_being_written_is_given_out),
		T(whose_client_has_left_is_ending_already),
		T(who_waits_for_anothers_answer_leaves_the_other_alone),
		T(of_two_with_one_id_the_newest_is_cancelled_and_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
