#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/err.h"

#include "daemon/admit/admit.h"
#include "daemon/observe/metrics.h"

#include "tests/unit/admit/admit_steps.h"
#include "tests/unit/admit/fixture.h"
#include "tests/unit/test.h"

/* ---- rate limits ---- */

static void limits_of_key_project_and_server_each_refuse(void **state)
{
	static const struct {
		enum scope scope;
		const char *words;
	} each[] = {{SCOPE_KEY, "of this API key is reached"},
		    {SCOPE_PROJECT, "of project 'demo' is reached"},
		    {SCOPE_GLOBAL, "of this server is reached"}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const char *subject = each[i].scope == SCOPE_KEY       ? key->record.id
				      : each[i].scope == SCOPE_PROJECT ? "demo"
								       : "";

		limit(each[i].scope, subject, 1, -1, -1);
		begin(&a);
		assert_int_equal(admit_limit(&a, 10, &why), 0);
		admit_end(&a);
		begin(&a);
		assert_int_equal(admit_limit(&a, 10, &why), -EINVAL);
		assert_int_equal(why.fault, FAULT_LIMIT_REQUESTS);
		assert_non_null(strstr(why.message, "1 requests per minute"));
		assert_non_null(strstr(why.message, each[i].words));
		assert_int_equal(why.retry_after_ms, 60000);
		admit_end(&a);
		limit(each[i].scope, subject, -1, -1, -1);
	}
	assert_int_equal(metric_value(METRIC_REFUSED_LIMIT), 3);
}

static void refused_request_takes_from_no_limit(void **state)
{
	struct rate_view v;

	(void)state;
	limit(SCOPE_KEY, key->record.id, 10, 1000, 5);
	limit(SCOPE_GLOBAL, "", 1, -1, -1);
	begin(&a);
	assert_int_equal(admit_limit(&a, 100, &why), 0);
	admit_end(&a);
	begin(&a);
	assert_int_equal(admit_limit(&a, 100, &why), -EINVAL);
	admit_end(&a);
	rate_look(&key->rate, clock_mono_us(), &v);
	assert_int_equal(v.remaining_requests, 9);
	assert_int_equal(v.remaining_tokens, 900);
	assert_int_equal(key->rate.running, 0);
}

static void longest_wait_speaks(void **state)
{
	(void)state;
	limit(SCOPE_KEY, key->record.id, 60, -1, -1);
	limit(SCOPE_PROJECT, "demo", -1, 100, -1);
	for (int i = 0; i < 60; i++) {
		begin(&a);
		assert_int_equal(admit_limit(&a, i == 0 ? 100 : 0, &why), 0);
		admit_end(&a);
	}
	begin(&a);
	assert_int_equal(admit_limit(&a, 50, &why), -EINVAL);
	assert_int_equal(why.fault, FAULT_LIMIT_TOKENS);
	assert_int_equal(why.retry_after_ms, 30000);
	assert_non_null(strstr(why.message, "Try again in 30.000 s."));
	admit_end(&a);
}

static void concurrency_is_free_again_at_the_end(void **state)
{
	struct admission b = {0};

	(void)state;
	limit(SCOPE_PROJECT, "demo", -1, -1, 1);
	begin(&a);
	assert_int_equal(admit_limit(&a, 1, &why), 0);
	begin(&b);
	assert_int_equal(admit_limit(&b, 1, &why), -EINVAL);
	assert_int_equal(why.fault, FAULT_LIMIT_REQUESTS);
	assert_int_equal(why.retry_after_ms, -1);
	assert_non_null(strstr(why.message, "1 requests at one time"));
	admit_end(&b); /* it took none, so it gives none */
	begin(&b);
	assert_int_equal(admit_limit(&b, 1, &why), -EINVAL);
	admit_end(&a);
	assert_int_equal(admit_limit(&b, 1, &why), 0);
	admit_end(&b);
}

static void settlement_corrects_the_estimate_of_tokens(void **state)
{
	struct rate_view v;

	(void)state;
	limit(SCOPE_KEY, key->record.id, -1, 10000, -1);
	begin(&a);
	assert_int_equal(admit_limit(&a, 1000, &why), 0);
	rate_look(&key->rate, clock_mono_us(), &v);
	assert_int_equal(v.remaining_tokens, 9000);
	assert_int_equal(hold(), ADMIT_HELD);
	fakes_end(0);
	assert_int_equal(settle(4000), 0);
	rate_look(&key->rate, clock_mono_us(), &v);
	assert_int_equal(v.remaining_tokens, 10000 - 4321);
	admit_end(&a);
	rate_look(&key->rate, clock_mono_us(), &v);
	assert_int_equal(v.remaining_tokens, 10000 - 4321);
}

static void look_shows_the_tightest_limits(void **state)
{
	struct rate_view v;

	(void)state;
	begin(&a);
	admit_look(&a, &v);
	assert_int_equal(v.limit_requests, -1);
	assert_int_equal(v.limit_tokens, -1);
	admit_end(&a);
	limit(SCOPE_KEY, key->record.id, 50, 1000, -1);
	limit(SCOPE_PROJECT, "demo", 20, -1, -1);
	limit(SCOPE_GLOBAL, "", 500, 900, -1);
	begin(&a);
	assert_int_equal(admit_limit(&a, 100, &why), 0);
	admit_look(&a, &v);
	assert_int_equal(v.limit_requests, 20);
	assert_int_equal(v.remaining_requests, 19);
	assert_int_equal(v.limit_tokens, 900);
	assert_int_equal(v.remaining_tokens, 800);
	admit_end(&a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(limits_of_key_project_and_server_each_refuse),
		TEST(refused_request_takes_from_no_limit),
		TEST(longest_wait_speaks),
		TEST(concurrency_is_free_again_at_the_end),
		TEST(settlement_corrects_the_estimate_of_tokens),
		TEST(look_shows_the_tightest_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
