#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/observe/metrics.h"

#include "tests/unit/test.h"

#define LABELS(...) ((const char *const[METRIC_LABELS]){__VA_ARGS__})

static int reset(void **state)
{
	(void)state;
	metrics_reset();
	return 0;
}

static void a_counter_adds_up_and_starts_again_after_reset(void **state)
{
	(void)state;
	metric_add(METRIC_TOKENS_INPUT, 5);
	metric_add(METRIC_TOKENS_INPUT, 37);
	metric_add(METRIC_TOKENS_OUTPUT, 1);
	assert_int_equal(metric_value(METRIC_TOKENS_INPUT), 42);
	assert_int_equal(metric_value(METRIC_TOKENS_OUTPUT), 1);
	metrics_reset();
	assert_int_equal(metric_value(METRIC_TOKENS_INPUT), 0);
}

static void a_counter_never_falls_and_stops_at_the_end_of_its_range(void **state)
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

static bool ends_with(const char *s, const char *end)
{
	return strlen(s) >= strlen(end) && strcmp(s + strlen(s) - strlen(end), end) == 0;
}

/* Prometheus: [a-zA-Z_:][a-zA-Z0-9_:]*; counters, and nothing else, end in _total. */
static void every_family_has_a_name_a_type_and_words_of_its_own(void **state)
{
	(void)state;
	for (int m = 0; m < METRICS; m++) {
		const struct metric_family *f = &metric_families[m];

		assert_non_null(f->name);
		assert_int_equal(strspn(f->name, "abcdefghijklmnopqrstuvwxyz_"), strlen(f->name));
		assert_true(strncmp(f->name, "ccapi_", 6) == 0 ||
			    strncmp(f->name, "process_", 8) == 0);
		assert_int_equal(ends_with(f->name, "_total"), f->type == METRIC_COUNTER);
		assert_int_equal(ends_with(f->name, "_seconds"),
				 f->type == METRIC_HISTOGRAM ||
					 strstr(f->name, "_seconds") ==
						 f->name + strlen(f->name) - 8);
		assert_true(strlen(f->help) > 10 && ends_with(f->help, "."));
		assert_null(strpbrk(f->help, "\\\n"));
		for (int other = 0; other < m; other++)
			assert_string_not_equal(f->name, metric_families[other].name);
	}
}

static char *text(void)
{
	struct buf b;
	char *s;

	buf_init(&b, 1 << 20);
	metrics_write(&b);
	s = buf_take(&b, NULL);
	assert_non_null(s);
	buf_done(&b);
	return s;
}

static void assert_says(const char *line)
{
	char *all = text(), *wanted = NULL;

	assert_true(asprintf(&wanted, "\n%s\n", line) > 0);
	if (!strstr(all, wanted))
		fail_msg("no line '%s' in:\n%s", line, all);
	free(wanted);
	free(all);
}

static void assert_does_not_say(const char *piece)
{
	char *all = text();

	assert_null(strstr(all, piece));
	free(all);
}

static void each_family_is_told_once_with_help_and_type(void **state)
{
	char *all = text(), line[600];

	(void)state;
	for (int m = 0; m < METRICS; m++) {
		const struct metric_family *f = &metric_families[m];
		const char *at;

		snprintf(line, sizeof line, "# HELP %s %s\n# TYPE %s ", f->name, f->help, f->name);
		at = strstr(all, line);
		assert_non_null(at);
		assert_null(strstr(at + 1, line));
	}
	free(all);
}

static void a_family_without_labels_is_there_from_the_start(void **state)
{
	(void)state;
	assert_says("ccapi_requests_total 0");
	assert_says("ccapi_redis_up 0");
	assert_does_not_say("ccapi_websocket_closed_total{");
}

static void series_are_told_apart_by_their_labels(void **state)
{
	(void)state;
	metric_add_as(METRIC_WS_CLOSED, 2, "1000");
	metric_add_as(METRIC_WS_CLOSED, 1, "1009");
	metric_add_as(METRIC_WS_CLOSED, 3, "1000");
	metric_add_labels(METRIC_MODEL_TOKENS, 7, LABELS("m", "input"));
	metric_add_labels(METRIC_MODEL_TOKENS, 9, LABELS("m", "output"));
	assert_says("ccapi_websocket_closed_total{code=\"1000\"} 5");
	assert_says("ccapi_websocket_closed_total{code=\"1009\"} 1");
	assert_says("ccapi_model_tokens_total{model=\"m\",kind=\"input\"} 7");
	assert_says("ccapi_model_tokens_total{model=\"m\",kind=\"output\"} 9");
	assert_int_equal(metric_value(METRIC_WS_CLOSED), 6);
}

static void a_label_that_is_missing_or_empty_is_none(void **state)
{
	(void)state;
	metric_add_as(METRIC_WS_CLOSED, 1, NULL);
	metric_add_as(METRIC_WS_CLOSED, 1, "");
	assert_says("ccapi_websocket_closed_total{code=\"none\"} 2");
}

static void labels_are_escaped_cut_and_free_of_control_characters(void **state)
{
	char longest[1000];

	(void)state;
	metric_add_as(METRIC_WS_CLOSED, 1, "a\"b\\c\nd");
	assert_says("ccapi_websocket_closed_total{code=\"a\\\"b\\\\c?d\"} 1");
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	metric_add_as(METRIC_WS_CLOSED, 1, longest);
	longest[200] = '\0';
	assert_does_not_say(longest);
}

