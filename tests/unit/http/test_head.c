#include <stdlib.h>
#include <string.h>

#include "shared/err.h"

#include "daemon/http/head.h"

#include "tests/unit/test.h"

static const char *const hosts[] = {"localhost", "127.0.0.1", "::1", "api.example", NULL};

static void target_is_taken_apart(void **state)
{
	struct head_target t;
	const char raw[] = "/v1/a%20b%2fc?x=1%262&y=+z&empty=&flag&&x=3";

	(void)state;
	assert_int_equal(head_target_parse(raw, strlen(raw), &t), 0);
	assert_string_equal(t.path, "/v1/a b/c");
	assert_string_equal(t.query, "x=1%262&y=+z&empty=&flag&&x=3");
	assert_null(t.authority);
	assert_string_equal(head_target_arg(&t, "x"), "1&2");
	assert_string_equal(head_target_arg(&t, "y"), " z");
	assert_string_equal(head_target_arg(&t, "empty"), "");
	assert_string_equal(head_target_arg(&t, "flag"), "");
	assert_null(head_target_arg(&t, "z"));
	head_target_done(&t);
}

static void target_may_be_absolute(void **state)
{
	static const struct {
		const char *raw, *path, *authority;
	} cases[] = {{"http://localhost:80/x", "/x", "localhost:80"},
		     {"HTTP://LOCALHOST", "/", "LOCALHOST"},
		     {"https://a?b", "/", "a"},
		     {"http:///x", "/x", ""}};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct head_target t;

		assert_int_equal(head_target_parse(cases[i].raw, strlen(cases[i].raw), &t), 0);
		assert_string_equal(t.path, cases[i].path);
		assert_string_equal(t.authority, cases[i].authority);
		head_target_done(&t);
	}
}

static void target_refuses_what_is_none(void **state)
{
	static const char *const bad[] = {"",
					  "x",
					  "?x",
					  "/%",
					  "/%4",
					  "/%zz",
					  "/%00",
					  "/%ff",
					  "/\x01",
					  "/a b",
					  "/a\x7f",
					  "/?a=%",
					  "**",
					  "*a",
					  "ftp://localhost/",
					  "localhost:80"};
	struct head_target t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(head_target_parse(bad[i], strlen(bad[i]), &t), ERR_SYNTAX);
	assert_int_equal(head_target_parse("/a\0b", 4, &t), ERR_SYNTAX);
}

static void target_of_only_arguments_fits_its_memory(void **state)
{
	char raw[64];
	struct head_target t;
	size_t len;

	(void)state;
	for (len = 2; len < sizeof raw; len++) {
		memset(raw, '&', len);
		raw[0] = '/';
		raw[1] = '?';
		for (size_t i = 2; i < len; i += 2)
			raw[i] = 'a';
		assert_int_equal(head_target_parse(raw, len, &t), 0);
		head_target_done(&t);
	}
}

static void host_is_compared_without_port_and_case(void **state)
{
	static const char *const good[] = {
		"localhost",   "LocalHost", "localhost:", "localhost:8080",
		"127.0.0.1:1", "[::1]",     "[::1]:8080", "API.example"};
	static const char *const bad[] = {"",
					  ":80",
					  "localhost:80:80",
					  "localhost:x",
					  "[::1]x",
					  "[::1",
					  "[]",
					  "::1",
					  "evil",
					  "localhost.",
					  "xlocalhost",
					  "localhos",
					  "[localhost",
					  "a@localhost"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(head_host_allowed(hosts, good[i], strlen(good[i])));
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(head_host_allowed(hosts, bad[i], strlen(bad[i])));
}

/* `lines` alternates names and values. */
static int check(bool http11, const char *const *lines)
{
	const struct head_rules rules = {hosts, 1000, http11, http11};
	const struct head_target target = {.path = (char *)"/"};
	struct head_fields f = {0};
	const char *why = NULL;
	int status;

	for (; *lines; lines += 2)
		head_note(&f, lines[0], strlen(lines[0]), lines[1], strlen(lines[1]));
	status = head_check(&f, &target, &rules, &why);
	assert_int_equal(status != 0, why != NULL);
	return status;
}

#define CHECK(http11, ...) check(http11, (const char *const[]){__VA_ARGS__, NULL})

static void framing_is_unambiguous_or_refused(void **state)
{
	(void)state;
	assert_int_equal(CHECK(true, "Host", "localhost", "Content-Length", "5"), 0);
	assert_int_equal(
		CHECK(true, "Host", "localhost", "content-length", "5", "Content-Length", "5"), 0);
	assert_int_equal(
		CHECK(true, "Host", "localhost", "Content-Length", "5", "Content-Length", "05"),
		400);
	assert_int_equal(CHECK(true, "Host", "localhost", "Content-Length", "5,5"), 400);
	assert_int_equal(CHECK(true, "Host", "localhost", "Content-Length", ""), 400);
	assert_int_equal(CHECK(true, "Host", "localhost", "Content-Length", "+5"), 400);
	assert_int_equal(CHECK(true, "Host", "localhost", "Transfer-Encoding", "Chunked"), 0);
	assert_int_equal(CHECK(true, "Host", "localhost", "Transfer-Encoding", "gzip"), 400);
	assert_int_equal(CHECK(true, "Host", "localhost", "Transfer-Encoding", "chunked",
			       "Content-Length", "5"),
			 400);
	assert_int_equal(CHECK(true, "Host", "localhost", "Transfer-Encoding", "chunked",
			       "Transfer-Encoding", "chunked"),
			 400);
	assert_int_equal(CHECK(false, "Transfer-Encoding", "chunked"), 400);
	assert_int_equal(CHECK(true, "Host", "localhost", "X Y", "1"), 400);
	assert_int_equal(CHECK(true, "Host", "localhost", "X", "1\x01"), 400);
}

static void length_is_bounded_before_it_is_read(void **state)
{
	(void)state;
	assert_int_equal(CHECK(true, "Host", "localhost", "Content-Length", "1000"), 0);
	assert_int_equal(CHECK(true, "Host", "localhost", "Content-Length", "1001"), 413);
	assert_int_equal(CHECK(true, "Host", "localhost", "Content-Length", "18446744073709551617"),
			 413);
	assert_int_equal(CHECK(true, "Host", "localhost", "Content-Length",
			       "00000000000000000000000000000000000000001"),
			 0);
}

static void host_is_required_once_and_known(void **state)
{
	(void)state;
	assert_int_equal(CHECK(true, "X", "y"), 400);
	assert_int_equal(CHECK(false, "X", "y"), 0);
	assert_int_equal(CHECK(true, "Host", ""), 400);
	assert_int_equal(CHECK(true, "Host", "localhost", "host", "localhost"), 400);
	assert_int_equal(CHECK(true, "Host", "evil"), 403);
	assert_int_equal(CHECK(false, "Host", "evil"), 403);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(target_is_taken_apart),
		cmocka_unit_test(target_may_be_absolute),
		cmocka_unit_test(target_refuses_what_is_none),
		cmocka_unit_test(target_of_only_arguments_fits_its_memory),
		cmocka_unit_test(host_is_compared_without_port_and_case),
		cmocka_unit_test(framing_is_unambiguous_or_refused),
		cmocka_unit_test(length_is_bounded_before_it_is_read),
		cmocka_unit_test(host_is_required_once_and_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
