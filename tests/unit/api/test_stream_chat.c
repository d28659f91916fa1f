/* Chats on a connection: what the client is sent of them, how they end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/json.h"
#include "shared/log.h"

#include "tests/unit/api/fakes.h"
#include "tests/unit/api/fakes_stream.h"
#include "tests/unit/test.h"

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"
#define CHAT(id) "{\"type\":\"chat\",\"id\":\"" id "\",\"model\":\"haiku\"," MESSAGES "}"
#define CANCEL(id) "{\"type\":\"cancel\",\"id\":\"" id "\"}"

/* Says it, and the job that comes of it. */
static struct job *begin(struct ws_conn *w, const char *text)
{
	fakes.several = true;
	fakes.job = NULL;
	fake_ws_say(w, text);
	assert_non_null(fakes.job);
	return fakes.job;
}

static void a_chat_is_start_tokens_and_done(void **state)
{
	struct ws_conn *w = fake_ws("x-request-id: up\r\n");

	(void)state;
	fake_ws_say(w, CHAT("a"));
	assert_true(fakes.job->streams);
	fake_ws_expect_nothing(w);
	fake_text("Hel\"lo");
	fake_ws_expect(w, "{\"type\":\"start\",\"id\":\"a\",\"model\":\"claude-haiku-5-5\","
			  "\"route\":\"requested\",\"request_id\":\"up.0\"}");
	fake_ws_expect(w, "{\"type\":\"token\",\"id\":\"a\",\"content\":\"Hel\\\"lo\"}");
	fake_text(" you");
	fake_ws_expect(w, "{\"type\":\"token\",\"id\":\"a\",\"content\":\" you\"}");
	fake_done(FAULT_NONE);
	fake_ws_expect(
		w,
		"{\"type\":\"done\",\"id\":\"a\",\"finish_reason\":\"stop\","
		"\"model\":\"claude-haiku-5-5-2026\",\"usage\":{\"prompt_tokens\":15,"
		"\"completion_tokens\":5,\"total_tokens\":20,\"prompt_tokens_details\":"
		"{\"cached_tokens\":3},\"completion_tokens_details\":{\"reasoning_tokens\":1},"
		"\"cost_usd\":0.000978},\"cost_usd\":0.000978,\"cached\":false,\"ccapi\":"
		"{\"model\":\"claude-haiku-5-5-2026\",\"route\":\"requested\",\"cache\":\"bypass\","
		"\"cost_usd\":0.000978,\"queue_ms\":3,\"overhead_ms\":7}}");
	fake_ws_expect_nothing(w);
	fake_ws_closed(w, 1000);
}

static void an_empty_answer_has_start_and_done_too(void **state)
{
	struct ws_conn *w = fake_ws("");

	(void)state;
	fake_ws_say(w, CHAT("a"));
	fakes.job->result.stop = JOB_STOP_MAX_TOKENS;
	fake_done(FAULT_NONE);
	fake_ws_skip(w, "start");
	assert_non_null(strstr(w->sent[w->looked_at], "\"finish_reason\":\"length\""));
	fake_ws_skip(w, "done");
	fake_ws_closed(w, 1000);
}

static void ids_are_made_where_none_is_sent(void **state)
{
	struct ws_conn *w = fake_ws("");
	char ids[2][160];

	(void)state;
	for (int i = 0; i < 2; i++) {
		json_t *v;

		fake_ws_say(w, "{\"type\":\"chat\"," MESSAGES "}");
		fake_done(FAULT_NONE);
		v = fake_ws_next(w, "start");
		snprintf(ids[i], sizeof ids[i], "%s", json_get_str(v, "id"));
		json_decref(v);
		fake_ws_skip(w, "done");
	}
	assert_int_equal(strncmp(ids[0], "chat-", 5), 0);
	assert_string_not_equal(ids[0], ids[1]);
	fake_ws_closed(w, 1000);
}

static void what_fails_before_the_first_text_is_one_error(void **state)
{
	struct ws_conn *w = fake_ws("");
	json_t *v;

	(void)state;
	fake_ws_say(w, "{\"type\":\"chat\",\"id\":\"a\",\"messages\":\"none\"}");
	fake_ws_expect_error(w, "a", NULL, "messages");
	fakes.refuse = FAULT_OVERLOADED;
	fake_ws_say(w, CHAT("a"));
	v = fake_ws_next(w, "error");
	assert_true(json_get_num(json_object_get(v, "error"), "retry_after", 0) == 1.5);
	json_decref(v);
	fakes.refuse = FAULT_NONE;
	fakes.admit.refuse_hold = true;
	fake_ws_say(w, CHAT("a"));
	fake_ws_expect_error(w, "a", "insufficient_quota", NULL);
	fakes.admit.refuse_hold = false;
	fake_ws_say(w, CHAT("a"));
	fake_done(FAULT_WORKER);
	fake_ws_expect_error(w, "a", "worker_failed", NULL);
	fake_ws_expect_nothing(w);
	assert_int_equal(w->close_code, 0);
	fake_ws_closed(w, 1000);
}

