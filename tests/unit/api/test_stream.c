/* A connection: its key, its messages that are no chats, its end. */
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/json.h"

#include "daemon/observe/metrics.h"

#include "tests/unit/api/fakes.h"
#include "tests/unit/api/fakes_stream.h"
#include "tests/unit/test.h"

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"
#define CHAT(id) "{\"type\":\"chat\",\"id\":\"" id "\",\"model\":\"haiku\"," MESSAGES "}"
#define AUTH(key) "{\"type\":\"auth\",\"api_key\":\"" key "\"}"

static struct ws_conn *keyed(void)
{
	fakes.conf.auth.required = true;
	return fake_ws("");
}

/* A chat that is answered, to its end. */
static void assert_serves(struct ws_conn *w)
{
	fake_ws_say(w, CHAT("serves"));
	fake_text("hi");
	fake_done(FAULT_NONE);
	json_decref(fake_ws_next(w, "start"));
	fake_ws_expect(w, "{\"type\":\"token\",\"id\":\"serves\",\"content\":\"hi\"}");
	json_decref(fake_ws_next(w, "done"));
}

static void bad_messages_are_answered_and_the_connection_lives(void **state)
{
	struct ws_conn *w = fake_ws("");

	(void)state;
	fake_ws_say(w, "nonsense");
	fake_ws_expect_error(w, NULL, NULL, NULL);
	fake_ws_say(w, "{\"type\":\"fly\",\"id\":\"x\"}");
	fake_ws_expect_error(w, "x", NULL, "type");
	fake_ws_say(w, "{\"type\":\"chat\",\"id\":7," MESSAGES "}");
	fake_ws_expect_error(w, NULL, NULL, "id");
	fake_ws_say(w, "{\"type\":\"ping\",\"id\":\"x\"}");
	fake_ws_expect(w, "{\"type\":\"pong\"}");
	assert_serves(w);
	assert_int_equal(w->close_code, 0);
	fake_ws_closed(w, 1000);
}

static void a_first_message_brings_the_key(void **state)
{
	struct ws_conn *w = keyed();

	(void)state;
	fake_ws_say(w, AUTH("ccapi_good"));
	fake_ws_expect(w, "{\"type\":\"auth_ok\"}");
	fake_ws_say(w, CHAT("a"));
	assert_string_equal(fakes.job->project, "keyed");
	fake_text("hi");
	fake_done(FAULT_NONE);
	assert_int_equal(w->close_code, 0);
	fake_ws_closed(w, 1000);
}

static void another_key_is_an_error_and_the_first_one_stays(void **state)
{
	struct ws_conn *w = keyed();

	(void)state;
	fake_ws_say(w, AUTH("ccapi_good"));
	fake_ws_expect(w, "{\"type\":\"auth_ok\"}");
	fake_ws_say(w, AUTH("ccapi_bad"));
	fake_ws_expect_error(w, NULL, NULL, "type");
	assert_serves(w);
	fake_ws_closed(w, 1000);
	w = fake_ws("x-api-key: ccapi_good\r\n");
	fake_ws_say(w, AUTH("ccapi_good"));
	fake_ws_expect_error(w, NULL, NULL, "type");
	assert_serves(w);
	fake_ws_closed(w, 1000);
}

static void without_keys_a_message_may_still_bring_one(void **state)
{
	struct ws_conn *w = fake_ws("");

	(void)state;
	fake_ws_say(w, AUTH("ccapi_good"));
	fake_ws_expect(w, "{\"type\":\"auth_ok\"}");
	fake_ws_say(w, "{\"type\":\"chat\",\"id\":\"a\",\"project_id\":\"other\"," MESSAGES "}");
	fake_ws_expect_error(w, "a", "permission_denied", "project_id");
	assert_int_equal(w->close_code, 0);
	fake_ws_closed(w, 1000);
}

