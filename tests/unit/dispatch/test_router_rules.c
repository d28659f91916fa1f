#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/err.h"

#include "daemon/dispatch/router.h"
#include "daemon/dispatch/router_rules.h"

#include "tests/unit/test.h"

static void expect_good(const char *rule)
{
	char why[512] = "";

	if (router_check_rule(rule, why, sizeof why))
		fail_msg("%s: %s", rule, why);
}

static void expect_bad(const char *rule, int rc, const char *words)
{
	char why[512] = "";
	int got = router_check_rule(rule, why, sizeof why);

	if (got != rc || !strstr(why, words))
		fail_msg("%s: %d, %s; expected %d, %s", rule, got, why, rc, words);
}

static void rules_in_all_their_forms_are_taken(void **state)
{
	(void)state;
	expect_good("a: +1 when json");
	expect_good("  a-B_9:\t-2.5  when  not tools  ");
	expect_good("budget:low: claude-haiku-5-5[1m] when budget_left < 1000");
	expect_good("a: opus when context_tokens>=10000 and turns <= 6 and images=0 and json");
	expect_good("a: +0 when keywords x, \"two  words\",'it is' and words<40");
	expect_good("a: +0 when keywords \"it's\", \"and\" and begins when");
}

static void what_is_wrong_is_said_with_what_is_allowed(void **state)
{
	(void)state;
	expect_bad("", ERR_SYNTAX, "begins with its NAME");
	expect_bad(": +1 when json", ERR_SYNTAX, "begins with its NAME");
	expect_bad("a +1 when json", ERR_SYNTAX, "not with 'a'");
	expect_bad("a:+1 when json", ERR_SYNTAX, "begins with its NAME");
	expect_bad("a:b:c: +1 when json", ERR_SYNTAX, "one colon");
	expect_bad("override:key: haiku when json", ERR_SYNTAX, "may not begin with");
	expect_bad("a: 7 when json", ERR_SYNTAX, "+7");
	expect_bad("a: when json", ERR_SYNTAX, "+WEIGHT, -WEIGHT or a model");
	expect_bad("a: +nan when json", ERR_SYNTAX, "a number must stand where 'nan' does");
	expect_bad("a: +1.2.3 when json", ERR_SYNTAX, "a number must stand");
	expect_bad("a: +1001 when json", ERR_LIMIT, "at most 1000");
	expect_bad("a: +1", ERR_SYNTAX, "'when' must stand where the end does");
	expect_bad("a: +1 when wörds < 1", ERR_UNKNOWN, "keywords, begins, words");
	expect_bad("a: +1 when word < 1", ERR_UNKNOWN, "'word' is no condition; there are");
	expect_bad("a: +1 when words 1", ERR_SYNTAX, "<, <=, >, >= or =, not '1'");
	expect_bad("a: +1 when words < ten", ERR_SYNTAX, "where 'ten' does");
	expect_bad("a: +1 when words < 1.5", ERR_SYNTAX, "whole number");
	expect_bad("a: +1 when plan_use > 1.5", ERR_LIMIT, "at most 1");
	expect_bad("a: +1 when words < 99999999999", ERR_LIMIT, "too large");
	expect_bad("a: +1 when json or tools", ERR_SYNTAX, "'and' must stand where 'or' does");
	expect_bad("a: +1 when json and", ERR_UNKNOWN, "the end is no condition");
	expect_bad("a: +1 when keywords", ERR_SYNTAX, "a keyword must stand where the end does");
	expect_bad("a: +1 when keywords x,", ERR_SYNTAX, "a keyword must stand");
	expect_bad("a: +1 when keywords x, and json", ERR_SYNTAX, "a keyword must stand");
	expect_bad("a: +1 when keywords two words", ERR_SYNTAX, "quote those of several words");
	expect_bad("a: +1 when keywords 'x", ERR_SYNTAX, "has no end");
	expect_bad("a: +1 when keywords .net", ERR_SYNTAX, "begin with a letter");
	expect_bad("a: +1 when keywords ''", ERR_SYNTAX, "begin with a letter");
	expect_bad("a: +1 when keywords \x80", ERR_SYNTAX, "not UTF-8");
	expect_bad("a: +1\nwhen json", ERR_SYNTAX, "control characters");
}