static void what_comes_past_the_number_of_series_is_counted_as_other(void **state)
{
	char label[16];

	(void)state;
	for (int i = 0; i < 3 * METRIC_SERIES; i++) {
		snprintf(label, sizeof label, "l%d", i);
		metric_add_as(METRIC_WS_CLOSED, 1, label);
		metric_add_as(METRIC_WS_CLOSED, 1, "l0");
	}
	assert_says("ccapi_websocket_closed_total{code=\"l0\"} 193");
	assert_says("ccapi_websocket_closed_total{code=\"l62\"} 1");
	assert_does_not_say("{code=\"l63\"}");
	assert_says("ccapi_websocket_closed_total{code=\"other\"} 129");
	assert_int_equal(metric_value(METRIC_WS_CLOSED), 6 * METRIC_SERIES);
}

static void money_and_ratios_are_exact_decimals(void **state)
{
	(void)state;
	metric_add(METRIC_COST_MICRO_USD, 12);
	assert_says("ccapi_cost_usd_total 0.000012");
	metric_add(METRIC_COST_MICRO_USD, INT64_C(123456789499988));
	assert_says("ccapi_cost_usd_total 123456789.5");
	metric_set_labels(METRIC_PLAN_USE, 570000, LABELS("five_hour"));
	assert_says("ccapi_plan_use_ratio{window=\"five_hour\"} 0.57");
	metric_set_labels(METRIC_PLAN_USE, 1000000, LABELS("five_hour"));
	assert_says("ccapi_plan_use_ratio{window=\"five_hour\"} 1");
	metric_set_labels(METRIC_PLAN_USE, -1500000, LABELS("five_hour"));
	assert_says("ccapi_plan_use_ratio{window=\"five_hour\"} -1.5");
}

static void a_gauge_is_what_was_set_last_and_clearing_forgets_series(void **state)
{
	(void)state;
	metric_set(METRIC_QUEUE_DEPTH, 7);
	metric_set(METRIC_QUEUE_DEPTH, 3);
	assert_says("ccapi_queue_depth 3");
	metric_set_labels(METRIC_WORKERS, 2, LABELS("busy"));
	metric_clear(METRIC_WORKERS);
	metric_clear(METRIC_QUEUE_DEPTH);
	assert_does_not_say("ccapi_workers{");
	assert_says("ccapi_queue_depth 0");
	metric_set_labels(METRIC_WORKERS, 4, LABELS("busy"));
	assert_says("ccapi_workers{state=\"busy\"} 4");
}

static void a_histogram_counts_up_to_and_with_each_bound(void **state)
{
	(void)state;
	metric_observe(METRIC_QUEUE_SECONDS, 0);
	metric_observe(METRIC_QUEUE_SECONDS, 100);
	metric_observe(METRIC_QUEUE_SECONDS, 101);
	metric_observe(METRIC_QUEUE_SECONDS, 1000000);
	metric_observe(METRIC_QUEUE_SECONDS, 700000000); /* past the last bound */
	metric_observe(METRIC_QUEUE_SECONDS, -1);        /* passed over */
	assert_says("ccapi_queue_seconds_bucket{le=\"0.0001\"} 2");
	assert_says("ccapi_queue_seconds_bucket{le=\"0.00025\"} 3");
	assert_says("ccapi_queue_seconds_bucket{le=\"0.5\"} 3");
	assert_says("ccapi_queue_seconds_bucket{le=\"1\"} 4");
	assert_says("ccapi_queue_seconds_bucket{le=\"600\"} 4");
	assert_says("ccapi_queue_seconds_bucket{le=\"+Inf\"} 5");
	assert_says("ccapi_queue_seconds_sum 701.000201");
	assert_says("ccapi_queue_seconds_count 5");
	assert_int_equal(metric_value(METRIC_QUEUE_SECONDS), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_counter_adds_up_and_starts_again_after_reset, reset),
		cmocka_unit_test_setup(a_counter_never_falls_and_stops_at_the_end_of_its_range,
				       reset),
		cmocka_unit_test_setup(every_family_has_a_name_a_type_and_words_of_its_own, reset),
		cmocka_unit_test_setup(each_family_is_told_once_with_help_and_type, reset),
		cmocka_unit_test_setup(a_family_without_labels_is_there_from_the_start, reset),
		cmocka_unit_test_setup(series_are_told_apart_by_their_labels, reset),
		cmocka_unit_test_setup(a_label_that_is_missing_or_empty_is_none, reset),
		cmocka_unit_test_setup(labels_are_escaped_cut_and_free_of_control_characters,
				       reset),
		cmocka_unit_test_setup(what_comes_past_the_number_of_series_is_counted_as_other,
				       reset),
		cmocka_unit_test_setup(money_and_ratios_are_exact_decimals, reset),
		cmocka_unit_test_setup(a_gauge_is_what_was_set_last_and_clearing_forgets_series,
				       reset),
		cmocka_unit_test_setup(a_histogram_counts_up_to_and_with_each_bound, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
