#include <stdio.h>
#include <string.h>

#include "daemon/observe/metrics.h"

#include "tests/unit/test.h"

static int begin(void **state)
{
	(void)state;
	metrics_reset();
	return 0;
}

static void counters_begin_at_nothing_and_rise(void **state)
{
	(void)state;
	for (int m = 0; m < METRICS; m++)
		assert_int_equal(metric_value((enum metric)m), 0);
	metric_add(METRIC_TOKENS_INPUT, 5);
	metric_add(METRIC_TOKENS_INPUT, 37);
	metric_add(METRIC_TOKENS_OUTPUT, 1);
	assert_int_equal(metric_value(METRIC_TOKENS_INPUT), 42);
	assert_int_equal(metric_value(METRIC_TOKENS_OUTPUT), 1);
	metrics_reset();
	assert_int_equal(metric_value(METRIC_TOKENS_INPUT), 0);
}

static void counters_never_fall_nor_wrap(void **state)
{
	(void)state;
	metric_add(METRIC_COST_MICRO_USD, 10);
	metric_add(METRIC_COST_MICRO_USD, -1);
	metric_add(METRIC_COST_MICRO_USD, INT64_MIN);
	assert_int_equal(metric_value(METRIC_COST_MICRO_USD), 10);
	metric_add(METRIC_COST_MICRO_USD, INT64_MAX);
	assert_int_equal(metric_value(METRIC_COST_MICRO_USD), INT64_MAX);
	metric_add(METRIC_COST_MICRO_USD, 1);
	assert_int_equal(metric_value(METRIC_COST_MICRO_USD), INT64_MAX);
}

/* Prometheus: [a-zA-Z_:][a-zA-Z0-9_:]*, and counters end in _total. */
static void every_counter_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int m = 0; m < METRICS; m++) {
		const char *name = metric_name((enum metric)m);
		size_t len;

		assert_non_null(name);
		len = strlen(name);
		assert_memory_equal(name, "ccapi_", 6);
		assert_string_equal(name + len - 6, "_total");
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), len);
		for (int other = 0; other < m; other++)
			assert_string_not_equal(name, metric_name((enum metric)other));
	}
}

/* The next line of *at, without its end; NULL at the end. */
static char *next_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');

	if (!*line)
		return NULL;
	assert_non_null(end);
	*end = '\0';
	*at = end + 1;
	return line;
}

static void the_text_has_help_type_and_value_of_each(void **state)
{
	char *at, *line, expected[200];
	struct buf b;

	(void)state;
	for (int m = 0; m < METRICS; m++)
		metric_add((enum metric)m, 100 + m);
	buf_init(&b, 100000);
	metrics_write(&b);
	assert_false(b.failed);
	at = b.data;
	for (int m = 0; m < METRICS; m++) {
		const char *name = metric_name((enum metric)m);
		int len = snprintf(expected, sizeof expected, "# HELP %s ", name);

		line = next_line(&at);
		assert_non_null(line);
		assert_memory_equal(line, expected, (size_t)len);
		assert_true(strlen(line) > (size_t)len + 10);
		assert_null(strchr(line, '\\'));
		snprintf(expected, sizeof expected, "# TYPE %s counter", name);
		assert_string_equal(next_line(&at), expected);
		snprintf(expected, sizeof expected, "%s %d", name, 100 + m);
		assert_string_equal(next_line(&at), expected);
	}
	assert_null(next_line(&at));
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(counters_begin_at_nothing_and_rise, begin),
		cmocka_unit_test_setup(counters_never_fall_nor_wrap, begin),
		cmocka_unit_test_setup(every_counter_has_a_name_of_its_own, begin),
		cmocka_unit_test_setup(the_text_has_help_type_and_value_of_each, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
