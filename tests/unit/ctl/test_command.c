#include <stdlib.h>
#include <string.h>

#include "shared/err.h"

#include "ctl/command.h"
#include "tests/unit/test.h"

enum { ARGS = 24 };

static struct command command;
static char words[COMMAND_WHY_MAX], line[512], dumped[1024];
static char *argv[ARGS];

/* Splits at blanks; "_" stands for an empty word.  Returns command_parse's code. */
static int parse(const char *text)
{
	int argc = 0;

	command_done(&command);
	words[0] = '\0';
	snprintf(line, sizeof line, "ccapictl %s", text);
	for (char *w = strtok(line, " "); w && argc < ARGS; w = strtok(NULL, " "))
		argv[argc++] = strcmp(w, "_") == 0 ? w + 1 : w;
	return command_parse(&command, argc, argv, words);
}

/* What ccapictl does by itself has no method: its words then. */
static const char *name_of(const struct verb *v)
{
	return !v ? "-" : v->method ? v->method : v->words;
}

/* "METHOD {params}" or "!why". */
static const char *result(const char *text)
{
	char *params;

	if (parse(text) < 0) {
		snprintf(dumped, sizeof dumped, "!%s", words);
		return dumped;
	}
	params = json_dumps(command.params, JSON_COMPACT | JSON_SORT_KEYS);
	snprintf(dumped, sizeof dumped, "%s %s", name_of(command.verb), params);
	free(params);
	return dumped;
}

static void words_and_options_become_a_request(void **state)
{
	(void)state;
	assert_string_equal(result("status"), "status {}");
	assert_string_equal(result("projects create demo"), "projects.create {\"name\":\"demo\"}");
	assert_string_equal(result("keys create --project demo"),
			    "keys.create {\"project\":\"demo\"}");
	assert_string_equal(result("budgets set demo --tokens 1000000 --window month"),
			    "budgets.set {\"project\":\"demo\",\"tokens\":1000000,\"window\":"
			    "\"month\"}");
	assert_string_equal(result("limits set --global --concurrent none"),
			    "limits.set {\"concurrent\":null,\"global\":true}");
	assert_string_equal(result("keys create --project demo --label ci --scopes chat,usage "
				   "--expires 30d --models haiku,sonnet"),
			    "keys.create {\"expires\":\"30d\",\"label\":\"ci\",\"models\":"
			    "[\"haiku\",\"sonnet\"],\"project\":\"demo\",\"scopes\":[\"chat\","
			    "\"usage\"]}");
}

