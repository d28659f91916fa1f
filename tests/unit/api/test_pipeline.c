#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"

#include "daemon/api/pipeline.h"

#include "tests/unit/api/fakes.h"
#include "tests/unit/test.h"

#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"

static void abort_cancels_the_job(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fake_send(x);
	fake_text("a");
	fake_abort(x);
	assert_int_equal(fakes.cancelled, 1);
	fake_text("b");
	fake_done(FAULT_CANCELLED);
}

static void abort_of_a_stream_cancels_the_job(void **state)
{
	struct exchange *x = fake_chat("{\"stream\":true," HELLO "}");

	(void)state;
	fake_send(x);
	fake_text("a");
	fake_abort(x);
	assert_int_equal(fakes.cancelled, 1);
	clock_advance_ms(20000);
	pipeline_tick(fakes.api);
	fake_flush();
	fake_done(FAULT_NONE);
}

static struct exchange *large_chat(void)
{
	struct buf b;
	struct exchange *x;

	buf_init(&b, 1 << 20);
	buf_add_str(&b, "{\"messages\":[{\"role\":\"user\",\"content\":\"");
	for (int i = 0; i < 10000; i++)
		buf_add_str(&b, "0123456789");
	buf_add_str(&b, "\"}]}");
	x = fake_chat(b.data);
	buf_done(&b);
	return x;
}

static void large_bodies_are_decoded_by_the_thread_pool(void **state)
{
	struct exchange *x = large_chat();

	(void)state;
	fake_send(x);
	assert_null(fakes.job);
	while (!fakes.job)
		fake_run_loop();
	assert_true(fakes.job->prompt.body_len > 100000);
	fake_done(FAULT_NONE);
	assert_int_equal(x->status, 200);
	fake_finish(x);
}

static void abort_while_the_thread_pool_decodes_ends_the_call(void **state)
{
	struct exchange *x = large_chat();

	(void)state;
	fake_send(x);
	fake_abort(x);
	uv_run(&fakes.loop, UV_RUN_DEFAULT);
	assert_null(fakes.job);
	assert_int_equal(fakes.cancelled, 0);
}

static void requests_wait_while_the_pool_starts(void **state)
{
	struct exchange *x = fake_chat("{\"timeout\":100," HELLO "}");
	struct models known = fakes.models;

	(void)state;
	fakes.health = POOL_STARTING;
	fakes.models.count = 0;
	fake_send(x);
	pipeline_tick(fakes.api);
	fake_flush();
	assert_int_equal(x->status, 0);
	assert_null(fakes.job);
	clock_advance_ms(40000);
	pipeline_tick(fakes.api);
	fake_flush();
	assert_null(fakes.job);
	fakes.health = POOL_READY;
	fakes.models = known;
	pipeline_tick(fakes.api);
	fake_flush();
	assert_non_null(fakes.job);
	assert_int_equal(fakes.job->timeout_ms, 60000);
	fake_done(FAULT_NONE);
	fake_finish(x);
}

static void waiting_for_the_pool_has_an_end(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fakes.health = POOL_STARTING;
	fake_send(x);
	clock_advance_ms(60000);
	pipeline_tick(fakes.api);
	fake_flush();
	fake_assert_error(x, 504, "timeout", NULL);
	fake_finish(x);
}

static void abort_while_waiting_for_the_pool_ends_the_call(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fakes.health = POOL_STARTING;
	fake_send(x);
	fake_abort(x);
	fakes.health = POOL_READY;
	pipeline_tick(fakes.api);
	fake_flush();
	assert_null(fakes.job);
}

static void only_so_many_wait_for_the_pool(void **state)
{
	struct exchange *x[3];

	(void)state;
	fakes.health = POOL_STARTING;
	for (int i = 0; i < 3; i++) {
		x[i] = fake_chat("{" HELLO "}");
		fake_send(x[i]);
	}
	fake_assert_error(x[2], 503, "overloaded", NULL);
	assert_string_equal(fake_out(x[2], "Retry-After"), "1");
	fake_finish(x[2]);
	fake_abort(x[0]);
	fake_abort(x[1]);
}

