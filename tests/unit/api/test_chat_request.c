#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "daemon/api/chat_request.h"

#include "tests/unit/test.h"

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define USER_HI "{\"role\":\"user\",\"content\":\"hi\"}"
#define MESSAGES(m) "{\"messages\":[" m "]}"
#define USER(content) MESSAGES("{\"role\":\"user\",\"content\":" content "}")
#define IMAGE(url) USER("[{\"type\":\"image_url\",\"image_url\":{\"url\":\"" url "\"}}]")
#define WITH(member) "{" HI "," member "}"
#define SCHEMA(schema)                                                                             \
	WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","      \
	     "\"schema\":" schema "}}")

/* What one body decodes to. */
struct decoded {
	struct chat_request c;
	struct job_prompt prompt;
	struct failure f;
	int r;
};

static void decode(struct decoded *d, const char *body, bool strict)
{
	memset(d, 0, sizeof *d);
	chat_request_init(&d->c);
	d->r = chat_request_parse(&d->c, &d->prompt, body, strlen(body), strict, &d->f);
}

static void release(struct decoded *d)
{
	chat_request_done(&d->c);
	free(d->prompt.model);
	free(d->prompt.system);
	free(d->prompt.body);
	json_decref(d->prompt.messages);
	json_decref(d->prompt.extra);
}

