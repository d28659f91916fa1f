#include <stdio.h>
#include <string.h>

#include "daemon/pool/outcome.h"

#include "tests/unit/test.h"

#define HELP " \xc2\xb7 see https://status.claude.com"

/* A result line's members and what they mean; the rows of the CLI's error table, in its words. */
struct row {
	const char *name, *result, *assistant_error;
	enum fault fault;
	enum job_stop stop;
	int64_t retry_after_ms;
	bool login_rejected, interrupted;
};

#define FAILED "\"subtype\":\"success\",\"is_error\":true,\"terminal_reason\":\"api_error\","
#define TEXT(t) "\"result\":\"" t "\""

static const struct row rows[] = {
	{"an answer",
	 "{\"subtype\":\"success\",\"is_error\":false,\"stop_reason\":\"end_turn\","
	 "\"terminal_reason\":\"completed\"," TEXT("hello /login 400") "}",
	 "", FAULT_NONE, JOB_STOP_END_TURN, -1, false, false},
	{"400", "{" FAILED "\"api_error_status\":400," TEXT("API Error: 400 bad") "}", "unknown",
	 FAULT_INVALID_REQUEST, JOB_STOP_NONE, -1, false, false},
	{"400 too long", "{" FAILED "\"api_error_status\":400," TEXT("Prompt is too long" HELP) "}",
	 "", FAULT_CONTEXT_LENGTH, JOB_STOP_NONE, -1, false, false},
	{"400 too long, the API's words",
	 "{" FAILED "\"api_error_status\":400," TEXT(
		 "API Error: 400 input length and `max_tokens` exceed context limit") "}",
	 "", FAULT_CONTEXT_LENGTH, JOB_STOP_NONE, -1, false, false},
	{"too long, found locally",
	 "{\"subtype\":\"success\",\"is_error\":true,\"terminal_reason\":\"blocking_limit\"," TEXT(
		 "x") "}",
	 "", FAULT_CONTEXT_LENGTH, JOB_STOP_NONE, -1, false, false},
	{"401",
	 "{" FAILED "\"api_error_status\":401," TEXT("Failed to authenticate. API Error: 401") "}",
	 "authentication_failed", FAULT_BACKEND_UNAVAILABLE, JOB_STOP_NONE, -1, true, false},
	{"403",
	 "{" FAILED "\"api_error_status\":403," TEXT("Failed to authenticate. API Error: 403") "}",
	 "authentication_failed", FAULT_BACKEND_UNAVAILABLE, JOB_STOP_NONE, -1, true, false},
	{"not logged in",
	 "{" FAILED
	 "\"api_error_status\":null," TEXT("Not logged in \xc2\xb7 Please run /login") "}",
	 "authentication_failed", FAULT_BACKEND_UNAVAILABLE, JOB_STOP_NONE, -1, true, false},
	{"not logged in, told by the text only",
	 "{" FAILED TEXT("Not logged in \xc2\xb7 Please run /login") "}", "",
	 FAULT_BACKEND_UNAVAILABLE, JOB_STOP_NONE, -1, true, false},
	{"404",
	 "{" FAILED
	 "\"api_error_status\":404," TEXT("There's an issue with the selected model") "}",
	 "model_not_found", FAULT_MODEL_NOT_FOUND, JOB_STOP_NONE, -1, false, false},
	{"404 without its status", "{" FAILED TEXT("x") "}", "model_not_found",
	 FAULT_MODEL_NOT_FOUND, JOB_STOP_NONE, -1, false, false},
	{"413",
	 "{\"subtype\":\"success\",\"is_error\":true,\"terminal_reason\":\"image_error\","
	 "\"api_error_status\":413," TEXT("Request too large (max 32MB)") "}",
	 "invalid_request", FAULT_TOO_LARGE, JOB_STOP_NONE, -1, false, false},
	{"a bad image",
	 "{\"subtype\":\"success\",\"is_error\":true,\"terminal_reason\":\"image_error\"," TEXT(
		 "x") "}",
	 "", FAULT_INVALID_REQUEST, JOB_STOP_NONE, -1, false, false},
	{"429, the plan",
	 "{" FAILED "\"api_error_status\":429,\"api_error\":\"usage_limit_reached\"," TEXT(
		 "You've hit your 5-hour limit") "}",
	 "rate_limit", FAULT_PLAN_LIMIT, JOB_STOP_NONE, -1, false, false},
	{"429, throttled",
	 "{" FAILED "\"api_error_status\":429,\"api_error_type\":\"rate_limit_error\"," TEXT(
		 "Request rejected (429)") "}",
	 "rate_limit", FAULT_RATE_LIMIT, JOB_STOP_NONE, 10000, false, false},
	{"429 without its status", "{" FAILED TEXT("x") "}", "rate_limit", FAULT_RATE_LIMIT,
	 JOB_STOP_NONE, 10000, false, false},
	{"500", "{" FAILED "\"api_error_status\":500," TEXT("API Error: 500") "}", "server_error",
	 FAULT_UPSTREAM, JOB_STOP_NONE, 2000, false, false},
	{"503", "{" FAILED "\"api_error_status\":503," TEXT("x") "}", "server_error",
	 FAULT_UPSTREAM, JOB_STOP_NONE, 2000, false, false},
	{"529", "{" FAILED "\"api_error_status\":529," TEXT("x") "}", "server_error",
	 FAULT_UPSTREAM, JOB_STOP_NONE, 2000, false, false},
	{"another 4xx", "{" FAILED "\"api_error_status\":422," TEXT("x") "}", "",
	 FAULT_INVALID_REQUEST, JOB_STOP_NONE, -1, false, false},
	{"reset before the headers",
	 "{" FAILED
	 "\"api_error\":\"connection_failed\"," TEXT("API Error: Connection dropped") "}",
	 "server_error", FAULT_UPSTREAM, JOB_STOP_NONE, 2000, false, false},
	{"no headers in time", "{" FAILED TEXT("Request timed out. Check your proxy") "}",
	 "server_error", FAULT_TIMEOUT, JOB_STOP_NONE, -1, false, false},
	{"stalled",
	 "{" FAILED "\"api_error\":\"stream_idle_timeout\"," TEXT("API Error: Stream idle") "}",
	 "unknown", FAULT_TIMEOUT, JOB_STOP_NONE, -1, false, false},
	{"refusal", "{" FAILED "\"stop_reason\":\"refusal\"," TEXT("API Error: safeguards") "}",
	 "invalid_request", FAULT_NONE, JOB_STOP_REFUSAL, -1, false, false},
	{"max_tokens exhausted",
	 "{" FAILED "\"api_error\":\"max_output_tokens\"," TEXT("API Error: exceeded") "}",
	 "max_output_tokens", FAULT_NONE, JOB_STOP_MAX_TOKENS, -1, false, false},
	{"a tool call",
	 "{\"subtype\":\"error_max_turns\",\"is_error\":true,\"terminal_reason\":\"max_turns\","
	 "\"stop_reason\":\"tool_use\"}",
	 "", FAULT_NONE, JOB_STOP_TOOL_USE, -1, false, false},
	{"interrupted",
	 "{\"subtype\":\"error_during_execution\",\"is_error\":true,\"terminal_reason\":"
	 "\"aborted_streaming\",\"errors\":[\"x\"]}",
	 "", FAULT_NONE, JOB_STOP_NONE, -1, false, true},
	{"an error nobody knows", "{" FAILED TEXT("something new") "}", "brand_new", FAULT_UPSTREAM,
	 JOB_STOP_NONE, 2000, false, false},
	{"an error without a word", "{\"is_error\":true}", "", FAULT_UPSTREAM, JOB_STOP_NONE, 2000,
	 false, false},
	{"members of wrong types",
	 "{\"is_error\":true,\"api_error_status\":\"429\",\"result\":7,\"terminal_reason\":[],"
	 "\"api_error\":{},\"stop_reason\":1}",
	 "", FAULT_UPSTREAM, JOB_STOP_NONE, 2000, false, false},
	{"a status beyond int", "{" FAILED "\"api_error_status\":4294967696," TEXT("x") "}", "",
	 FAULT_UPSTREAM, JOB_STOP_NONE, 2000, false, false},
	{"fields before words",
	 "{" FAILED "\"api_error_status\":500," TEXT("Not logged in, run /login") "}", "rate_limit",
	 FAULT_UPSTREAM, JOB_STOP_NONE, 2000, false, false},
};

