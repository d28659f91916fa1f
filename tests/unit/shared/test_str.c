#include <errno.h>
#include <string.h>

#include "shared/err.h"
#include "shared/str.h"

#include "tests/unit/test.h"

static bool utf8(const char *s)
{
	return str_is_utf8(s, strlen(s));
}

static bool blank(const char *s)
{
	return str_is_blank(s, strlen(s));
}

static void utf8_takes_well_formed_sequences(void **state)
{
	(void)state;
	assert_true(utf8(""));
	assert_true(utf8("plain"));
	assert_true(utf8("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \xEF\xBF\xBF \xF4\x8F\xBF\xBF"));
	assert_true(str_is_utf8("a\0b", 3));
}

static void utf8_refuses_overlong_surrogate_cut_and_stray_bytes(void **state)
{
	const char *const bad[] = {"\x80",
				   "\xC0\x80",
				   "\xC1\xBF",
				   "\xE0\x80\x80",
				   "\xE0\x9F\xBF",
				   "\xED\xA0\x80",
				   "\xF0\x8F\xBF\xBF",
				   "\xF4\x90\x80\x80",
				   "\xF5\x80\x80\x80",
				   "\xC3",
				   "\xE2\x82",
				   "\xF0\x9F\x98",
				   "\xC3(",
				   "\xE2\x82("};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(utf8(bad[i]));
}

static void blank_is_what_javascript_trims(void **state)
{
	(void)state;
	assert_true(blank(""));
	assert_true(blank(" \t\n\v\f\r"));
	assert_true(blank("\xC2\xA0\xE1\x9A\x80\xE2\x80\x80\xE2\x80\x8A\xE2\x80\xA8\xE2\x80\xA9\xE2"
			  "\x80\xAF"));
	assert_true(blank("\xE2\x81\x9F\xE3\x80\x80\xEF\xBB\xBF"));
	assert_false(blank("\xE2\x80\x8B")); /* zero width space is none */
	assert_false(blank("\xC2\x85"));
	assert_false(blank("\xE1\xA0\x8E"));
	assert_false(blank(" x "));
	assert_false(blank("\xC2"));
	assert_false(str_is_blank("\0", 1));
}

static void in_set_checks_length_and_every_character(void **state)
{
	(void)state;
	assert_true(str_in_set("abc", 1, 3, "abc"));
	assert_false(str_in_set("", 1, 3, "abc"));
	assert_true(str_in_set("", 0, 3, "abc"));
	assert_false(str_in_set("abca", 1, 3, "abc"));
	assert_false(str_in_set("abd", 1, 3, "abc"));
}

static void copy_clean_takes_controls_out_and_cuts_between_characters(void **state)
{
	char out[8];

	(void)state;
	str_copy_clean(out, sizeof out, "a\x1b[0m\x7f");
	assert_string_equal(out, "a?[0m?");
	str_copy_clean(out, sizeof out, "\xC2\x9B\xFF\xC3\xA9");
	assert_string_equal(out, "??\xC3\xA9");
	str_copy_clean(out, sizeof out, "123456\xC3\xA9");
	assert_string_equal(out, "123456");
	str_copy_clean(out, sizeof out, "12345\xC3\xA9z");
	assert_string_equal(out, "12345\xC3\xA9");
	out[0] = 'k';
	str_copy_clean(out, 0, "x");
	assert_int_equal(out[0], 'k');
	str_copy_clean(out, 1, "x");
	assert_string_equal(out, "");
}

static void uuids_are_version_4_and_differ(void **state)
{
	char a[37], b[37];

	(void)state;
	for (int i = 0; i < 100; i++) {
		str_uuid4(a);
		str_uuid4(b);
		assert_string_not_equal(a, b);
		assert_int_equal(strlen(a), 36);
		assert_int_equal(a[14], '4');
		assert_non_null(strchr("89ab", a[19]));
		assert_true(a[8] == '-' && a[13] == '-' && a[18] == '-' && a[23] == '-');
		assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
	}
}

static void every_code_has_words(void **state)
{
	(void)state;
	assert_string_equal(err_str(0), "success");
	assert_string_equal(err_str(ERR_LIMIT), "limit exceeded");
	assert_string_equal(err_str(-ENOENT), "No such file or directory");
	for (int code = -5000; code < 10; code++)
		assert_non_null(err_str(code));
	assert_string_equal(err_str(-999), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_takes_well_formed_sequences),
		cmocka_unit_test(utf8_refuses_overlong_surrogate_cut_and_stray_bytes),
		cmocka_unit_test(blank_is_what_javascript_trims),
		cmocka_unit_test(in_set_checks_length_and_every_character),
		cmocka_unit_test(copy_clean_takes_controls_out_and_cuts_between_characters),
		cmocka_unit_test(uuids_are_version_4_and_differ),
		cmocka_unit_test(every_code_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
