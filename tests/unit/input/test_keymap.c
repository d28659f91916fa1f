#include <string.h>

#include "shared/err.h"

#include "tests/unit/test.h"
#include "tui/input/keymap.h"

enum { LIST = 1, FORM = 2 };
enum { UP = 1, SORT, SAVE, HELP };

static const struct binding rows[] = {
	{LIST, "Up k", UP, NULL, "a row up"},
	{LIST, "s", SORT, "sort", "sort by the next column"},
	{FORM, "C-s", SAVE, "save", "write it"},
	{LIST | FORM, "? F1", HELP, "help", "this"},
};
static const struct keymap map = KEYMAP(rows);

static int action_of(unsigned context, enum event_kind kind, int key, unsigned mods)
{
	struct event event = {.kind = kind, .key = key, .mods = mods};

	return keymap_action(&map, context, &event);
}

static void keys_have_actions_in_their_contexts(void **state)
{
	(void)state;
	assert_int_equal(action_of(LIST, EVENT_KEY, KEY_CODE_UP, 0), UP);
	assert_int_equal(action_of(LIST, EVENT_TEXT, 'k', 0), UP);
	assert_int_equal(action_of(FORM, EVENT_TEXT, 'k', 0), 0);
	assert_int_equal(action_of(FORM, EVENT_KEY, 's', MOD_CTRL), SAVE);
	assert_int_equal(action_of(LIST, EVENT_KEY, 's', MOD_ALT), 0);
	assert_int_equal(action_of(FORM, EVENT_KEY, KEY_CODE_F1, 0), HELP);
	assert_int_equal(action_of(LIST, EVENT_PASTE, 'k', 0), 0);
	assert_int_equal(action_of(LIST, EVENT_MOUSE, 'k', 0), 0);
}

static void key_is(const char *name, int key, unsigned mods)
{
	unsigned its_mods = 99;
	int its_key = 0;

	assert_true(key_parse(name, strlen(name), &its_key, &its_mods));
	assert_int_equal(its_key, key);
	assert_int_equal(its_mods, mods);
}

static void names_of_keys_are_read(void **state)
{
	static const char *const wrong[] = {"", "F0", "F13", "F123", "enter", "ab", "C-", "X-a"};
	unsigned mods;
	int key;

	(void)state;
	key_is("a", 'a', 0);
	key_is("-", '-', 0);
	key_is("Space", ' ', 0);
	key_is("S-Tab", KEY_CODE_TAB, MOD_SHIFT);
	key_is("C-A-x", 'x', MOD_CTRL | MOD_ALT);
	key_is("C--", '-', MOD_CTRL);
	key_is("F12", KEY_CODE_F12, 0);
	key_is("PgUp", KEY_CODE_PAGE_UP, 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(key_parse(wrong[i], strlen(wrong[i]), &key, &mods));
}

static void the_first_key_stands_for_a_row(void **state)
{
	char label[KEY_NAME_MAX];

	(void)state;
	key_label(&rows[0], label);
	assert_string_equal(label, "Up");
	key_label(&rows[2], label);
	assert_string_equal(label, "^S");
}

static void tables_are_checked(void **state)
{
	static const struct binding twice[] = {{LIST, "a b", 1, NULL, "x"},
					       {LIST | FORM, "c b", 2, NULL, "y"}};
	static const struct binding elsewhere[] = {{LIST, "a", 1, NULL, "x"},
						   {FORM, "a", 2, NULL, "y"}};
	static const struct binding nameless[] = {{LIST, "a Foo", 1, NULL, "x"}};
	static const struct binding helpless[] = {{LIST, "a", 1, NULL, NULL}};
	const struct keymap maps[] = {KEYMAP(twice), KEYMAP(elsewhere), KEYMAP(nameless),
				      KEYMAP(helpless)};
	size_t row = 99;

	(void)state;
	assert_int_equal(keymap_check(&map, &row), 0);
	assert_int_equal(keymap_check(&maps[0], &row), ERR_STATE);
	assert_int_equal(row, 1);
	assert_int_equal(keymap_check(&maps[1], &row), 0);
	assert_int_equal(keymap_check(&maps[2], &row), ERR_UNKNOWN);
	assert_int_equal(keymap_check(&maps[3], &row), ERR_STATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_have_actions_in_their_contexts),
		cmocka_unit_test(names_of_keys_are_read),
		cmocka_unit_test(the_first_key_stands_for_a_row),
		cmocka_unit_test(tables_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
