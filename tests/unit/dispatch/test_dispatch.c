/* The queue: who runs when, and who waits. */
#include <errno.h>
#include <string.h>

#include "shared/clock.h"

#include "tests/unit/dispatch/fakes.h"
#include "tests/unit/test.h"

#define HIGH JOB_LANE_HIGH
#define NORMAL JOB_LANE_NORMAL
#define LOW JOB_LANE_LOW

static void a_job_runs_at_once_when_a_worker_is_free(void **state)
{
	struct job *job;

	(void)state;
	fakes.free_workers = 1;
	job = fake_submitted("a", NORMAL);
	assert_int_equal(job->state, JOB_RUNNING);
	assert_int_equal(job->times.submitted, clock_mono_us());
	assert_int_equal(job->times.dispatched, clock_mono_us());
	assert_int_equal(job->result.attempts, 1);
	clock_advance_ms(5);
	fake_turn_end(job, FAULT_NONE);
	assert_int_equal(fake_done(job), 0);
	fake_loop();
	assert_int_equal(fake_done(job), 1);
	assert_int_equal(job->result.fault, FAULT_NONE);
	assert_int_equal(job->times.ended, clock_mono_us());
}

static void lanes_come_in_order_and_jobs_in_the_order_of_their_coming(void **state)
{
	(void)state;
	fakes.conf.queue_max = 6;
	dispatch_configure(fakes.dispatch, &fakes.conf);
	fake_submitted("l1", LOW);
	fake_submitted("n1", NORMAL);
	fake_submitted("h1", HIGH);
	fake_submitted("l2", LOW);
	fake_submitted("n2", NORMAL);
	fake_submitted("h2", HIGH);
	assert_int_equal(dispatch_queued(fakes.dispatch), 6);
	for (int i = 0; i < 6; i++)
		fake_free_workers(1);
	assert_string_equal(fakes.order, "h1 h2 n1 n2 l1 l2 ");
	assert_int_equal(dispatch_queued(fakes.dispatch), 0);
	assert_int_equal(dispatch_open_jobs(fakes.dispatch), 6);
}

static void the_queue_is_bounded(void **state)
{
	struct job *job;

	(void)state;
	for (int i = 0; i < 4; i++)
		fake_submitted("q", NORMAL);
	job = fake_job("x", HIGH);
	assert_int_equal(fake_submit(job), FAULT_OVERLOADED);
	assert_int_equal(job->result.fault, FAULT_OVERLOADED);
	assert_string_equal(job->result.message, "the queue is full");
	assert_int_equal(job->result.retry_after_ms, 1000);
	assert_int_equal(job->state, JOB_NEW);
	assert_int_equal(job->refs, 1);
	assert_int_equal(dispatch_queued(fakes.dispatch), 4);
	fake_free_workers(1);
	assert_int_equal(fake_submit(job), FAULT_NONE);
}

static void a_queue_of_none_still_runs_what_can_run_at_once(void **state)
{
	struct job *job = fake_job("b", NORMAL);

	(void)state;
	fakes.conf.queue_max = 0;
	dispatch_configure(fakes.dispatch, &fakes.conf);
	fakes.free_workers = 1;
	fake_submitted("a", NORMAL);
	assert_int_equal(fake_submit(job), FAULT_OVERLOADED);
	assert_string_equal(fakes.order, "a ");
	fake_tick();
	fake_loop();
	assert_int_equal(fake_done(job), 0);
}

static void a_full_queue_does_not_refuse_who_can_run_at_once(void **state)
{
	(void)state;
	fakes.free_workers = 1;
	fakes.refused_project = "a";
	fakes.refused_rc = -EALREADY;
	for (int i = 0; i < 4; i++) {
		struct job *job = fake_job("a", NORMAL);

		strcpy(job->project, "a");
		assert_int_equal(fake_submit(job), FAULT_NONE);
	}
	fake_submitted("b", LOW);
	assert_string_equal(fakes.order, "b ");
}

/* ---- projects ---- */

static struct job *of_project(const char *id, const char *project)
{
	struct job *job = fake_job(id, NORMAL);

	strcpy(job->project, project);
	assert_int_equal(fake_submit(job), FAULT_NONE);
	return job;
}

static void a_project_that_must_wait_lets_others_pass(void **state)
{
	struct job *first, *third;

	(void)state;
	fakes.refused_project = "a";
	fakes.refused_rc = -EAGAIN;
	first = of_project("a1", "a");
	of_project("b1", "b");
	third = of_project("a2", "a");
	of_project("b2", "b");
	fake_free_workers(3);
	assert_string_equal(fakes.order, "b1 b2 ");
	assert_int_equal(first->state, JOB_QUEUED);
	assert_int_equal(third->state, JOB_QUEUED);
	assert_int_equal(dispatch_queued(fakes.dispatch), 2);
	fakes.refused_project = NULL;
	fake_free_workers(1);
	assert_string_equal(fakes.order, "b1 b2 a1 a2 ");
}

