#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/log.h"

#include "tests/unit/api/fakes.h"
#include "tests/unit/test.h"

static int saved_stderr;
static FILE *capture;

static int setup(void **state)
{
	fakes_setup(state);
	log_set_level(LOG_LEVEL_INFO);
	log_set_format(LOG_FORMAT_TEXT);
	fflush(stderr);
	saved_stderr = dup(2);
	capture = tmpfile();
	return dup2(fileno(capture), 2) < 0;
}

/* What was logged since setup. */
static const char *logged(void)
{
	static char text[4096];
	size_t n;

	fflush(stderr);
	rewind(capture);
	n = fread(text, 1, sizeof text - 1, capture);
	text[n] = '\0';
	return text;
}

static int teardown(void **state)
{
	dup2(saved_stderr, 2);
	close(saved_stderr);
	fclose(capture);
	return fakes_teardown(state);
}

static void assert_has(const char *log, const char *part)
{
	if (!strstr(log, part))
		fail_msg("no '%s' in: %s", part, log);
}

static void a_completion_is_one_line_without_its_words(void **state)
{
	struct exchange *x = fake_chat("{\"model\":\"haiku\",\"project_id\":\"blue\",\"messages\":"
				       "[{\"role\":\"user\",\"content\":\"SECRET\"}]}");
	const char *log;

	(void)state;
	fake_add_header(x, "x-request-id", "r1");
	fake_send(x);
	fake_text("HIDDEN");
	fake_done(FAULT_NONE);
	assert_string_equal(logged(), "");
	fake_finish(x);
	log = logged();
	assert_has(log, "request_id=r1");
	assert_has(log, "method=POST");
	assert_has(log, "path=/v1/chat/completions");
	assert_has(log, "status=200");
	assert_has(log, "project=blue");
	assert_has(log, "model=claude-haiku-5-5-2026");
	assert_has(log, "route=requested");
	assert_has(log, "queue_ms=3");
	assert_has(log, "ttft_ms=3");
	assert_has(log, "input_tokens=15");
	assert_has(log, "output_tokens=5");
	assert_has(log, "cost_usd=0.000978");
	assert_has(log, "worker=1");
	assert_null(strstr(log, "fault="));
	assert_null(strstr(log, "SECRET"));
	assert_null(strstr(log, "HIDDEN"));
	assert_ptr_equal(strchr(log, '\n') + 1, log + strlen(log));
}

static void an_aborted_completion_is_logged_when_its_cost_is_known(void **state)
{
	struct exchange *x = fake_chat("{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");

	(void)state;
	fake_send(x);
	fakes.job->result.usage.cost_micro_usd = 7;
	fake_abort(x);
	assert_string_equal(logged(), "");
	fake_done(FAULT_CANCELLED);
	assert_has(logged(), "status=499");
	assert_has(logged(), "fault=cancelled");
	assert_has(logged(), "cost_usd=0.000007");
}

static void other_requests_have_no_completion_fields(void **state)
{
	struct exchange *x = fake_exchange("GET", "/v1/nothing");

	(void)state;
	fake_send(x);
	fake_finish(x);
	assert_has(logged(), "status=404");
	assert_null(strstr(logged(), "cost_usd"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_completion_is_one_line_without_its_words),
		TEST(an_aborted_completion_is_logged_when_its_cost_is_known),
		TEST(other_requests_have_no_completion_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
