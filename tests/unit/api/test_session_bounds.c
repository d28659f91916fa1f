/* Requests with a session at their bounds: size, earlier answers, a back end that is late, fails or
 * knows better. */
#include "tests/unit/api/session_support.h"

/* ---- size ---- */

static const char *padding(size_t len)
{
	static char text[8192];

	memset(text, 'x', len);
	text[len] = '\0';
	return text;
}

static void a_turn_that_does_not_fit_costs_nothing(void **state)
{
	char rest[9216];
	struct exchange *x;
	size_t used =
		strlen("[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"\"}]},"
		       "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"\"}]},"
		       "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"\"}]}]") +
		strlen("oneuno");

	(void)state;
	start();
	for (int i = 1; i >= 0; i--) { /* one byte too many; just so */
		snprintf(rest, sizeof rest, ASK("%s"), padding(4096 - used + (size_t)i));
		x = chat(id, rest);
		fake_send(x);
		if (i) {
			fake_assert_error(x, 400, NULL, "session_id");
			assert_int_equal(fakes.admit.holds, 1);
		} else {
			assert_non_null(fakes.job);
			fake_text("so");
			fake_done(FAULT_NONE);
			assert_int_equal(x->status, 200);
			assert_null(fake_out(x, "x-ccapi-session"));
		}
		fake_finish(x);
	}
	x = chat(id, ASK("more")); /* the answer was given and kept, but there is no room left */
	fake_send(x);
	fake_assert_error(x, 400, NULL, "session_id");
	fake_finish(x);
	x = ask_route("GET", id);
	assert_non_null(strstr(x->sent.data, "\"turns\":2,"));
	fake_finish(x);
}

static void the_system_prompt_takes_room_too(void **state)
{
	char body[9216];
	struct exchange *x;

	(void)state;
	snprintf(body, sizeof body,
		 "{" NEW
		 "\"model\":\"haiku\",\"messages\":[{\"role\":\"system\",\"content\":\"%s\"},"
		 "{\"role\":\"user\",\"content\":\"x\"}]}",
		 padding(4090));
	x = fake_chat(body);
	fake_send(x);
	fake_assert_error(x, 400, NULL, "session_id");
	fake_finish(x);
	snprintf(body, sizeof body, "{" NEW ASK("%s") "}", padding(4096));
	x = fake_chat(body);
	fake_send(x);
	fake_assert_error(x, 400, NULL, "session_id");
	fake_finish(x);
	assert_int_equal(counts(fakes.sessions).entries, 0);
}

static void a_schema_takes_no_room(void **state)
{
	char rest[9216];
	struct exchange *x;

	(void)state;
	start();
	snprintf(rest, sizeof rest,
		 "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","
		 "\"schema\":{\"type\":\"object\",\"description\":\"%s\"}}}," ASK("two"),
		 padding(4096));
	x = answered(chat(id, rest), "{}");
	fake_finish(x);
}

static void too_long_an_answer_is_told_to_be_lost(void **state)
{
	struct exchange *x;

	(void)state;
	start();
	fakes.conf.sessions.max_size = 256; /* twice that is the most that is kept */
	x = answered(chat(id, ASK("two")), padding(1024));
	assert_string_equal(fake_out(x, "x-ccapi-session"), "lost");
	fake_finish(x);
	assert_kept_as("user:one assistant:uno ");
	fakes.conf.sessions.max_size = 4096; /* pool.max_answer is 1024 */
	x = answered(chat(id, "\"stream\":true," ASK("two")), padding(1025));
	assert_non_null(strstr(x->sent.data, "\"session\":\"lost\""));
	fake_finish(x);
	assert_kept_as("user:one assistant:uno ");
}

/* ---- earlier answers ---- */

static void hits_add_the_turn(void **state)
{
	struct exchange *x;

	(void)state;
	fakes.conf.cache.enabled = true;
	start();
	x = fake_chat("{" NEW ASK("one") "}"); /* the same bytes */
	fake_send(x);
	assert_null(fakes.job);
	assert_string_equal(fake_out(x, "x-ccapi-cache"), "hit");
	assert_string_not_equal(fake_out(x, "x-ccapi-session-id"), id);
	snprintf(id, sizeof id, "%s", fake_out(x, "x-ccapi-session-id"));
	fake_finish(x);
	assert_kept_as("user:one assistant:uno ");
}

/* The same bytes mean another conversation each time: no short cut, another key. */
static void the_whole_conversation_is_the_question(void **state)
{
	struct exchange *x;

	(void)state;
	fakes.conf.cache.enabled = true;
	start();
	fake_finish(answered(chat(id, ASK("again")), "first"));
	x = answered(chat(id, ASK("again")), "second");
	assert_string_equal(fake_out(x, "x-ccapi-cache"), "miss");
	fake_finish(x);
	assert_kept_as("user:one assistant:uno user:again assistant:first "
		       "user:again assistant:second ");
	fake_finish(answered(fake_chat("{" ASK("again") "}"), "alone"));
}