static void what_fails_later_ends_in_an_error_and_no_done(void **state)
{
	struct ws_conn *w = fake_ws("");

	(void)state;
	fake_ws_say(w, CHAT("a"));
	fake_text("half");
	fake_done(FAULT_UPSTREAM);
	fake_ws_skip(w, "start");
	fake_ws_skip(w, "token");
	fake_ws_expect_error(w, "a", "upstream_error", NULL);
	fake_ws_expect_nothing(w);
	fake_ws_closed(w, 1000);
}

static void several_chats_do_not_mix(void **state)
{
	struct ws_conn *w = fake_ws("");
	struct job *a = begin(w, CHAT("a")), *b = begin(w, CHAT("b"));

	(void)state;
	fake_text("b1");
	fakes.job = a;
	fake_text("a1");
	fakes.job = b;
	fake_text("b2");
	fake_done(FAULT_NONE);
	fakes.job = a;
	fake_text("a2");
	fake_done(FAULT_NONE);
	fake_ws_skip(w, "start");
	fake_ws_expect(w, "{\"type\":\"token\",\"id\":\"b\",\"content\":\"b1\"}");
	fake_ws_skip(w, "start");
	fake_ws_expect(w, "{\"type\":\"token\",\"id\":\"a\",\"content\":\"a1\"}");
	fake_ws_expect(w, "{\"type\":\"token\",\"id\":\"b\",\"content\":\"b2\"}");
	fake_ws_skip(w, "done");
	fake_ws_expect(w, "{\"type\":\"token\",\"id\":\"a\",\"content\":\"a2\"}");
	fake_ws_skip(w, "done");
	fake_ws_closed(w, 1000);
}

static void an_id_under_way_is_refused_and_free_afterwards(void **state)
{
	struct ws_conn *w = fake_ws("");

	(void)state;
	fake_ws_say(w, CHAT("a"));
	fake_ws_say(w, CHAT("a"));
	fake_ws_expect_error(w, NULL, "conflict", "id");
	fake_ws_say(w, "{\"type\":\"fly\",\"id\":\"a\"}");
	fake_ws_expect_error(w, NULL, NULL, "type"); /* "a" has not ended */
	fake_done(FAULT_NONE);
	fake_ws_skip(w, "start");
	fake_ws_skip(w, "done");
	fake_ws_say(w, CHAT("a"));
	fake_done(FAULT_NONE);
	fake_ws_skip(w, "start");
	fake_ws_skip(w, "done");
	fake_ws_closed(w, 1000);
}

static void chats_at_one_time_are_bounded(void **state)
{
	struct ws_conn *w = fake_ws("");
	struct job *jobs[3];
	json_t *v;

	(void)state;
	jobs[0] = begin(w, CHAT("a"));
	jobs[1] = begin(w, CHAT("b"));
	jobs[2] = begin(w, CHAT("c"));
	fake_ws_say(w, CHAT("d"));
	v = fake_ws_next(w, "error");
	assert_string_equal(json_get_str(v, "id"), "d");
	assert_string_equal(json_get_str(json_object_get(v, "error"), "code"),
			    "rate_limit_exceeded");
	json_decref(v);
	for (int i = 0; i < 3; i++) {
		fakes.job = jobs[i];
		fake_done(FAULT_NONE);
	}
	begin(w, CHAT("d"));
	fake_done(FAULT_NONE);
	fake_ws_closed(w, 1000);
}

