#include <string.h>

#include "daemon/api/errors.h"
#include "daemon/dispatch/job.h"

#include "tests/unit/test.h"

static const struct {
	enum fault fault;
	int status;
	const char *type, *code;
	bool no_retry;
	int64_t after_ms;
} rows[] = {
	{FAULT_INVALID_REQUEST, 400, "invalid_request_error", NULL, true, -1},
	{FAULT_INVALID_KEY, 401, "invalid_request_error", "invalid_api_key", true, -1},
	{FAULT_PERMISSION, 403, "invalid_request_error", "permission_denied", true, -1},
	{FAULT_NOT_FOUND, 404, "invalid_request_error", "not_found", true, -1},
	{FAULT_MODEL_NOT_FOUND, 404, "invalid_request_error", "model_not_found", true, -1},
	{FAULT_METHOD, 405, "invalid_request_error", "method_not_allowed", true, -1},
	{FAULT_CONTEXT_LENGTH, 400, "invalid_request_error", "context_length_exceeded", true, -1},
	{FAULT_TOO_LARGE, 413, "invalid_request_error", "request_too_large", true, -1},
	{FAULT_MEDIA_TYPE, 415, "invalid_request_error", "unsupported_media_type", true, -1},
	{FAULT_UNSUPPORTED_BY_CLI, 400, "invalid_request_error", "unsupported_by_cli", true, -1},
	{FAULT_RATE_LIMIT, 429, "requests", "rate_limit_exceeded", false, 10000},
	{FAULT_PLAN_LIMIT, 429, "rate_limit_error", "plan_limit_reached", false, 60000},
	{FAULT_OVERLOADED, 503, "server_error", "overloaded", false, 1000},
	{FAULT_BACKEND_UNAVAILABLE, 503, "server_error", "backend_unavailable", true, -1},
	{FAULT_UPSTREAM, 502, "server_error", "upstream_error", false, 2000},
	{FAULT_WORKER, 502, "server_error", "worker_failed", false, -1},
	{FAULT_TIMEOUT, 504, "server_error", "timeout", false, -1},
	{FAULT_INTERNAL, 500, "server_error", "internal_error", false, -1},
};

static json_t *error_of(const struct failure *f)
{
	struct buf b;
	json_t *v;

	buf_init(&b, 4096);
	failure_write_json(f, &b);
	v = json_loads(b.data, 0, NULL);
	assert_non_null(v);
	buf_done(&b);
	return v;
}

static const char *member(json_t *v, const char *key)
{
	return json_string_value(json_object_get(json_object_get(v, "error"), key));
}

static void every_fault_has_its_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct failure f;
		json_t *v;

		assert_true(failure_set(&f, rows[i].fault, NULL, "%s", "") < 0);
		v = error_of(&f);
		assert_int_equal(failure_status(&f), rows[i].status);
		assert_string_equal(member(v, "type"), rows[i].type);
		if (rows[i].code)
			assert_string_equal(member(v, "code"), rows[i].code);
		else
			assert_null(member(v, "code"));
		assert_true(strlen(member(v, "message")) > 5);
		assert_null(member(v, "param"));
		assert_int_equal(failure_forbids_retry(&f), rows[i].no_retry);
		assert_int_equal(failure_retry_after_ms(&f), rows[i].after_ms);
		json_decref(v);
	}
}

static void faults_without_a_row_are_internal(void **state)
{
	struct failure f;

	(void)state;
	for (int fault = FAULT_NONE + 1; fault <= FAULTS; fault++) {
		failure_set(&f, (enum fault)fault, NULL, "%s", "");
		assert_true(failure_status(&f) >= 400);
	}
	failure_set(&f, FAULTS, NULL, "%s", "");
	assert_int_equal(failure_status(&f), 500);
}

static void long_waits_forbid_the_retry(void **state)
{
	struct failure f;

	(void)state;
	failure_set(&f, FAULT_PLAN_LIMIT, NULL, "%s", "");
	f.retry_after_ms = 60001;
	assert_true(failure_forbids_retry(&f));
	f.retry_after_ms = 60000;
	assert_false(failure_forbids_retry(&f));
	failure_set(&f, FAULT_INVALID_REQUEST, NULL, "%s", "");
	f.retry_after_ms = 5;
	assert_int_equal(failure_retry_after_ms(&f), -1);
}

static void refusals_keep_their_status_and_words(void **state)
{
	static const struct {
		int status;
		const char *code;
	} refusals[] = {{400, NULL},
			{403, "permission_denied"},
			{413, "request_too_large"},
			{503, "overloaded"},
			{417, NULL},
			{505, "internal_error"}};

	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		struct failure f;
		json_t *v;

		failure_set_status(&f, refusals[i].status, "because \"of\"\n this");
		assert_int_equal(failure_status(&f), refusals[i].status);
		v = error_of(&f);
		assert_string_equal(member(v, "message"), "because \"of\"? this");
		if (refusals[i].code)
			assert_string_equal(member(v, "code"), refusals[i].code);
		else
			assert_null(member(v, "code"));
		json_decref(v);
	}
}

static void a_jobs_words_reach_the_client(void **state)
{
	struct job *job = job_new(NULL, NULL);
	struct failure f;
	json_t *v;

	(void)state;
	job->result.fault = FAULT_INVALID_REQUEST;
	strcpy(job->result.message, "temperature: not for this model");
	strcpy(job->result.param, "temperature");
	failure_from_job(&f, job);
	v = error_of(&f);
	assert_string_equal(member(v, "message"), "temperature: not for this model");
	assert_string_equal(member(v, "param"), "temperature");
	json_decref(v);
	job_unref(job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fault_has_its_row),
		cmocka_unit_test(faults_without_a_row_are_internal),
		cmocka_unit_test(long_waits_forbid_the_retry),
		cmocka_unit_test(refusals_keep_their_status_and_words),
		cmocka_unit_test(a_jobs_words_reach_the_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