static void sizes_are_bounded(void **state)
{
	char rule[RULE_BYTES_MAX + 2], name[64];
	size_t len;

	(void)state;
	memset(name, 'n', sizeof name);
	snprintf(rule, sizeof rule, "%.48s: +1 when json", name);
	expect_good(rule);
	snprintf(rule, sizeof rule, "%.49s: +1 when json", name);
	expect_bad(rule, ERR_LIMIT, "longer than 48");

	snprintf(rule, sizeof rule, "a: %.60s%.35s when json", name, name);
	expect_good(rule);
	snprintf(rule, sizeof rule, "a: %.60s%.36s when json", name, name);
	expect_bad(rule, ERR_LIMIT, "longer than 95");

	len = (size_t)snprintf(rule, sizeof rule, "a: +1 when keywords ");
	memset(rule + len, 'k', 65);
	strcpy(rule + len + 64, "");
	expect_good(rule);
	strcpy(rule + len + 64, "k");
	expect_bad(rule, ERR_LIMIT, "longer than 64 bytes");

	memset(rule, ' ', sizeof rule);
	memcpy(rule, "a: +1 when json", 15);
	rule[RULE_BYTES_MAX] = '\0';
	expect_good(rule);
	rule[RULE_BYTES_MAX] = ' ';
	rule[RULE_BYTES_MAX + 1] = '\0';
	expect_bad(rule, ERR_LIMIT, "longer than 1024 bytes");
}

static void keywords_and_conditions_are_counted(void **state)
{
	char rule[RULE_BYTES_MAX + 1] = "a: +1 when keywords k";

	(void)state;
	for (int i = 1; i < RULE_KEYWORDS_MAX; i++)
		strcat(rule, ", k");
	expect_good(rule);
	strcat(rule, " and begins k");
	expect_bad(rule, ERR_LIMIT, "more than 64 keywords");

	strcpy(rule, "a: +1 when json");
	for (int i = 1; i < RULE_CONDITIONS_MAX; i++)
		strcat(rule, " and json");
	expect_good(rule);
	strcat(rule, " and json");
	expect_bad(rule, ERR_LIMIT, "more than 16 conditions");
}

static struct router *make(const char *const *rules, size_t count, char *why)
{
	return router_new(rules, count, 3, 7, why, 512);
}

static void errors_of_a_set_name_the_rule(void **state)
{
	static const char *const bad[] = {"a: +1 when json", "b: +1 when jason"};
	static const char *const twice[] = {"a: +1 when json", "b: +1 when json",
					    "a: +2 when tools"};
	const char **many = calloc(RULES_MAX + 1, sizeof *many);
	char why[512];

	(void)state;
	assert_null(make(bad, 2, why));
	assert_non_null(strstr(why, "rule 2: 'jason' is no condition"));
	assert_null(make(twice, 3, why));
	assert_string_equal(why, "rule 3: rule 1 has the name 'a' already");
	assert_non_null(many);
	assert_null(make(many, RULES_MAX + 1, why));
	assert_non_null(strstr(why, "at most 256"));
	free(many);
	assert_null(router_new(NULL, 0, 7, 7, why, sizeof why));
	assert_non_null(strstr(why, "sonnet_score"));
}

static void rules_are_written_for_the_operator(void **state)
{
	static const char *const rules[] = {"a: +2.5 when keywords \"x y\"",
					    "b: haiku when budget_left < 10"};
	char why[512];
	struct router *r = make(rules, 2, why);
	struct buf b;

	(void)state;
	assert_non_null(r);
	buf_init(&b, 4096);
	router_write_rules(r, &b);
	assert_string_equal(b.data,
			    "[{\"rule\":\"a\",\"text\":\"a: +2.5 when keywords \\\"x "
			    "y\\\"\",\"weight\":2.5},{\"rule\":\"b\",\"text\":\"b: haiku when "
			    "budget_left < 10\",\"model\":\"haiku\"}]");
	buf_done(&b);
	router_free(r);
	router_free(NULL);
}

static void every_condition_is_documented(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	route_conditions_write(&b);
	assert_false(b.failed);
	for (size_t i = 0; i < route_condition_kind_count; i++)
		assert_non_null(strstr(b.data, route_condition_kinds[i].doc));
	buf_done(&b);
}

/* ---- what counts ---- */

/* Whether the condition counts for the text. */
static bool counts(const char *condition, const char *text)
{
	struct model haiku = {.name = "haiku", .id = "h"}, opus = {.name = "opus", .id = "o"};
	struct model items[2] = {haiku, opus};
	struct models models = {.items = items, .count = 2};
	struct route_features f;
	struct route_query q = {.features = &f, .budget_left_tokens = 500, .plan_use = 0.25};
	struct route_decision d;
	char rule[RULE_BYTES_MAX + 1], why[512];
	const char *rules[] = {rule};
	struct router *r;

	snprintf(rule, sizeof rule, "a: opus when %s", condition);
	r = make(rules, 1, why);
	if (!r)
		fail_msg("%s: %s", condition, why);
	route_features_of_text(&f, text, 1000);
	assert_int_equal(router_decide(r, &models, &q, 0, &d), 0);
	router_free(r);
	return strcmp(d.model->name, "opus") == 0;
}

