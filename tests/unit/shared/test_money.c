#include <stdlib.h>
#include <string.h>

#include "shared/err.h"
#include "shared/money.h"

#include "tests/unit/test.h"

static void dollars_are_printed_with_six_decimals(void **state)
{
	static const struct {
		int64_t micro_usd;
		const char *text;
	} cases[] = {
		{0, "0.000000"},
		{1, "0.000001"},
		{978, "0.000978"},
		{999999, "0.999999"},
		{1000000, "1.000000"},
		{12000001, "12.000001"},
		{INT64_MAX, "9223372036854.775807"},
		{-1, "0.000000"},
		{INT64_MIN, "0.000000"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[MONEY_TEXT_SIZE];
		struct buf b;

		money_format_usd(text, cases[i].micro_usd);
		assert_string_equal(text, cases[i].text);
		buf_init(&b, 100);
		buf_add_char(&b, '$');
		money_add_usd(&b, cases[i].micro_usd);
		assert_string_equal(b.data + 1, cases[i].text);
		buf_done(&b);
	}
}

static void dollars_are_read_exactly(void **state)
{
	static const struct {
		const char *text;
		int64_t micro_usd;
	} cases[] = {
		{"0", 0},
		{"5", 5000000},
		{"0.25", 250000},
		{"12.000001", 12000001},
		{"0.1", 100000},
		{"0.000000", 0},
		{"00000000000000000000000007.5", 7500000},
		{"999999999999.999999", INT64_C(999999999999999999)},
		{"1000000000000", INT64_C(1000000000000000000)},
		{"1000000000000.000000", INT64_C(1000000000000000000)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t micro_usd = -1;

		assert_int_equal(money_parse_usd(cases[i].text, &micro_usd), 0);
		assert_int_equal(micro_usd, cases[i].micro_usd);
	}
}

static void what_is_no_amount_of_dollars_is_told(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{"", ERR_SYNTAX},
		{".", ERR_SYNTAX},
		{".5", ERR_SYNTAX},
		{"5.", ERR_SYNTAX},
		{"-1", ERR_SYNTAX},
		{"+1", ERR_SYNTAX},
		{" 1", ERR_SYNTAX},
		{"1 ", ERR_SYNTAX},
		{"$1", ERR_SYNTAX},
		{"1,000", ERR_SYNTAX},
		{"1e3", ERR_SYNTAX},
		{"1.5.5", ERR_SYNTAX},
		{"0x10", ERR_SYNTAX},
		{"inf", ERR_SYNTAX},
		{"nan", ERR_SYNTAX},
		{"0.0000001", ERR_SYNTAX},
		{"1.0000000", ERR_SYNTAX},
		{"1000000000000.000001", ERR_LIMIT},
		{"1000000000001", ERR_LIMIT},
		{"9223372036854775808", ERR_LIMIT},
		{"99999999999999999999999999999999", ERR_LIMIT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t micro_usd = 42;

		assert_int_equal(money_parse_usd(cases[i].text, &micro_usd), cases[i].rc);
		assert_int_equal(micro_usd, 42);
	}
}

static void what_is_printed_is_read_back(void **state)
{
	int64_t micro_usd, back;

	(void)state;
	srand(4711);
	for (int i = 0; i < 10000; i++) {
		char text[MONEY_TEXT_SIZE];

		micro_usd = (((int64_t)rand() << 31) ^ rand()) % INT64_C(1000000000000000000);
		micro_usd >>= rand() % 60;
		money_format_usd(text, micro_usd);
		assert_int_equal(money_parse_usd(text, &back), 0);
		assert_int_equal(back, micro_usd);
	}
}

static void costs_are_rounded_up(void **state)
{
	(void)state;
	assert_int_equal(money_cost(1000000, 3000000), 3000000);
	assert_int_equal(money_cost(1, 3000000), 3);
	assert_int_equal(money_cost(1, 1), 1);
	assert_int_equal(money_cost(1000000, 1), 1);
	assert_int_equal(money_cost(1000001, 1), 2);
	assert_int_equal(money_cost(333, 250000), 84); /* 83.25 */
}

static void costs_of_nothing_are_nothing(void **state)
{
	(void)state;
	assert_int_equal(money_cost(0, 3000000), 0);
	assert_int_equal(money_cost(5, 0), 0);
	assert_int_equal(money_cost(-5, 3000000), 0);
	assert_int_equal(money_cost(5, -3000000), 0);
	assert_int_equal(money_cost(INT64_MIN, INT64_MIN), 0);
}

static void absurd_costs_saturate(void **state)
{
	(void)state;
	assert_int_equal(money_cost(INT64_MAX, INT64_MAX), INT64_MAX);
	assert_int_equal(money_cost(INT64_MAX, 1000000), INT64_MAX);
	assert_int_equal(money_cost(INT64_MAX, 1000001), INT64_MAX);
	assert_int_equal(money_cost(INT64_MAX, 999999), INT64_C(9223362813482738953));
}

static void sums_saturate_at_both_ends(void **state)
{
	(void)state;
	assert_int_equal(sum_saturating(2, 3), 5);
	assert_int_equal(sum_saturating(2, -3), -1);
	assert_int_equal(sum_saturating(INT64_MAX, 0), INT64_MAX);
	assert_int_equal(sum_saturating(INT64_MAX, 1), INT64_MAX);
	assert_int_equal(sum_saturating(1, INT64_MAX), INT64_MAX);
	assert_int_equal(sum_saturating(INT64_MIN, -1), INT64_MIN);
	assert_int_equal(sum_saturating(-1, INT64_MIN), INT64_MIN);
	assert_int_equal(sum_saturating(INT64_MIN, INT64_MAX), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dollars_are_printed_with_six_decimals),
		cmocka_unit_test(dollars_are_read_exactly),
		cmocka_unit_test(what_is_no_amount_of_dollars_is_told),
		cmocka_unit_test(what_is_printed_is_read_back),
		cmocka_unit_test(costs_are_rounded_up),
		cmocka_unit_test(costs_of_nothing_are_nothing),
		cmocka_unit_test(absurd_costs_saturate),
		cmocka_unit_test(sums_saturate_at_both_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
