/* How jobs end: answers, faults and the one retry, deadlines, cancel, drain, abort. */
#include <string.h>

#include "shared/clock.h"

#include "tests/unit/dispatch/fakes.h"
#include "tests/unit/test.h"

#define NORMAL JOB_LANE_NORMAL

static struct job *running(void)
{
	fakes.free_workers++;
	return fake_submitted("r", NORMAL);
}

/* ---- the retry ---- */

static void a_fault_before_the_first_byte_is_tried_once_more(void **state)
{
	static const enum fault faults[] = {FAULT_WORKER, FAULT_UPSTREAM};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct job *job = running();

		job->result.stop = JOB_STOP_TOOL_USE;
		job->result.usage.input_tokens = 10;
		job->result.retry_after_ms = 2000;
		strcpy(job->result.message, "x");
		fakes.free_workers = 1;
		fake_turn_end(job, faults[i]);
		assert_int_equal(job->state, JOB_RUNNING);
		assert_int_equal(job->result.attempts, 2);
		assert_int_equal(job->result.fault, FAULT_NONE);
		assert_int_equal(job->result.stop, JOB_STOP_NONE);
		assert_int_equal(job->result.usage.input_tokens, 10);
		assert_int_equal(job->result.retry_after_ms, -1);
		assert_string_equal(job->result.message, "");
		fake_turn_end(job, faults[i]);
		fake_loop();
		assert_int_equal(fake_done(job), 1);
		assert_int_equal(job->result.fault, faults[i]);
	}
}

static void text_that_came_is_taken_back_before_a_retry(void **state)
{
	struct job *job = running();

	(void)state;
	fakes.free_workers = 1;
	job->times.first_text = clock_mono_us();
	fake_turn_end(job, FAULT_WORKER);
	assert_int_equal(fakes.restarts, 1);
	assert_int_equal(job->times.first_text, 0);
	fake_turn_end(job, FAULT_WORKER);
	assert_int_equal(fakes.restarts, 1);
	job = running();
	fake_turn_end(job, FAULT_WORKER);
	assert_int_equal(fakes.restarts, 1);
}

static void a_retry_comes_before_those_who_wait(void **state)
{
	struct job *job = running();

	(void)state;
	fake_submitted("w1", NORMAL);
	fake_turn_end(job, FAULT_WORKER);
	assert_int_equal(job->state, JOB_QUEUED);
	fake_free_workers(2);
	assert_string_equal(fakes.order, "r r w1 ");
}

static void nothing_is_tried_again_after_the_first_byte(void **state)
{
	struct job *job = running();

	(void)state;
	job->forwarded = true;
	fakes.free_workers = 1;
	fake_turn_end(job, FAULT_WORKER);
	fake_loop();
	assert_int_equal(fake_done(job), 1);
	assert_int_equal(job->result.fault, FAULT_WORKER);
	assert_int_equal(job->result.attempts, 1);
}

static void faults_that_a_retry_cannot_mend_are_final(void **state)
{
	(void)state;
	for (int fault = FAULT_NONE; fault < FAULTS; fault++) {
		struct job *job;

		if (fault == FAULT_WORKER || fault == FAULT_UPSTREAM)
			continue;
		job = running();
		fakes.free_workers = 1;
		fake_turn_end(job, (enum fault)fault);
		fake_loop();
		assert_int_equal(fake_done(job), 1);
		assert_int_equal(job->result.attempts, 1);
		assert_int_equal(job->result.fault, fault);
	}
}

static void no_retry_when_the_pool_cannot_serve(void **state)
{
	struct job *job = running();

	(void)state;
	fakes.health = POOL_FAILING;
	fake_turn_end(job, FAULT_WORKER);
	fake_loop();
	assert_int_equal(fake_done(job), 1);
}

static void no_retry_beyond_the_deadline(void **state)
{
	struct job *job = running();

	(void)state;
	clock_advance_ms(600000);
	fake_turn_end(job, FAULT_UPSTREAM);
	fake_loop();
	assert_int_equal(job->result.fault, FAULT_UPSTREAM);
	assert_int_equal(fake_done(job), 1);
}

/* The time of the first attempt is not time in the queue. */
static void a_retry_may_wait_as_long_as_any_other(void **state)
{
	struct job *job = running();

	(void)state;
	clock_advance_ms(70000);
	fake_turn_end(job, FAULT_UPSTREAM);
	clock_advance_ms(59999);
	fake_tick();
	assert_int_equal(job->state, JOB_QUEUED);
	clock_advance_ms(1);
	fake_tick();
	fake_loop();
	assert_int_equal(job->result.fault, FAULT_TIMEOUT);
	assert_int_equal(fake_done(job), 1);
}

/* ---- deadlines ---- */

