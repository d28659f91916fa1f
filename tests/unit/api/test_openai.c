#include <string.h>

#include "shared/clock.h"
#include "shared/json.h"

#include "daemon/api/pipeline.h"

#include "tests/unit/api/fakes.h"
#include "tests/unit/test.h"

#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"

static json_t *parse(const char *text, size_t len)
{
	char why[200] = "";
	json_t *v =
		json_parse(text, len, &(struct json_bounds){.max_values = 1000, .max_depth = 20},
			   why, sizeof why);

	if (!v)
		fail_msg("%s in %s", why, text);
	return v;
}

static const char *frame(const struct exchange *x, unsigned index)
{
	static char copy[4096];
	const char *at = x->sent.data;

	for (;; index--) {
		const char *end = strstr(at, "\n\n");

		assert_non_null(end);
		if (!index) {
			memcpy(copy, at, (size_t)(end - at));
			copy[end - at] = '\0';
			return copy;
		}
		at = end + 2;
	}
}

static void plain_answer_is_one_completion(void **state)
{
	struct exchange *x = fake_chat("{\"model\":\"haiku\"," HELLO ",\"seed\":4}");
	json_t *v, *usage;
	double cost;

	(void)state;
	fake_add_header(x, "x-request-id", "my-id:1");
	fake_send(x);
	assert_int_equal(x->status, 0);
	assert_string_equal(fakes.job->id, "my-id:1");
	assert_string_equal(fakes.job->project, "default");
	assert_string_equal(fakes.job->prompt.model, "haiku");
	assert_string_equal(fakes.job->prompt.body,
			    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
			    "\"text\":\"hello\"}]}]}");
	fake_text("Hi \"you\"");
	fake_text("\n\xC3\xA9");
	fake_done(FAULT_NONE);
	assert_int_equal(x->status, 200);
	v = parse(x->sent.data, x->sent.len);
	assert_int_equal(strncmp(json_get_str(v, "id"), "chatcmpl-", 9), 0);
	assert_string_equal(json_get_str(v, "object"), "chat.completion");
	assert_int_equal(json_get_int(v, "created", 0), 1700000000);
	assert_string_equal(json_get_str(v, "model"), "claude-haiku-5-5-2026");
	assert_non_null(strstr(x->sent.data,
			       "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
			       "\"content\":\"Hi \\\"you\\\"\\n\xC3\xA9\",\"refusal\":null},"
			       "\"logprobs\":null,\"finish_reason\":\"stop\"}]"));
	usage = json_object_get(v, "usage");
	assert_int_equal(json_get_int(usage, "prompt_tokens", 0), 15);
	assert_int_equal(json_get_int(usage, "completion_tokens", 0), 5);
	assert_int_equal(json_get_int(usage, "total_tokens", 0), 20);
	cost = json_get_num(usage, "cost_usd", 0);
	assert_true(cost == 0.000978);
	assert_non_null(strstr(x->sent.data, "\"cost_usd\":0.000978}"));
	assert_string_equal(fake_out(x, "x-request-id"), "my-id:1");
	assert_string_equal(fake_out(x, "openai-processing-ms"), "27");
	assert_string_equal(fake_out(x, "x-ccapi-model"), "claude-haiku-5-5-2026");
	assert_string_equal(fake_out(x, "x-ccapi-route"), "requested");
	assert_string_equal(fake_out(x, "x-ccapi-cache"), "bypass");
	assert_string_equal(fake_out(x, "x-ccapi-cost-usd"), "0.000978");
	assert_string_equal(fake_out(x, "x-ccapi-queue-ms"), "3");
	assert_string_equal(fake_out(x, "x-ccapi-overhead-ms"), "7");
	assert_string_equal(fake_out(x, "x-ccapi-ignored-params"), "seed");
	json_decref(v);
	fake_finish(x);
}

static void empty_answer_is_empty_text(void **state)
{
	struct exchange *x = fake_chat("{" HELLO "}");

	(void)state;
	fake_send(x);
	assert_string_equal(fakes.job->prompt.model, "sonnet");
	fakes.job->result.stop = JOB_STOP_MAX_TOKENS;
	fake_done(FAULT_NONE);
	assert_non_null(strstr(x->sent.data, "\"content\":\"\""));
	assert_non_null(strstr(x->sent.data, "\"finish_reason\":\"length\""));
	assert_string_equal(fake_out(x, "x-ccapi-route"), "auto:default");
	fake_finish(x);
}

