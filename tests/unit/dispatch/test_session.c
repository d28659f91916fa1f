/* A conversation as a value: what a turn makes of it, its JSON, its ids. */
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"

#include "daemon/dispatch/sessions.h"

#include "tests/unit/test.h"

static struct session *parse(const char *json)
{
	return session_from_json(json, strlen(json));
}

static struct session *example(const struct session *before, const char *system)
{
	json_t *messages = json_pack("[{s:s, s:[{s:s, s:s}]}, {s:s, s:[{s:s, s:s}]}]", "role",
				     "user", "content", "type", "text", "text", "h\xc3\xa9 \"x\"\n",
				     "role", "assistant", "content", "type", "text", "text", "yes");
	char *json = json_dumps(messages, JSON_COMPACT);
	struct session *s = session_after(before, system, messages, strlen(json));

	free(json);
	json_decref(messages);
	assert_non_null(s);
	return s;
}

static void a_turn_counts_on_and_keeps_the_beginning(void **state)
{
	struct session *one, *two;

	(void)state;
	clock_freeze(0, INT64_C(5000000));
	one = example(NULL, "be brief");
	clock_advance_ms(1000);
	two = example(one, NULL);
	assert_int_equal(one->version, 1);
	assert_int_equal(one->created_ms, 5000);
	assert_int_equal(two->version, 2);
	assert_int_equal(two->created_ms, 5000);
	assert_int_equal(two->at_ms, 6000);
	assert_null(two->system);
	assert_int_equal(session_bytes(one), one->size + strlen("be brief"));
	assert_true(session_memory(one) > session_bytes(one) + 2000);
	session_unref(one);
	session_unref(two);
	clock_thaw();
}

static void json_and_back_is_the_same(void **state)
{
	struct session *s = example(NULL, "a \"system\"\n"), *back;
	char *json, *again;

	(void)state;
	s->version = 7;
	json = session_to_json(s);
	back = parse(json);
	assert_non_null(back);
	assert_int_equal(back->version, 7);
	assert_int_equal(back->created_ms, s->created_ms);
	assert_int_equal(back->at_ms, s->at_ms);
	assert_int_equal(back->size, s->size);
	assert_string_equal(back->system, s->system);
	assert_true(json_equal(back->messages, s->messages));
	assert_false(back->deleted);
	again = session_to_json(back);
	assert_string_equal(again, json);
	free(json);
	free(again);
	session_unref(s);
	session_unref(back);
}

static void a_tombstone_has_no_messages(void **state)
{
	struct session *s = session_new(), *back;
	char *json;

	(void)state;
	s->deleted = true;
	s->version = SESSION_LAST_VERSION;
	json = session_to_json(s);
	back = parse(json);
	assert_non_null(back);
	assert_true(back->deleted);
	assert_int_equal(back->version, SESSION_LAST_VERSION);
	assert_int_equal(json_array_size(back->messages), 0);
	free(json);
	session_unref(s);
	session_unref(back);
}

#define HEAD "{\"v\":1,\"version\":1,\"created_ms\":1,\"at_ms\":1,"
#define TEXT "[{\"type\":\"text\",\"text\":\"x\"}]"

static void what_it_would_not_write_is_no_session(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		HEAD "\"messages\":[]}",
		HEAD "\"messages\":7}",
		HEAD "\"messages\":[{\"role\":\"assistant\",\"content\":" TEXT "}]}",
		HEAD "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
		HEAD "\"messages\":[{\"role\":\"user\",\"content\":[]}]}",
		HEAD "\"messages\":[{\"role\":\"user\",\"content\":[{}]}]}",
		HEAD "\"messages\":[{\"role\":\"user\",\"content\":" TEXT "},"
		     "{\"role\":\"system\",\"content\":" TEXT "}]}",
		"{\"v\":2,\"version\":1,\"created_ms\":1,\"at_ms\":1,"
		"\"messages\":[{\"role\":\"user\",\"content\":" TEXT "}]}",
		"{\"v\":1,\"version\":0,\"created_ms\":1,\"at_ms\":1,"
		"\"messages\":[{\"role\":\"user\",\"content\":" TEXT "}]}",
		"{\"v\":1,\"version\":1,\"created_ms\":1,\"at_ms\":-1,"
		"\"messages\":[{\"role\":\"user\",\"content\":" TEXT "}]}",
		HEAD "\"messages\":[{\"role\":\"user\",\"content\":" TEXT "}]} x",
	};
	struct session *good;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_null(parse(bad[i]));
	good = parse(HEAD "\"messages\":[{\"role\":\"user\",\"content\":" TEXT "}]}");
	assert_non_null(good);
	session_unref(good);
}

/* The parser's bound on values must not stand in the way of the densest of our own texts. */
static void many_small_messages_can_be_read_again(void **state)
{
	enum { COUNT = 100000 };
	json_t *messages = json_array();
	struct session *s, *back;
	char *json;

	(void)state;
	for (int i = 0; i < COUNT; i++)
		json_array_append_new(messages, json_pack("{s:s, s:[{s:s, s:s}]}", "role", "user",
							  "content", "type", "text", "text", "a"));
	s = session_after(NULL, NULL, messages, 0);
	json_decref(messages);
	json = session_to_json(s);
	back = parse(json);
	assert_non_null(back);
	assert_int_equal(json_array_size(back->messages), COUNT);
	free(json);
	session_unref(s);
	session_unref(back);
}

static void ids_are_random_and_checked(void **state)
{
	char one[SESSION_ID_SIZE], two[SESSION_ID_SIZE];

	(void)state;
	sessions_new_id(one);
	sessions_new_id(two);
	assert_string_not_equal(one, two);
	assert_int_equal(strlen(one), SESSION_ID_SIZE - 3);
	assert_true(sessions_id_is_valid(one) && sessions_id_is_valid(two));
	one[SESSION_ID_SIZE - 4] = 'G';
	assert_false(sessions_id_is_valid(one));
	two[SESSION_ID_SIZE - 4] = '\0';
	assert_false(sessions_id_is_valid(two));
	assert_false(sessions_id_is_valid(""));
	assert_false(sessions_id_is_valid("sess_"));
	assert_false(sessions_id_is_valid("sess_0000000000000000000000000000000 "));
	assert_false(sessions_id_is_valid("sess_000000000000000000000000000000000"));
	assert_false(sessions_id_is_valid("SESS_00000000000000000000000000000000"));
	assert_true(sessions_id_is_valid("sess_0123456789abcdef0123456789abcdef"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_turn_counts_on_and_keeps_the_beginning),
		cmocka_unit_test(json_and_back_is_the_same),
		cmocka_unit_test(a_tombstone_has_no_messages),
		cmocka_unit_test(what_it_would_not_write_is_no_session),
		cmocka_unit_test(many_small_messages_can_be_read_again),
		cmocka_unit_test(ids_are_random_and_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