static void every_result_means_what_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *r = &rows[i];
		json_t *result = json_loads(r->result, 0, NULL);
		struct outcome o;

		assert_non_null(result);
		outcome_of_result(result, r->assistant_error, &o);
		if (o.fault != r->fault || o.stop != r->stop ||
		    o.retry_after_ms != r->retry_after_ms ||
		    o.login_rejected != r->login_rejected || o.interrupted != r->interrupted)
			fail_msg("%s: fault %s stop %d retry %lld login %d interrupted %d", r->name,
				 fault_name(o.fault), (int)o.stop, (long long)o.retry_after_ms,
				 o.login_rejected, o.interrupted);
		if (r->fault != FAULT_INVALID_REQUEST)
			assert_string_equal(o.message, "");
		json_decref(result);
	}
}

static struct outcome outcome_400(const char *text)
{
	json_t *result = json_pack("{s:b,s:s,s:i,s:s}", "is_error", 1, "terminal_reason",
				   "api_error", "api_error_status", 400, "result", text);
	struct outcome o;

	assert_non_null(result);
	outcome_of_result(result, "unknown", &o);
	assert_int_equal(o.fault, FAULT_INVALID_REQUEST);
	json_decref(result);
	return o;
}

static void upstreams_words_about_the_request_pass(void **state)
{
	struct outcome o = outcome_400("API Error: 400 messages.0.content: field required");

	(void)state;
	assert_string_equal(o.message, "messages.0.content: field required");
	assert_string_equal(o.param, "messages.0.content");
	o = outcome_400("API Error: 400 {\"type\":\"error\",\"error\":{\"type\":\"x\",\"message\":"
			"\"temperature: too hot\"}} \xc2\xb7 check https://x");
	assert_string_equal(o.message, "temperature: too hot");
	assert_string_equal(o.param, "temperature");
	o = outcome_400("API Error: 400 top_p and temperature cannot both be set: choose");
	assert_string_equal(o.message, "top_p and temperature cannot both be set: choose");
	assert_string_equal(o.param, "");
}

