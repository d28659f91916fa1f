#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"

#include "ctl/show.h"
#include "tests/unit/test.h"

static char shown[512];

/* 2026-11-24T08:00:00Z */
#define NOW_US (INT64_C(1795507200) * 1000000)

static const char *value(enum show_kind kind, const char *json)
{
	const struct show_field field = {"", "v", kind};
	json_t *object = json_loads(json, 0, NULL);
	struct buf b;

	assert_non_null(object);
	buf_init(&b, sizeof shown - 1);
	show_value(&b, &field, object);
	snprintf(shown, sizeof shown, "%s", b.data ? b.data : "");
	buf_done(&b);
	json_decref(object);
	return shown;
}

static void numbers_are_grouped(void **state)
{
	(void)state;
	assert_string_equal(value(SHOW_COUNT, "{\"v\":0}"), "0");
	assert_string_equal(value(SHOW_COUNT, "{\"v\":999}"), "999");
	assert_string_equal(value(SHOW_COUNT, "{\"v\":1000}"), "1,000");
	assert_string_equal(value(SHOW_COUNT, "{\"v\":1234567}"), "1,234,567");
	assert_string_equal(value(SHOW_COUNT, "{\"v\":-1234}"), "-1,234");
	assert_string_equal(value(SHOW_COUNT, "{\"v\":null}"), "-");
	assert_string_equal(value(SHOW_COUNT, "{}"), "-");
}

static void money_has_cents_and_no_false_zeros(void **state)
{
	(void)state;
	assert_string_equal(value(SHOW_USD, "{\"v\":5}"), "$5.00");
	assert_string_equal(value(SHOW_USD, "{\"v\":0.25}"), "$0.25");
	assert_string_equal(value(SHOW_USD, "{\"v\":0.000978}"), "$0.000978");
	assert_string_equal(value(SHOW_USD, "{\"v\":1.5}"), "$1.50");
}

static void times_are_relative(void **state)
{
	(void)state;
	clock_freeze(0, NOW_US);
	assert_string_equal(value(SHOW_UNTIL, "{\"v\":\"2026-11-24T10:30:00Z\"}"), "in 2 h 30 m");
	assert_string_equal(value(SHOW_UNTIL, "{\"v\":\"2026-12-01T08:00:00Z\"}"), "in 7 d");
	assert_string_equal(value(SHOW_AGE, "{\"v\":\"2026-11-24T07:59:55.250Z\"}"), "5 s ago");
	assert_string_equal(value(SHOW_AGE, "{\"v\":\"2026-11-24T08:00:00Z\"}"), "0 s ago");
	assert_string_equal(value(SHOW_AGE, "{\"v\":null}"), "never");
	assert_string_equal(value(SHOW_AGE, "{\"v\":\"soon\"}"), "soon");
	assert_string_equal(value(SHOW_SINCE, "{\"v\":\"2026-11-24T05:30:00.999Z\"}"), "2 h 29 m");
	assert_string_equal(value(SHOW_SINCE, "{\"v\":\"2026-11-24T08:00:09Z\"}"), "0 s");
	assert_string_equal(value(SHOW_SINCE, "{\"v\":null}"), "-");
	assert_string_equal(value(SHOW_SINCE, "{\"v\":\"soon\"}"), "soon");
	assert_string_equal(value(SHOW_TIME, "{\"v\":\"2026-11-24T08:00:00Z\"}"),
			    "2026-11-24 08:00:00");
	clock_thaw();
}

static void durations_show_two_units_at_most(void **state)
{
	(void)state;
	assert_string_equal(value(SHOW_DURATION, "{\"v\":0}"), "0 s");
	assert_string_equal(value(SHOW_DURATION, "{\"v\":59}"), "59 s");
	assert_string_equal(value(SHOW_DURATION, "{\"v\":3600}"), "1 h");
	assert_string_equal(value(SHOW_DURATION, "{\"v\":3601}"), "1 h");
	assert_string_equal(value(SHOW_DURATION, "{\"v\":266461}"), "3 d 2 h");
}

static void the_rest_reads_well(void **state)
{
	(void)state;
	assert_string_equal(value(SHOW_BYTES, "{\"v\":1023}"), "1023 B");
	assert_string_equal(value(SHOW_BYTES, "{\"v\":1572864}"), "1.5 MiB");
	assert_string_equal(value(SHOW_PERCENT, "{\"v\":0.57}"), "57 %");
	assert_string_equal(value(SHOW_MS, "{\"v\":1250}"), "1.25 s");
	assert_string_equal(value(SHOW_LIST, "{\"v\":[\"a\",\"b\"]}"), "a, b");
	assert_string_equal(value(SHOW_LIST, "{\"v\":null}"), "all");
	assert_string_equal(value(SHOW_YES, "{\"v\":true}"), "yes");
	assert_string_equal(value(SHOW_YES, "{}"), "no");
	assert_string_equal(value(SHOW_SUBJECT, "{\"scope\":\"global\"}"), "everybody");
	assert_string_equal(value(SHOW_SUBJECT, "{\"project\":\"demo\"}"), "demo");
	assert_string_equal(value(SHOW_SUBJECT, "{\"key\":\"k_1\"}"), "key k_1");
	assert_string_equal(value(SHOW_TEXT, "{\"v\":7.5}"), "7.5");
}

static void times_are_read_to_the_millisecond(void **state)
{
	int64_t ms = 7;

	(void)state;
	assert_true(show_parse_time("2026-11-24T08:00:00Z", &ms));
	assert_int_equal(ms, NOW_US / 1000);
	assert_true(show_parse_time("2026-11-24T08:00:00.123Z", &ms));
	assert_int_equal(ms, NOW_US / 1000 + 123);
	assert_true(show_parse_time("2026-11-24T08:00:00.5Z", &ms));
	assert_int_equal(ms, NOW_US / 1000 + 500);
	assert_true(show_parse_time("2026-11-24T08:00:00.123456789Z", &ms));
	assert_int_equal(ms, NOW_US / 1000 + 123);
	ms = 7;
	assert_false(show_parse_time("2026-11-24 08:00:00", &ms));
	assert_false(show_parse_time("2026-11-24T08:00:00", &ms));
	assert_false(show_parse_time("", &ms));
	assert_false(show_parse_time(NULL, &ms));
	assert_int_equal(ms, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_grouped),
		cmocka_unit_test(money_has_cents_and_no_false_zeros),
		cmocka_unit_test(times_are_relative),
		cmocka_unit_test(times_are_read_to_the_millisecond),
		cmocka_unit_test(durations_show_two_units_at_most),
		cmocka_unit_test(the_rest_reads_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
