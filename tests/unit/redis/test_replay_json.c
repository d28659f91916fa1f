#include <stdlib.h>
#include <string.h>

#include "daemon/redis/cache_redis.h"

#include "tests/unit/test.h"

static struct answer *sample(const char *text)
{
	struct answer *a = answer_new(text, strlen(text));

	assert_non_null(a);
	memset(a->body_hash, 0xa5, sizeof a->body_hash);
	strcpy(a->id, "chatcmpl-1");
	strcpy(a->model_id, "m");
	strcpy(a->route, "requested");
	strcpy(a->session_id, "sess_1");
	a->stop = JOB_STOP_END_TURN;
	a->usage.output_tokens = 5;
	return a;
}

static void a_record_survives_its_text(void **state)
{
	struct answer *a = sample("\"hi\" \u20ac"), *again;
	char *json = replay_to_json(a);

	(void)state;
	assert_non_null(json);
	again = replay_from_json(json, strlen(json));
	assert_non_null(again);
	assert_string_equal(again->text, a->text);
	assert_string_equal(again->session_id, "sess_1");
	assert_int_equal(again->usage.output_tokens, 5);
	assert_memory_equal(again->body_hash, a->body_hash, sizeof a->body_hash);
	assert_false(again->lost);
	free(json);
	answer_unref(a);
	answer_unref(again);
}

static void one_that_is_too_large_is_word_that_there_was_one(void **state)
{
	size_t len = 5 * 1024 * 1024;
	char *text = malloc(len + 1), *json;
	struct answer *a, *again;

	(void)state;
	memset(text, 'x', len);
	text[len] = '\0';
	a = sample(text);
	json = replay_to_json(a);
	assert_true(strlen(json) < 200);
	again = replay_from_json(json, strlen(json));
	assert_true(again->lost && again->len == 0);
	assert_memory_equal(again->body_hash, a->body_hash, sizeof a->body_hash);
	free(json);
	free(text);
	answer_unref(a);
	answer_unref(again);
}

static void anything_else_is_no_record(void **state)
{
	static const char hash[] =
		"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5";
	static const char *const forms[] = {
		"",
		"7",
		"{}",
		"{\"v\":2,\"body_hash\":\"%s\",\"answer\":null}",
		"{\"v\":1,\"body_hash\":\"%.60s\",\"answer\":null}",
		"{\"v\":1,\"body_hash\":\"%.60sxyzw\",\"answer\":null}",
		"{\"v\":1,\"body_hash\":\"%s00\",\"answer\":null}",
		"{\"v\":1,\"body_hash\":7,\"answer\":null}",
		"{\"v\":1,\"body_hash\":\"%s\"}",
		"{\"v\":1,\"body_hash\":\"%s\",\"answer\":{}}",
		"{\"v\":1,\"body_hash\":\"%s\",\"answer\":\"x\"}",
	};
	char text[300];

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof text, forms[i], hash);
#pragma GCC diagnostic pop
		assert_null(replay_from_json(text, strlen(text)));
	}
	snprintf(text, sizeof text, "{\"v\":1,\"body_hash\":\"%s\",\"answer\":null}", hash);
	struct answer *a = replay_from_json(text, strlen(text));
	assert_true(a && a->lost);
	answer_unref(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_survives_its_text),
		cmocka_unit_test(one_that_is_too_large_is_word_that_there_was_one),
		cmocka_unit_test(anything_else_is_no_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