static void admission_refuses(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fakes.health = POOL_NOT_LOGGED_IN;
	fake_send(x);
	fake_assert_error(x, 503, "backend_unavailable", NULL);
	assert_string_equal(fake_out(x, "x-should-retry"), "false");
	fake_finish(x);

	fakes.health = POOL_READY;
	fakes.draining = true;
	x = fake_chat("{" HELLO "}");
	fake_send(x);
	fake_assert_error(x, 503, "overloaded", NULL);
	fake_finish(x);

	fakes.draining = false;
	fakes.plan.status = PLAN_REJECTED;
	fakes.plan.resets_at = 1700000000 + 30;
	x = fake_chat("{" HELLO "}");
	fake_send(x);
	fake_assert_error(x, 429, "plan_limit_reached", NULL);
	assert_string_equal(fake_out(x, "Retry-After"), "30");
	assert_null(fake_out(x, "x-should-retry"));
	fake_finish(x);

	plan_limits_init(&fakes.plan);
	fakes.refuse = FAULT_OVERLOADED;
	x = fake_chat("{" HELLO "}");
	fake_send(x);
	fake_assert_error(x, 503, "overloaded", NULL);
	assert_string_equal(fake_out(x, "retry-after-ms"), "1500");
	assert_string_equal(fake_out(x, "Retry-After"), "2");
	fake_finish(x);
	assert_int_equal(fakes.submitted, 0);
}

static void route_refuses_what_nobody_serves(void **state)
{
	struct exchange *x = fake_chat("{\"model\":\"gpt-4o\"," HELLO "}");

	(void)state;
	fake_send(x);
	fake_assert_error(x, 404, "model_not_found", "model");
	fake_finish(x);

	fakes.body_mode = false;
	x = fake_chat("{\"temperature\":1," HELLO "}");
	fake_send(x);
	fake_assert_error(x, 400, "unsupported_by_cli", "temperature");
	fake_finish(x);

	x = fake_chat("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":"
		      "\"assistant\",\"content\":\"b\"}]}");
	fake_send(x);
	fake_assert_error(x, 400, "unsupported_by_cli", "messages[1].role");
	fake_finish(x);
}

static void invalid_bodies_are_refused(void **state)
{
	struct exchange *x = fake_chat("{\"messages\":");

	(void)state;
	fake_send(x);
	fake_assert_error(x, 400, NULL, NULL);
	fake_finish(x);
	x = fake_chat("{\"project_id\":\"a b\"," HELLO "}");
	fake_send(x);
	fake_assert_error(x, 400, NULL, "project_id");
	fake_finish(x);
	x = fake_chat("{\"n\":2," HELLO "}");
	fake_add_header(x, "x-ccapi-strict", "true");
	fake_send(x);
	fake_assert_error(x, 400, NULL, "n");
	fake_finish(x);
}

static void answers_beyond_the_limit_are_cancelled(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");
	char text[1001];

	(void)state;
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	fake_send(x);
	fake_text(text);
	assert_int_equal(fakes.cancelled, 0);
	fake_text(text);
	fake_text(text);
	assert_int_equal(fakes.cancelled, 1);
	fake_done(FAULT_CANCELLED);
	fake_assert_error(x, 502, "upstream_error", NULL);
	fake_finish(x);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(abort_cancels_the_job),
		TEST(abort_of_a_stream_cancels_the_job),
		TEST(large_bodies_are_decoded_by_the_thread_pool),
		TEST(abort_while_the_thread_pool_decodes_ends_the_call),
		TEST(requests_wait_while_the_pool_starts),
		TEST(waiting_for_the_pool_has_an_end),
		TEST(abort_while_waiting_for_the_pool_ends_the_call),
		TEST(only_so_many_wait_for_the_pool),
		TEST(admission_refuses),
		TEST(route_refuses_what_nobody_serves),
		TEST(invalid_bodies_are_refused),
		TEST(answers_beyond_the_limit_are_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
