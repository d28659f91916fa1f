#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json_scan.h"

#include "tests/unit/test.h"

/* Texts stand in memory of exactly their size, so that the sanitizer sees a read past the end. */
static char *exact_copy(const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	return copy;
}

/* "key=value;key=value;" of the members, and a "!" when the scan failed. */
static void describe(const char *text, size_t len, char *to, size_t size)
{
	char *copy = exact_copy(text, len);
	struct json_slice key, value;
	struct json_scan scan;
	size_t at = 0;

	to[0] = '\0';
	json_scan_begin(&scan, copy, len);
	while (json_scan_next(&scan, &key, &value)) {
		assert_true(key.at >= copy && key.at + key.len <= copy + len);
		assert_true(value.at >= copy && value.at + value.len <= copy + len);
		at += (size_t)snprintf(to + at, size - at, "%.*s=%.*s;", (int)key.len, key.at,
				       (int)value.len, value.at);
		assert_true(at < size);
	}
	assert_false(json_scan_next(&scan, &key, &value));
	if (scan.failed)
		snprintf(to + at, size - at, "!");
	free(copy);
}

static void expect(const char *text, const char *members)
{
	char got[1024];

	describe(text, strlen(text), got, sizeof got);
	assert_string_equal(got, members);
}

static void members_come_in_the_order_of_the_text(void **state)
{
	(void)state;
	expect("{}", "");
	expect(" { } ", "");
	expect("{\"a\":1}", "a=1;");
	expect(" {\n\"a\" :\t1 , \"b\":true,\r\"c\":null, \"\":-1.5e+3 } \n",
	       "a=1;b=true;c=null;=-1.5e+3;");
	expect("{\"a\":1,\"a\":2}", "a=1;a=2;");
}

static void strings_end_at_the_first_quote_that_is_not_escaped(void **state)
{
	(void)state;
	expect("{\"a\":\"\"}", "a=\"\";");
	expect("{\"a\":\"x\\\"y\",\"b\":\"\\\\\"}", "a=\"x\\\"y\";b=\"\\\\\";");
	expect("{\"a\":\"\\\\\\\"\",\"b\":2}", "a=\"\\\\\\\"\";b=2;");
	expect("{\"\\\"k\\\"\":1}", "\\\"k\\\"=1;");
	expect("{\"a\":\"}],{[:\"}", "a=\"}],{[:\";");
}

static void nested_values_are_one_slice(void **state)
{
	(void)state;
	expect("{\"a\":{\"b\":[1,{\"c\":\"]}\"}]},\"d\":[]}", "a={\"b\":[1,{\"c\":\"]}\"}]};d=[];");
	expect("{\"a\":[\"\\\"]\"],\"b\":{}}", "a=[\"\\\"]\"];b={};");
}

static void members_of_nested_objects_are_not_members(void **state)
{
	(void)state;
	expect("{\"a\":{\"type\":\"x\"},\"type\":\"y\"}", "a={\"type\":\"x\"};type=\"y\";");
}