static void options_may_stand_anywhere(void **state)
{
	static const char expected[] = "budgets.set {\"project\":\"demo\",\"tokens\":1000000}";
	static const char *const lines[] = {
		"--tokens 1M budgets set demo",
		"budgets --tokens 1M set demo",
		"budgets set --tokens 1M demo",
		"budgets set demo --tokens=1M",
		"budgets set --project demo --tokens 1M",
		"budgets set --tokens 1M -- demo",
		"--json budgets -q set --socket /x demo -y --tokens 1M",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		assert_string_equal(result(lines[i]), expected);
	assert_true(command.json && command.quiet && command.yes);
	assert_string_equal(command.socket, "/x");
}

static void a_double_dash_ends_the_options(void **state)
{
	(void)state;
	assert_string_equal(result("routing test -- --model"),
			    "routing.test {\"text\":\"--model\"}");
	assert_string_equal(result("routing test -"), "routing.test {\"text\":\"-\"}");
	assert_string_equal(result("keys create --project=--json"),
			    "keys.create {\"project\":\"--json\"}");
}

static void a_letter_is_its_option(void **state)
{
	(void)state;
	assert_string_equal(result("logs -f"), "logs {\"follow\":true}");
	assert_string_equal(result("logs --follow --lines 7"),
			    "logs {\"follow\":true,\"lines\":7}");
	assert_string_equal(result("logs -f --follow"), "!--follow is given twice");
	assert_non_null(strstr(result("status -f"), "has no option -f"));
}

static void lists_grow_and_other_repetitions_are_mistakes(void **state)
{
	(void)state;
	assert_string_equal(result("keys create --project p --scopes chat --scopes batch"),
			    "keys.create {\"project\":\"p\",\"scopes\":[\"chat\",\"batch\"]}");
	assert_string_equal(result("keys create --project p --project q"),
			    "!--project is given twice");
}

static void mistakes_say_what_was_probably_meant(void **state)
{
	(void)state;
	assert_non_null(strstr(result("statsu"), "did you mean 'status'?"));
	assert_non_null(strstr(result("key list"), "did you mean 'keys list'?"));
	assert_non_null(strstr(result("keys crate"), "did you mean 'create'?"));
	assert_non_null(strstr(result("keys"), "needs one of: list, create"));
	assert_non_null(strstr(result("keys create --porject x"), "did you mean '--project'?"));
	assert_non_null(strstr(result("keys list --jsno"), "did you mean '--json'?"));
	assert_non_null(strstr(result("keys list --frob"), "has no option --frob"));
}

static void what_is_missing_or_wrong_is_named(void **state)
{
	(void)state;
	assert_non_null(strstr(result("keys create"), "needs --project PROJECT"));
	assert_non_null(strstr(result("projects create"), "needs PROJECT"));
	assert_non_null(strstr(result("projects create a b"), "'b' is one word too many"));
	assert_non_null(strstr(result("keys create --project"), "--project needs a value"));
	assert_non_null(strstr(result("keys create --project --json"), "--project=--json"));
	assert_non_null(strstr(result("budgets set demo --tokens -5"), "--tokens must be"));
	assert_non_null(strstr(result("budgets set demo --soft=1"), "--soft takes no value"));
	assert_non_null(strstr(result("status --json=1"), "--json takes no value"));
	assert_non_null(strstr(result("projects create _"), "PROJECT must be given"));
	assert_non_null(strstr(result(""), "what is to be done"));
	assert_int_equal(parse("status --frob"), ERR_SYNTAX);
}

static void hostile_words_do_not_come_back_raw(void **state)
{
	(void)state;
	assert_null(strchr(result("\x1b[2J"), '\x1b'));
	assert_null(strchr(result("keys \x1b[2J"), '\x1b'));
	assert_null(strchr(result("keys list --\x1b[2J"), '\x1b'));
	assert_null(strchr(result("projects create a \x1b[2J"), '\x1b'));
	assert_null(strchr(result("budgets set demo --tokens \x1b[2J"), '\x1b'));
}

static void help_needs_nothing_else(void **state)
{
	(void)state;
	assert_int_equal(parse("--help"), 0);
	assert_true(command.help && !command.verb);
	assert_int_equal(parse("keys create --help"), 0);
	assert_true(command.help && command.verb);
	assert_int_equal(parse("help keys create"), 0);
	assert_true(command.help && command.verb);
	assert_int_equal(parse("keys --help"), 0);
	assert_true(command.help && !command.verb && command.word_count == 1);
	assert_int_equal(parse("help"), 0);
	assert_int_equal(parse("help nonsense"), ERR_SYNTAX);
	assert_int_equal(parse("--version"), 0);
}

static void the_subject_is_who_it_is_about(void **state)
{
	char number[COMMAND_NUMBER_SIZE];

	(void)state;
	assert_int_equal(parse("workers restart 7"), 0);
	assert_string_equal(command_subject(&command, number), "7");
	assert_int_equal(parse("projects delete demo"), 0);
	assert_string_equal(command_subject(&command, number), "demo");
	assert_int_equal(parse("keys revoke k_1"), 0);
	assert_string_equal(command_subject(&command, number), "k_1");
	assert_int_equal(parse("budgets delete --global"), 0);
	assert_string_equal(command_subject(&command, number), "everybody");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_and_options_become_a_request),
		cmocka_unit_test(options_may_stand_anywhere),
		cmocka_unit_test(a_double_dash_ends_the_options),
		cmocka_unit_test(a_letter_is_its_option),
		cmocka_unit_test(lists_grow_and_other_repetitions_are_mistakes),
		cmocka_unit_test(mistakes_say_what_was_probably_meant),
		cmocka_unit_test(what_is_missing_or_wrong_is_named),
		cmocka_unit_test(hostile_words_do_not_come_back_raw),
		cmocka_unit_test(help_needs_nothing_else),
		cmocka_unit_test(the_subject_is_who_it_is_about),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	command_done(&command);
	return failed;
}
