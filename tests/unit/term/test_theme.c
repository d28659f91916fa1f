#include <stddef.h>

#include "tests/unit/test.h"
#include "tui/canvas/style.h"
#include "tui/term/theme.h"

static void the_terminal_and_the_user_choose_the_colours(void **state)
{
	(void)state;
	assert_int_equal(theme_choose(256, NULL), THEME_256);
	assert_int_equal(theme_choose(1 << 24, NULL), THEME_256);
	assert_int_equal(theme_choose(16, ""), THEME_16);
	assert_int_equal(theme_choose(8, NULL), THEME_8);
	assert_int_equal(theme_choose(2, NULL), THEME_NONE);
	assert_int_equal(theme_choose(-1, NULL), THEME_NONE);
	assert_int_equal(theme_choose(256, "0"), THEME_NONE);
}

static void colours_are_within_what_there_is(void **state)
{
	static const int sizes[] = {
		[THEME_NONE] = 0, [THEME_8] = 8, [THEME_16] = 16, [THEME_256] = 256};

	(void)state;
	for (int colours = THEME_NONE; colours <= (int)THEME_256; colours++)
		for (unsigned style = 0; style < 256; style++)
			assert_true(theme_foreground((enum theme_colours)colours, style) <
				    sizes[colours]);
}

/* What matters is told apart without colours too. */
static void warnings_errors_and_the_selection_need_no_colour(void **state)
{
	static const unsigned styles[] = {STYLE_NORMAL, STYLE_WARN, STYLE_ERROR, STYLE_DIM,
					  STYLE_SELECTED};

	(void)state;
	for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++)
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(theme_attributes(THEME_NONE, styles[i]),
					     theme_attributes(THEME_NONE, styles[j]));
}

static void flags_add_to_every_meaning(void **state)
{
	(void)state;
	for (unsigned meaning = 0; meaning < STYLE_MEANINGS; meaning++) {
		assert_true(theme_attributes(THEME_256, meaning | STYLE_SELECTED) & THEME_REVERSE);
		assert_true(theme_attributes(THEME_NONE, meaning | STYLE_BOLD) & THEME_BOLD);
	}
	assert_int_equal(theme_attributes(THEME_256, STYLE_OK), 0);
	assert_int_equal(theme_attributes(THEME_8, STYLE_DIM), THEME_DIM);
}

static void the_selected_row_is_one_bar(void **state)
{
	(void)state;
	for (unsigned meaning = 0; meaning < STYLE_MEANINGS; meaning++) {
		int own = theme_foreground(THEME_256, meaning);
		int selected = theme_foreground(THEME_256, meaning | STYLE_SELECTED);

		if (meaning == STYLE_WARN || meaning == STYLE_ERROR)
			assert_int_equal(selected, own);
		else
			assert_int_equal(selected, -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_terminal_and_the_user_choose_the_colours),
		cmocka_unit_test(colours_are_within_what_there_is),
		cmocka_unit_test(warnings_errors_and_the_selection_need_no_colour),
		cmocka_unit_test(flags_add_to_every_meaning),
		cmocka_unit_test(the_selected_row_is_one_bar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
