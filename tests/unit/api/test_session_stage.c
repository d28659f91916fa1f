/* Requests with a session_id: what the model is sent, what is kept, what the client is told, and
 * the routes that read and delete. */
#include "tests/unit/api/session_support.h"

static void a_conversation_goes_on(void **state)
{
	struct exchange *x;

	(void)state;
	start();
	assert_kept_as("user:one assistant:uno ");
	x = chat(id, ASK("two"));
	fake_send(x);
	assert_sent("user:one assistant:uno user:two ");
	assert_int_equal(fakes.job->prompt.messages_len + strlen("{\"messages\":}"),
			 fakes.job->prompt.body_len);
	fake_text("d");
	fake_text("os");
	fake_done(FAULT_NONE);
	assert_string_equal(fake_out(x, "x-ccapi-session-id"), id);
	assert_null(fake_out(x, "x-ccapi-session"));
	fake_finish(x);
	assert_kept_as("user:one assistant:uno user:two assistant:dos ");
}

/* Without the cache, and with what the cache does not take. */
static void a_streamed_answer_is_kept_too(void **state)
{
	struct exchange *x;

	(void)state;
	start();
	x = answered(chat(id, "\"stream\":true,\"temperature\":0.7," ASK("two")), "dos");
	assert_string_equal(fake_out(x, "x-ccapi-session-id"), id);
	assert_non_null(strstr(x->sent.data, "\"session_id\":\"sess_"));
	assert_null(strstr(x->sent.data, "\"session\":"));
	fake_finish(x);
	assert_kept_as("user:one assistant:uno user:two assistant:dos ");
}

static void a_large_conversation_is_written_out_by_the_thread_pool(void **state)
{
	char *large = malloc(100001), *rest;
	struct exchange *x;

	(void)state;
	memset(large, 'x', 100000);
	large[100000] = '\0';
	fakes.conf.sessions.max_size = 1 << 20;
	assert_true(asprintf(&rest, "{" NEW ASK("%s") "}", large) > 0);
	x = fake_chat(rest);
	fake_send(x);
	while (!fakes.job)
		fake_run_loop();
	fake_text("long");
	fake_done(FAULT_NONE);
	snprintf(id, sizeof id, "%s", fake_out(x, "x-ccapi-session-id"));
	fake_finish(x);
	x = chat(id, ASK("and?"));
	fake_send(x);
	assert_null(fakes.job);
	while (!fakes.job)
		fake_run_loop();
	assert_true(fakes.job->prompt.body_len > 100000);
	assert_non_null(strstr(fakes.job->prompt.body, "and?"));
	fake_text("so");
	fake_done(FAULT_NONE);
	assert_int_equal(x->status, 200);
	fake_finish(x);
	x = chat(id, ASK("gone"));
	fake_send(x);
	fake_abort(x);
	uv_run(&fakes.loop, UV_RUN_DEFAULT);
	fake_flush();
	assert_null(fakes.job);
	x = ask_route("GET", id);
	assert_non_null(strstr(x->sent.data, "\"turns\":2,"));
	fake_finish(x);
	free(large);
	free(rest);
}

static void the_system_prompt_serves_until_another_comes(void **state)
{
	static const char with_system[] =
		"\"model\":\"haiku\",\"messages\":[{\"role\":\"system\",\"content\":\"%s\"},"
		"{\"role\":\"user\",\"content\":\"x\"}]";
	char rest[256];
	struct exchange *x;

	(void)state;
	start();
	for (int i = 0; i < 2; i++) {
		snprintf(rest, sizeof rest, with_system, i ? "be long" : "be brief");
		x = chat(id, rest);
		fake_send(x);
		assert_string_equal(fakes.job->prompt.system, i ? "be long" : "be brief");
		fake_text("y");
		fake_done(FAULT_NONE);
		fake_finish(x);
		x = chat(id, "\"response_format\":{\"type\":\"json_object\"}," ASK("json"));
		fake_send(x);
		assert_ptr_equal(strstr(fakes.job->prompt.system, i ? "be long" : "be brief"),
				 fakes.job->prompt.system);
		fake_text("{}");
		fake_done(FAULT_NONE);
		fake_finish(x);
	}
	x = ask_route("GET", id);
	assert_non_null(strstr(x->sent.data, "\"system\":\"be long\"")); /* and nothing more */
	fake_finish(x);
}