static void waiting_too_long_in_the_queue_is_a_timeout(void **state)
{
	struct job *first = fake_submitted("a", NORMAL), *second;

	(void)state;
	clock_advance_ms(30000);
	second = fake_submitted("b", JOB_LANE_LOW);
	clock_advance_ms(29999);
	fake_tick();
	assert_int_equal(first->state, JOB_QUEUED);
	clock_advance_ms(1);
	fake_tick();
	assert_int_equal(first->state, JOB_ENDED);
	assert_int_equal(second->state, JOB_QUEUED);
	fake_loop();
	assert_int_equal(first->result.fault, FAULT_TIMEOUT);
	assert_string_equal(first->result.message, "the request waited too long for a worker");
	clock_advance_ms(30000);
	fake_tick();
	assert_int_equal(second->state, JOB_ENDED);
}

static void a_jobs_own_deadline_counts_in_the_queue_too(void **state)
{
	struct job *job = fake_job("a", NORMAL);

	(void)state;
	job->timeout_ms = 1000;
	fake_submit(job);
	clock_advance_ms(1000);
	fake_tick();
	assert_int_equal(job->state, JOB_ENDED);
}

static void a_running_job_is_aborted_at_its_deadline(void **state)
{
	struct job *job = running();

	(void)state;
	clock_advance_ms(599999);
	fake_tick();
	assert_int_equal(fakes.aborts, 0);
	clock_advance_ms(1);
	fake_tick();
	assert_ptr_equal(fakes.aborted, job);
	assert_int_equal(fakes.abort_fault, FAULT_TIMEOUT);
	assert_int_equal(job->state, JOB_RUNNING);
	fake_turn_end(job, FAULT_TIMEOUT);
	fake_loop();
	assert_int_equal(fake_done(job), 1);
}

static void a_job_cannot_ask_for_more_time_than_configured(void **state)
{
	struct job *job = fake_job("a", NORMAL);

	(void)state;
	job->timeout_ms = INT64_MAX / 4;
	fake_submit(job);
	assert_int_equal(job->timeout_ms, 600000);
	assert_int_equal(job->deadline_us, clock_mono_us() + INT64_C(600000000));
}

static void the_timer_runs_only_while_there_are_jobs(void **state)
{
	struct job *job;

	(void)state;
	assert_false(fake_timer_is_armed());
	job = running();
	assert_true(fake_timer_is_armed());
	fake_turn_end(job, FAULT_NONE);
	fake_loop();
	assert_false(fake_timer_is_armed());
	running();
	assert_true(fake_timer_is_armed());
}

/* ---- cancel ---- */

static void cancel_ends_a_queued_job(void **state)
{
	struct job *job = fake_submitted("a", NORMAL);

	(void)state;
	fake_cancel(job);
	fake_cancel(job);
	assert_int_equal(dispatch_queued(fakes.dispatch), 0);
	fake_loop();
	assert_int_equal(fake_done(job), 1);
	assert_int_equal(job->result.fault, FAULT_CANCELLED);
	fake_cancel(job);
	fake_free_workers(1);
	assert_string_equal(fakes.order, "");
}

static void cancel_aborts_a_running_job_and_waits_for_its_end(void **state)
{
	struct job *job = running();

	(void)state;
	fake_cancel(job);
	fake_cancel(job);
	assert_int_equal(fakes.aborts, 1);
	assert_int_equal(fakes.abort_fault, FAULT_CANCELLED);
	fake_loop();
	assert_int_equal(fake_done(job), 0);
	fake_turn_end(job, FAULT_NONE);
	fake_loop();
	assert_int_equal(fake_done(job), 1);
	assert_int_equal(job->result.fault, FAULT_CANCELLED);
}

static void a_cancelled_job_is_not_tried_again(void **state)
{
	struct job *job = running();

	(void)state;
	fake_cancel(job);
	fakes.free_workers = 1;
	fake_turn_end(job, FAULT_WORKER);
	fake_loop();
	assert_int_equal(job->result.fault, FAULT_CANCELLED);
	assert_int_equal(job->result.attempts, 1);
}

static void cancel_during_the_wait_for_a_retry_ends_the_job(void **state)
{
	struct job *job = running();

	(void)state;
	fake_turn_end(job, FAULT_WORKER);
	fake_cancel(job);
	fake_loop();
	assert_int_equal(fake_done(job), 1);
	assert_int_equal(job->result.fault, FAULT_CANCELLED);
}

static void cancel_of_an_ended_or_a_refused_job_does_nothing(void **state)
{
	struct job *job = running(), *refused = fake_job("x", NORMAL);

	(void)state;
	fake_turn_end(job, FAULT_NONE);
	fake_cancel(job);
	fake_loop();
	assert_int_equal(fake_done(job), 1);
	assert_int_equal(job->result.fault, FAULT_NONE);
	fakes.health = POOL_FAILING;
	fake_submit(refused);
	fake_cancel(refused);
	fake_loop();
	assert_int_equal(fake_done(refused), 0);
}

static struct job *other;

static void cancel_the_other(struct job *job)
{
	if (job != other)
		dispatch_cancel(fakes.dispatch, other);
}

static void submit_another(struct job *job)
{
	(void)job;
	fakes.on_done = NULL;
	fakes.free_workers = 1;
	other = fake_job("second", NORMAL);
	assert_int_equal(dispatch_submit(fakes.dispatch, other), FAULT_NONE);
}

