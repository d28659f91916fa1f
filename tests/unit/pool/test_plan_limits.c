#include "daemon/pool/plan_limits.h"

#include "tests/unit/test.h"

enum { NOW_S = 1795457000 };
static const int64_t now_ms = (int64_t)NOW_S * 1000;

static struct plan_limits plan;

static int setup(void **state)
{
	(void)state;
	plan_limits_init(&plan);
	return 0;
}

static void update(const char *info)
{
	json_t *value = json_loads(info, JSON_DECODE_ANY, NULL);

	assert_non_null(value);
	plan_limits_update(&plan, value, now_ms);
	json_decref(value);
}

static void expect_use(double use, int64_t at_ms)
{
	double got = plan_limits_use(&plan, at_ms);

	assert_true(got > use - 1e-9 && got < use + 1e-9);
}

#define WARNING                                                                                    \
	"{\"status\":\"allowed_warning\",\"resetsAt\":1795457884,\"rateLimitType\":\"five_hour\"," \
	"\"unifiedWindows\":{\"five_hour\":{\"utilization\":0.92,\"resetsAt\":1795457884},"        \
	"\"seven_day\":{\"utilization\":0.11,\"resetsAt\":1795709884}}}"
#define REJECTED "{\"status\":\"rejected\",\"resetsAt\":1795457884,\"rateLimitType\":\"seven_day\"}"

static void nothing_is_known_before_a_report(void **state)
{
	(void)state;
	assert_int_equal(plan.status, PLAN_UNKNOWN);
	assert_int_equal(plan_limits_wait_ms(&plan, now_ms), 0);
	expect_use(0, now_ms);
}

static void a_report_is_taken_as_it_is(void **state)
{
	(void)state;
	update(WARNING);
	assert_int_equal(plan.status, PLAN_WARNING);
	assert_string_equal(plan.type, "five_hour");
	assert_int_equal(plan.resets_at, 1795457884);
	assert_int_equal(plan.received_ms, now_ms);
	assert_int_equal(plan.seven_day.resets_at, 1795709884);
	assert_int_equal(plan_limits_wait_ms(&plan, now_ms), 0);
	expect_use(0.92, now_ms);
}

static void a_window_counts_until_its_reset(void **state)
{
	(void)state;
	update(WARNING);
	expect_use(0.92, INT64_C(1795457883999));
	expect_use(0.11, INT64_C(1795457884000));
	expect_use(0, INT64_C(1795709884000));
}

static void a_rejection_waits_until_its_reset(void **state)
{
	(void)state;
	update(REJECTED);
	assert_int_equal(plan.status, PLAN_REJECTED);
	assert_int_equal(plan_limits_wait_ms(&plan, now_ms), 884000);
	assert_int_equal(plan_limits_wait_ms(&plan, INT64_C(1795457883999)), 1);
	assert_int_equal(plan_limits_wait_ms(&plan, INT64_C(1795457884000)), 0);
}

static void a_later_report_ends_a_rejection(void **state)
{
	(void)state;
	update(REJECTED);
	update("{\"status\":\"allowed\",\"resetsAt\":1795457884}");
	assert_int_equal(plan_limits_wait_ms(&plan, now_ms), 0);
	assert_string_equal(plan.type, "");
}

static void throttling_is_not_the_plan(void **state)
{
	(void)state;
	update("{\"status\":\"rejected\"}");
	assert_int_equal(plan.status, PLAN_UNKNOWN);
	update(WARNING);
	update("{\"status\":\"rejected\",\"resetsAt\":0}");
	update("{\"status\":\"rejected\",\"resetsAt\":\"soon\"}");
	assert_int_equal(plan.status, PLAN_WARNING);
}

static void windows_that_are_not_named_keep_their_figures(void **state)
{
	(void)state;
	update(WARNING);
	update("{\"status\":\"allowed\",\"unifiedWindows\":{\"seven_day\":{\"utilization\":0.5,"
	       "\"resetsAt\":1795709884}}}");
	assert_int_equal(plan.status, PLAN_ALLOWED);
	assert_int_equal(plan.five_hour.resets_at, 1795457884);
	assert_true(plan.seven_day.utilization > 0.49);
	update("{\"status\":\"allowed\"}");
	assert_true(plan.seven_day.utilization > 0.49);
}

static void reports_that_make_no_sense_are_ignored(void **state)
{
	(void)state;
	update(WARNING);
	update("{}");
	update("{\"status\":7}");
	update("{\"status\":\"new_status\",\"resetsAt\":1}");
	update("[]");
	plan_limits_update(&plan, NULL, now_ms);
	assert_int_equal(plan.status, PLAN_WARNING);
	assert_int_equal(plan.resets_at, 1795457884);
	update("{\"status\":\"allowed\",\"unifiedWindows\":{\"five_hour\":{\"utilization\":-3},"
	       "\"seven_day\":{\"utilization\":1e300}}}");
	expect_use(0.92, now_ms);
}

static void an_absurd_reset_time_overflows_nothing(void **state)
{
	(void)state;
	update("{\"status\":\"rejected\",\"resetsAt\":9223372036854775807}");
	assert_int_equal(plan_limits_wait_ms(&plan, now_ms), 0);
	update("{\"status\":\"rejected\",\"resetsAt\":-5}");
	assert_int_equal(plan.resets_at, INT64_MAX);
}

/* Milliseconds where seconds belong, say: a daemon must not stand still for thousands of years. */
static void a_reset_time_beyond_any_window_is_not_waited_for(void **state)
{
	(void)state;
	update("{\"status\":\"rejected\",\"resetsAt\":1795457884000}");
	assert_int_equal(plan_limits_wait_ms(&plan, now_ms), 0);
	update("{\"status\":\"rejected\",\"resetsAt\":1798000000}");
	assert_int_equal(plan_limits_wait_ms(&plan, now_ms), INT64_C(2543000000));
}

static void full_windows_may_pass_one(void **state)
{
	(void)state;
	update("{\"status\":\"allowed\",\"unifiedWindows\":{\"five_hour\":{\"utilization\":1.2}}}");
	expect_use(1.2, now_ms + 1000000000000);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_known_before_a_report),
		TEST(a_report_is_taken_as_it_is),
		TEST(a_window_counts_until_its_reset),
		TEST(a_rejection_waits_until_its_reset),
		TEST(a_later_report_ends_a_rejection),
		TEST(throttling_is_not_the_plan),
		TEST(windows_that_are_not_named_keep_their_figures),
		TEST(reports_that_make_no_sense_are_ignored),
		TEST(an_absurd_reset_time_overflows_nothing),
		TEST(a_reset_time_beyond_any_window_is_not_waited_for),
		TEST(full_windows_may_pass_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