static void a_replay_adds_nothing_and_names_the_session(void **state)
{
	struct exchange *x[2];

	(void)state;
	for (int i = 0; i < 2; i++) { /* the second waits for the first one's answer */
		x[i] = fake_chat("{" NEW ASK("one") "}");
		fake_add_header(x[i], "Idempotency-Key", "k");
		fake_send(x[i]);
	}
	fake_text("uno");
	fake_done(FAULT_NONE);
	fake_run_loop();
	assert_string_equal(fake_out(x[1], "x-ccapi-idempotent-replay"), "true");
	snprintf(id, sizeof id, "%s", fake_out(x[0], "x-ccapi-session-id"));
	assert_string_equal(fake_out(x[1], "x-ccapi-session-id"), id);
	fake_finish(x[0]);
	fake_finish(x[1]);
	assert_int_equal(fakes.submitted, 1);
	assert_int_equal(counts(fakes.sessions).entries, 1);
	assert_kept_as("user:one assistant:uno ");
}

/* ---- the back end ---- */

static void a_look_up_may_take_its_time(void **state)
{
	struct exchange *x;

	(void)state;
	start();
	backend_later = true;
	x = chat(id, ASK("two"));
	fake_send(x);
	assert_null(fakes.job);
	backend_answers();
	fake_flush();
	assert_sent("user:one assistant:uno user:two ");
	fake_text("dos");
	fake_done(FAULT_NONE);
	assert_int_equal(x->status, 0); /* the last byte waits until the turn is kept */
	backend_answers();
	assert_int_equal(x->status, 200);
	fake_finish(x);
	backend_later = false;
	assert_kept_as("user:one assistant:uno user:two assistant:dos ");
}

static void a_client_may_leave_at_any_time(void **state)
{
	struct exchange *x;

	(void)state;
	start();
	backend_later = true;
	x = chat(id, ASK("two")); /* while it is looked up */
	fake_send(x);
	fake_abort(x);
	backend_answers();
	fake_flush();
	assert_null(fakes.job);
	x = chat(id, ASK("two")); /* while it is kept */
	fake_send(x);
	backend_answers();
	fake_flush();
	fake_text("dos");
	fake_done(FAULT_NONE);
	fake_abort(x);
	backend_answers();
	x = ask_route("GET", id); /* while it is read */
	fake_abort(x);
	backend_answers();
	x = ask_route("DELETE", id); /* while it is deleted: done all the same */
	fake_abort(x);
	backend_answers();
	backend_answers();
	backend_later = false;
	assert_kept_as(NULL);
}

static void a_back_end_that_fails_is_told_only_without_a_copy(void **state)
{
	struct exchange *x;

	(void)state;
	start();
	backend_down = true;
	fake_finish(answered(chat(id, ASK("two")), "dos"));
	use(&backend); /* the next start */
	x = chat(id, ASK("three"));
	fake_send(x);
	fake_assert_error(x, 503, "overloaded", "session_id");
	assert_string_equal(fake_out(x, "Retry-After"), "1");
	fake_finish(x);
	x = ask_route("GET", id);
	assert_int_equal(x->status, 503);
	fake_finish(x);
	x = ask_route("DELETE", id);
	assert_int_equal(x->status, 503);
	fake_finish(x);
}

static void a_turn_that_came_too_late_is_answered_and_told(void **state)
{
	struct sessions *other = daemon_new(false);
	struct session_key key;
	struct exchange *x;

	(void)state;
	for (int stream = 0; stream < 2; stream++) {
		start();
		session_key_set(&key, "default", id);
		x = chat(id, stream ? "\"stream\":true," ASK("two") : ASK("two"));
		fake_send(x);
		whole_turn(other, key, 'f');
		fake_text("dos");
		fake_done(FAULT_NONE);
		assert_int_equal(x->status, 200);
		assert_non_null(strstr(x->sent.data, "dos"));
		if (stream)
			assert_non_null(strstr(x->sent.data, "\"session\":\"conflict\""));
		else
			assert_string_equal(fake_out(x, "x-ccapi-session"), "conflict");
		fake_finish(x);
		assert_kept_as("user:one assistant:uno user:f ");
	}
	sessions_free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_turn_that_does_not_fit_costs_nothing),
		TEST(the_system_prompt_takes_room_too),
		TEST(a_schema_takes_no_room),
		TEST(too_long_an_answer_is_told_to_be_lost),
		TEST(hits_add_the_turn),
		TEST(the_whole_conversation_is_the_question),
		TEST(a_replay_adds_nothing_and_names_the_session),
		TEST(a_look_up_may_take_its_time),
		TEST(a_client_may_leave_at_any_time),
		TEST(a_back_end_that_fails_is_told_only_without_a_copy),
		TEST(a_turn_that_came_too_late_is_answered_and_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
