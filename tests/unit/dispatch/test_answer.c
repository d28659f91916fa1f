#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/dispatch/answer.h"

#include "tests/unit/test.h"

static struct answer *sample(const char *text)
{
	struct answer *a = answer_new(text, strlen(text));

	assert_non_null(a);
	strcpy(a->id, "chatcmpl-123");
	strcpy(a->model_id, "claude-haiku");
	strcpy(a->route, "auto:simple-task");
	a->created = 1700000000;
	a->stop = JOB_STOP_SEQUENCE;
	a->usage = (struct job_usage){.input_tokens = 1,
				      .output_tokens = 2,
				      .cache_read_tokens = 3,
				      .cache_creation_tokens = 4,
				      .thinking_tokens = 5,
				      .cost_micro_usd = INT64_MAX};
	return a;
}

static void a_new_answer_has_its_text_and_nothing_else(void **state)
{
	struct answer *a = answer_new("ab\0cd", 4);

	(void)state;
	assert_int_equal(a->len, 4);
	assert_memory_equal(a->text, "ab\0c", 5); /* with the NUL behind it */
	assert_int_equal(a->refs, 1);
	assert_int_equal(a->stop, JOB_STOP_NONE);
	assert_string_equal(a->id, "");
	assert_false(a->lost);
	answer_unref(a);
}

static void the_last_reference_frees_the_answer(void **state)
{
	struct answer *a = answer_new("x", 1);

	(void)state;
	assert_ptr_equal(answer_ref(a), a);
	answer_unref(a);
	assert_string_equal(a->text, "x");
	answer_unref(a);
	answer_unref(NULL);
}

static void a_text_of_impossible_length_is_refused(void **state)
{
	(void)state;
	assert_null(answer_new("x", SIZE_MAX));
	assert_null(answer_new("x", SIZE_MAX - sizeof(struct answer)));
}

static void an_answer_comes_back_from_json_as_it_was(void **state)
{
	struct answer *a = sample("line\n\"quoted\" \\ \xc3\xa4 \x01 \xf0\x9f\x98\x80"), *b;
	char *json = answer_to_json(a);

	(void)state;
	assert_non_null(json);
	b = answer_from_json(json);
	assert_non_null(b);
	assert_int_equal(b->len, a->len);
	assert_string_equal(b->text, a->text);
	assert_string_equal(b->id, a->id);
	assert_string_equal(b->model_id, a->model_id);
	assert_string_equal(b->route, a->route);
	assert_int_equal(b->created, a->created);
	assert_int_equal(b->stop, a->stop);
	assert_memory_equal(&b->usage, &a->usage, sizeof a->usage);
	assert_int_equal(b->refs, 1);
	free(json);
	answer_unref(a);
	answer_unref(b);
}

static void every_stop_comes_back_from_json(void **state)
{
	(void)state;
	for (int stop = JOB_STOP_NONE; stop <= JOB_STOP_TOOL_USE; stop++) {
		struct answer *a = sample(""), *b;
		char *json;

		a->stop = (enum job_stop)stop;
		json = answer_to_json(a);
		b = answer_from_json(json);
		assert_non_null(b);
		assert_int_equal(b->stop, stop);
		free(json);
		answer_unref(a);
		answer_unref(b);
	}
}

static void what_json_cannot_hold_is_not_written(void **state)
{
	struct answer *nul = answer_new("a\0b", 3), *bytes = answer_new("\xff", 1), *stop;

	(void)state;
	stop = sample("");
	stop->stop = (enum job_stop)99;
	assert_null(answer_to_json(nul));
	assert_null(answer_to_json(bytes));
	assert_null(answer_to_json(stop));
	answer_unref(nul);
	answer_unref(bytes);
	answer_unref(stop);
}

static void expect_refused(const char *json)
{
	struct answer *a = answer_from_json(json);

	if (a)
		fail_msg("taken: %s", json);
}

/* The good text with one piece replaced. */
static void expect_refused_with(const char *piece, const char *other)
{
	struct answer *a = sample("text"), *good;
	char *json = answer_to_json(a), *at = strstr(json, piece), changed[1024];

	assert_non_null(at);
	good = answer_from_json(json);
	assert_non_null(good);
	snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - json), json, other,
		 at + strlen(piece));
	expect_refused(changed);
	answer_unref(good);
	answer_unref(a);
	free(json);
}

static void json_of_another_shape_is_no_answer(void **state)
{
	(void)state;
	expect_refused("");
	expect_refused("null");
	expect_refused("[]");
	expect_refused("{}");
	expect_refused("{\"v\":1,\"text\":\"x\"}");
	expect_refused_with("}", "");
	expect_refused_with("\"v\":1", "\"v\":2");
	expect_refused_with("\"v\":1", "\"v\":\"1\"");
	expect_refused_with("\"text\":\"text\"", "\"text\":7");
	expect_refused_with("\"text\":\"text\"", "\"text\":\"\\u0000\"");
	expect_refused_with("\"stop_sequence\"", "\"because\"");
	expect_refused_with("\"stop_sequence\"", "null");
	expect_refused_with("\"input_tokens\":1", "\"input_tokens\":-1");
	expect_refused_with("\"input_tokens\":1", "\"input_tokens\":1.5");
	expect_refused_with("\"input_tokens\":1,", "");
	expect_refused_with("\"created\":1700000000", "\"created\":1e400");
}

static void json_that_does_not_fit_is_no_answer(void **state)
{
	char id[64];

	(void)state;
	memset(id, 'x', sizeof id);
	id[40] = '\0';
	expect_refused_with("chatcmpl-123", id);
}

/* Good but for a million values beside its own: nobody would have read them. */
static void a_flood_of_values_is_refused(void **state)
{
	size_t size = 2 * 1000 * 1000;
	struct answer *a = sample("text");
	char *json = answer_to_json(a), *flood = malloc(strlen(json) + size + 16);
	int at;

	(void)state;
	assert_non_null(flood);
	at = sprintf(flood, "{\"x\":[1");
	for (size_t i = 0; i < size; i += 2)
		at += sprintf(flood + at, ",1");
	sprintf(flood + at, "],%s", json + 1);
	expect_refused(flood);
	free(flood);
	free(json);
	answer_unref(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_answer_has_its_text_and_nothing_else),
		cmocka_unit_test(the_last_reference_frees_the_answer),
		cmocka_unit_test(a_text_of_impossible_length_is_refused),
		cmocka_unit_test(an_answer_comes_back_from_json_as_it_was),
		cmocka_unit_test(every_stop_comes_back_from_json),
		cmocka_unit_test(what_json_cannot_hold_is_not_written),
		cmocka_unit_test(json_of_another_shape_is_no_answer),
		cmocka_unit_test(json_that_does_not_fit_is_no_answer),
		cmocka_unit_test(a_flood_of_values_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
