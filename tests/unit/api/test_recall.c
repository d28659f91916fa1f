/* Earlier answers: the cache, its short cut, single flight, Idempotency-Key. */
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/json.h"

#include "daemon/api/pipeline.h"

#include "tests/unit/api/fakes.h"
#include "tests/unit/test.h"

#define HELLO "\"model\":\"haiku\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"

static int cached_setup(void **state)
{
	int rc = fakes_setup(state);

	fakes.conf.cache.enabled = true;
	return rc;
}

/* Asks and lets the model answer; the exchange is sent, not finished. */
static struct exchange *answered(const char *body, const char *answer)
{
	struct exchange *x = fake_chat(body);

	fake_send(x);
	assert_non_null(fakes.job);
	fake_text(answer);
	fake_done(FAULT_NONE);
	assert_int_equal(x->status, 200);
	return x;
}

static void assert_hit(struct exchange *x, const char *text)
{
	fake_send(x);
	assert_null(fakes.job);
	assert_int_equal(x->status, 200);
	assert_string_equal(fake_out(x, "x-ccapi-cache"), "hit");
	assert_non_null(strstr(x->sent.data, text));
	fake_finish(x);
}

static void the_same_request_is_answered_once(void **state)
{
	struct exchange *x = answered("{" HELLO "}", "forty-two");

	(void)state;
	assert_string_equal(fake_out(x, "x-ccapi-cache"), "miss");
	fake_finish(x);
	x = fake_chat("{" HELLO "}");
	fake_send(x);
	assert_string_equal(fake_out(x, "x-ccapi-cost-usd"), "0.000000");
	assert_non_null(strstr(x->sent.data, "\"cost_usd\":0.000000"));
	assert_non_null(strstr(x->sent.data, "forty-two"));
	fake_finish(x);
	assert_int_equal(fakes.submitted, 1);
	assert_int_equal(fakes.admit.settled, 1);
	assert_int_equal(fakes.admit.hits, 1);
}

static void other_bytes_of_the_same_request_hit_too(void **state)
{
	(void)state;
	fake_finish(answered("{" HELLO "}", "forty-two"));
	assert_hit(fake_chat("{  " HELLO "}"), "forty-two");
	assert_hit(fake_chat("{  " HELLO "}"), "forty-two");
}

static void whatever_changes_the_answer_misses(void **state)
{
	static const char *const others[] = {
		"{\"max_tokens\":5," HELLO "}",
		"{\"stop\":\"x\"," HELLO "}",
		"{\"reasoning_effort\":\"high\"," HELLO "}",
		"{\"response_format\":{\"type\":\"json_object\"}," HELLO "}",
		"{\"project_id\":\"other\"," HELLO "}",
		"{\"model\":\"sonnet\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}",
		"{\"model\":\"haiku\",\"messages\":[{\"role\":\"user\",\"content\":\"hello!\"}]}",
		"{\"model\":\"haiku\",\"messages\":[{\"role\":\"system\",\"content\":\"x\"},"
		"{\"role\":\"user\",\"content\":\"hello\"}]}",
	};

	(void)state;
	fake_finish(answered("{" HELLO "}", "{}"));
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		struct exchange *x = answered(others[i], "{}");

		assert_string_equal(fake_out(x, "x-ccapi-cache"), "miss");
		fake_finish(x);
	}
}

static void a_hit_may_be_streamed(void **state)
{
	struct exchange *x;

	(void)state;
	fake_finish(answered("{" HELLO "}", "forty-two"));
	for (int i = 0; i < 2; i++) { /* parsed, then by the short cut */
		x = fake_chat("{\"stream\":true,\"stream_options\":{\"include_usage\":true}," HELLO
			      "}");
		fake_send(x);
		assert_int_equal(x->status, 200);
		assert_string_equal(x->type, "text/event-stream");
		assert_non_null(strstr(x->sent.data, "\"content\":\"forty-two\""));
		assert_non_null(strstr(x->sent.data, "\"cache\":\"hit\""));
		assert_non_null(strstr(x->sent.data, "\"usage\":{"));
		assert_non_null(strstr(x->sent.data, "[DONE]"));
		fake_finish(x);
	}
	assert_int_equal(fakes.submitted, 1);
}

static void a_streamed_answer_is_kept_too(void **state)
{
	(void)state;
	fake_finish(answered("{\"stream\":true," HELLO "}", "forty-two"));
	assert_hit(fake_chat("{" HELLO "}"), "forty-two");
}

static void requests_that_want_variety_are_not_cached(void **state)
{
	static const char *const bodies[] = {"{\"temperature\":0.7," HELLO "}",
					     "{\"top_p\":0.9," HELLO "}"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct exchange *x;

		fake_finish(answered(bodies[i], "one"));
		x = answered(bodies[i], "two");
		assert_string_equal(fake_out(x, "x-ccapi-cache"), "bypass");
		fake_finish(x);
	}
	fake_finish(answered("{\"temperature\":0," HELLO "}", "cold"));
	assert_hit(fake_chat("{\"temperature\":0," HELLO "}"), "cold");
}