static void a_cancelled_chat_ends_with_what_it_cost(void **state)
{
	struct ws_conn *w = fake_ws("");
	json_t *v;

	(void)state;
	fake_ws_say(w, CHAT("a"));
	fake_text("half");
	fake_ws_skip(w, "start");
	fake_ws_skip(w, "token");
	fake_ws_say(w, CANCEL("a"));
	fake_ws_say(w, CANCEL("a"));
	assert_int_equal(fakes.cancelled, 1);
	fake_text("more");
	fake_ws_expect_nothing(w);
	fakes.job->result.usage = (struct job_usage){10, 5, 3, 2, 1, 978};
	fake_done(FAULT_CANCELLED);
	v = fake_ws_next(w, "done");
	assert_string_equal(json_get_str(v, "id"), "a");
	assert_string_equal(json_get_str(v, "finish_reason"), "cancelled");
	assert_true(json_get_num(v, "cost_usd", 0) == 0.000978);
	assert_int_equal(json_get_int(json_object_get(v, "usage"), "completion_tokens", 0), 5);
	json_decref(v);
	assert_int_equal(fakes.admit.settled, 1);
	fake_ws_say(w, CANCEL("a"));
	fake_ws_expect_error(w, "a", "not_found", "id");
	fake_ws_expect_nothing(w);
	fake_ws_closed(w, 1000);
}

static void a_cancel_before_there_is_a_job_costs_nothing(void **state)
{
	struct ws_conn *w = fake_ws("");
	json_t *v;

	(void)state;
	fakes.admit.stalled = true;
	fake_ws_say(w, CHAT("a"));
	fake_ws_say(w, CANCEL("a"));
	fake_ws_expect_nothing(w);
	fakes.admit.stalled = false;
	fake_flush();
	v = fake_ws_next(w, "done");
	assert_string_equal(json_get_str(v, "finish_reason"), "cancelled");
	assert_true(json_get_num(v, "cost_usd", 1) == 0);
	json_decref(v);
	assert_int_equal(fakes.submitted, 0);
	fake_ws_closed(w, 1000);
}

static void a_cancel_of_nothing_is_an_error(void **state)
{
	struct ws_conn *w = fake_ws("");

	(void)state;
	fake_ws_say(w, CANCEL("a"));
	fake_ws_expect_error(w, "a", "not_found", "id");
	fake_ws_say(w, "{\"type\":\"cancel\"}");
	fake_ws_expect_error(w, NULL, NULL, "id");
	fake_ws_closed(w, 1000);
}

static void closing_cancels_all_chats(void **state)
{
	struct ws_conn *w = fake_ws("");
	struct job *a = begin(w, CHAT("a")), *b = begin(w, CHAT("b"));

	(void)state;
	fakes.admit.stalled = true;
	fake_ws_say(w, CHAT("c")); /* its hold is being written */
	fakes.job = a;
	fake_text("a1");
	fake_ws_closed(w, 1006);
	assert_int_equal(fakes.cancelled, 2);
	fake_text("a2");
	fake_done(FAULT_CANCELLED);
	fakes.job = b;
	fake_done(FAULT_CANCELLED);
	fakes.admit.stalled = false;
	fake_flush();
	assert_int_equal(fakes.submitted, 2);
}

static void ignored_parameters_are_told_and_refused_when_strict(void **state)
{
	struct ws_conn *w = fake_ws("");

	(void)state;
	fake_ws_say(w, "{\"type\":\"chat\",\"id\":\"a\",\"stream\":false,\"seed\":1,\"n\":2,"
		       "\"model\":\"haiku\"," MESSAGES "}");
	assert_true(fakes.job->streams);
	fake_done(FAULT_NONE);
	assert_non_null(strstr(w->sent[w->looked_at], "\"ignored_params\":[\"n\",\"seed\"]"));
	fake_ws_skip(w, "start");
	fake_ws_skip(w, "done");
	fake_ws_say(w, "{\"type\":\"chat\",\"id\":\"a\",\"strict\":true,\"seed\":1," MESSAGES "}");
	fake_ws_expect_error(w, "a", NULL, "seed");
	fake_ws_say(w, "{\"type\":\"chat\",\"id\":\"a\",\"strict\":true,\"stream\":true,"
		       "\"stream_options\":{\"include_usage\":true}," MESSAGES "}");
	fake_done(FAULT_NONE);
	assert_null(strstr(w->sent[w->looked_at], "ignored_params"));
	fake_ws_skip(w, "start");
	fake_ws_skip(w, "done");
	fake_ws_closed(w, 1000);
}

