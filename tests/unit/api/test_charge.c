/* Money on a request's way: what is held, what is settled, and what happens when neither works. */
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"

#include "daemon/api/pipeline.h"

#include "tests/unit/api/fakes.h"
#include "tests/unit/test.h"

#define HELLO "\"model\":\"haiku\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"

static void the_job_runs_when_the_hold_is_durable(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fakes.admit.stalled = true;
	fake_send(x);
	assert_int_equal(fakes.admit.holds, 1);
	assert_null(fakes.job);
	fakes.admit.stalled = false;
	fake_flush();
	assert_non_null(fakes.job);
	fake_text("a");
	fake_done(FAULT_NONE);
	assert_int_equal(x->status, 200);
	fake_finish(x);
}

static void the_answer_leaves_when_its_line_is_durable(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fake_send(x);
	fake_text("a");
	fakes.admit.stalled = true;
	fake_done(FAULT_NONE);
	assert_int_equal(fakes.admit.settled, 1);
	assert_int_equal(x->status, 0);
	fakes.admit.stalled = false;
	fake_flush();
	assert_int_equal(x->status, 200);
	fake_finish(x);
}

static void the_end_of_a_stream_leaves_when_its_line_is_durable(void **state)
{
	struct exchange *x = fake_chat("{\"stream\":true," HELLO "}");

	(void)state;
	fake_send(x);
	fake_text("a");
	fakes.admit.stalled = true;
	fake_done(FAULT_NONE);
	assert_null(strstr(x->sent.data, "finish_reason\":\"stop"));
	assert_null(strstr(x->sent.data, "[DONE]"));
	fakes.admit.stalled = false;
	fake_flush();
	assert_non_null(strstr(x->sent.data, "[DONE]"));
	fake_finish(x);
}

static void a_used_up_budget_refuses_before_the_work(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fakes.admit.refuse_hold = true;
	fake_send(x);
	fake_assert_error(x, 429, "insufficient_quota", NULL);
	assert_string_equal(fake_out(x, "x-should-retry"), "false");
	assert_int_equal(fakes.submitted, 0);
	assert_int_equal(fakes.admit.settled, 0);
	fake_finish(x);
}

static void a_rate_limit_refuses_with_the_time_to_wait(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fakes.admit.refuse_limit = FAULT_LIMIT_TOKENS;
	fakes.admit.view = (struct rate_view){10, 4, 36000, 5000, 0, 61000};
	fake_send(x);
	fake_assert_error(x, 429, "rate_limit_exceeded", NULL);
	assert_string_equal(fake_out(x, "Retry-After"), "3");
	assert_string_equal(fake_out(x, "x-ratelimit-remaining-requests"), "4");
	assert_string_equal(fake_out(x, "x-ratelimit-reset-requests"), "36s");
	assert_string_equal(fake_out(x, "x-ratelimit-reset-tokens"), "1m1s");
	fake_finish(x);
}

static void a_key_over_its_limit_is_refused_before_its_body_is_read(void **state)
{
	struct exchange *x = fake_chat("no JSON at all");

	(void)state;
	fake_add_header(x, "x-api-key", "ccapi_good");
	fakes.admit.key_is_over = true;
	fakes.admit.refuse_limit = FAULT_LIMIT_REQUESTS;
	fake_send(x);
	fake_assert_error(x, 429, "rate_limit_exceeded", NULL);
	fake_finish(x);
	x = fake_chat("{" HELLO "}");
	fake_add_header(x, "x-api-key", "ccapi_good");
	fakes.admit.refuse_limit = FAULT_NONE; /* a moment later */
	fake_send(x);
	fake_done(FAULT_NONE);
	assert_int_equal(x->status, 200);
	fake_finish(x);
}

static void a_key_with_nothing_left_is_refused_before_its_body_is_read(void **state)
{
	struct exchange *x = fake_chat("no JSON at all");

	(void)state;
	fake_add_header(x, "x-api-key", "ccapi_good");
	fakes.admit.left = (struct amount){0, INT64_MAX};
	fake_send(x);
	fake_assert_error(x, 429, "insufficient_quota", NULL);
	fake_finish(x);
	x = fake_chat("no JSON at all");
	fake_add_header(x, "x-api-key", "ccapi_good");
	fake_add_header(x, "Idempotency-Key", "promised");
	fake_send(x);
	fake_assert_error(x, 400, NULL, NULL);
	fake_finish(x);
}

