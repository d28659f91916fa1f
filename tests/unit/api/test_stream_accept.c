#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "tests/unit/api/fakes.h"
#include "tests/unit/api/fakes_stream.h"
#include "tests/unit/test.h"

static const char version[] = "Sec-WebSocket-Version", nonce[] = "Sec-WebSocket-Key";

/* An upgrade that reached the HTTP server, with one header changed (value NULL: left out) or one
 * more. */
static struct exchange *ask(const char *name, const char *value)
{
	static const char *const good[][2] = {{"Host", "localhost:8080"},
					      {"Upgrade", "WebSocket"},
					      {"Connection", "Upgrade"},
					      {version, "13"},
					      {nonce, "dGhlIHNhbXBsZSBub25jZQ=="}};
	struct exchange *x = fake_exchange("GET", "/v1/stream");
	bool changed = false;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		bool it = name && strcmp(name, good[i][0]) == 0;

		changed |= it;
		if (!it || value)
			fake_add_header(x, good[i][0], it ? value : good[i][1]);
	}
	if (name && !changed)
		fake_add_header(x, name, value);
	fake_send(x);
	return x;
}

static void what_no_websocket_is_has_its_error(void **state)
{
	static const struct {
		const char *name, *value;
		int status;
		const char *code;
	} rows[] = {
		{"Upgrade", NULL, 426, NULL},
		{"Upgrade", "h2c", 426, NULL},
		{"Connection", NULL, 426, NULL},
		{"Connection", "keep-alive", 426, NULL},
		{version, NULL, 426, NULL},
		{version, "8", 426, NULL},
		{version, "13, 8", 426, NULL},
		{nonce, NULL, 400, NULL},
		{nonce, "", 400, NULL},
		{nonce, "dGhlIHNhbXBsZSBub25jZQ=", 400, NULL},
		{nonce, "dGhlIHNhbXBsZSBub25jZQ===", 400, NULL},
		{nonce, "dGhlIHNhbXBsZSBub25jZQ=a", 400, NULL},
		{nonce, "dGhlIHNhbXBsZSBub25j ZQ==", 400, NULL},
		{"Sec-WebSocket-Protocol", "ccapi.v2", 400, NULL},
		{"Sec-WebSocket-Protocol", "chat, superchat", 400, NULL},
		{"Origin", "https://elsewhere.example", 403, "permission_denied"},
		{"Origin", "http://localhost", 403, "permission_denied"},
		{"Origin", "http://localhost:80801", 403, "permission_denied"},
		{"Origin", "null", 403, "permission_denied"},
		{"Origin", "localhost:8080", 403, "permission_denied"},
		{"Origin", "ftp://localhost:8080", 403, "permission_denied"},
		{"Origin", "", 403, "permission_denied"},
		{"x-api-key", "ccapi_bad", 401, "invalid_api_key"},
		{"Authorization", "Bearer ccapi_bad", 401, "invalid_api_key"},
		{"x-request-id", "large-head", 431, NULL}, /* nothing is wrong but its size */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct exchange *x = ask(rows[i].name, rows[i].value);

		if (x->status != rows[i].status)
			fail_msg("%s: %s: %d", rows[i].name, rows[i].value, x->status);
		fake_assert_error(x, rows[i].status, rows[i].code, NULL);
		fake_finish(x);
	}
}

static void an_ordinary_get_is_told_how_to_upgrade(void **state)
{
	struct exchange *x = fake_exchange("GET", "/v1/stream");

	(void)state;
	fake_send(x);
	fake_assert_error(x, 426, NULL, NULL);
	assert_string_equal(fake_out(x, "Upgrade"), "websocket");
	assert_string_equal(fake_out(x, "Connection"), "Upgrade");
	assert_string_equal(fake_out(x, version), "13");
	fake_finish(x);
}

static void assert_overloaded(void)
{
	struct exchange *x = ask(NULL, NULL);

	assert_null(fake_accept("/v1/stream", ""));
	fake_assert_error(x, 503, "overloaded", NULL);
	assert_non_null(fake_out(x, "Retry-After"));
	fake_finish(x);
}

