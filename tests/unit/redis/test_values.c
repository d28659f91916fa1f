/* What stands under our keys, to and from text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/redis/cache_redis.h"
#include "daemon/redis/sessions_redis.h"

#include "tests/unit/test.h"

static struct answer *sample(const char *text)
{
	struct answer *a = answer_new(text, strlen(text));

	assert_non_null(a);
	strcpy(a->id, "chatcmpl-1");
	strcpy(a->model_id, "claude-haiku");
	strcpy(a->route, "requested");
	a->stop = JOB_STOP_END_TURN;
	a->usage.output_tokens = 7;
	for (size_t i = 0; i < sizeof a->body_hash; i++)
		a->body_hash[i] = (unsigned char)(i * 8 + 1);
	return a;
}

static struct answer *read_replay(const char *json)
{
	return replay_from_json(json, strlen(json));
}

static void a_replay_comes_back_as_it_was(void **state)
{
	struct answer *a = sample("say \"\xc3\xa4\"\n"), *b;
	char *json = replay_to_json(a);

	(void)state;
	assert_non_null(json);
	b = read_replay(json);
	assert_non_null(b);
	assert_string_equal(b->text, a->text);
	assert_string_equal(b->id, a->id);
	assert_memory_equal(b->body_hash, a->body_hash, sizeof a->body_hash);
	assert_int_equal(b->usage.output_tokens, 7);
	assert_false(b->lost);
	answer_unref(a);
	answer_unref(b);
	free(json);
}

static void a_lost_replay_is_word_without_text(void **state)
{
	struct answer *a = sample("half of it"), *b;
	char *json;

	(void)state;
	a->lost = true;
	json = replay_to_json(a);
	assert_null(strstr(json, "half"));
	b = read_replay(json);
	assert_true(b->lost);
	assert_int_equal(b->len, 0);
	assert_memory_equal(b->body_hash, a->body_hash, sizeof a->body_hash);
	answer_unref(a);
	answer_unref(b);
	free(json);
}

static void a_replay_too_large_to_be_kept_is_lost(void **state)
{
	static const size_t sizes[] = {4194304, 4194305};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *text = malloc(sizes[i]), *json;
		struct answer *a, *b;

		memset(text, 'x', sizes[i]);
		a = answer_new(text, sizes[i]);
		json = replay_to_json(a);
		b = read_replay(json);
		assert_int_equal(b->lost, i == 1);
		assert_int_equal(b->len, i == 1 ? 0 : sizes[i]);
		answer_unref(a);
		answer_unref(b);
		free(json);
		free(text);
	}
}

static void what_is_no_replay_is_none(void **state)
{
#define HASH "\"body_hash\":\"0102030405060708091011121314151617181920212223242526272829303132\""
	static const char *const texts[] = {
		"",
		"{}",
		"null",
		"[1]",
		"{\"v\":1," HASH "}",
		"{\"v\":2," HASH ",\"answer\":null}",
		"{\"v\":\"1\"," HASH ",\"answer\":null}",
		"{\"v\":1,\"body_hash\":\"01\",\"answer\":null}",
		"{\"v\":1,\"body_hash\":\"xx\",\"answer\":null}",
		"{\"v\":1,\"answer\":null}",
		"{\"v\":1," HASH ",\"answer\":{\"v\":1}}",
		"{\"v\":1," HASH ",\"answer\":\"x\"}",
		"{\"v\":1," HASH ",\"answer\":null}x",
		"{\"v\":1," HASH ",\"answer\":[[[[[]]]]]}",
	};

	struct answer *good = read_replay("{\"v\":1," HASH ",\"answer\":null}");

	(void)state;
	assert_non_null(good); /* else the others prove nothing */
	answer_unref(good);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (read_replay(texts[i]))
			fail_msg("%s is taken", texts[i]);
}

static void a_cached_answer_ends_where_its_value_ends(void **state)
{
	struct answer *a = sample("hello"), *b;
	char *json = answer_to_json(a);
	size_t len = strlen(json);

	(void)state;
	b = answer_from_value(json, len);
	assert_string_equal(b->text, "hello");
	json[len / 2] = '\0';
	assert_null(answer_from_value(json, len));
	answer_unref(a);
	answer_unref(b);
	free(json);
}

static void a_value_has_its_bound(void **state)
{
	enum { BOUND = 8 * 1024 * 1024 };
	struct answer *a = sample("hello"), *b;
	char *json = answer_to_json(a), *value = malloc(BOUND + 2);

	(void)state;
	memset(value, ' ', BOUND + 1); /* which JSON may end with */
	memcpy(value, json, strlen(json));
	value[BOUND + 1] = '\0';
	assert_null(answer_from_value(value, BOUND + 1)); /* was cut, perhaps */
	value[BOUND] = '\0';
	b = answer_from_value(value, BOUND);
	assert_non_null(b);
	answer_unref(a);
	answer_unref(b);
	free(json);
	free(value);
}

static void a_session_s_value_begins_with_its_version(void **state)
{
	static const char *const wrong[] = {"",
					    " ",
					    "7",
					    "7 ",
					    " {}",
					    "x {}",
					    "-1 {}",
					    "7 {}",
					    "7x {}",
					    "1234567890123456789012345 {}",
					    "7 {\"v\":99}"};
	json_t *messages = json_pack("[{s:s, s:[{s:s, s:s}]}]", "role", "user", "content", "type",
				     "text", "text", "hello");
	struct session *s = session_after(NULL, NULL, messages, 100), *read;
	char *json, *value;

	(void)state;
	json_decref(messages);
	s->version = 7;
	json = session_to_json(s);
	assert_true(asprintf(&value, "7 %s", json) > 0);
	read = session_from_value(value, strlen(value));
	assert_non_null(read);
	assert_int_equal(read->version, 7);
	assert_null(session_from_value(json, strlen(json)));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (session_from_value(wrong[i], strlen(wrong[i])))
			fail_msg("%s is taken", wrong[i]);
	session_unref(s);
	session_unref(read);
	free(json);
	free(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replay_comes_back_as_it_was),
		cmocka_unit_test(a_lost_replay_is_word_without_text),
		cmocka_unit_test(a_replay_too_large_to_be_kept_is_lost),
		cmocka_unit_test(what_is_no_replay_is_none),
		cmocka_unit_test(a_cached_answer_ends_where_its_value_ends),
		cmocka_unit_test(a_value_has_its_bound),
		cmocka_unit_test(a_session_s_value_begins_with_its_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