static void what_has_to_be_checked_is_sent_when_it_is_whole(void **state)
{
	static const char chat[] = "{\"type\":\"chat\",\"id\":\"a\",\"response_format\":{\"type\":"
				   "\"json_object\"}," MESSAGES "}";
	struct ws_conn *w = fake_ws("");

	(void)state;
	fake_ws_say(w, chat);
	fake_text("{\"a\":");
	fake_text("1}");
	fake_done(FAULT_NONE);
	assert_true(w->count > 2);
	fake_ws_skip(w, "start");
	while (w->looked_at < w->count - 1)
		fake_ws_skip(w, "token");
	fake_ws_skip(w, "done");
	fake_ws_say(w, chat);
	fake_text("[1]");
	fake_done(FAULT_NONE);
	while (w->looked_at < w->count - 1)
		w->looked_at++;
	fake_ws_expect_error(w, "a", "upstream_error", NULL);
	fake_ws_closed(w, 1000);
}

static void a_cached_answer_says_so_and_costs_nothing(void **state)
{
	struct ws_conn *w = fake_ws("");
	json_t *v;

	(void)state;
	fakes.conf.cache.enabled = true;
	fake_ws_say(w, CHAT("a"));
	fake_text("hi");
	fake_done(FAULT_NONE);
	fake_ws_skip(w, "start");
	fake_ws_skip(w, "token");
	v = fake_ws_next(w, "done");
	assert_true(json_is_false(json_object_get(v, "cached")));
	json_decref(v);
	fake_ws_say(w, CHAT("b"));
	fake_ws_skip(w, "start");
	fake_ws_expect(w, "{\"type\":\"token\",\"id\":\"b\",\"content\":\"hi\"}");
	v = fake_ws_next(w, "done");
	assert_true(json_get_true(v, "cached"));
	assert_true(json_get_num(v, "cost_usd", 1) == 0);
	json_decref(v);
	assert_int_equal(fakes.submitted, 1);
	fake_ws_closed(w, 1000);
}

/* What is logged while `work` runs. */
static void assert_logged(void (*work)(void), const char *const parts[], size_t count)
{
	static char text[8192];
	FILE *capture = tmpfile();
	int saved = dup(2);
	size_t n;

	fflush(stderr);
	dup2(fileno(capture), 2);
	log_set_level(LOG_LEVEL_INFO);
	log_set_format(LOG_FORMAT_TEXT);
	work();
	fflush(stderr);
	dup2(saved, 2);
	close(saved);
	rewind(capture);
	n = fread(text, 1, sizeof text - 1, capture);
	text[n] = '\0';
	fclose(capture);
	for (size_t i = 0; i < count; i++)
		if (!strstr(text, parts[i]))
			fail_msg("no '%s' in: %s", parts[i], text);
}

static void three_chats(void)
{
	struct ws_conn *w = fake_ws("x-request-id: up\r\n");

	fake_ws_say(w, CHAT("a"));
	fake_done(FAULT_NONE);
	fake_ws_say(w, CHAT("b"));
	fake_done(FAULT_WORKER);
	fake_ws_say(w, CHAT("c"));
	fake_ws_say(w, CANCEL("c"));
	fake_done(FAULT_CANCELLED);
	fake_ws_closed(w, 1000);
}

static void chats_and_connection_are_lines_of_the_access_log(void **state)
{
	static const char *const parts[] = {
		"request_id=up.0 peer=127.0.0.1:5 method=WS path=/v1/stream status=200",
		"request_id=up.1 peer=127.0.0.1:5 method=WS path=/v1/stream status=502",
		"fault=worker",
		"request_id=up.2 peer=127.0.0.1:5 method=WS path=/v1/stream status=499",
		"request_id=up peer=127.0.0.1:5 method=GET path=/v1/stream status=101"};

	(void)state;
	assert_logged(three_chats, parts, sizeof parts / sizeof *parts);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_chat_is_start_tokens_and_done),
		TEST(an_empty_answer_has_start_and_done_too),
		TEST(ids_are_made_where_none_is_sent),
		TEST(what_fails_before_the_first_text_is_one_error),
		TEST(what_fails_later_ends_in_an_error_and_no_done),
		TEST(several_chats_do_not_mix),
		TEST(an_id_under_way_is_refused_and_free_afterwards),
		TEST(chats_at_one_time_are_bounded),
		TEST(a_cancelled_chat_ends_with_what_it_cost),
		TEST(a_cancel_before_there_is_a_job_costs_nothing),
		TEST(a_cancel_of_nothing_is_an_error),
		TEST(closing_cancels_all_chats),
		TEST(ignored_parameters_are_told_and_refused_when_strict),
		TEST(what_has_to_be_checked_is_sent_when_it_is_whole),
		TEST(a_cached_answer_says_so_and_costs_nothing),
		TEST(chats_and_connection_are_lines_of_the_access_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