static const struct {
	const char *body, *param; /* param "": none is named */
} invalid[] = {
	{"", ""},
	{"nonsense", ""},
	{"[]", ""},
	{"{\"a\":1,\"a\":2}", ""},
	{"{}", "messages"},
	{"{\"messages\":null}", "messages"},
	{"{\"messages\":[]}", "messages"},
	{"{\"messages\":\"hi\"}", "messages"},
	{MESSAGES("1"), "messages[0]"},
	{MESSAGES("{\"content\":\"a\"}"), "messages[0].role"},
	{MESSAGES("{\"role\":1,\"content\":\"a\"}"), "messages[0].role"},
	{MESSAGES("{\"role\":\"robot\",\"content\":\"a\"}"), "messages[0].role"},
	{MESSAGES(USER_HI ",{\"role\":\"tool\",\"content\":\"a\",\"tool_call_id\":\"1\"}"),
	 "messages[1].role"},
	{MESSAGES(USER_HI ",{\"role\":\"function\",\"name\":\"f\",\"content\":\"a\"}"),
	 "messages[1].role"},
	{MESSAGES(USER_HI ",{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{}]}"),
	 "messages[1].tool_calls"},
	{MESSAGES(USER_HI ",{\"role\":\"assistant\",\"content\":null,\"function_call\":{}}"),
	 "messages[1].function_call"},
	{MESSAGES(USER_HI ",{\"role\":\"assistant\",\"content\":null}"), "messages[1].content"},
	{MESSAGES("{\"role\":\"user\",\"name\":1,\"content\":\"a\"}"), "messages[0].name"},
	{MESSAGES("{\"role\":\"user\"}"), "messages[0].content"},
	{MESSAGES("{\"role\":\"system\",\"content\":\"a\"}"), "messages"},
	{MESSAGES("{\"role\":\"assistant\",\"content\":\"a\"}"), "messages"},
	{MESSAGES("{\"role\":\"system\",\"content\":4}," USER_HI), "messages[0].content"},
	{USER("\"\""), "messages[0].content"},
	{USER("\" \\n\\u00a0\""), "messages[0].content"},
	{USER("7"), "messages[0].content"},
	{USER("[]"), "messages[0].content"},
	{USER("[{\"type\":\"text\",\"text\":\" \"}]"), "messages[0].content"},
	{USER("[\"a\"]"), "messages[0].content[0]"},
	{USER("[{\"text\":\"a\"}]"), "messages[0].content[0].type"},
	{USER("[{\"type\":\"text\"}]"), "messages[0].content[0].text"},
	{USER("[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"input_audio\"}]"),
	 "messages[0].content[1].type"},
	{USER("[{\"type\":\"file\",\"file\":{}}]"), "messages[0].content[0].type"},
	{USER("[{\"type\":\"refusal\",\"refusal\":\"a\"}]"), "messages[0].content[0].type"},
	{USER("[{\"type\":\"image_url\"}]"), "messages[0].content[0].image_url"},
	{USER("[{\"type\":\"image_url\",\"image_url\":\"https://a/b\"}]"),
	 "messages[0].content[0].image_url"},
	{USER("[{\"type\":\"image_url\",\"image_url\":{}}]"),
	 "messages[0].content[0].image_url.url"},
	{USER("[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://a\",\"detail\":1}}]"),
	 "messages[0].content[0].image_url.detail"},
	{IMAGE("http://a/b.png"), "messages[0].content[0].image_url.url"},
	{IMAGE("file:///etc/passwd"), "messages[0].content[0].image_url.url"},
	{IMAGE("https://"), "messages[0].content[0].image_url.url"},
	{IMAGE("https://a b"), "messages[0].content[0].image_url.url"},
	{IMAGE("https://a\\nb"), "messages[0].content[0].image_url.url"},
	{IMAGE("data:image/svg+xml;base64,AAAA"), "messages[0].content[0].image_url.url"},
	{IMAGE("data:image/png,AAAA"), "messages[0].content[0].image_url.url"},
	{IMAGE("data:image/png;base64,"), "messages[0].content[0].image_url.url"},
	{IMAGE("data:image/png;base64,AAA"), "messages[0].content[0].image_url.url"},
	{IMAGE("data:image/png;base64,A=AA"), "messages[0].content[0].image_url.url"},
	{IMAGE("data:image/png;base64,AA!A"), "messages[0].content[0].image_url.url"},
	{MESSAGES("{\"role\":\"assistant\",\"content\":[{\"type\":\"image_url\"}]}," USER_HI),
	 "messages[0].content[0].type"},
	{WITH("\"model\":3"), "model"},
	{WITH("\"max_tokens\":0"), "max_tokens"},
	{WITH("\"max_tokens\":1.5"), "max_tokens"},
	{WITH("\"max_tokens\":\"9\""), "max_tokens"},
	{WITH("\"max_tokens\":10000001"), "max_tokens"},
	{WITH("\"max_completion_tokens\":-1"), "max_completion_tokens"},
	{WITH("\"stop\":\"\""), "stop"},
	{WITH("\"stop\":\"\\n\""), "stop"},
	{WITH("\"stop\":[]"), "stop"},
	{WITH("\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"]"), "stop"},
	{WITH("\"stop\":[\"a\",1]"), "stop"},
	{WITH("\"stop\":5"), "stop"},
	{WITH("\"temperature\":2.1"), "temperature"},
	{WITH("\"temperature\":-0.1"), "temperature"},
	{WITH("\"temperature\":\"1\""), "temperature"},
	{WITH("\"top_p\":1.01"), "top_p"},
	{WITH("\"reasoning_effort\":\"huge\""), "reasoning_effort"},
	{WITH("\"reasoning_effort\":1"), "reasoning_effort"},
	{WITH("\"response_format\":\"json\""), "response_format"},
	{WITH("\"response_format\":{}"), "response_format.type"},
	{WITH("\"response_format\":{\"type\":\"xml\"}"), "response_format.type"},
	{WITH("\"response_format\":{\"type\":\"json_schema\"}"), "response_format.json_schema"},
	{WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{}}}"),
	 "response_format.json_schema.name"},
	{WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\"}}"),
	 "response_format.json_schema.schema"},
	{WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","
	      "\"strict\":1,\"schema\":{}}}"),
	 "response_format.json_schema.strict"},
	{SCHEMA("[]"), "response_format.json_schema.schema"},
	{SCHEMA("{\"type\":\"array\"}"), "response_format.json_schema.schema"},
	{SCHEMA("{\"type\":[\"object\"]}"), "response_format.json_schema.schema"},
	{WITH("\"tools\":[]"), "tools"},
	{WITH("\"tool_choice\":\"auto\""), "tool_choice"},
	{WITH("\"parallel_tool_calls\":true"), "parallel_tool_calls"},
	{WITH("\"functions\":[]"), "functions"},
	{WITH("\"function_call\":\"none\""), "function_call"},
	{WITH("\"n\":0"), "n"},
	{WITH("\"n\":\"2\""), "n"},
	{WITH("\"seed\":\"a\""), "seed"},
	{WITH("\"logprobs\":1"), "logprobs"},
	{WITH("\"presence_penalty\":3"), "presence_penalty"},
	{WITH("\"logit_bias\":[]"), "logit_bias"},
	{WITH("\"user\":1"), "user"},
	{WITH("\"metadata\":[]"), "metadata"},
	{WITH("\"metadata\":{\"a\":1}"), "metadata"},
	{WITH("\"cache\":true"), "cache"},
	{WITH("\"cache\":{\"no_cache\":1}"), "cache.no_cache"},
	{WITH("\"cache\":{\"no_store\":\"\"}"), "cache.no_store"},
	{WITH("\"cache\":{\"ttl\":\"9\"}"), "cache.ttl"},
	{WITH("\"cache\":{\"ttl\":-1}"), "cache.ttl"},
	{WITH("\"priority\":\"urgent\""), "priority"},
	{WITH("\"timeout\":0"), "timeout"},
	{WITH("\"timeout\":\"1\""), "timeout"},
	{WITH("\"project_id\":1"), "project_id"},
	{WITH("\"stream\":1"), "stream"},
	{WITH("\"stream_options\":{}"), "stream_options"},
	{WITH("\"stream\":true,\"stream_options\":1"), "stream_options"},
	{WITH("\"stream\":true,\"stream_options\":{\"include_usage\":1}"),
	 "stream_options.include_usage"},
};

