#include <locale.h>
#include <string.h>

#include "tests/unit/test.h"
#include "tui/term/screen_curses.h"

static size_t wide_of(const char *text, int width, wchar_t ret[CELL_WIDE_MAX])
{
	struct cell cell = {.width = (uint8_t)width};

	assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
	strcpy(cell.text, text);
	return screen_curses_cell(&cell, ret);
}

static void cells_become_characters_with_their_marks(void **state)
{
	wchar_t wide[CELL_WIDE_MAX];

	(void)state;
	assert_int_equal(wide_of("x", 1, wide), 1);
	assert_int_equal(wide[0], L'x');
	assert_int_equal(wide_of("e\u0301\u0302\u0303", 1, wide), 4);
	assert_int_equal(wide[3], 0x0303);
	assert_int_equal(wide_of("\u65e5", 2, wide), 1);
}

static void a_width_that_the_c_library_sees_otherwise_is_not_shown(void **state)
{
	wchar_t wide[CELL_WIDE_MAX];

	(void)state;
	assert_int_equal(wide_of("\u65e5", 1, wide), 1);
	assert_int_equal(wide[0], L'?');
	assert_int_equal(wide_of("\U0001fae8", 2, wide), 1); /* newer than it */
	assert_int_equal(wide[0], L'?');
	assert_int_equal(wide_of("\xff", 1, wide), 1);
	assert_int_equal(wide[0], L'?');
	assert_int_equal(wide_of("ab", 1, wide), 1);
	assert_int_equal(wide[0], L'?');
	assert_int_equal(wide[1], L'\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_become_characters_with_their_marks),
		cmocka_unit_test(a_width_that_the_c_library_sees_otherwise_is_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
