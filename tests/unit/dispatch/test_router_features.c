#include <stdlib.h>
#include <string.h>

#include "daemon/dispatch/router.h"

#include "tests/unit/test.h"

static json_t *messages;

static int teardown(void **state)
{
	(void)state;
	json_decref(messages);
	messages = NULL;
	return 0;
}

static struct route_features of(const char *json, const char *system)
{
	struct route_features f;

	json_decref(messages);
	messages = json_loads(json, JSON_DECODE_ANY, NULL);
	assert_non_null(messages);
	route_features_of_messages(&f, messages, system);
	return f;
}

static void assert_text(const struct route_features *f, const char *text)
{
	assert_int_equal(f->text_len, strlen(text));
	assert_memory_equal(f->text, text, f->text_len);
}

static void a_description_is_one_turn_of_its_own_size(void **state)
{
	struct route_features f;

	(void)state;
	route_features_of_text(&f, "Extract  the date.\n", -1);
	assert_int_equal(f.words, 3);
	assert_int_equal(f.text_bytes, 19);
	assert_int_equal(f.context_tokens, 4);
	assert_int_equal(f.turns, 1);
	assert_text(&f, "Extract  the date.\n");
	route_features_of_text(&f, "Extract the date.", 500);
	assert_int_equal(f.context_tokens, 500);
	route_features_of_text(&f, "Extract the date.", 1);
	assert_int_equal(f.context_tokens, 4);
	route_features_of_text(&f, "", -1);
	assert_int_equal(f.words, 0);
	assert_int_equal(f.context_tokens, 0);
}

static void the_last_user_message_is_the_text(void **state)
{
	struct route_features f = of("[{\"role\":\"user\",\"content\":\"first one\"},"
				     "{\"role\":\"assistant\",\"content\":\"answer\"},"
				     "{\"role\":\"user\",\"content\":\"and now?\"},"
				     "{\"role\":\"assistant\",\"content\":\"pre\"}]",
				     "system!!");

	(void)state;
	assert_text(&f, "and now?");
	assert_null(f.first_text);
	assert_int_equal(f.words, 2);
	assert_int_equal(f.questions, 1);
	assert_int_equal(f.turns, 2);
	assert_int_equal(f.context_tokens, (8 + 9 + 6 + 8 + 3) / 4);
}

static void a_tool_s_results_leave_the_user_s_text(void **state)
{
	struct route_features f = of(
		"[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"look it up\"}]},"
		"{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"12\","
		"\"name\":\"find\",\"input\":{\"q\":\"123456\"}}]},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"12\","
		"\"content\":[{\"type\":\"text\",\"text\":\"0123456789012345\"}]}]}]",
		NULL);

	(void)state;
	assert_text(&f, "look it up");
	assert_int_equal(f.turns, 1);
	assert_int_equal(f.context_tokens, (10 + 2 + 4 + 6 + 2 + 16) / 4);
}

static void of_several_parts_the_first_and_last_are_looked_at(void **state)
{
	struct route_features f =
		of("[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"one two\"},"
		   "{\"type\":\"text\",\"text\":\"three?\"},{\"type\":\"text\",\"text\":\"\"},"
		   "{\"type\":\"text\",\"text\":\"four\"},{\"type\":\"text\",\"text\":\"\"},"
		   "{\"type\":\"image\"}]}]",
		   NULL);

	(void)state;
	assert_text(&f, "four");
	assert_int_equal(f.first_len, 7);
	assert_memory_equal(f.first_text, "one two", 7);
	assert_int_equal(f.text_bytes, 7 + 6 + 4);
	assert_int_equal(f.words, 3);
	assert_int_equal(f.questions, 0);
}

static void images_count_and_their_data_does_not(void **state)
{
	struct route_features f =
		of("[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":"
		   "\"base64\",\"data\":\"AAAAAAAAAAAAAAAA\"}},{\"type\":\"text\",\"text\":\"what?"
		   "\"}]},"
		   "{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{}}]}]",
		   NULL);

	(void)state;
	assert_int_equal(f.images, 2);
	assert_int_equal(f.turns, 2);
	assert_int_equal(f.context_tokens, 2 * 1600 + 1);
	assert_text(&f, "what?");
}

static void code_blocks_are_fences_in_pairs(void **state)
{
	struct route_features f;

	(void)state;
	route_features_of_text(&f, "```c\nx\n```\nand\n```\ny\n```", -1);
	assert_int_equal(f.code_blocks, 2);
	route_features_of_text(&f, "x:\n```\nopen", -1);
	assert_int_equal(f.code_blocks, 1);
	route_features_of_text(&f, "in line ```x``` and `y`", -1);
	assert_int_equal(f.code_blocks, 0);
	route_features_of_text(&f, "``", -1);
	assert_int_equal(f.code_blocks, 0);
}

static void two_ideographs_are_a_word(void **state)
{
	struct route_features f;

	(void)state;
	route_features_of_text(&f, "今天天气很好吗？", -1);
	assert_int_equal(f.words, 1 + 7 / 2);
	assert_int_equal(f.questions, 1);
}

static void words_of_a_long_text_are_estimated(void **state)
{
	size_t size = 300000;
	char *text = malloc(size + 1);
	struct route_features f;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < size; i++)
		text[i] = i % 5 ? 'a' : ' ';
	text[size] = '\0';
	route_features_of_text(&f, text, -1);
	assert_in_range(f.words, 59000, 61000);
	assert_int_equal(f.text_bytes, 300000);
	free(text);
}

static void surprises_are_no_text(void **state)
{
	static const char *const cases[] = {
		"null",
		"7",
		"{}",
		"[]",
		"[null,7,\"x\",[],{}]",
		"[{\"role\":7,\"content\":\"x\"}]",
		"[{\"role\":\"user\"}]",
		"[{\"role\":\"user\",\"content\":7}]",
		"[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"x\"}}]",
		"[{\"role\":\"user\",\"content\":[7,null,{\"type\":7},{\"type\":\"text\"},"
		"{\"type\":\"text\",\"text\":7}]}]",
		"[{\"role\":\"user\",\"content\":\"\"}]",
	};
	struct route_features f;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		f = of(cases[i], NULL);
		assert_text(&f, "");
		assert_int_equal(f.words, 0);
		assert_int_equal(f.context_tokens, 0);
	}
	route_features_of_messages(&f, NULL, NULL);
	assert_text(&f, "");
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_description_is_one_turn_of_its_own_size),
		TEST(the_last_user_message_is_the_text),
		TEST(a_tool_s_results_leave_the_user_s_text),
		TEST(of_several_parts_the_first_and_last_are_looked_at),
		TEST(images_count_and_their_data_does_not),
		TEST(code_blocks_are_fences_in_pairs),
		TEST(two_ideographs_are_a_word),
		TEST(words_of_a_long_text_are_estimated),
		TEST(surprises_are_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