static void invalid_requests_name_the_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
		struct decoded d;

		decode(&d, invalid[i].body, false);
		if (d.r == 0)
			fail_msg("accepted: %s", invalid[i].body);
		assert_int_equal(d.f.fault, FAULT_INVALID_REQUEST);
		if (strcmp(d.f.param, invalid[i].param) != 0)
			fail_msg("%s: param is %s", invalid[i].body, d.f.param);
		assert_true(d.f.message[0]);
		release(&d);
	}
}

static const struct {
	const char *body, *upstream;
} valid[] = {
	{"{" HI "}",
	 "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}]}"},
	{USER("[{\"type\":\"text\",\"text\":\" \"},{\"type\":\"text\",\"text\":\"a\"}]"),
	 "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}]}"},
	{IMAGE("data:image/png;base64,AAA="),
	 "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":"
	 "\"base64\",\"media_type\":\"image/png\",\"data\":\"AAA=\"}}]}]}"},
	{IMAGE("HTTPS://a/b?c"),
	 "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":"
	 "\"url\",\"url\":\"HTTPS://a/b?c\"}}]}]}"},
	{MESSAGES("{\"role\":\"assistant\",\"content\":\"a\",\"refusal\":null,\"tool_calls\":[]},"
		  "{\"role\":\"user\",\"name\":\"bob\",\"content\":\"b\"}"),
	 "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"(The "
	 "conversation begins with your message.)\"}]},{\"role\":\"assistant\",\"content\":[{"
	 "\"type\":\"text\",\"text\":\"a\"}]},{\"role\":\"user\",\"content\":[{\"type\":\"text\","
	 "\"text\":\"b\"}]}]}"},
	{MESSAGES(USER_HI ",{\"role\":\"assistant\",\"content\":\" \"}," USER_HI),
	 "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]},{"
	 "\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}]}"},
	{MESSAGES(USER_HI ",{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\","
			  "\"refusal\":\"no\"}]}"),
	 "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]},{"
	 "\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"no\"}]}]}"},
	{WITH("\"temperature\":0.7,\"top_p\":1,\"stop\":\"END\""),
	 "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}],"
	 "\"stop_sequences\":[\"END\"],\"temperature\":0.7,\"top_p\":1}"},
	{SCHEMA("{\"type\":\"object\"}"),
	 "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}],"
	 "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}"
	 "}}"},
};

static void valid_requests_become_the_upstreams(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
		struct decoded d;

		decode(&d, valid[i].body, true);
		if (d.r)
			fail_msg("%s: %s", valid[i].body, d.f.message);
		assert_string_equal(d.prompt.body, valid[i].upstream);
		release(&d);
	}
}

