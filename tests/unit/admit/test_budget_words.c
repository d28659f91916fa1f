#include <errno.h>
#include <string.h>

#include "daemon/admit/budget_words.h"

#include "tests/unit/test.h"

/* What is said of a budget with so much used and held when so much is wanted. */
static const char *words(const struct account *a, struct amount held, struct amount wanted)
{
	static struct refusal why;

	memset(&why, 0x55, sizeof why);
	assert_int_equal(budget_refuse(&why, a, &held, &wanted), -EINVAL);
	assert_int_equal(why.fault, FAULT_BUDGET);
	assert_string_equal(why.param, "");
	assert_int_equal(why.retry_after_ms, -1);
	return why.message;
}

static struct account monthly_tokens(int64_t used)
{
	return (struct account){.record = {.scope = SCOPE_PROJECT,
					   .subject = "demo",
					   .window = WINDOW_MONTH,
					   .limit_tokens = 1000000,
					   .limit_micro_usd = -1},
				.used = {.tokens = used}};
}

static struct account daily_dollars(int64_t used)
{
	return (struct account){.record = {.scope = SCOPE_KEY,
					   .subject = "k_3fa2c19d",
					   .window = WINDOW_DAY,
					   .limit_tokens = -1,
					   .limit_micro_usd = 5000000},
				.used = {.micro_usd = used}};
}

static void a_budget_is_used_up(void **state)
{
	struct account tokens = monthly_tokens(1000000), over = monthly_tokens(1234567),
		       dollars = daily_dollars(5000000);

	(void)state;
	assert_string_equal(words(&tokens, (struct amount){0}, (struct amount){5, 5}),
			    "The monthly token budget of project demo is used up: 1,000,000 of "
			    "1,000,000 tokens.");
	assert_string_equal(words(&over, (struct amount){100, 0}, (struct amount){5, 5}),
			    "The monthly token budget of project demo is used up: 1,234,567 of "
			    "1,000,000 tokens.");
	assert_string_equal(
		words(&dollars, (struct amount){0}, (struct amount){5, 5}),
		"The daily dollar budget of key k_3fa2c19d is used up: $5.00 of $5.00.");
}

static void a_budget_has_too_little_left(void **state)
{
	struct account tokens = monthly_tokens(998000), dollars = daily_dollars(4749990);

	(void)state;
	assert_string_equal(words(&tokens, (struct amount){800, 0}, (struct amount){5000, 5}),
			    "The monthly token budget of project demo has 1,200 tokens left and "
			    "the request may need 5,000; lower max_tokens.");
	assert_string_equal(words(&dollars, (struct amount){0}, (struct amount){5, 400000}),
			    "The daily dollar budget of key k_3fa2c19d has $0.25001 left and the "
			    "request may cost $0.40; lower max_tokens.");
}

static void a_budget_is_taken_by_requests_under_way(void **state)
{
	struct account tokens = monthly_tokens(400000);

	(void)state;
	assert_string_equal(words(&tokens, (struct amount){600000, 0}, (struct amount){1, 1}),
			    "The monthly token budget of project demo is taken: of 1,000,000 "
			    "tokens, 400,000 are used and 600,000 are held for requests under "
			    "way.");
}

static void the_side_that_does_not_fit_is_spoken_of(void **state)
{
	struct account both = monthly_tokens(0);

	(void)state;
	both.record.limit_micro_usd = 1234567891;
	assert_string_equal(words(&both, (struct amount){0}, (struct amount){5, 1234567892}),
			    "The monthly dollar budget of project demo has $1,234.567891 left and "
			    "the request may cost $1,234.567892; lower max_tokens.");
	assert_non_null(
		strstr(words(&both, (struct amount){0}, (struct amount){1000001, 1234567892}),
		       "token budget"));
	both.record.limit_micro_usd = -1;
	both.record.limit_tokens = INT64_MAX;
	assert_non_null(strstr(words(&both, (struct amount){INT64_MAX, 0}, (struct amount){0}),
			       "The monthly token budget of project demo is taken: of "
			       "9,223,372,036,854,775,807 tokens"));
}

static void scope_and_window_are_named(void **state)
{
	static const struct {
		enum scope scope;
		enum budget_window window;
		int64_t rolling_ms;
		const char *name;
	} names[] = {
		{SCOPE_GLOBAL, WINDOW_HOUR, 0, "The hourly token budget of this server is "},
		{SCOPE_PROJECT, WINDOW_DAY, 0, "The daily token budget of project x is "},
		{SCOPE_KEY, WINDOW_WEEK, 0, "The weekly token budget of key x is "},
		{SCOPE_KEY, WINDOW_TOTAL, 0, "The total token budget of key x is "},
		{SCOPE_KEY, WINDOW_ROLLING, DAY_MS, "The rolling 24h token budget of key x is "},
		{SCOPE_KEY, WINDOW_ROLLING, 5 * BUCKET_MS,
		 "The rolling 75m token budget of key x is "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct account a = {.record = {.scope = names[i].scope,
					       .window = names[i].window,
					       .rolling_ms = names[i].rolling_ms,
					       .limit_micro_usd = -1}};
		const char *text;

		memcpy(a.record.subject, "x", names[i].scope == SCOPE_GLOBAL ? 0 : 2);
		text = words(&a, (struct amount){0}, (struct amount){1, 1});
		assert_memory_equal(text, names[i].name, strlen(names[i].name));
	}
}

static void the_longest_words_are_not_cut_off(void **state)
{
	struct account a = {.record = {.scope = SCOPE_PROJECT,
				       .window = WINDOW_ROLLING,
				       .rolling_ms = 366 * DAY_MS,
				       .limit_tokens = -1,
				       .limit_micro_usd = INT64_MAX}};
	const char *text;

	(void)state;
	memset(a.record.subject, 'x', sizeof a.record.subject - 1);
	text = words(&a, (struct amount){INT64_MAX, INT64_MAX}, (struct amount){INT64_MAX, 1});
	assert_string_equal(text + strlen(text) - 10, "under way.");
	assert_non_null(strstr(text, "$9,223,372,036,854.775807"));
	assert_non_null(strstr(text, a.record.subject));
	assert_non_null(strstr(text, "x is taken: "));
	text = words(&a, (struct amount){0, 1}, (struct amount){INT64_MAX, INT64_MAX});
	assert_string_equal(text + strlen(text) - 11, "max_tokens.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_budget_is_used_up),
		cmocka_unit_test(a_budget_has_too_little_left),
		cmocka_unit_test(a_budget_is_taken_by_requests_under_way),
		cmocka_unit_test(the_side_that_does_not_fit_is_spoken_of),
		cmocka_unit_test(scope_and_window_are_named),
		cmocka_unit_test(the_longest_words_are_not_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