static void keywords_are_whole_words_in_either_case(void **state)
{
	(void)state;
	assert_true(counts("keywords design", "design"));
	assert_true(counts("keywords Design", "please DESIGN, now"));
	assert_true(counts("keywords x, design", "re-design"));
	assert_true(counts("keywords design", "\xe2\x80\x9c"
					      "design\xe2\x80\x9d"));
	assert_true(counts("keywords design", "\xe8\xaf\xb7"
					      "design\xe8\xaf\xb7"));
	assert_false(counts("keywords design", "designer redesign design_x designé édesign"));
	assert_false(counts("keywords design", "desig"));
	assert_false(counts("keywords design", ""));
}

static void phrases_span_white_space(void **state)
{
	(void)state;
	assert_true(counts("keywords 'race condition'", "a Race\n\t condition!"));
	assert_false(counts("keywords 'race condition'", "race conditions"));
	assert_false(counts("keywords 'race condition'", "race, condition"));
	assert_true(counts("keywords c++, tla+", "C++17 or TLA+"));
	assert_true(counts("keywords \"don't know\"", "I don't  know"));
	assert_true(counts("keywords 'a b', 'a c'", "a c"));
}

static void scripts_without_spaces_match_inside(void **state)
{
	(void)state;
	assert_true(counts("keywords 设计", "请设计一个系统"));
	assert_true(counts("keywords 설계", "시스템을 설계해 주세요"));
	assert_false(counts("keywords 设计", "设立计划"));
	assert_false(counts("keywords '设 计'", "设计"));
	assert_true(counts("keywords архитектуру", "опиши архитектуру."));
	assert_false(counts("keywords архитектур", "опиши архитектуру."));
}

static void begins_looks_at_the_first_words_only(void **state)
{
	(void)state;
	assert_true(counts("begins what, 'how many'", "What is it?"));
	assert_true(counts("begins what, 'how many'", "  \"How many are there"));
	assert_false(counts("begins what", "so what"));
	assert_true(counts("not begins what", "so what"));
}

static void numbers_compare_as_written(void **state)
{
	(void)state;
	assert_true(counts("words = 3", "one two three"));
	assert_false(counts("words < 3", "one two three"));
	assert_true(counts("words <= 3", "one two three"));
	assert_false(counts("words > 3", "one two three"));
	assert_true(counts("words >= 3 and text_bytes = 13", "one two three"));
	assert_true(counts("context_tokens = 1000", "x"));
	assert_true(counts("budget_left < 501 and plan_use > 0.24 and plan_use < 0.26", "x"));
	assert_true(counts("turns = 1 and images = 0 and not json and not tools", "x"));
	assert_true(counts("questions = 2 and code_blocks = 1", "a? b?\n```\nx\n```\n"));
}

static void all_conditions_must_hold(void **state)
{
	(void)state;
	assert_false(counts("words = 1 and json", "x"));
	assert_true(counts("words = 1 and keywords x", "x"));
	assert_false(counts("words = 1 and not keywords x", "x"));
}

/* The middle of a long text is not looked at; its first and last 16 KiB are. */
static void long_texts_are_looked_at_from_both_ends(void **state)
{
	size_t size = 4 * (size_t)ROUTE_LOOKED_AT_BYTES;
	char *text = malloc(size + 1);
	static const size_t seen[] = {0, 100, 16 * 1024 - 8};

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
		for (int end = 0; end < 2; end++) {
			memset(text, ' ', size);
			text[size] = '\0';
			memcpy(end ? text + size - seen[i] - 6 : text + seen[i], "design", 6);
			assert_true(counts("keywords design", text));
		}
	}
	memset(text, ' ', size);
	memcpy(text + size / 2, "design", 6);
	assert_false(counts("keywords design", text));
	/* A word that a cut goes through is not taken for its half. */
	memcpy(text + ROUTE_LOOKED_AT_BYTES - 6, "designer", 8);
	memcpy(text + size - ROUTE_LOOKED_AT_BYTES - 2, "redesign", 8);
	assert_false(counts("keywords design", text));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_in_all_their_forms_are_taken),
		cmocka_unit_test(what_is_wrong_is_said_with_what_is_allowed),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(keywords_and_conditions_are_counted),
		cmocka_unit_test(errors_of_a_set_name_the_rule),
		cmocka_unit_test(rules_are_written_for_the_operator),
		cmocka_unit_test(every_condition_is_documented),
		cmocka_unit_test(keywords_are_whole_words_in_either_case),
		cmocka_unit_test(phrases_span_white_space),
		cmocka_unit_test(scripts_without_spaces_match_inside),
		cmocka_unit_test(begins_looks_at_the_first_words_only),
		cmocka_unit_test(numbers_compare_as_written),
		cmocka_unit_test(all_conditions_must_hold),
		cmocka_unit_test(long_texts_are_looked_at_from_both_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