static void done_may_cancel_another_job(void **state)
{
	struct job *job = running();

	(void)state;
	other = fake_submitted("b", NORMAL);
	fakes.on_done = cancel_the_other;
	fake_turn_end(job, FAULT_NONE);
	fake_loop();
	assert_int_equal(fake_done(other), 1);
	assert_int_equal(other->result.fault, FAULT_CANCELLED);
}

static void done_may_submit_another_job(void **state)
{
	struct job *job = running();

	(void)state;
	fakes.on_done = submit_another;
	fake_turn_end(job, FAULT_NONE);
	fake_loop();
	assert_int_equal(other->state, JOB_RUNNING);
	assert_true(fake_timer_is_armed());
}

/* ---- pause ---- */

static void only_a_running_job_is_paused(void **state)
{
	struct job *job = fake_submitted("a", NORMAL);

	(void)state;
	dispatch_pause(fakes.dispatch, job, true);
	assert_null(fakes.paused);
	fake_free_workers(1);
	dispatch_pause(fakes.dispatch, job, true);
	assert_ptr_equal(fakes.paused, job);
	assert_true(fakes.is_paused);
	dispatch_pause(fakes.dispatch, job, false);
	assert_false(fakes.is_paused);
	fake_turn_end(job, FAULT_NONE);
	fakes.paused = NULL;
	dispatch_pause(fakes.dispatch, job, true);
	assert_null(fakes.paused);
}

/* ---- the end ---- */

static void drain_refuses_new_jobs_and_finishes_the_accepted(void **state)
{
	struct job *job = running(), *waiting = fake_submitted("w", NORMAL),
		   *late = fake_job("late", NORMAL);

	(void)state;
	dispatch_drain(fakes.dispatch);
	assert_true(dispatch_draining(fakes.dispatch));
	assert_int_equal(fake_submit(late), FAULT_OVERLOADED);
	assert_string_equal(late->result.message, "the server is shutting down");
	fakes.free_workers = 1;
	fake_turn_end(job, FAULT_WORKER); /* tried again: it was accepted */
	fake_turn_end(job, FAULT_NONE);
	fake_free_workers(1);
	fake_turn_end(waiting, FAULT_NONE);
	fake_loop();
	assert_int_equal(fake_done(job) + fake_done(waiting), 2);
	assert_int_equal(waiting->result.fault, FAULT_NONE);
	assert_int_equal(dispatch_open_jobs(fakes.dispatch), 0);
}

static void abort_all_ends_the_waiting_and_the_running(void **state)
{
	struct job *job = running(), *waiting = fake_submitted("w", NORMAL);

	(void)state;
	fakes.in_call = true;
	dispatch_abort_all(fakes.dispatch);
	fakes.in_call = false;
	assert_ptr_equal(fakes.aborted, job);
	assert_int_equal(fakes.abort_fault, FAULT_OVERLOADED);
	fake_loop();
	assert_int_equal(fake_done(waiting), 1);
	assert_int_equal(waiting->result.fault, FAULT_OVERLOADED);
	assert_int_equal(fake_done(job), 0);
	assert_int_equal(dispatch_open_jobs(fakes.dispatch), 1);
	fake_turn_end(job, FAULT_OVERLOADED);
	fake_loop();
	assert_int_equal(fake_done(job), 1);
}

/* Its worker may have had a reason of its own to end it. */
static void nothing_is_tried_again_after_abort_all(void **state)
{
	struct job *job = running();

	(void)state;
	dispatch_abort_all(fakes.dispatch);
	fakes.free_workers = 1;
	fake_turn_end(job, FAULT_WORKER);
	fake_loop();
	assert_int_equal(fake_done(job), 1);
	assert_int_equal(job->result.attempts, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fault_before_the_first_byte_is_tried_once_more),
		TEST(text_that_came_is_taken_back_before_a_retry),
		TEST(a_retry_comes_before_those_who_wait),
		TEST(nothing_is_tried_again_after_the_first_byte),
		TEST(faults_that_a_retry_cannot_mend_are_final),
		TEST(no_retry_when_the_pool_cannot_serve),
		TEST(no_retry_beyond_the_deadline),
		TEST(a_retry_may_wait_as_long_as_any_other),
		TEST(waiting_too_long_in_the_queue_is_a_timeout),
		TEST(a_jobs_own_deadline_counts_in_the_queue_too),
		TEST(a_running_job_is_aborted_at_its_deadline),
		TEST(a_job_cannot_ask_for_more_time_than_configured),
		TEST(the_timer_runs_only_while_there_are_jobs),
		TEST(cancel_ends_a_queued_job),
		TEST(cancel_aborts_a_running_job_and_waits_for_its_end),
		TEST(a_cancelled_job_is_not_tried_again),
		TEST(cancel_during_the_wait_for_a_retry_ends_the_job),
		TEST(cancel_of_an_ended_or_a_refused_job_does_nothing),
		TEST(done_may_cancel_another_job),
		TEST(done_may_submit_another_job),
		TEST(only_a_running_job_is_paused),
		TEST(drain_refuses_new_jobs_and_finishes_the_accepted),
		TEST(abort_all_ends_the_waiting_and_the_running),
		TEST(nothing_is_tried_again_after_abort_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
