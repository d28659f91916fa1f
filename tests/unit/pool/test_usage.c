#include <string.h>

#include "daemon/pool/usage.h"

#include "tests/unit/test.h"

static struct job_usage total, turn;
static char model[32];

static int setup(void **state)
{
	(void)state;
	total = turn = (struct job_usage){0};
	memset(model, 0, sizeof model);
	return 0;
}

static void take(const char *result)
{
	json_t *value = json_loads(result, 0, NULL);

	assert_non_null(value);
	usage_take_result(value, &total, &turn, model, sizeof model);
	json_decref(value);
}

static void expect(const struct job_usage *u, int64_t input, int64_t output, int64_t cache_read,
		   int64_t cache_creation, int64_t thinking, int64_t cost)
{
	assert_int_equal(u->input_tokens, input);
	assert_int_equal(u->output_tokens, output);
	assert_int_equal(u->cache_read_tokens, cache_read);
	assert_int_equal(u->cache_creation_tokens, cache_creation);
	assert_int_equal(u->thinking_tokens, thinking);
	assert_int_equal(u->cost_micro_usd, cost);
}

#define ROW(in, out, read, made, think, usd)                                                       \
	"{\"inputTokens\":" in ",\"outputTokens\":" out ",\"cacheReadInputTokens\":" read          \
	",\"cacheCreationInputTokens\":" made ",\"thinkingTokens\":" think ",\"costUSD\":" usd "}"

static void the_clis_own_figures_for_the_turn_count(void **state)
{
	(void)state;
	take("{\"usage\":{\"input_tokens\":999},\"model_usage_since_last_result\":{\"claude-"
	     "a\":" ROW("100", "500", "30000", "2000", "7",
			"0.00096") "},\"modelUsage\":{\"claude-a\":" ROW("900", "900", "900", "900",
									 "900", "9") "}}");
	expect(&turn, 100, 500, 30000, 2000, 7, 960);
	assert_string_equal(model, "claude-a");
	expect(&total, 900, 900, 900, 900, 900, 9000000);
}

static void several_models_are_summed_and_none_named(void **state)
{
	(void)state;
	take("{\"model_usage_since_last_result\":{\"a\":" ROW(
		"1", "2", "3", "4", "5", "0.000001") ","
						     "\"b\":" ROW("10", "20", "30", "40", "50",
								  "0.00001") "}}");
	expect(&turn, 11, 22, 33, 44, 55, 11);
	assert_string_equal(model, "");
}

static void a_model_that_is_known_stays(void **state)
{
	(void)state;
	model[0] = 'x';
	take("{\"model_usage_since_last_result\":{\"a\":" ROW("1", "1", "1", "1", "1", "0") "}}");
	assert_string_equal(model, "x");
}

static void an_empty_account_of_the_turn_is_nothing_spent(void **state)
{
	(void)state;
	take("{\"model_usage_since_last_result\":{},\"modelUsage\":{\"a\":" ROW("5", "5", "5", "5",
										"5", "5") "}}");
	expect(&turn, 0, 0, 0, 0, 0, 0);
}

static void older_clis_are_read_by_the_growth_of_their_total(void **state)
{
	(void)state;
	take("{\"modelUsage\":{\"a\":" ROW("10", "20", "30", "40", "50", "0.5") "}}");
	expect(&turn, 10, 20, 30, 40, 50, 500000);
	turn = (struct job_usage){0};
	take("{\"modelUsage\":{\"a\":" ROW("11", "22", "33", "44", "55", "0.75") "}}");
	expect(&turn, 1, 2, 3, 4, 5, 250000);
	turn = (struct job_usage){0};
	take("{\"modelUsage\":{\"a\":" ROW("11", "22", "33", "44", "55", "0.75") ",\"b\":" ROW(
		"100", "0", "0", "0", "0", "0") "}}");
	expect(&turn, 100, 0, 0, 0, 0, 0);
}