static void words_that_name_hosts_or_help_do_not_pass(void **state)
{
	static const char *const texts[] = {
		"API Error: 400 bad" HELP,
		"API Error: 400 see HTTP://gateway/help",
		"API Error: 400 rejected by api.anthropic.com",
		"API Error: 400 rejected by Gateway.Corp.Example.COM:8443.",
		"API Error: 400 upstream gw.internal refused",
		"API Error: 400 proxy localhost:3128 refused",
		"API Error: 400 connect 10.0.12.3:443 refused",
		"API Error: 400 go to claude.ai/settings",
		"API Error: 400 gw.prod.svc:8443 refused",
		"API Error: 400 [fd00::1]:443 refused",
		"API Error: 400 cannot read /var/lib/x",
		"API Error: 400 Please run /login",
		"API Error: 400 Run /model to choose another",
		"API Error: 400 use claude --model",
		"API Error: 400 {\"error\":{\"message\":\"at https://x\"}}",
		"API Error: 400 {\"error\":{\"type\":\"x\"}}",
		"API Error: 400 {broken",
		"API Error: 400",
		"API Error: 400 ",
		"Something the CLI says itself",
		"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct outcome o = outcome_400(texts[i]);

		if (o.message[0] || o.param[0])
			fail_msg("passed: %s", o.message);
	}
}

static void names_of_parameters_are_no_hosts(void **state)
{
	static const char *const words[] = {
		"messages.0.content.1.text: blank",
		"output_config.format.schema.properties.comment: not allowed",
		"tools.0.network: unknown",
		"thinking.budget_tokens: must be at least 1024",
		"max_tokens: 999999 is more than claude-haiku-5-5 gives",
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		struct outcome o;

		snprintf(text, sizeof text, "API Error: 400 %s", words[i]);
		o = outcome_400(text);
		assert_string_equal(o.message, words[i]);
		assert_string_not_equal(o.param, "");
	}
}

static void a_long_message_is_cut_and_control_characters_replaced(void **state)
{
	char text[2000] = "API Error: 400 a\x1b[31mb";
	struct outcome o;

	(void)state;
	o = outcome_400(text);
	assert_string_equal(o.message, "a?[31mb");
	memset(text + strlen(text), 'x', 1500);
	o = outcome_400(text);
	assert_int_equal(strlen(o.message), sizeof o.message - 1);
}

static void stop_reasons_are_known_by_name(void **state)
{
	(void)state;
	assert_int_equal(outcome_stop_reason("end_turn"), JOB_STOP_END_TURN);
	assert_int_equal(outcome_stop_reason("max_tokens"), JOB_STOP_MAX_TOKENS);
	assert_int_equal(outcome_stop_reason("model_context_window_exceeded"), JOB_STOP_MAX_TOKENS);
	assert_int_equal(outcome_stop_reason("stop_sequence"), JOB_STOP_SEQUENCE);
	assert_int_equal(outcome_stop_reason("refusal"), JOB_STOP_REFUSAL);
	assert_int_equal(outcome_stop_reason("tool_use"), JOB_STOP_TOOL_USE);
	assert_int_equal(outcome_stop_reason("pause_turn"), JOB_STOP_END_TURN);
	assert_int_equal(outcome_stop_reason("new_one"), JOB_STOP_NONE);
	assert_int_equal(outcome_stop_reason(NULL), JOB_STOP_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_result_means_what_the_table_says),
		cmocka_unit_test(upstreams_words_about_the_request_pass),
		cmocka_unit_test(words_that_name_hosts_or_help_do_not_pass),
		cmocka_unit_test(names_of_parameters_are_no_hosts),
		cmocka_unit_test(a_long_message_is_cut_and_control_characters_replaced),
		cmocka_unit_test(stop_reasons_are_known_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
