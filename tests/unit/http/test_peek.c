#include <string.h>

#include "daemon/http/listener.h"

#include "tests/unit/test.h"

static enum peek_verdict classify(const char *head)
{
	return peek_classify(head, strlen(head));
}

static void peek_waits_for_more(void **state)
{
	(void)state;
	assert_int_equal(classify(""), PEEK_MORE);
	assert_int_equal(classify("G"), PEEK_MORE);
	assert_int_equal(classify("GET /v1/stream HTTP/1.1\r\n"), PEEK_MORE);
	assert_int_equal(classify("GET / HTTP/1.1\r\nUpgrade: websocket\r\n"), PEEK_MORE);
	assert_int_equal(classify("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r"), PEEK_MORE);
}

static void peek_other_methods_are_http_at_once(void **state)
{
	(void)state;
	assert_int_equal(classify("P"), PEEK_HTTP);
	assert_int_equal(classify("GEX"), PEEK_HTTP);
	assert_int_equal(classify("get / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"), PEEK_HTTP);
	assert_int_equal(classify("\r\nGET / HTTP/1.1\r\n"), PEEK_HTTP);
}

static void peek_finds_upgrade(void **state)
{
	static const char *const heads[] = {
		"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nUPGRADE:WebSocket\r\nX: y\r\n\r\n",
		"GET / HTTP/1.1\r\nUpgrade: h2c, websocket\r\n\r\n",
		"GET / HTTP/1.1\nupgrade: websocket \n\nfirst frame"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof heads / sizeof *heads; i++)
		assert_int_equal(classify(heads[i]), PEEK_WEBSOCKET);
}

static void peek_is_not_fooled(void **state)
{
	static const char *const heads[] = {"GET / HTTP/1.1\r\n\r\nUpgrade: websocket\r\n\r\n",
					    "GET /?Upgrade: websocket HTTP/1.1\r\n\r\n",
					    "GET / HTTP/1.1\r\nUpgrade: websockets\r\n\r\n",
					    "GET / HTTP/1.1\r\nX-Upgrade: websocket\r\n\r\n",
					    "GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n",
					    "GET / HTTP/1.1\r\n\nUpgrade: websocket\r\n\r\n"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof heads / sizeof *heads; i++)
		assert_int_equal(classify(heads[i]), PEEK_HTTP);
}

static void garbage_is_told_from_requests(void **state)
{
	(void)state;
	assert_true(peek_is_garbage("\x16\x03\x01", 3));
	assert_true(peek_is_garbage("HELO\r\n", 6));
	assert_true(peek_is_garbage("\0", 1));
	assert_false(peek_is_garbage("HELO", 4));
	assert_false(peek_is_garbage("\r\nGET / HTTP/1.1\r\n", 18));
	assert_false(peek_is_garbage("", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peek_waits_for_more),
		cmocka_unit_test(peek_other_methods_are_http_at_once),
		cmocka_unit_test(peek_finds_upgrade),
		cmocka_unit_test(peek_is_not_fooled),
		cmocka_unit_test(garbage_is_told_from_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