static void no_room_and_drain_are_503(void **state)
{
	(void)state;
	fakes.no_room = true;
	assert_overloaded();
	fakes.no_room = false;
	fakes.draining = true;
	assert_overloaded();
	fakes.draining = false;
	api_drain_streams(fakes.api);
	assert_overloaded();
}

static void a_host_that_is_not_served_is_refused(void **state)
{
	struct exchange *x;

	(void)state;
	fakes.foreign_host = true;
	assert_null(fake_accept("/v1/stream", ""));
	x = ask(NULL, NULL);
	fake_assert_error(x, 403, "permission_denied", NULL);
	fake_finish(x);
}

/* Makes a connection of it, to see that it is whole. */
static void assert_accepted(const char *lines, bool accepted)
{
	struct ws_conn *w;

	if (!accepted) {
		if (fake_accept("/v1/stream", lines))
			fail_msg("accepted: %s", lines);
		return;
	}
	w = fake_ws(lines);
	assert_int_equal(w->close_code, 0);
	fake_ws_say(w, "{\"type\":\"ping\"}");
	fake_ws_expect(w, "{\"type\":\"pong\"}");
	fake_ws_closed(w, 1000);
}

static void the_listener_asks_by_the_same_rules(void **state)
{
	static const struct {
		const char *lines;
		bool accepted;
	} rows[] = {
		{"", true},
		{"Sec-WebSocket-Protocol: ccapi.v1\r\n", true},
		{"Sec-WebSocket-Protocol: chat, ccapi.v1\r\n", true},
		{"Sec-WebSocket-Protocol: chat\r\n", false},
		{"Origin: http://localhost:8080\r\n", true},
		{"Origin: https://LOCALHOST:8080\r\n", true}, /* behind a proxy with TLS */
		{"Origin: https://app.example\r\n", true},    /* listed */
		{"Origin: http://app.example\r\n", false},
		{"Origin: null\r\n", false},
		{"x-api-key: ccapi_good\r\n", true},
		{"Authorization: Bearer ccapi_good\r\n", true},
		{"Authorization: Bearer anything\r\n", true}, /* keys are not required */
		{"x-api-key: ccapi_bad\r\n", false},
	};
	char origin[] = "https://app.example";
	char *list[] = {origin};

	(void)state;
	fakes.conf.http.cors_origins = (struct conf_list){list, 1};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_accepted(rows[i].lines, rows[i].accepted);
	assert_null(fake_accept("/v1/streams", ""));
	assert_null(fake_accept("/health", ""));
}

static void a_key_in_the_head_needs_the_scope(void **state)
{
	struct exchange *x;

	(void)state;
	fakes.admit.scopes = KEY_USAGE;
	assert_accepted("x-api-key: ccapi_good\r\n", false);
	x = ask("x-api-key", "ccapi_good");
	fake_assert_error(x, 403, "permission_denied", NULL);
	fake_finish(x);
}

static void a_key_in_the_query_is_not_looked_at(void **state)
{
	void *stream;
	struct ws_handlers h = api_stream_handlers(fakes.api);
	struct ws_conn none = {.user = NULL};

	(void)state;
	fakes.conf.auth.required = true;
	stream = fake_accept("/v1/stream?api_key=ccapi_bad", "");
	assert_non_null(stream);
	none.user = stream;
	h.closed(h.ctx, &none, 1006); /* the handshake failed: nothing is left of it */
}

static void without_an_origin_or_key_it_is_a_matter_of_the_first_message(void **state)
{
	struct ws_conn *w;

	(void)state;
	fakes.conf.auth.required = true;
	w = fake_ws("");
	assert_int_equal(w->close_code, 0);
	fake_ws_expect_nothing(w);
	fake_ws_closed(w, 1000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_no_websocket_is_has_its_error),
		TEST(an_ordinary_get_is_told_how_to_upgrade),
		TEST(no_room_and_drain_are_503),
		TEST(a_host_that_is_not_served_is_refused),
		TEST(the_listener_asks_by_the_same_rules),
		TEST(a_key_in_the_head_needs_the_scope),
		TEST(a_key_in_the_query_is_not_looked_at),
		TEST(without_an_origin_or_key_it_is_a_matter_of_the_first_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