static void jobs_that_need_a_fresh_worker_are_counted(void **state)
{
	(void)state;
	fakes.refused_project = "a";
	fakes.refused_rc = -EAGAIN;
	fakes.free_workers = 1;
	of_project("a1", "a");
	of_project("a2", "a");
	assert_int_equal(fakes.wanted, 2);
	fakes.refused_rc = -EALREADY;
	fake_free_workers(0);
	assert_int_equal(fakes.wanted, 0);
	fakes.refused_rc = -EAGAIN;
	fake_free_workers(0);
	assert_int_equal(fakes.wanted, 2);
	fakes.free_workers = 0;
	fake_free_workers(0);
	assert_int_equal(fakes.wanted, 0);
}

static void a_long_queue_of_one_project_is_asked_for_once(void **state)
{
	(void)state;
	fakes.refused_project = "a";
	fakes.refused_rc = -EAGAIN;
	for (int i = 0; i < 4; i++)
		of_project("a", "a");
	fakes.runs = 0;
	fake_free_workers(1);
	assert_int_equal(fakes.runs, 1);
	assert_int_equal(fakes.wanted, 4);
}

static void nobody_is_asked_after_nobody_is_free(void **state)
{
	(void)state;
	fake_submitted("a", HIGH);
	fake_submitted("b", NORMAL);
	fake_submitted("c", LOW);
	fakes.runs = 0;
	fake_free_workers(0);
	assert_int_equal(fakes.runs, 1);
}

/* ---- admission ---- */

static void a_pool_that_cannot_serve_refuses(void **state)
{
	struct job *job = fake_job("a", NORMAL);

	(void)state;
	for (int health = POOL_STARTING; health <= POOL_STOPPED; health++) {
		if (health == POOL_STARTING || health == POOL_READY)
			continue;
		fakes.health = (enum pool_health)health;
		assert_int_equal(fake_submit(job), FAULT_BACKEND_UNAVAILABLE);
	}
	fakes.health = POOL_STARTING;
	assert_int_equal(fake_submit(job), FAULT_NONE);
}

static void a_pool_that_fails_ends_who_waits_for_it(void **state)
{
	struct job *waiting = fake_submitted("a", NORMAL), *low = fake_submitted("b", LOW);

	(void)state;
	fakes.health = POOL_NOT_LOGGED_IN;
	fake_free_workers(0);
	fake_loop();
	assert_int_equal(fake_done(waiting), 1);
	assert_int_equal(fake_done(low), 1);
	assert_int_equal(waiting->result.fault, FAULT_BACKEND_UNAVAILABLE);
	assert_int_equal(waiting->result.retry_after_ms, -1);
}

static void an_exhausted_plan_refuses_until_its_reset(void **state)
{
	struct job *job = fake_job("a", NORMAL);

	(void)state;
	fakes.plan.status = PLAN_REJECTED;
	fakes.plan.resets_at = 1700000042;
	assert_int_equal(fake_submit(job), FAULT_PLAN_LIMIT);
	assert_int_equal(job->result.retry_after_ms, 42000);
	clock_advance_ms(42000);
	assert_int_equal(fake_submit(job), FAULT_NONE);
}

static void the_low_lane_leaves_the_plans_reserve(void **state)
{
	(void)state;
	fakes.plan.five_hour = (struct plan_window){.utilization = 0.9, .resets_at = 1700000010};
	fake_submitted("low", LOW);
	fake_submitted("high", HIGH);
	fake_free_workers(4);
	assert_string_equal(fakes.order, "high ");
	clock_advance_ms(10000);
	fake_tick();
	assert_string_equal(fakes.order, "high low ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_job_runs_at_once_when_a_worker_is_free),
		TEST(lanes_come_in_order_and_jobs_in_the_order_of_their_coming),
		TEST(the_queue_is_bounded),
		TEST(a_queue_of_none_still_runs_what_can_run_at_once),
		TEST(a_full_queue_does_not_refuse_who_can_run_at_once),
		TEST(a_project_that_must_wait_lets_others_pass),
		TEST(jobs_that_need_a_fresh_worker_are_counted),
		TEST(a_long_queue_of_one_project_is_asked_for_once),
		TEST(nobody_is_asked_after_nobody_is_free),
		TEST(a_pool_that_cannot_serve_refuses),
		TEST(a_pool_that_fails_ends_who_waits_for_it),
		TEST(an_exhausted_plan_refuses_until_its_reset),
		TEST(the_low_lane_leaves_the_plans_reserve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
