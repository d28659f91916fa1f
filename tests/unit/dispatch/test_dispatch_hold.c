/* The queue, held by an operator's order. */
#include <string.h>

#include "shared/clock.h"

#include "tests/unit/dispatch/fakes.h"
#include "tests/unit/test.h"

#define NORMAL JOB_LANE_NORMAL

static void hold(bool held)
{
	dispatch_hold(fakes.dispatch, held);
}

static void a_held_queue_gives_nothing_to_workers(void **state)
{
	struct job *job;

	(void)state;
	fakes.free_workers = 1;
	hold(true);
	assert_true(dispatch_is_held(fakes.dispatch));
	job = fake_submitted("a", NORMAL);
	fake_free_workers(1);
	assert_int_equal(job->state, JOB_QUEUED);
	assert_int_equal(dispatch_running(fakes.dispatch), 0);
	hold(false);
	assert_int_equal(job->state, JOB_RUNNING);
	assert_int_equal(dispatch_running(fakes.dispatch), 1);
}

static void what_runs_already_goes_on_and_ends(void **state)
{
	struct job *job;

	(void)state;
	fakes.free_workers = 1;
	job = fake_submitted("a", NORMAL);
	hold(true);
	fake_turn_end(job, FAULT_NONE);
	fake_loop();
	assert_int_equal(fake_done(job), 1);
}

static void a_held_queue_is_bounded_as_ever(void **state)
{
	(void)state;
	fakes.free_workers = 4;
	hold(true);
	for (int i = 0; i < 4; i++)
		fake_submitted("q", NORMAL);
	assert_int_equal(fake_submit(fake_job("x", NORMAL)), FAULT_OVERLOADED);
}

/* Ticks through the time, as the loop would. */
static void pass(int64_t ms)
{
	for (int64_t at = 0; at < ms; at += 100) {
		clock_advance_ms(100);
		fake_tick();
	}
	fake_loop();
}

static void its_clocks_stand_still(void **state)
{
	struct job *job;

	(void)state;
	job = fake_submitted("a", NORMAL);
	pass(fakes.conf.queue_timeout_ms / 2);
	hold(true);
	pass(fakes.conf.request_timeout_ms * 3);
	assert_int_equal(job->state, JOB_QUEUED);
	hold(false);
	pass(fakes.conf.queue_timeout_ms / 2 - 200); /* what was left of the wait */
	assert_int_equal(job->state, JOB_QUEUED);
	pass(400);
	assert_int_equal(job->state, JOB_ENDED);
	assert_int_equal(job->result.fault, FAULT_TIMEOUT);
}

static void the_clients_own_timeout_runs_on(void **state)
{
	struct job *job = fake_job("a", NORMAL);

	(void)state;
	job->timeout_ms = 500;
	job->own_timeout = true;
	assert_int_equal(fake_submit(job), FAULT_NONE);
	hold(true);
	pass(600);
	assert_int_equal(job->state, JOB_ENDED);
	assert_int_equal(job->result.fault, FAULT_TIMEOUT);
}

static void a_held_job_can_be_cancelled(void **state)
{
	struct job *job;

	(void)state;
	hold(true);
	job = fake_submitted("a", NORMAL);
	fake_cancel(job);
	fake_loop();
	assert_int_equal(fake_done(job), 1);
	assert_int_equal(job->result.fault, FAULT_CANCELLED);
}

static void the_daemons_end_holds_nothing(void **state)
{
	struct job *job;

	(void)state;
	hold(true);
	fakes.free_workers = 1;
	job = fake_submitted("a", NORMAL);
	dispatch_drain(fakes.dispatch);
	assert_false(dispatch_is_held(fakes.dispatch));
	assert_int_equal(job->state, JOB_RUNNING);
}

static void to_hold_twice_is_to_hold_once(void **state)
{
	struct job *job;

	(void)state;
	job = fake_submitted("a", NORMAL);
	hold(true);
	clock_advance_ms(50);
	hold(true);
	clock_advance_ms(50);
	hold(false);
	hold(false);
	assert_int_equal(job->queue_deadline_us,
			 clock_mono_us() + fakes.conf.queue_timeout_ms * 1000);
}

static void the_time_that_it_was_held_is_counted(void **state)
{
	(void)state;
	assert_int_equal(dispatch_held_us(fakes.dispatch), 0);
	hold(true);
	clock_advance_ms(70);
	assert_int_equal(dispatch_held_us(fakes.dispatch), 70000);
	hold(false);
	clock_advance_ms(30);
	hold(true);
	clock_advance_ms(5);
	assert_int_equal(dispatch_held_us(fakes.dispatch), 75000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_held_queue_gives_nothing_to_workers), T(what_runs_already_goes_on_and_ends),
		T(a_held_queue_is_bounded_as_ever),       T(its_clocks_stand_still),
		T(the_clients_own_timeout_runs_on),       T(a_held_job_can_be_cancelled),
		T(the_daemons_end_holds_nothing),         T(to_hold_twice_is_to_hold_once),
		T(the_time_that_it_was_held_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