static void incomplete_answers_and_failures_are_not_kept(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fake_send(x);
	fake_text("half");
	fakes.job->result.stop = JOB_STOP_MAX_TOKENS;
	fake_done(FAULT_NONE);
	fake_finish(x);
	x = fake_chat("{" HELLO "}");
	fake_send(x);
	assert_non_null(fakes.job);
	fake_done(FAULT_UPSTREAM);
	fake_finish(x);
	fake_finish(answered("{" HELLO "}", "whole"));
	assert_hit(fake_chat("{" HELLO "}"), "whole");
}

static void the_client_steers_the_cache(void **state)
{
	struct exchange *x;

	(void)state;
	fake_finish(answered("{\"cache\":{\"no_store\":true}," HELLO "}", "unkept"));
	fake_finish(answered("{" HELLO "}", "kept"));
	x = answered("{\"cache\":{\"no_cache\":true}," HELLO "}", "fresh");
	assert_string_equal(fake_out(x, "x-ccapi-cache"), "bypass");
	fake_finish(x);
	assert_hit(fake_chat("{" HELLO "}"), "fresh");
	x = fake_chat("{" HELLO "}");
	fake_add_header(x, "Cache-Control", "max-age=0, no-cache");
	fake_send(x);
	assert_non_null(fakes.job);
	fake_text("freshest");
	fake_done(FAULT_NONE);
	fake_finish(x);
	assert_hit(fake_chat("{" HELLO "}"), "freshest");
}

static void kept_answers_have_their_time(void **state)
{
	(void)state;
	fake_finish(answered("{\"cache\":{\"ttl\":5}," HELLO "}", "short"));
	clock_advance_ms(4900);
	assert_hit(fake_chat("{" HELLO "}"), "short");
	clock_advance_ms(200);
	fake_finish(answered("{" HELLO "}", "anew"));
	clock_advance_ms(59000);
	assert_hit(fake_chat("{" HELLO "}"), "anew");
	clock_advance_ms(2000);
	fake_finish(answered("{" HELLO "}", "again"));
}

static void the_same_request_at_the_same_time_waits_for_the_first(void **state)
{
	struct exchange *first = fake_chat("{" HELLO "}"), *second = fake_chat("{" HELLO "}");

	(void)state;
	fake_send(first);
	fake_send(second);
	assert_int_equal(fakes.submitted, 1);
	assert_int_equal(second->status, 0);
	fake_text("shared");
	fake_done(FAULT_NONE);
	assert_int_equal(first->status, 200);
	fake_run_loop();
	assert_int_equal(second->status, 200);
	assert_string_equal(fake_out(second, "x-ccapi-cache"), "hit");
	assert_non_null(strstr(second->sent.data, "shared"));
	fake_finish(first);
	fake_finish(second);
}

static void when_the_first_fails_the_next_asks_the_model(void **state)
{
	struct exchange *first = fake_chat("{" HELLO "}"), *second = fake_chat("{" HELLO "}");

	(void)state;
	fake_send(first);
	fake_send(second);
	fake_done(FAULT_UPSTREAM);
	fake_run_loop();
	assert_int_equal(fakes.submitted, 2);
	fake_text("at last");
	fake_done(FAULT_NONE);
	assert_int_equal(second->status, 200);
	fake_finish(first);
	fake_finish(second);
}

static void who_waits_for_another_may_leave(void **state)
{
	struct exchange *first = fake_chat("{" HELLO "}"), *second = fake_chat("{" HELLO "}");

	(void)state;
	fake_send(first);
	fake_send(second);
	fake_abort(second);
	fake_text("a");
	fake_done(FAULT_NONE);
	fake_finish(first);
	assert_int_equal(fakes.admit.settled, 1);
}

static void when_the_first_leaves_the_next_takes_its_place(void **state)
{
	struct exchange *first = fake_chat("{" HELLO "}"), *second = fake_chat("{" HELLO "}");

	(void)state;
	fake_send(first);
	fake_send(second);
	fake_abort(first);
	fake_done(FAULT_CANCELLED);
	fake_run_loop();
	assert_int_equal(fakes.submitted, 2);
	fake_text("mine");
	fake_done(FAULT_NONE);
	assert_int_equal(second->status, 200);
	fake_finish(second);
}

static void who_waits_too_long_for_another_is_told(void **state)
{
	struct exchange *first = fake_chat("{" HELLO "}");
	struct exchange *second = fake_chat("{\"timeout\":5," HELLO "}");

	(void)state;
	fake_send(first);
	fake_send(second);
	clock_advance_ms(6000);
	pipeline_tick(fakes.api);
	fake_assert_error(second, 504, "timeout", NULL);
	fake_finish(second);
	fake_text("a");
	fake_done(FAULT_NONE);
	fake_finish(first);
}