static void nothing_is_served_that_cannot_be_accounted_for(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fakes.admit.healthy = false;
	fake_send(x);
	fake_assert_error(x, 503, "backend_unavailable", NULL);
	fake_finish(x);
	fakes.admit.healthy = true;
	fakes.admit.hold_rc = -28;
	x = fake_chat("{" HELLO "}");
	fake_send(x);
	fake_assert_error(x, 503, "backend_unavailable", NULL);
	assert_int_equal(fakes.submitted, 0);
	fake_finish(x);
}

static void an_answer_without_its_line_is_not_given_out(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fake_send(x);
	fake_text("secret");
	fakes.admit.settle_rc = -28;
	fake_done(FAULT_NONE);
	fake_assert_error(x, 503, "backend_unavailable", NULL);
	assert_null(strstr(x->sent.data, "secret"));
	fake_finish(x);
}

static void a_refused_job_gives_its_hold_back(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fakes.refuse = FAULT_OVERLOADED;
	fake_send(x);
	fake_assert_error(x, 503, "overloaded", NULL);
	assert_int_equal(fakes.admit.settled, 1);
	assert_int_equal(fakes.admit.line.used.output_tokens, 0);
	assert_int_equal(fakes.admit.line.used.cost_micro_usd, 0);
	assert_string_equal(fakes.admit.line.outcome, "overloaded");
	fake_finish(x);
}

static void the_plan_limit_is_told_before_anything_is_written(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fakes.plan.status = PLAN_REJECTED;
	fakes.plan.resets_at = clock_wall_ms() / 1000 + 30;
	fake_send(x);
	fake_assert_error(x, 429, "plan_limit_reached", NULL);
	assert_int_equal(fakes.admit.holds, 0);
	fake_finish(x);
}

static void the_line_has_the_clis_own_figures(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");
	const struct ledger_record *line = &fakes.admit.line;

	(void)state;
	fake_send(x);
	fake_text("a");
	fake_done(FAULT_NONE);
	assert_string_equal(line->outcome, "ok");
	assert_string_equal(line->model, "claude-haiku-5-5-2026");
	assert_string_equal(line->route, "requested");
	assert_int_equal(line->used.requests, 1);
	assert_int_equal(line->used.errors, 0);
	assert_int_equal(line->used.input_tokens, 10);
	assert_int_equal(line->used.output_tokens, 5);
	assert_int_equal(line->used.cost_micro_usd, 978);
	assert_int_equal(line->queue_ms, 3);
	fake_finish(x);
}

static void a_worker_that_died_is_charged_the_prompt(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fake_send(x);
	fake_done(FAULT_WORKER);
	assert_string_equal(fakes.admit.line.outcome, "worker");
	assert_true(fakes.admit.line.used.input_tokens > 0);
	assert_true(fakes.admit.line.used.cost_micro_usd > 0);
	assert_int_equal(fakes.admit.line.used.errors, 1);
	fake_finish(x);
}

static void a_cut_turn_whose_worker_died_is_charged_the_prompt(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fake_send(x);
	fakes.job->result.lost = true;
	fake_done(FAULT_TIMEOUT);
	assert_string_equal(fakes.admit.line.outcome, "timeout");
	assert_true(fakes.admit.line.used.input_tokens > 0);
	assert_true(fakes.admit.line.used.cost_micro_usd > 0);
	fake_finish(x);
}

static void under_a_budget_an_answer_has_a_longest_length(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fakes.admit.left = (struct amount){1000000, INT64_MAX};
	fake_send(x);
	assert_int_equal(fakes.job->prompt.max_tokens, 1000);
	assert_true(fakes.admit.held.tokens > 1000 && fakes.admit.held.tokens < 1500);
	fake_done(FAULT_NONE);
	fake_finish(x);

	fakes.admit.left = (struct amount){400, INT64_MAX};
	x = fake_chat("{" HELLO "}");
	fake_send(x);
	assert_true(fakes.job->prompt.max_tokens < 400);
	assert_true(fakes.admit.held.tokens <= 400);
	fake_done(FAULT_NONE);
	fake_finish(x);

	fakes.admit.left = (struct amount){INT64_MAX, 2000}; /* haiku: 5 dollars a million */
	x = fake_chat("{" HELLO "}");
	fake_send(x);
	assert_true(fakes.job->prompt.max_tokens <= 400);
	assert_true(fakes.admit.held.micro_usd <= 2000);
	fake_done(FAULT_NONE);
	fake_finish(x);
}