static void who_brings_no_good_key_is_closed(void **state)
{
	static const struct {
		const char *first, *id, *code, *param;
	} rows[] = {{AUTH("ccapi_bad"), NULL, "invalid_api_key", NULL},
		    {AUTH("sk-other"), NULL, "invalid_api_key", NULL},
		    {CHAT("a"), "a", "invalid_api_key", NULL},
		    {"{\"type\":\"ping\"}", NULL, "invalid_api_key", NULL},
		    {"{\"type\":\"cancel\",\"id\":\"c\"}", "c", "invalid_api_key", NULL},
		    {AUTH(""), NULL, NULL, "api_key"},
		    {"nonsense", NULL, NULL, NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ws_conn *w = keyed();

		fake_ws_say(w, rows[i].first);
		fake_ws_expect_error(w, rows[i].id, rows[i].code, rows[i].param);
		assert_int_equal(w->close_code, 1008);
		fake_ws_say(w, AUTH("ccapi_good")); /* too late */
		fake_ws_say(w, CHAT("late"));
		fake_ws_expect_nothing(w);
		fake_ws_closed(w, 1008);
	}
	assert_int_equal(fakes.submitted, 0);
}

static void a_key_without_the_scope_is_closed(void **state)
{
	struct ws_conn *w = keyed();

	(void)state;
	fakes.admit.scopes = KEY_USAGE;
	fake_ws_say(w, AUTH("ccapi_good"));
	fake_ws_expect_error(w, NULL, "permission_denied", NULL);
	assert_int_equal(w->close_code, 1008);
	fake_ws_closed(w, 1008);
}

static void a_key_has_to_come_in_time(void **state)
{
	struct ws_conn *early = keyed(), *late;

	(void)state;
	fake_ws_say(early, AUTH("ccapi_good"));
	clock_advance_ms(50);
	late = fake_ws("");
	clock_advance_ms(99);
	uv_run(&fakes.loop, UV_RUN_ONCE);
	assert_int_equal(late->close_code, 0);
	clock_advance_ms(1);
	while (!late->close_code)
		uv_run(&fakes.loop, UV_RUN_ONCE);
	assert_int_equal(late->close_code, 1008);
	assert_non_null(strstr(late->close_reason, "key"));
	assert_int_equal(early->close_code, 0);
	fake_ws_closed(late, 1008);
	fake_ws_closed(early, 1000);
}

static void a_revoked_key_ends_the_connection_at_its_next_chat(void **state)
{
	struct ws_conn *w = keyed();

	(void)state;
	fake_ws_say(w, AUTH("ccapi_good"));
	fake_ws_expect(w, "{\"type\":\"auth_ok\"}");
	assert_serves(w);
	fake_revoke_key();
	fake_ws_say(w, CHAT("b"));
	fake_ws_expect_error(w, "b", "invalid_api_key", NULL);
	assert_int_equal(w->close_code, 1008);
	fake_ws_closed(w, 1008);
}

static void a_drain_closes_idle_ones_at_once_and_others_after_their_last_chat(void **state)
{
	struct ws_conn *idle = fake_ws(""), *busy = fake_ws("");
	struct job *first, *second;

	(void)state;
	fakes.several = true;
	fake_ws_say(busy, CHAT("a"));
	first = fakes.job;
	fake_ws_say(busy, CHAT("b"));
	second = fakes.job;
	fakes.draining = true;
	api_drain_streams(fakes.api);
	assert_int_equal(idle->close_code, 1001);
	assert_string_equal(idle->close_reason, "The server is shutting down.");
	assert_int_equal(busy->close_code, 0);
	fake_ws_say(busy, CHAT("c"));
	fake_ws_expect_error(busy, "c", "overloaded", NULL);
	fakes.job = first;
	fake_done(FAULT_NONE);
	assert_int_equal(busy->close_code, 0);
	fakes.job = second;
	fake_done(FAULT_NONE);
	assert_int_equal(busy->close_code, 1001);
	fake_ws_closed(idle, 1001);
	fake_ws_closed(busy, 1001);
}

static void one_that_opens_during_a_drain_is_closed(void **state)
{
	struct ws_handlers h = api_stream_handlers(fakes.api);
	struct ws_conn *w = calloc(1, sizeof *w);

	(void)state;
	w->user = fake_accept("/v1/stream", "");
	api_drain_streams(fakes.api);
	h.open(h.ctx, w);
	assert_int_equal(w->close_code, 1001);
	fake_ws_closed(w, 1001);
}

static void open_ones_are_counted(void **state)
{
	struct ws_conn *a = fake_ws(""), *b = fake_ws("");
	struct ws_handlers h = api_stream_handlers(fakes.api);
	struct ws_conn failed = {.user = fake_accept("/v1/stream", "")};

	(void)state;
	assert_int_equal(metric_value(METRIC_WS_CONNECTIONS), 2);
	h.closed(h.ctx, &failed, 1006); /* was never open */
	assert_int_equal(metric_value(METRIC_WS_CONNECTIONS), 2);
	fake_ws_closed(a, 1000);
	assert_int_equal(metric_value(METRIC_WS_CONNECTIONS), 1);
	fake_ws_closed(b, 1006);
	assert_int_equal(metric_value(METRIC_WS_CONNECTIONS), 0);
}

static void a_transport_that_takes_nothing_is_survived(void **state)
{
	struct ws_conn *w = fake_ws("");

	(void)state;
	fake_ws_say(w, CHAT("a"));
	w->broken = true;
	fake_text("hi");
	fake_text(" there");
	fake_ws_say(w, "{\"type\":\"ping\"}");
	fake_ws_say(w, "nonsense");
	assert_int_equal(w->count, 0);
	fake_ws_closed(w, 1011);
	assert_int_equal(fakes.cancelled, 1);
	fake_done(FAULT_CANCELLED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bad_messages_are_answered_and_the_connection_lives),
		TEST(a_first_message_brings_the_key),
		TEST(another_key_is_an_error_and_the_first_one_stays),
		TEST(without_keys_a_message_may_still_bring_one),
		TEST(who_brings_no_good_key_is_closed),
		TEST(a_key_without_the_scope_is_closed),
		TEST(a_key_has_to_come_in_time),
		TEST(a_revoked_key_ends_the_connection_at_its_next_chat),
		TEST(a_drain_closes_idle_ones_at_once_and_others_after_their_last_chat),
		TEST(one_that_opens_during_a_drain_is_closed),
		TEST(open_ones_are_counted),
		TEST(a_transport_that_takes_nothing_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