static void stream_has_openais_frames(void **state)
{
	struct exchange *x = fake_chat("{\"model\":\"haiku\",\"stream\":true," HELLO "}");
	json_t *v;

	(void)state;
	fake_send(x);
	assert_false(x->streaming);
	fake_text("Hel");
	assert_true(x->streaming);
	assert_string_equal(x->type, "text/event-stream");
	assert_string_equal(fake_out(x, "Cache-Control"), "no-cache");
	assert_string_equal(fake_out(x, "X-Accel-Buffering"), "no");
	assert_non_null(fake_out(x, "x-request-id"));
	assert_string_equal(fake_out(x, "x-ccapi-queue-ms"), "3");
	assert_null(fake_out(x, "x-ccapi-cost-usd"));
	fake_text("lo\"");
	fake_done(FAULT_NONE);
	assert_non_null(strstr(frame(x, 0), "\"choices\":[{\"index\":0,\"delta\":{\"role\":"
					    "\"assistant\",\"content\":\"\"},\"logprobs\":null,"
					    "\"finish_reason\":null}]}"));
	v = parse(frame(x, 1) + 6, strlen(frame(x, 1) + 6));
	assert_string_equal(json_get_str(v, "object"), "chat.completion.chunk");
	assert_null(json_object_get(v, "usage"));
	json_decref(v);
	assert_non_null(strstr(frame(x, 1), "\"delta\":{\"content\":\"Hel\"}"));
	assert_non_null(strstr(frame(x, 2), "\"delta\":{\"content\":\"lo\\\"\"}"));
	assert_non_null(strstr(frame(x, 3), "\"delta\":{},\"logprobs\":null,"
					    "\"finish_reason\":\"stop\"}],\"ccapi\":{\"model\":"
					    "\"claude-haiku-5-5-2026\",\"route\":\"requested\","
					    "\"cache\":\"bypass\",\"cost_usd\":0.000978,"
					    "\"queue_ms\":3,\"overhead_ms\":7}}"));
	assert_string_equal(frame(x, 4), "data: [DONE]");
	assert_true(x->ended && !x->cut);
	fake_finish(x);
}

static void stream_with_usage_has_a_last_chunk_without_choices(void **state)
{
	struct exchange *x = fake_chat("{\"stream\":true,\"stream_options\":{\"include_usage\":"
				       "true}," HELLO "}");

	(void)state;
	fake_send(x);
	fake_text("a");
	fake_done(FAULT_NONE);
	for (unsigned i = 0; i < 3; i++)
		assert_non_null(strstr(frame(x, i), "}],\"usage\":null}"));
	assert_non_null(strstr(frame(x, 3), "\"choices\":[],\"usage\":{\"prompt_tokens\":15,"));
	assert_non_null(strstr(frame(x, 3), "\"ccapi\":{"));
	assert_string_equal(frame(x, 4), "data: [DONE]");
	fake_finish(x);
}

static void stream_without_text_still_has_role_and_finish(void **state)
{
	struct exchange *x = fake_chat("{\"stream\":true," HELLO "}");

	(void)state;
	fake_send(x);
	fakes.job->result.stop = JOB_STOP_REFUSAL;
	fake_done(FAULT_NONE);
	assert_non_null(strstr(frame(x, 0), "\"role\":\"assistant\""));
	assert_non_null(strstr(frame(x, 1), "\"finish_reason\":\"content_filter\""));
	assert_string_equal(frame(x, 2), "data: [DONE]");
	assert_string_equal(fake_out(x, "x-ccapi-cost-usd"), "0.000978");
	fake_finish(x);
}

static void fault_before_the_first_text_is_an_http_error(void **state)
{
	struct exchange *x = fake_chat("{\"stream\":true," HELLO "}");

	(void)state;
	fake_send(x);
	fakes.job->result.retry_after_ms = 61500;
	fake_done(FAULT_PLAN_LIMIT);
	fake_assert_error(x, 429, "plan_limit_reached", NULL);
	assert_string_equal(fake_out(x, "Retry-After"), "62");
	assert_string_equal(fake_out(x, "retry-after-ms"), "61500");
	assert_string_equal(fake_out(x, "x-should-retry"), "false");
	fake_finish(x);
}

