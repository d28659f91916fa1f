#include <stdio.h>
#include <string.h>

#include "shared/names.h"

#include "tests/unit/test.h"

static void names_of_the_set_are_valid(void **state)
{
	static const char *const good[] = {
		"a", "demo", "Team-7", "a.b", "a..b", "...", ".hidden", "-", "_", "0", "x_y-z.1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(name_is_valid(good[i]));
}

static void what_could_be_a_path_or_a_terminal_s_command_is_no_name(void **state)
{
	static const char *const bad[] = {
		"",     ".",    "..",       "a/b",   "/",           "../a", "a\\b", "a b", " a",
		"a\n",  "a\tb", "a\x1b[0m", "a\x7f", "caf\xc3\xa9", "a%",   "a:b",  "a*",  "a'",
		"a\"b", "a;b",  "~",        "a\xff", "a=b",         "@",    "a,b",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(name_is_valid(bad[i]));
}

static void every_single_byte_is_judged_by_the_rule(void **state)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				  "0123456789._-";

	(void)state;
	for (int c = 1; c < 256; c++) {
		char name[] = {'a', (char)c, '\0'};

		assert_int_equal(name_is_valid(name), strchr(set, c) != NULL);
	}
}

static void names_have_64_characters_at_most(void **state)
{
	char name[80];

	(void)state;
	memset(name, 'x', sizeof name);
	name[NAME_MAX_BYTES] = '\0';
	assert_true(name_is_valid(name));
	name[NAME_MAX_BYTES] = 'x';
	name[NAME_MAX_BYTES + 1] = '\0';
	assert_false(name_is_valid(name));
}

static void the_rule_says_how_long_names_are(void **state)
{
	char length[32];

	(void)state;
	snprintf(length, sizeof length, "1 to %d characters", NAME_MAX_BYTES);
	assert_ptr_equal(strstr(name_rule, length), name_rule);
}

static void labels_are_any_text_in_one_line(void **state)
{
	static const char *const good[] = {
		"",
		"laptop of J\xc3\xb6rg",
		"a / b: \"c\" 'd' \\ $e",
		"\xe6\x97\xa5\xe6\x9c\xac",
		"\xf0\x9f\x94\x91 key",
		"\xc2\xa0", /* the first one after C1: no-break space */
		"\xc3\x80", /* its second byte is like a C1 one */
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(label_is_valid(good[i]));
}

static void control_characters_and_broken_text_are_no_label(void **state)
{
	static const char *const bad[] = {
		"a\nb",
		"a\r",
		"\t",
		"\x01",
		"a\x1b[31m",
		"a\x7f",
		"\xc2\x80",
		"a\xc2\x9b"
		"31m",
		"\xc2\x9f",
		"\xff",
		"\xc3",
		"\xc2",
		"\x80",
		"\xed\xa0\x80",
		"\xc0\xaf",
		"\xf4\x90\x80\x80",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(label_is_valid(bad[i]));
}

static void labels_have_128_bytes_at_most(void **state)
{
	char label[LABEL_MAX_BYTES + 3] = "";

	(void)state;
	for (int i = 0; i < LABEL_MAX_BYTES / 2; i++)
		strcat(label, "\xc3\xa9");
	assert_true(label_is_valid(label));
	strcat(label, "x");
	assert_false(label_is_valid(label));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_the_set_are_valid),
		cmocka_unit_test(what_could_be_a_path_or_a_terminal_s_command_is_no_name),
		cmocka_unit_test(every_single_byte_is_judged_by_the_rule),
		cmocka_unit_test(names_have_64_characters_at_most),
		cmocka_unit_test(the_rule_says_how_long_names_are),
		cmocka_unit_test(labels_are_any_text_in_one_line),
		cmocka_unit_test(control_characters_and_broken_text_are_no_label),
		cmocka_unit_test(labels_have_128_bytes_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