static void a_total_that_shrinks_is_no_credit(void **state)
{
	(void)state;
	take("{\"modelUsage\":{\"a\":" ROW("10", "10", "10", "10", "10", "1") "}}");
	turn = (struct job_usage){0};
	take("{\"modelUsage\":{\"a\":" ROW("3", "12", "0", "0", "0", "0.5") "}}");
	expect(&turn, 0, 2, 0, 0, 0, 0);
	turn = (struct job_usage){0};
	take("{\"modelUsage\":{\"a\":" ROW("4", "12", "0", "0", "0", "0.5") "}}");
	expect(&turn, 1, 0, 0, 0, 0, 0);
}

static void a_result_without_figures_changes_nothing(void **state)
{
	(void)state;
	take("{\"modelUsage\":{\"a\":" ROW("10", "10", "10", "10", "10", "1") "}}");
	turn = (struct job_usage){0};
	take("{}");
	take("{\"modelUsage\":[],\"model_usage_since_last_result\":\"x\"}");
	expect(&turn, 0, 0, 0, 0, 0, 0);
	expect(&total, 10, 10, 10, 10, 10, 1000000);
}

static void negative_and_absurd_numbers_are_nothing(void **state)
{
	(void)state;
	take("{\"model_usage_since_last_result\":{\"a\":" ROW("-1", "9223372036854775807", "1e300",
							      "\"7\"", "null", "-0.5") "}}");
	take("{\"model_usage_since_last_result\":{\"a\":" ROW("-9223372036854775808", "1.5", "[]",
							      "{}", "true", "1e300") "}}");
	take("{\"model_usage_since_last_result\":{\"a\":7,\"b\":null,\"c\":[]}}");
	expect(&turn, 0, 0, 0, 0, 0, 0);
}

static void several_turns_add_up(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		take("{\"model_usage_since_last_result\":{\"a\":" ROW("1", "2", "3", "4", "5",
								      "0.000006") "}}");
	expect(&turn, 3, 6, 9, 12, 15, 18);
}

static void sums_saturate(void **state)
{
	struct job_usage more = {INT64_MAX, INT64_MAX, 1, INT64_MAX - 1, 0, INT64_MAX};

	(void)state;
	turn = (struct job_usage){1, INT64_MAX, 1, 1, 0, 2};
	usage_add(&turn, &more);
	expect(&turn, INT64_MAX, INT64_MAX, 2, INT64_MAX, 0, INT64_MAX);
}

static void take_stream(const char *usage)
{
	json_t *value = json_loads(usage, 0, NULL);

	usage_take_stream(value, &turn);
	json_decref(value);
}

static void the_stream_repeats_and_raises(void **state)
{
	(void)state;
	take_stream("{\"input_tokens\":10,\"output_tokens\":1,\"cache_read_input_tokens\":5,"
		    "\"cache_creation_input_tokens\":6}");
	expect(&turn, 10, 1, 5, 6, 0, 0);
	take_stream("{\"output_tokens\":90}");
	take_stream("{\"output_tokens\":80,\"input_tokens\":10}");
	expect(&turn, 10, 90, 5, 6, 0, 0);
	take_stream("{\"output_tokens\":-5,\"input_tokens\":9223372036854775807}");
	usage_take_stream(NULL, &turn);
	expect(&turn, 10, 90, 5, 6, 0, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_clis_own_figures_for_the_turn_count),
		TEST(several_models_are_summed_and_none_named),
		TEST(a_model_that_is_known_stays),
		TEST(an_empty_account_of_the_turn_is_nothing_spent),
		TEST(older_clis_are_read_by_the_growth_of_their_total),
		TEST(a_total_that_shrinks_is_no_credit),
		TEST(a_result_without_figures_changes_nothing),
		TEST(negative_and_absurd_numbers_are_nothing),
		TEST(several_turns_add_up),
		TEST(sums_saturate),
		TEST(the_stream_repeats_and_raises),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