static void fault_after_the_first_text_is_a_frame_without_done(void **state)
{
	struct exchange *x = fake_chat("{\"stream\":true," HELLO "}");

	(void)state;
	fake_send(x);
	fake_text("a");
	fake_done(FAULT_UPSTREAM);
	assert_int_equal(x->status, 200);
	assert_int_equal(strncmp(frame(x, 2), "data: {\"error\":{\"message\":", 26), 0);
	assert_non_null(strstr(frame(x, 2), "\"code\":\"upstream_error\"}}"));
	assert_null(strstr(x->sent.data, "[DONE]"));
	assert_null(strstr(x->sent.data, "\"stop\""));
	assert_true(x->ended);
	fake_finish(x);
}

static void silence_is_filled_with_pings(void **state)
{
	struct exchange *x = fake_chat("{\"stream\":true," HELLO "}");

	(void)state;
	fake_send(x);
	clock_advance_ms(14900);
	pipeline_tick(fakes.api);
	assert_false(x->streaming);
	clock_advance_ms(200);
	pipeline_tick(fakes.api);
	assert_true(x->streaming);
	assert_string_equal(x->sent.data, ": ping\n\n");
	clock_advance_ms(10000);
	pipeline_tick(fakes.api);
	assert_string_equal(x->sent.data, ": ping\n\n");
	fake_text("a");
	clock_advance_ms(14900);
	pipeline_tick(fakes.api);
	assert_non_null(strstr(frame(x, 1), "\"role\""));
	clock_advance_ms(200);
	pipeline_tick(fakes.api);
	assert_string_equal(frame(x, 3), ": ping");
	fake_done(FAULT_TIMEOUT);
	assert_non_null(strstr(frame(x, 4), "\"code\":\"timeout\""));
	fake_finish(x);
}

static void slow_reader_pauses_the_worker(void **state)
{
	struct exchange *x = fake_chat("{\"stream\":true," HELLO "}");

	(void)state;
	fake_send(x);
	fake_text("a");
	assert_int_equal(fakes.pauses, 0);
	x->queued = x->high + 1;
	fake_text("b");
	fake_text("c");
	assert_int_equal(fakes.pauses, 1);
	x->queued = 0;
	x->on_drain(x->user, x);
	x->on_drain(x->user, x);
	assert_int_equal(fakes.resumes, 1);
	x->queued = x->high + 1;
	fake_text("d");
	assert_int_equal(fakes.pauses, 2);
	fake_done(FAULT_NONE);
	assert_true(x->ended);
	x->on_drain(x->user, x);
	assert_int_equal(fakes.resumes, 1);
	fake_finish(x);
}

#define JSON_FORMAT "\"response_format\":{\"type\":\"json_object\"},"

static void json_answers_are_checked(void **state)
{
	struct exchange *x = fake_chat("{" JSON_FORMAT HELLO "}");

	(void)state;
	fake_send(x);
	assert_non_null(strstr(fakes.job->prompt.system, "Be helpful.\n\nAnswer with a single"));
	fake_text("Sure! {}");
	fake_done(FAULT_NONE);
	fake_assert_error(x, 502, "upstream_error", NULL);
	assert_string_equal(fake_out(x, "x-ccapi-cost-usd"), "0.000978");
	fake_finish(x);

	x = fake_chat("{\"stream\":true," JSON_FORMAT HELLO "}");
	fake_send(x);
	fake_text("[");
	fake_text("]");
	fake_done(FAULT_NONE);
	assert_non_null(strstr(frame(x, 3), "data: {\"error\":"));
	assert_null(strstr(x->sent.data, "[DONE]"));
	fake_finish(x);

	x = fake_chat("{\"stream\":true," JSON_FORMAT HELLO "}");
	fake_send(x);
	fake_text("{");
	fake_text("}");
	fake_done(FAULT_NONE);
	assert_string_equal(frame(x, 4), "data: [DONE]");
	fake_finish(x);

	x = fake_chat("{" JSON_FORMAT HELLO "}");
	fake_send(x);
	fake_text("{\"a\":");
	fakes.job->result.stop = JOB_STOP_MAX_TOKENS;
	fake_done(FAULT_NONE);
	assert_int_equal(x->status, 200);
	fake_finish(x);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(plain_answer_is_one_completion),
		TEST(empty_answer_is_empty_text),
		TEST(stream_has_openais_frames),
		TEST(stream_with_usage_has_a_last_chunk_without_choices),
		TEST(stream_without_text_still_has_role_and_finish),
		TEST(fault_before_the_first_text_is_an_http_error),
		TEST(fault_after_the_first_text_is_a_frame_without_done),
		TEST(silence_is_filled_with_pings),
		TEST(slow_reader_pauses_the_worker),
		TEST(json_answers_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