static void every_parameter_may_be_null(void **state)
{
	struct decoded d;

	(void)state;
	decode(&d,
	       WITH("\"model\":null,\"max_tokens\":null,\"stop\":null,\"temperature\":null,"
		    "\"top_p\":null,\"tools\":null,\"tool_choice\":null,\"response_format\":null,"
		    "\"stream\":null,\"stream_options\":null,\"n\":null,\"seed\":null,\"user\":"
		    "null,"
		    "\"cache\":null,\"timeout\":null,\"priority\":null,\"metadata\":null,"
		    "\"unheard_of\":{\"a\":[]}"),
	       true);
	assert_int_equal(d.r, 0);
	assert_null(d.c.model);
	assert_null(d.prompt.extra);
	assert_null(d.prompt.system);
	assert_int_equal(d.prompt.max_tokens, 0);
	assert_int_equal(d.c.lane, JOB_LANE_NORMAL);
	assert_int_equal(d.c.cache_ttl_s, -1);
	assert_string_equal(d.c.ignored, "");
	assert_string_equal(d.c.body_mode_param, "");
	release(&d);
}

static void parameters_are_taken(void **state)
{
	struct decoded d;

	(void)state;
	decode(&d,
	       WITH("\"model\":\"haiku\",\"max_completion_tokens\":7,\"max_tokens\":9,"
		    "\"reasoning_effort\":\"none\",\"project_id\":\"p\",\"priority\":\"low\","
		    "\"timeout\":0.5,\"stream\":true,\"stream_options\":{\"include_usage\":true},"
		    "\"cache\":{\"no_cache\":true,\"no_store\":true,\"ttl\":600},"
		    "\"metadata\":{\"a\":\"b\"},\"user\":\"u\",\"response_format\":{\"type\":"
		    "\"text\"}"),
	       true);
	assert_int_equal(d.r, 0);
	assert_string_equal(d.c.model, "haiku");
	assert_string_equal(d.c.project_id, "p");
	assert_int_equal(d.prompt.max_tokens, 7);
	assert_int_equal(d.prompt.effort, JOB_EFFORT_LOW);
	assert_true(d.prompt.no_thinking);
	assert_int_equal(d.c.lane, JOB_LANE_LOW);
	assert_int_equal(d.c.timeout_ms, 500);
	assert_true(d.c.stream && d.c.include_usage && d.c.no_cache && d.c.no_store);
	assert_int_equal(d.c.cache_ttl_s, 600);
	assert_int_equal(d.c.format, CHAT_FORMAT_TEXT);
	release(&d);
}

static void auto_is_kept_as_asked(void **state)
{
	struct decoded d;

	(void)state;
	decode(&d, WITH("\"model\":\"auto\""), false);
	assert_int_equal(d.r, 0);
	assert_string_equal(d.c.model, "auto");
	release(&d);
}

static void system_messages_are_joined(void **state)
{
	struct decoded d;

	(void)state;
	decode(&d,
	       MESSAGES("{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"system\",\"content\":"
			"\" \"}," USER_HI
			",{\"role\":\"developer\",\"content\":[{\"type\":\"text\","
			"\"text\":\"b\"},{\"type\":\"text\",\"text\":\"c\"}]}"),
	       false);
	assert_int_equal(d.r, 0);
	assert_string_equal(d.prompt.system, "a\n\nb\n\nc");
	assert_int_equal(json_array_size(d.prompt.messages), 1);
	release(&d);
}

