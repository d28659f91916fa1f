#include <string.h>

#include "daemon/redis/refusal.h"

#include "tests/unit/test.h"

static char to[200];

static void the_kind_is_the_first_word(void **state)
{
	char kind[REFUSAL_KIND_SIZE];

	(void)state;
	refusal_kind("OOM command not allowed", kind);
	assert_string_equal(kind, "OOM");
	refusal_kind("", kind);
	assert_string_equal(kind, "");
	refusal_kind("AVERYLONGWORDWITHOUTANENDTOIT", kind);
	assert_int_equal(strlen(kind), REFUSAL_KIND_SIZE - 1);
	refusal_kind("A\nB C", kind);
	assert_string_equal(kind, "A?B");
}

static void some_refusals_are_of_the_connection(void **state)
{
	static const char *const final[] = {"NOAUTH Authentication required.",
					    "LOADING x",
					    "MASTERDOWN x",
					    "WRONGPASS x",
					    "DENIED x",
					    "LOADING"};
	static const char *const others[] = {"ERR x",   "OOM x",  "WRONGTYPE x", "READONLY x",
					     "MOVED x", "NOPERM", "LOADINGS x",  ""};

	(void)state;
	for (size_t i = 0; i < sizeof final / sizeof *final; i++)
		assert_true(refusal_is_final(final[i]));
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_false(refusal_is_final(others[i]));
}

static void a_refusal_is_told_with_what_it_means(void **state)
{
	(void)state;
	refusal_explain("OOM command not allowed", "", to, sizeof to);
	assert_string_equal(to, "it is full, see maxmemory (OOM command not allowed)");
	refusal_explain("ERR unknown", NULL, to, sizeof to);
	assert_string_equal(to, "ERR unknown");
	refusal_explain("ERR a\x1b[1mb\r\n", NULL, to, sizeof to);
	assert_string_equal(to, "ERR a?[1mb??");
}

static void a_secret_is_not_repeated(void **state)
{
	(void)state;
	refusal_explain("ERR unknown command, with args: 'hunter2'", "hunter2", to, sizeof to);
	assert_string_equal(to, "it refuses a command");
	refusal_explain("WRONGPASS hunter2 is wrong", "hunter2", to, sizeof to);
	assert_string_equal(to, "it does not take the user and password of redis.url");
}

/* They may be somebody's answer or conversation. */
static void arguments_are_not_repeated(void **state)
{
	(void)state;
	refusal_explain("ERR unknown command `EVAL`, with args beginning with: `my prompt`", NULL,
			to, sizeof to);
	assert_null(strstr(to, "prompt"));
	assert_non_null(strstr(to, "ERR unknown command `EVAL`"));
}

static void a_long_text_is_cut(void **state)
{
	char text[3000];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	refusal_explain(text, "", to, sizeof to);
	assert_int_equal(strlen(to), sizeof to - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kind_is_the_first_word),
		cmocka_unit_test(some_refusals_are_of_the_connection),
		cmocka_unit_test(a_refusal_is_told_with_what_it_means),
		cmocka_unit_test(a_secret_is_not_repeated),
		cmocka_unit_test(arguments_are_not_repeated),
		cmocka_unit_test(a_long_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