static void without_a_budget_the_models_own_length_counts(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fake_send(x);
	assert_int_equal(fakes.job->prompt.max_tokens, 0);
	fake_done(FAULT_NONE);
	fake_finish(x);
}

static void who_leaves_while_the_hold_is_written_costs_nothing(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fakes.admit.stalled = true;
	fake_send(x);
	fake_abort(x);
	assert_int_equal(fakes.admit.open, 1);
	fakes.admit.stalled = false;
	fake_flush();
	assert_null(fakes.job);
	assert_int_equal(fakes.admit.settled, 1);
	assert_string_equal(fakes.admit.line.outcome, "cancelled");
	assert_int_equal(fakes.admit.line.used.cost_micro_usd, 0);
	assert_int_equal(fakes.admit.open, 0);
}

static void who_leaves_while_the_line_is_written_is_waited_for(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fake_send(x);
	fake_text("a");
	fakes.admit.stalled = true;
	fake_done(FAULT_NONE);
	fake_abort(x);
	assert_int_equal(fakes.admit.open, 1);
	fakes.admit.stalled = false;
	fake_flush();
	assert_int_equal(fakes.admit.open, 0);
}

static void a_second_attempt_needs_the_budgets_leave(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fake_send(x);
	assert_true(fakes.job->ops->may_retry(fakes.job));
	fakes.admit.refuse_hold = true;
	assert_false(fakes.job->ops->may_retry(fakes.job));
	fake_done(FAULT_NONE);
	fake_finish(x);
}

/* The CLI tells the cost at the end, which a process that dies does not reach. */
static void each_attempt_that_died_costs_what_it_has_told(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");
	struct job_result *result;
	int64_t once;

	(void)state;
	fake_send(x);
	result = &fakes.job->result;
	result->fault = FAULT_WORKER;
	result->usage = (struct job_usage){.input_tokens = 2000, .output_tokens = 400};
	assert_true(fakes.job->ops->may_retry(fakes.job));
	once = result->usage.cost_micro_usd;
	assert_true(once > 0);
	result->usage.input_tokens += 2000;
	result->usage.output_tokens += 400;
	fake_done(FAULT_WORKER);
	assert_int_equal(fakes.admit.line.used.input_tokens, 4000);
	assert_int_equal(fakes.admit.line.used.cost_micro_usd, 2 * once);
	fake_finish(x);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_job_runs_when_the_hold_is_durable),
		CASE(the_answer_leaves_when_its_line_is_durable),
		CASE(the_end_of_a_stream_leaves_when_its_line_is_durable),
		CASE(a_used_up_budget_refuses_before_the_work),
		CASE(a_rate_limit_refuses_with_the_time_to_wait),
		CASE(a_key_over_its_limit_is_refused_before_its_body_is_read),
		CASE(a_key_with_nothing_left_is_refused_before_its_body_is_read),
		CASE(nothing_is_served_that_cannot_be_accounted_for),
		CASE(an_answer_without_its_line_is_not_given_out),
		CASE(a_refused_job_gives_its_hold_back),
		CASE(the_plan_limit_is_told_before_anything_is_written),
		CASE(the_line_has_the_clis_own_figures),
		CASE(a_worker_that_died_is_charged_the_prompt),
		CASE(a_cut_turn_whose_worker_died_is_charged_the_prompt),
		CASE(under_a_budget_an_answer_has_a_longest_length),
		CASE(without_a_budget_the_models_own_length_counts),
		CASE(who_leaves_while_the_hold_is_written_costs_nothing),
		CASE(who_leaves_while_the_line_is_written_is_waited_for),
		CASE(a_second_attempt_needs_the_budgets_leave),
		CASE(each_attempt_that_died_costs_what_it_has_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