/* What goes in front of an assistant's first message elsewhere has no place in mid-conversation. */
static void a_later_turn_may_begin_with_the_assistant(void **state)
{
	static const char two[] = "\"model\":\"haiku\",\"messages\":["
				  "{\"role\":\"assistant\",\"content\":\"more\"},"
				  "{\"role\":\"user\",\"content\":\"two\"}]";
	struct exchange *x;

	(void)state;
	start();
	x = chat(id, two);
	fake_send(x);
	assert_sent("user:one assistant:uno assistant:more user:two ");
	fake_done(FAULT_NONE);
	fake_finish(x);
	assert_kept_as("user:one assistant:uno assistant:more user:two "); /* nothing was said */
	x = chat("new", two);
	fake_send(x);
	assert_sent("user:(The conversation begins with your message.) assistant:more user:two ");
	fake_done(FAULT_NONE);
	fake_finish(x);
}

static void who_has_no_such_session_is_told(void **state)
{
	static const char *const unknown[] = {"", "x", "sess_", "new ",
					      "sess_00000000000000000000000000000000"};
	struct exchange *x;

	(void)state;
	gets_asked = 0;
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
		x = chat(unknown[i], ASK("x"));
		fake_send(x);
		fake_assert_error(x, 404, "session_not_found", "session_id");
		assert_string_equal(fake_out(x, "x-should-retry"), "false");
		assert_null(fake_out(x, "x-ccapi-session-id"));
		fake_finish(x);
	}
	assert_int_equal(gets_asked, 1); /* for the one that may be an id */
	start();
	x = chat(id, "\"project_id\":\"other\"," ASK("x"));
	fake_send(x);
	fake_assert_error(x, 404, "session_not_found", "session_id");
	fake_finish(x);
	clock_advance_ms(TTL_MS);
	x = chat(id, ASK("late"));
	fake_send(x);
	fake_assert_error(x, 404, "session_not_found", "session_id");
	fake_finish(x);
	assert_int_equal(fakes.submitted, 1);
	assert_int_equal(fakes.admit.holds, 1);
}

static void two_at_once_are_one_too_many(void **state)
{
	struct exchange *one, *two;

	(void)state;
	start();
	one = chat(id, ASK("two"));
	fake_send(one);
	two = chat(id, ASK("three"));
	fake_send(two);
	fake_assert_error(two, 409, "conflict", "session_id");
	assert_null(fake_out(two, "x-ccapi-session-id"));
	fake_finish(two);
	two = ask_route("DELETE", id);
	fake_assert_error(two, 409, "conflict", "id");
	fake_finish(two);
	assert_kept_as("user:one assistant:uno ");
	fake_text("dos");
	fake_done(FAULT_NONE);
	fake_finish(one);
	fake_finish(answered(chat(id, ASK("three")), "tres"));
}

static void what_is_not_answered_leaves_it_as_it_was(void **state)
{
	struct exchange *x;

	(void)state;
	start();
	x = chat(id, ASK("two")); /* fails */
	fake_send(x);
	fake_text("d");
	fake_done(FAULT_UPSTREAM);
	assert_string_equal(fake_out(x, "x-ccapi-session-id"), id);
	fake_finish(x);
	x = chat(id, "\"stream\":true," ASK("two")); /* is left */
	fake_send(x);
	fake_text("d");
	fake_abort(x);
	fake_done(FAULT_NONE);
	x = chat(id, "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
		     "\"n\",\"schema\":{\"type\":\"object\"}}}," ASK("two")); /* is not fit */
	fake_send(x);
	fake_text("no JSON");
	fake_done(FAULT_NONE);
	assert_int_equal(x->status, 502);
	fake_finish(x);
	fakes.admit.refuse_hold = true; /* may not be begun */
	x = chat(id, ASK("two"));
	fake_send(x);
	assert_int_equal(x->status, 429);
	fake_finish(x);
	fakes.admit.refuse_hold = false;
	fakes.admit.settle_rc = -5; /* is not accounted for */
	x = chat(id, ASK("two"));
	fake_send(x);
	fake_text("dos");
	fake_done(FAULT_NONE);
	assert_int_equal(x->status, 503);
	fake_finish(x);
	fakes.admit.settle_rc = 0;
	assert_kept_as("user:one assistant:uno ");
	fake_finish(answered(chat(id, ASK("two")), "dos"));
}