/* The one that is waited for stands still, and so does the one that waits. */
static void while_the_queue_is_held_nobody_waits_too_long(void **state)
{
	struct exchange *first = fake_chat("{" HELLO "}");
	struct exchange *second = fake_chat("{" HELLO "}");
	struct exchange *impatient = fake_chat("{\"timeout\":5," HELLO "}");
	const int64_t most_ms = fakes.conf.pool.request_timeout;

	(void)state;
	fake_send(first);
	fake_send(second);
	fake_send(impatient);
	clock_advance_ms(most_ms + 1000);
	fakes.held_us = most_ms * 1000;
	pipeline_tick(fakes.api);
	fake_assert_error(impatient, 504, "timeout", NULL);
	fake_finish(impatient);
	assert_int_equal(second->status, 0);
	clock_advance_ms(most_ms - 500);
	pipeline_tick(fakes.api);
	fake_assert_error(second, 504, "timeout", NULL);
	fake_finish(second);
	fake_text("a");
	fake_done(FAULT_NONE);
	fake_finish(first);
}

static void limits_count_for_hits_too(void **state)
{
	struct exchange *x;

	(void)state;
	fake_finish(answered("{" HELLO "}", "kept"));
	fakes.admit.refuse_limit = FAULT_LIMIT_REQUESTS;
	x = fake_chat("{" HELLO "}");
	fake_send(x);
	fake_assert_error(x, 429, "rate_limit_exceeded", NULL);
	fake_finish(x);
}

/* ---- Idempotency-Key ---- */

static struct exchange *keyed_chat(const char *key, const char *body)
{
	struct exchange *x = fake_chat(body);

	fake_add_header(x, "Idempotency-Key", key);
	return x;
}

static void an_answer_for_an_idempotency_key_is_kept_with_its_line(void **state)
{
	struct exchange *x = keyed_chat("k1", "{" HELLO "}");

	(void)state;
	fake_send(x);
	fake_text("once");
	fake_done(FAULT_NONE);
	assert_int_equal(x->status, 200);
	assert_true(fakes.admit.kept);
	assert_string_equal(fake_out(x, "x-ccapi-cache"), "bypass");
	fake_finish(x);
}

static void two_requests_with_one_key_at_the_same_time_share_the_answer(void **state)
{
	struct exchange *first = keyed_chat("k1", "{" HELLO "}");
	struct exchange *second = keyed_chat("k1", "{" HELLO "}");
	struct exchange *other = keyed_chat("k1", "{ " HELLO "}");
	json_t *a, *b;

	(void)state;
	fake_send(first);
	fake_send(second);
	fake_send(other);
	fake_text("once");
	fake_done(FAULT_NONE);
	fake_run_loop();
	assert_string_equal(fake_out(second, "x-ccapi-idempotent-replay"), "true");
	a = json_loads(first->sent.data, 0, NULL);
	b = json_loads(second->sent.data, 0, NULL);
	assert_true(json_equal(a, b));
	json_decref(a);
	json_decref(b);
	fake_assert_error(other, 409, "conflict", NULL);
	assert_int_equal(fakes.admit.settled, 1);
	assert_int_equal(fakes.admit.hits, 0);
	fake_finish(first);
	fake_finish(second);
	fake_finish(other);
}

static void of_an_answer_too_large_to_be_kept_there_is_word(void **state)
{
	struct exchange *first = keyed_chat("k1", "{\"stream\":true," HELLO "}");
	struct exchange *second = keyed_chat("k1", "{\"stream\":true," HELLO "}");
	char text[600];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	fake_send(first);
	fake_send(second);
	fake_text(text);
	fake_text(text); /* more than pool.max_answer in all */
	fake_done(FAULT_NONE);
	fake_run_loop();
	assert_int_equal(first->status, 200);
	fake_assert_error(second, 409, "conflict", NULL);
	assert_int_equal(fakes.submitted, 1);
	fake_finish(first);
	fake_finish(second);
}

static void an_idempotency_key_has_a_length(void **state)
{
	char key[300];
	struct exchange *x;

	(void)state;
	memset(key, 'k', sizeof key - 1);
	key[sizeof key - 1] = '\0';
	x = keyed_chat(key, "{" HELLO "}");
	fake_send(x);
	fake_assert_error(x, 400, NULL, "Idempotency-Key");
	fake_finish(x);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, cached_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_same_request_is_answered_once),
		CASE(other_bytes_of_the_same_request_hit_too),
		CASE(whatever_changes_the_answer_misses),
		CASE(a_hit_may_be_streamed),
		CASE(a_streamed_answer_is_kept_too),
		CASE(requests_that_want_variety_are_not_cached),
		CASE(incomplete_answers_and_failures_are_not_kept),
		CASE(the_client_steers_the_cache),
		CASE(kept_answers_have_their_time),
		CASE(the_same_request_at_the_same_time_waits_for_the_first),
		CASE(when_the_first_fails_the_next_asks_the_model),
		CASE(who_waits_for_another_may_leave),
		CASE(when_the_first_leaves_the_next_takes_its_place),
		CASE(who_waits_too_long_for_another_is_told),
		CASE(while_the_queue_is_held_nobody_waits_too_long),
		CASE(limits_count_for_hits_too),
		CASE(an_answer_for_an_idempotency_key_is_kept_with_its_line),
		CASE(two_requests_with_one_key_at_the_same_time_share_the_answer),
		CASE(of_an_answer_too_large_to_be_kept_there_is_word),
		CASE(an_idempotency_key_has_a_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
