#include <string.h>

#include "shared/verbs.h"

#include "tests/unit/test.h"

static bool is_lower_name(const char *s)
{
	return *s && strspn(s, "abcdefghijklmnopqrstuvwxyz_.") == strlen(s);
}

static void check_param(const struct verb *v, const struct verb_param *p)
{
	assert_true(is_lower_name(p->name));
	assert_true(p->type < PARAM_TYPES);
	assert_non_null(p->help);
	/* A command takes nothing that cannot be written on its line. */
	assert_true(p->option || (p->flags & PARAM_POSITIONAL) || !v->words);
	assert_true(!p->option || strncmp(p->option, "--", 2) == 0);
	assert_true(!p->letter || (p->option && p->letter[0] == '-' && strlen(p->letter) == 2));
	assert_true((p->metavar == NULL) == (p->type == PARAM_FLAG));
	assert_true(p->type != PARAM_WORD || p->words);
	if (p->type != PARAM_FLAG && p->type != PARAM_WORD)
		assert_true(p->min <= p->max && p->max > 0);
	/* A sentence goes on behind it. */
	assert_true(p->help[strlen(p->help) - 1] != '.');
}

static void every_row_is_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < verb_count; i++) {
		const struct verb *v = &verbs[i];

		assert_true(v->method || v->words);
		assert_true(!v->method || is_lower_name(v->method));
		assert_true(v->right < RIGHTS);
		assert_true(v->help && v->help[strlen(v->help) - 1] == '.');
		assert_true(!v->confirm || v->confirm[strlen(v->confirm) - 1] == '?');
		/* A question that names somebody needs to be told whom. */
		assert_true(!v->confirm || !strstr(v->confirm, "%s") ||
			    (v->params && (v->params->flags & PARAM_POSITIONAL)));
		for (const struct verb_param *p = v->params; p && p->name; p++)
			check_param(v, p);
	}
}

static void whatever_changes_something_needs_more_than_a_look(void **state)
{
	(void)state;
	for (size_t i = 0; i < verb_count; i++)
		assert_true(!verbs[i].changes || verbs[i].right > RIGHT_READ);
}

static void no_two_rows_share_a_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < verb_count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (verbs[i].method && verbs[k].method)
				assert_string_not_equal(verbs[i].method, verbs[k].method);
			if (verbs[i].words && verbs[k].words)
				assert_string_not_equal(verbs[i].words, verbs[k].words);
		}
		for (const struct verb_param *p = verbs[i].params; p && p->name; p++)
			for (const struct verb_param *q = verbs[i].params; q != p; q++) {
				assert_string_not_equal(p->name, q->name);
				if (p->option && q->option)
					assert_string_not_equal(p->option, q->option);
			}
	}
}

static const struct verb_param *first_with(const char *option)
{
	for (size_t i = 0; i < verb_count; i++)
		for (const struct verb_param *p = verbs[i].params; p && p->name; p++)
			if (p->option && strcmp(p->option, option) == 0)
				return p;
	return NULL;
}

static const struct verb_param *first_with_letter(const char *letter)
{
	for (size_t i = 0; i < verb_count; i++)
		for (const struct verb_param *p = verbs[i].params; p && p->name; p++)
			if (p->letter && strcmp(p->letter, letter) == 0)
				return p;
	return NULL;
}

static void an_option_takes_a_value_everywhere_or_nowhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < verb_count; i++)
		for (const struct verb_param *p = verbs[i].params; p && p->name; p++) {
			if (!p->option)
				continue;
			assert_true((p->type == PARAM_FLAG) ==
				    (first_with(p->option)->type == PARAM_FLAG));
			assert_string_not_equal(p->option, "--socket");
			assert_string_not_equal(p->option, "--json");
			assert_string_not_equal(p->option, "--quiet");
			assert_string_not_equal(p->option, "--yes");
			assert_string_not_equal(p->option, "--help");
			assert_string_not_equal(p->option, "--version");
			if (!p->letter)
				continue;
			assert_null(strchr("sqyh", p->letter[1]));
			assert_string_equal(first_with_letter(p->letter)->option, p->option);
		}
}

static void verbs_are_found_by_method_and_by_words(void **state)
{
	const char *words[] = {"keys", "create", "demo"};
	size_t used = 0;

	(void)state;
	assert_string_equal(verb_find("keys.create")->words, "keys create");
	assert_null(verb_find("keys"));
	assert_ptr_equal(verb_find_words(words, 3, &used), verb_find("keys.create"));
	assert_int_equal(used, 2);
	assert_null(verb_find_words(words, 1, &used));
	words[1] = "creat";
	assert_null(verb_find_words(words, 2, &used));
	words[0] = "status";
	assert_ptr_equal(verb_find_words(words, 2, &used), verb_find("status"));
	assert_int_equal(used, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_complete),
		cmocka_unit_test(whatever_changes_something_needs_more_than_a_look),
		cmocka_unit_test(no_two_rows_share_a_name),
		cmocka_unit_test(an_option_takes_a_value_everywhere_or_nowhere),
		cmocka_unit_test(verbs_are_found_by_method_and_by_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