static void what_is_no_object_fails(void **state)
{
	static const char *const texts[] = {"",    " ",  "null", "1",        "\"a\"",
					    "[1]", "a:", "}",    "Error: x", "\xff\xfe"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		expect(texts[i], "!");
}

static void broken_members_fail(void **state)
{
	(void)state;
	expect("{a:1}", "!");
	expect("{\"a\"}", "!");
	expect("{\"a\" 1}", "!");
	expect("{\"a\":}", "!");
	expect("{\"a\":,\"b\":1}", "!");
	expect("{\"a\":1,b}", "a=1;!");
	expect("{\"a\":]}", "!");
	expect("{1:2}", "!");
}

static void text_behind_the_object_fails(void **state)
{
	(void)state;
	expect("{\"a\":1}x", "a=1;!");
	expect("{\"a\":1}{\"b\":2}", "a=1;!");
	expect("{}}", "!");
}

/* Every cut of a line ends in failure, never in silence and never beyond the text. */
static void every_truncation_fails(void **state)
{
	static const char text[] = "{\"type\":\"result\",\"a\":{\"b\":[\"\\\\\\\"\",{}]},\"c\":-1."
				   "5,\"d\":\"\\u2028\\\"\"}";
	char got[1024];

	(void)state;
	for (size_t len = 0; len < sizeof text - 1; len++) {
		describe(text, len, got, sizeof got);
		assert_int_equal(got[strlen(got) - 1], '!');
	}
	describe(text, sizeof text - 1, got, sizeof got);
	assert_null(strchr(got, '!'));
}

static void a_nul_byte_is_not_the_end_of_the_text(void **state)
{
	char got[64];

	(void)state;
	describe("{\"a\":1\0}", 8, got, sizeof got);
	assert_string_equal(got, "a=1;!");
	describe("{\"a\":\"x\0y\",\"b\":2}", 17, got, sizeof got);
	assert_non_null(strstr(got, "a="));
	describe("\0{}", 3, got, sizeof got);
	assert_string_equal(got, "!");
}

static void a_string_of_backslashes_is_walked_once(void **state)
{
	size_t len = 4 << 20;
	char *text = malloc(len);
	struct json_slice key, value;
	struct json_scan scan;

	(void)state;
	assert_non_null(text);
	memset(text, '\\', len);
	memcpy(text, "{\"a\":\"", 6);
	for (size_t i = 7; i < len - 2; i += 2)
		text[i] = '"';
	memcpy(text + len - 2, "\"}", 2);
	json_scan_begin(&scan, text, len);
	assert_true(json_scan_next(&scan, &key, &value));
	assert_int_equal(value.len, len - 6);
	assert_false(json_scan_next(&scan, &key, &value));
	assert_false(scan.failed);
	free(text);
}

static void items_of_an_array_come_one_by_one(void **state)
{
	static const char text[] = " [ {\"a\":[1,2]} , \"x,]\", 3,null ] ";
	static const char *const items[] = {"{\"a\":[1,2]}", "\"x,]\"", "3", "null"};
	struct json_slice item;
	struct json_scan scan;
	size_t n = 0;

	(void)state;
	json_scan_begin_array(&scan, text, sizeof text - 1);
	while (json_scan_next_item(&scan, &item))
		assert_true(n < 4 && json_slice_is(&item, items[n++]));
	assert_int_equal(n, 4);
	assert_false(scan.failed);
}

static void arrays_with_odd_commas_fail(void **state)
{
	static const char *const texts[] = {"[,1]", "[1,]", "[1,,2]", "[1 2]", "[1", "{}",
					    "",     "[",    "[1]x",   "[}",    "[1}"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct json_slice item;
		struct json_scan scan;

		json_scan_begin_array(&scan, texts[i], strlen(texts[i]));
		while (json_scan_next_item(&scan, &item))
			;
		assert_true(scan.failed);
	}
}

static void slices_equal_texts_of_their_length(void **state)
{
	const struct json_slice slice = {"typed", 4};

	(void)state;
	assert_true(json_slice_is(&slice, "type"));
	assert_false(json_slice_is(&slice, "typ"));
	assert_false(json_slice_is(&slice, "typed"));
	assert_false(json_slice_is(&slice, "typo"));
	assert_true(json_slice_is(&(struct json_slice){"", 0}, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_come_in_the_order_of_the_text),
		cmocka_unit_test(strings_end_at_the_first_quote_that_is_not_escaped),
		cmocka_unit_test(nested_values_are_one_slice),
		cmocka_unit_test(members_of_nested_objects_are_not_members),
		cmocka_unit_test(what_is_no_object_fails),
		cmocka_unit_test(broken_members_fail),
		cmocka_unit_test(text_behind_the_object_fails),
		cmocka_unit_test(every_truncation_fails),
		cmocka_unit_test(a_nul_byte_is_not_the_end_of_the_text),
		cmocka_unit_test(a_string_of_backslashes_is_walked_once),
		cmocka_unit_test(items_of_an_array_come_one_by_one),
		cmocka_unit_test(arrays_with_odd_commas_fail),
		cmocka_unit_test(slices_equal_texts_of_their_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
