#include <stdlib.h>
#include <string.h>

#include "shared/json.h"
#include "shared/str.h"

#include "tests/unit/test.h"

static const struct json_bounds bounds = {.max_values = 10, .max_depth = 3};

static json_t *parse(const char *text, char why[200])
{
	return json_parse(text, strlen(text), &bounds, why, 200);
}

static void assert_refused(const char *text)
{
	char why[200] = "";

	assert_null(parse(text, why));
	assert_true(why[0] != '\0');
	assert_true(str_is_utf8(why, strlen(why)));
}

static void any_single_value_is_parsed(void **state)
{
	const char *const good[] = {"null", "1", "\"x\"", " [1, 2] ", "{\"a\": {\"b\": [1]}}"};
	char why[200];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		json_t *value = parse(good[i], why);

		assert_non_null(value);
		json_decref(value);
	}
}

static void malformed_text_is_refused_with_words(void **state)
{
	char why[200];

	(void)state;
	assert_refused("");
	assert_refused("{");
	assert_refused("1 2");
	assert_refused("{\"a\":1,\"a\":2}");
	assert_refused("\"\\u0000\"");
	assert_refused("\"\\ud800\"");
	assert_refused("\"\xFF\"");
	assert_refused("1e999");
	assert_null(parse("\"\\u0000\"", why));
	assert_string_equal(why, "line 1, column 8: \\u0000 is not allowed");
}

static void integers_beyond_64_bits_are_taken_as_reals_if_asked(void **state)
{
	static const char text[] = "{\"a\":100000000000000000000}";
	const struct json_bounds lenient = {
		.max_values = 10, .max_depth = 3, .integers_as_reals = true};
	char why[200];
	json_t *value;

	(void)state;
	assert_refused(text);
	value = json_parse(text, strlen(text), &lenient, why, sizeof why);
	assert_float_equal(json_get_num(value, "a", 0), 1e20, 1);
	json_decref(value);
}

static void bounds_hold_on_values_and_depth(void **state)
{
	char why[200];
	json_t *value;

	(void)state;
	assert_refused("[[[[1]]]]");
	assert_refused("[1,2,3,4,5,6,7,8,9,10]");
	value = parse("[1,2,3,4,5,6,7,8]", why);
	assert_non_null(value);
	json_decref(value);
	value = parse("\"[[[[[[,,,,,,,,,,,,,\\\"[[[[\"", why);
	assert_non_null(value);
	json_decref(value);
}

static void the_reason_holds_no_control_characters(void **state)
{
	char why[200];

	(void)state;
	assert_null(parse("[nope\x1b[2J\x07]", why));
	assert_non_null(strstr(why, "nope"));
	for (const char *p = why; *p; p++)
		assert_true((unsigned char)*p >= 0x20);
	assert_null(parse("\x1b", why));
	assert_null(strchr(why, '\x1b'));
}

static void dump_keeps_doubles_exactly_and_short(void **state)
{
	const double values[] = {0.7, 0.1 + 0.2, 1.0 / 3, 5e-324, 1.7976931348623157e308, 3.0};
	json_t *one = json_real(0.7), *whole = json_pack("{s:i}", "a", 1);
	size_t len;
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		json_t *value = json_pack("[f]", values[i]), *back;

		text = json_dump_exact(value, &len);
		assert_int_equal(len, strlen(text));
		back = json_loads(text, 0, NULL);
		assert_true(json_equal(value, back));
		json_decref(value);
		json_decref(back);
		free(text);
	}
	text = json_dump_exact(one, NULL);
	assert_string_equal(text, "0.7");
	free(text);
	text = json_dump_exact(whole, NULL);
	assert_string_equal(text, "{\"a\":1}");
	free(text);
	json_decref(one);
	json_decref(whole);
}

static void lookups_answer_the_default_for_any_other_type(void **state)
{
	json_t *o =
		json_pack("{s:s, s:i, s:f, s:b, s:n}", "s", "text", "i", 5, "f", 1.5, "t", 1, "n");
	json_t *array = json_array();

	(void)state;
	assert_string_equal(json_get_str(o, "s"), "text");
	assert_null(json_get_str(o, "i"));
	assert_null(json_get_str(o, "none"));
	assert_null(json_get_str(NULL, "s"));
	assert_null(json_get_str(array, "s"));
	assert_int_equal(json_get_int(o, "i", -1), 5);
	assert_int_equal(json_get_int(o, "f", -1), -1);
	assert_int_equal(json_get_int(o, "s", -1), -1);
	assert_true(json_get_num(o, "f", 0) == 1.5);
	assert_true(json_get_num(o, "i", 0) == 5);
	assert_true(json_get_num(o, "s", -1) == -1);
	assert_true(json_get_true(o, "t"));
	assert_false(json_get_true(o, "i"));
	assert_false(json_get_true(NULL, "t"));
	json_decref(o);
	json_decref(array);
}

static void strings_are_escaped_and_parse_back(void **state)
{
	const char raw[] = "a\"\\\n\r\t\x01\x7f\xC2\x9B\xC3\xA9/";
	struct buf b;
	json_t *back;

	(void)state;
	buf_init(&b, 200);
	json_add_string(&b, raw, sizeof raw - 1);
	assert_string_equal(b.data, "\"a\\\"\\\\\\n\\r\\t\\u0001\\u007f\\u009b\xC3\xA9/\"");
	back = json_loads(b.data, JSON_DECODE_ANY, NULL);
	assert_string_equal(json_string_value(back), raw);
	json_decref(back);
	buf_clear(&b);
	json_add_string(&b, NULL, 0);
	assert_string_equal(b.data, "\"\"");
	buf_done(&b);
}

static void the_lossy_form_replaces_only_bad_bytes(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 200);
	json_add_string_lossy(&b, "\xC3\xA9 \xFF \xF0\x9F\x98\x80 \xE2\x82");
	assert_string_equal(b.data,
			    "\"\xC3\xA9 \xEF\xBF\xBD \xF0\x9F\x98\x80 \xEF\xBF\xBD\xEF\xBF\xBD\"");
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_single_value_is_parsed),
		cmocka_unit_test(malformed_text_is_refused_with_words),
		cmocka_unit_test(integers_beyond_64_bits_are_taken_as_reals_if_asked),
		cmocka_unit_test(bounds_hold_on_values_and_depth),
		cmocka_unit_test(the_reason_holds_no_control_characters),
		cmocka_unit_test(dump_keeps_doubles_exactly_and_short),
		cmocka_unit_test(lookups_answer_the_default_for_any_other_type),
		cmocka_unit_test(strings_are_escaped_and_parse_back),
		cmocka_unit_test(the_lossy_form_replaces_only_bad_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
