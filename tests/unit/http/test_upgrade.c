#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/err.h"

#include "daemon/http/upgrade.h"

#include "tests/unit/test.h"

#define HOST "Host: localhost\r\n"

/* Parses an exact copy, so that a read past the end is seen. */
static int parse(const char *head, size_t len, struct upgrade_head **ret_head)
{
	char *copy = malloc(len ? len : 1);
	int rc;

	memcpy(copy, head, len);
	rc = upgrade_head_parse(copy, len, ret_head);
	free(copy);
	return rc;
}

static void head_is_taken_apart(void **state)
{
	static const char text[] = "GET /v1/str%65am?x=1 HTTP/1.1\r\n" HOST "UPGRADE:websocket\r\n"
				   "Sec-WebSocket-Key: \t abc=  \t\r\n"
				   "Empty:\r\n"
				   "X: first\r\n"
				   "x: second\r\n\r\n";
	struct upgrade_head *h;

	(void)state;
	assert_int_equal(parse(text, strlen(text), &h), 0);
	assert_string_equal(upgrade_head_path(h), "/v1/stream");
	assert_string_equal(upgrade_head_header(h, "host"), "localhost");
	assert_string_equal(upgrade_head_header(h, "Upgrade"), "websocket");
	assert_string_equal(upgrade_head_header(h, "sec-websocket-key"), "abc=");
	assert_string_equal(upgrade_head_header(h, "empty"), "");
	assert_string_equal(upgrade_head_header(h, "x"), "first");
	assert_null(upgrade_head_header(h, "y"));
	upgrade_head_free(h);
	upgrade_head_free(NULL);
}

static void lines_may_end_in_a_bare_newline(void **state)
{
	static const char text[] = "GET / HTTP/1.1\nHost: a\n\n";
	struct upgrade_head *h;

	(void)state;
	assert_int_equal(parse(text, strlen(text), &h), 0);
	assert_string_equal(upgrade_head_header(h, "host"), "a");
	upgrade_head_free(h);
}

static void what_follows_the_head_is_not_looked_at(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\n" HOST "\r\n\x81\x80\0\0\0\0Host: b\r\n\r\n";
	struct upgrade_head *h;

	(void)state;
	assert_int_equal(parse(text, sizeof text - 1, &h), 0);
	assert_string_equal(upgrade_head_header(h, "host"), "localhost");
	upgrade_head_free(h);
}

static void size_is_through_the_empty_line(void **state)
{
	static const struct {
		const char *text;
		size_t size;
	} cases[] = {{"", 0},
		     {"GET / HTTP/1.1\r\n", 0},
		     {"GET / HTTP/1.1\r\n\r", 0},
		     {"GET / HTTP/1.1\r\n\r\n", 18},
		     {"GET / HTTP/1.1\n\nmore", 16},
		     {"GET / HTTP/1.1\r\nA: b\r\n\nmore\r\n\r\n", 23}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(upgrade_head_size(cases[i].text, strlen(cases[i].text)),
				 cases[i].size);
}

static void what_the_http_server_is_to_judge_is_refused(void **state)
{
	static const char *const heads[] = {
		"",
		"GET / HTTP/1.1\r\n" HOST, /* not complete */
		"POST / HTTP/1.1\r\n" HOST "\r\n",
		"GET / HTTP/1.0\r\n" HOST "\r\n",
		"GET / HTTP/2.0\r\n" HOST "\r\n",
		"GET /\r\n" HOST "\r\n",
		"GET  HTTP/1.1\r\n" HOST "\r\n",
		"GET /a b HTTP/1.1\r\n" HOST "\r\n",
		"GET /%zz HTTP/1.1\r\n" HOST "\r\n",
		"GET /%00 HTTP/1.1\r\n" HOST "\r\n",
		"GET a HTTP/1.1\r\n" HOST "\r\n",
		"GET http://localhost/ HTTP/1.1\r\n" HOST "\r\n",
		"GET / HTTP/1.1\r\n\r\n", /* no host */
		"GET / HTTP/1.1\r\n" HOST "host: b\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST ": no name\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "a b: c\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "A: 1\r\n folded\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "A: 1\r2\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "A: \x01\r\n\r\n",
	};
	static const char nul[] = "GET / HTTP/1.1\r\n" HOST "A: 1\0002\r\n\r\n";
	struct upgrade_head *h = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		if (parse(heads[i], strlen(heads[i]), &h) != ERR_SYNTAX)
			fail_msg("taken: %s", heads[i]);
	assert_int_equal(parse(nul, sizeof nul - 1, &h), ERR_SYNTAX);
	assert_null(h);
}

static void header_lines_are_bounded(void **state)
{
	char text[8192];
	struct upgrade_head *h;

	(void)state;
	for (int lines = 50; lines <= 150; lines += 100) {
		size_t len = (size_t)sprintf(text, "GET / HTTP/1.1\r\n" HOST);

		for (int i = 0; i < lines; i++)
			len += (size_t)sprintf(text + len, "X-%d: y\r\n", i);
		len += (size_t)sprintf(text + len, "\r\n");
		assert_int_equal(parse(text, len, &h), lines > 100 ? ERR_SYNTAX : 0);
		if (lines <= 100)
			upgrade_head_free(h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_is_taken_apart),
		cmocka_unit_test(lines_may_end_in_a_bare_newline),
		cmocka_unit_test(what_follows_the_head_is_not_looked_at),
		cmocka_unit_test(size_is_through_the_empty_line),
		cmocka_unit_test(what_the_http_server_is_to_judge_is_refused),
		cmocka_unit_test(header_lines_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
