#include <stdlib.h>
#include <string.h>

#include "daemon/dispatch/job.h"

#include "tests/unit/test.h"

static void expect_body(const char *messages, const char *extra, const char *body)
{
	struct job_prompt p = {.messages = json_loads(messages, 0, NULL)};
	json_t *parsed;

	assert_non_null(p.messages);
	p.extra = extra ? json_loads(extra, 0, NULL) : NULL;
	assert_int_equal(job_prompt_seal(&p), 0);
	assert_string_equal(p.body, body);
	assert_int_equal(p.body_len, strlen(body));
	parsed = json_loadb(p.body, p.body_len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(parsed);
	assert_true(json_equal(json_object_get(parsed, "messages"), p.messages));
	assert_int_equal(json_object_size(parsed), 1 + json_object_size(p.extra));
	json_decref(parsed);
	json_decref(p.messages);
	json_decref(p.extra);
	free(p.body);
}

static void the_body_is_the_messages(void **state)
{
	(void)state;
	expect_body("[{\"role\":\"user\",\"content\":\"hi\"}]", NULL,
		    "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
	expect_body("[1]", "{}", "{\"messages\":[1]}");
}

static void extra_members_follow_the_messages(void **state)
{
	(void)state;
	expect_body("[1]", "{\"temperature\":0.7}", "{\"messages\":[1],\"temperature\":0.7}");
	expect_body("[1]", "{\"a\":[{}],\"stop_sequences\":[\"]}\"]}",
		    "{\"messages\":[1],\"a\":[{}],\"stop_sequences\":[\"]}\"]}");
}

static void numbers_arrive_as_they_were_written(void **state)
{
	(void)state;
	expect_body("[0.1,1e22,-0.0,9223372036854775807,1.5]", "{\"t\":0.7}",
		    "{\"messages\":[0.1,1e22,-0.0,9223372036854775807,1.5],\"t\":0.7}");
	expect_body("[0.30000000000000004]", NULL, "{\"messages\":[0.30000000000000004]}");
}

static void text_arrives_as_it_was_written(void **state)
{
	(void)state;
	expect_body("[\"a\\\"\\\\\\n\\u2028\\u0001\xf0\x9f\x98\x80\"]", NULL,
		    "{\"messages\":[\"a\\\"\\\\\\n\xe2\x80\xa8\\u0001\xf0\x9f\x98\x80\"]}");
}

static void sealing_again_replaces_the_body(void **state)
{
	struct job_prompt p = {.messages = json_pack("[i]", 1)};

	(void)state;
	assert_int_equal(job_prompt_seal(&p), 0);
	json_array_append_new(p.messages, json_integer(2));
	assert_int_equal(job_prompt_seal(&p), 0);
	assert_string_equal(p.body, "{\"messages\":[1,2]}");
	json_decref(p.messages);
	free(p.body);
}

static void the_last_reference_frees_the_job(void **state)
{
	struct job *job = job_new(NULL, NULL);

	(void)state;
	assert_non_null(job);
	assert_int_equal(job->state, JOB_NEW);
	assert_int_equal(job->lane, JOB_LANE_NORMAL);
	assert_int_equal(job->result.retry_after_ms, -1);
	job->prompt.model = strdup("haiku");
	job->prompt.messages = json_pack("[i]", 1);
	job->prompt.extra = json_pack("{s:i}", "a", 1);
	assert_int_equal(job_prompt_seal(&job->prompt), 0);
	assert_ptr_equal(job_ref(job), job);
	job_unref(job);
	assert_string_equal(job->prompt.model, "haiku");
	job_unref(job);
	job_unref(NULL);
}

static void every_fault_has_a_name(void **state)
{
	(void)state;
	for (int a = 0; a < FAULTS; a++) {
		assert_string_not_equal(fault_name((enum fault)a), "unknown");
		for (int b = 0; b < a; b++)
			assert_string_not_equal(fault_name((enum fault)a),
						fault_name((enum fault)b));
	}
	assert_string_equal(fault_name(FAULTS), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_body_is_the_messages),
		cmocka_unit_test(extra_members_follow_the_messages),
		cmocka_unit_test(numbers_arrive_as_they_were_written),
		cmocka_unit_test(text_arrives_as_it_was_written),
		cmocka_unit_test(sealing_again_replaces_the_body),
		cmocka_unit_test(the_last_reference_frees_the_job),
		cmocka_unit_test(every_fault_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