static void a_new_session_that_fails_was_never_there(void **state)
{
	struct exchange *x = fake_chat("{" NEW ASK("one") "}");

	(void)state;
	fake_send(x);
	fake_done(FAULT_UPSTREAM);
	assert_null(fake_out(x, "x-ccapi-session-id"));
	fake_finish(x);
	assert_int_equal(counts(fakes.sessions).entries, 0);
}

/* In memory alone, whose sizes are counted, not measured. */
static void an_answer_that_was_cut_short_counts(void **state)
{
	struct exchange *x;

	(void)state;
	use(NULL);
	start();
	x = chat(id, "\"max_tokens\":1," ASK("two"));
	fake_send(x);
	fake_text("do");
	fakes.job->result.stop = JOB_STOP_MAX_TOKENS;
	fake_done(FAULT_NONE);
	fake_finish(x);
	assert_kept_as("user:one assistant:uno user:two assistant:do ");
}

static void a_retried_answer_is_kept_once(void **state)
{
	struct exchange *x;

	(void)state;
	start();
	x = chat(id, ASK("two"));
	fake_send(x);
	fake_text("half");
	fakes.job->ops->restart(fakes.job);
	fake_text("dos");
	fake_done(FAULT_NONE);
	fake_finish(x);
	assert_kept_as("user:one assistant:uno user:two assistant:dos ");
}

/* ---- elsewhere ---- */

static void not_in_a_batch(void **state)
{
	struct exchange *x = fake_exchange("POST", "/v1/batch");

	(void)state;
	fake_add_header(x, "Content-Type", "application/json");
	free(x->body);
	x->body = strdup("{\"requests\":[{\"prompt\":\"x\",\"session_id\":\"new\"}]}");
	fake_send(x);
	assert_int_equal(x->status, 200);
	assert_non_null(strstr(x->sent.data, "\"param\":\"session_id\""));
	fake_finish(x);
	assert_int_equal(fakes.submitted, 0);
}

static void the_routes_tell_and_delete(void **state)
{
	struct exchange *x;
	json_t *v;

	(void)state;
	start();
	x = ask_route("GET", id);
	v = json_loads(x->sent.data, 0, NULL);
	assert_string_equal(json_get_str(v, "id"), id);
	assert_string_equal(json_get_str(v, "object"), "session");
	assert_string_equal(json_get_str(v, "project_id"), "default");
	assert_int_equal(json_get_int(v, "created", 0), 1700000000);
	assert_int_equal(json_get_int(v, "expires_at", 0), 1700000000 + TTL_MS / 1000);
	assert_int_equal(json_get_int(v, "turns", 0), 1);
	assert_true(json_is_null(json_object_get(v, "system")));
	json_decref(v);
	fake_finish(x);
	x = ask_route("DELETE", id);
	assert_int_equal(x->status, 200);
	v = json_loads(x->sent.data, 0, NULL);
	assert_true(json_is_true(json_object_get(v, "deleted")));
	assert_string_equal(json_get_str(v, "id"), id);
	json_decref(v);
	fake_finish(x);
	assert_kept_as(NULL);
	x = ask_route("DELETE", id);
	fake_assert_error(x, 404, "session_not_found", "id");
	fake_finish(x);
	x = ask_route("DELETE", "nonsense");
	fake_assert_error(x, 404, "session_not_found", "id");
	fake_finish(x);
	x = ask_route("POST", id);
	assert_int_equal(x->status, 405);
	fake_finish(x);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_conversation_goes_on),
		TEST(a_streamed_answer_is_kept_too),
		TEST(a_large_conversation_is_written_out_by_the_thread_pool),
		TEST(the_system_prompt_serves_until_another_comes),
		TEST(a_later_turn_may_begin_with_the_assistant),
		TEST(who_has_no_such_session_is_told),
		TEST(two_at_once_are_one_too_many),
		TEST(what_is_not_answered_leaves_it_as_it_was),
		TEST(a_new_session_that_fails_was_never_there),
		TEST(an_answer_that_was_cut_short_counts),
		TEST(a_retried_answer_is_kept_once),
		TEST(not_in_a_batch),
		TEST(the_routes_tell_and_delete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
