/* Objects written member by member. */
#include <string.h>

#include "daemon/observe/row.h"

#include "tests/unit/test.h"

static struct buf text;

static int begin(void **state)
{
	(void)state;
	buf_init(&text, 4096);
	row_open(&text);
	return 0;
}

static int end(void **state)
{
	(void)state;
	buf_done(&text);
	return 0;
}

static const char *written(void)
{
	row_close(&text);
	return text.data;
}

static void members_stand_with_commas_between(void **state)
{
	(void)state;
	row_text(&text, "a", "x");
	row_int(&text, "b", -42);
	row_bool(&text, "c", true);
	row_null(&text, "d");
	row_name(&text, "e");
	row_open(&text);
	row_int(&text, "f", 0);
	row_close(&text);
	assert_string_equal(written(),
			    "{\"a\":\"x\",\"b\":-42,\"c\":true,\"d\":null,\"e\":{\"f\":0}}");
}

static void what_is_not_known_is_null(void **state)
{
	(void)state;
	row_text(&text, "a", "");
	row_text(&text, "b", NULL);
	row_int_or_null(&text, "c", -1);
	row_usd(&text, "d", -1);
	row_time(&text, "e", 0);
	assert_string_equal(written(), "{\"a\":null,\"b\":null,\"c\":null,\"d\":null,\"e\":null}");
}

static void integers_have_their_whole_range(void **state)
{
	json_t *row;

	(void)state;
	row_int(&text, "least", INT64_MIN);
	row_int(&text, "most", INT64_MAX);
	row_close(&text);
	row = row_parse(&text);
	assert_true(json_integer_value(json_object_get(row, "least")) == INT64_MIN);
	assert_true(json_integer_value(json_object_get(row, "most")) == INT64_MAX);
	json_decref(row);
}

static void money_and_times_are_exact(void **state)
{
	(void)state;
	row_usd(&text, "usd", 1234567);
	row_time(&text, "at", INT64_C(1795516800123));
	row_time(&text, "later", INT64_C(1795516800007));
	row_time(&text, "next", INT64_C(1795516801000));
	assert_string_equal(written(), "{\"usd\":1.234567,\"at\":\"2026-11-24T10:40:00.123Z\","
				       "\"later\":\"2026-11-24T10:40:00.007Z\","
				       "\"next\":\"2026-11-24T10:40:01.000Z\"}");
}

static void any_bytes_are_json(void **state)
{
	json_t *row;

	(void)state;
	row_text(&text, "a", "\x1b[31m\"\\\n\xff\xfe \xf0\x9f\x98\x80");
	row_close(&text);
	row = row_parse(&text);
	assert_non_null(json_string_value(json_object_get(row, "a")));
	assert_null(memchr(text.data, 0x1b, text.len));
	json_decref(row);
}

static void what_does_not_fit_is_no_row(void **state)
{
	static char big[5000];

	(void)state;
	memset(big, 'x', sizeof big - 1);
	row_text(&text, "a", big);
	row_close(&text);
	assert_null(row_parse(&text));
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(members_stand_with_commas_between),
		T(what_is_not_known_is_null),
		T(integers_have_their_whole_range),
		T(money_and_times_are_exact),
		T(any_bytes_are_json),
		T(what_does_not_fit_is_no_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