static void what_cannot_be_honoured_is_listed_or_refused(void **state)
{
	static const char body[] =
		WITH("\"n\":2,\"seed\":1,\"logprobs\":true,\"top_logprobs\":3,"
		     "\"presence_penalty\":0.5,\"frequency_penalty\":-1,\"logit_bias\":{\"1\":2},"
		     "\"audio\":{},\"modalities\":[\"text\",\"audio\"],\"prediction\":{},"
		     "\"web_search_options\":{},\"verbosity\":\"low\",\"service_tier\":\"flex\","
		     "\"store\":true");
	struct decoded d;

	(void)state;
	decode(&d, body, false);
	assert_int_equal(d.r, 0);
	assert_string_equal(d.c.ignored,
			    "n, seed, logprobs, top_logprobs, presence_penalty, frequency_penalty, "
			    "logit_bias, audio, modalities, prediction, web_search_options, "
			    "verbosity, service_tier, store");
	release(&d);
	decode(&d, body, true);
	assert_int_equal(d.f.fault, FAULT_INVALID_REQUEST);
	assert_string_equal(d.f.param, "n");
	release(&d);
	decode(&d,
	       WITH("\"n\":1,\"logprobs\":false,\"presence_penalty\":0,\"frequency_penalty\":0.0,"
		    "\"logit_bias\":{},\"modalities\":[\"text\"],\"service_tier\":\"auto\","
		    "\"store\":false"),
	       true);
	assert_int_equal(d.r, 0);
	assert_string_equal(d.c.ignored, "");
	release(&d);
}

static void replay_mode_names_what_it_cannot_honour(void **state)
{
	static const struct {
		const char *body, *param;
	} rows[] = {
		{WITH("\"temperature\":1"), "temperature"},
		{WITH("\"top_p\":1"), "top_p"},
		{WITH("\"stop\":[\"a\"]"), "stop"},
		{SCHEMA("{}"), "response_format"},
		{MESSAGES(USER_HI ",{\"role\":\"assistant\",\"content\":\"a\"}"),
		 "messages[1].role"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct decoded d;
		struct failure f;

		decode(&d, rows[i].body, false);
		assert_int_equal(d.r, 0);
		assert_int_equal(chat_request_check_mode(&d.c, true, &f), 0);
		assert_true(chat_request_check_mode(&d.c, false, &f) < 0);
		assert_int_equal(f.fault, FAULT_UNSUPPORTED_BY_CLI);
		assert_string_equal(f.param, rows[i].param);
		release(&d);
	}
}

static void long_images_are_checked_to_their_end(void **state)
{
	struct decoded d;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	for (int padding = 0; padding < 3; padding++) {
		buf_clear(&b);
		buf_add_str(&b, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
				"\"image_url\",\"image_url\":{\"url\":\"data:image/webp;base64,");
		for (int i = 0; i < 4096; i += 4)
			buf_add_str(&b, padding == 1 && i == 4092 ? "AAA=" : "AAAA");
		buf_add_str(&b, padding == 2 ? "AA==" : "AAAA");
		buf_add_str(&b, "\"}}]}]}");
		decode(&d, b.data, false);
		assert_int_equal(d.r == 0, padding != 1);
		release(&d);
	}
	buf_done(&b);
}

static void json_object_needs_an_instruction(void **state)
{
	struct decoded d;

	(void)state;
	decode(&d, WITH("\"response_format\":{\"type\":\"json_object\"}"), false);
	assert_int_equal(d.r, 0);
	assert_int_equal(d.c.format, CHAT_FORMAT_JSON_OBJECT);
	assert_null(d.prompt.extra);
	assert_int_equal(chat_request_finish_system(&d.c, &d.prompt, "Be kind."), 0);
	assert_int_equal(strncmp(d.prompt.system, "Be kind.\n\nAnswer with", 21), 0);
	release(&d);
	decode(&d, WITH("\"response_format\":{\"type\":\"text\"}"), false);
	assert_int_equal(chat_request_finish_system(&d.c, &d.prompt, "Be kind."), 0);
	assert_null(d.prompt.system);
	release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invalid_requests_name_the_field),
		cmocka_unit_test(valid_requests_become_the_upstreams),
		cmocka_unit_test(every_parameter_may_be_null),
		cmocka_unit_test(parameters_are_taken),
		cmocka_unit_test(auto_is_kept_as_asked),
		cmocka_unit_test(system_messages_are_joined),
		cmocka_unit_test(what_cannot_be_honoured_is_listed_or_refused),
		cmocka_unit_test(replay_mode_names_what_it_cannot_honour),
		cmocka_unit_test(long_images_are_checked_to_their_end),
		cmocka_unit_test(json_object_needs_an_instruction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
