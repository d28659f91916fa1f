#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tests/unit/widget/events.h"
#include "tui/widget/filter.h"

static struct filter f;

static int press(const char *name)
{
	struct event event = key(name);

	return filter_input(&f, &event);
}

static void a_closed_filter_takes_nothing(void **state)
{
	(void)state;
	filter_init(&f);
	assert_false(filter_is_shown(&f));
	assert_int_equal(press("a"), INPUT_IGNORED);
	assert_int_equal(press("Esc"), INPUT_IGNORED);
	assert_int_equal(press("Enter"), INPUT_IGNORED);
}

static void every_typed_character_counts_at_once(void **state)
{
	(void)state;
	filter_init(&f);
	filter_open(&f);
	assert_true(filter_is_shown(&f));
	assert_int_equal(press("q"), FILTER_CHANGED);
	assert_string_equal(filter_text(&f), "q");
	assert_int_equal(press("Left"), INPUT_TAKEN);
	assert_int_equal(press("Tab"), INPUT_TAKEN); /* not the next view */
	assert_int_equal(press("Del"), FILTER_CHANGED);
	assert_int_equal(press("Backspace"), INPUT_TAKEN);
	assert_string_equal(filter_text(&f), "");
}

static void enter_keeps_and_escape_clears(void **state)
{
	(void)state;
	filter_init(&f);
	filter_open(&f);
	press("a");
	assert_int_equal(press("Enter"), INPUT_TAKEN);
	assert_true(filter_is_shown(&f));
	assert_int_equal(press("b"), INPUT_IGNORED);
	assert_string_equal(filter_text(&f), "a");
	assert_int_equal(press("Esc"), FILTER_CHANGED);
	assert_false(filter_is_shown(&f));
	filter_open(&f);
	assert_int_equal(press("Esc"), INPUT_TAKEN);
	assert_false(filter_is_shown(&f));
}

static void the_mouse_is_not_for_it(void **state)
{
	struct event event = click(1, 1);

	(void)state;
	filter_init(&f);
	filter_open(&f);
	assert_int_equal(filter_input(&f, &event), INPUT_IGNORED);
}

static void it_shows_text_and_counts(void **state)
{
	struct canvas *c = canvas_new(30, 1, GLYPHS_UNICODE);

	(void)state;
	filter_init(&f);
	filter_open(&f);
	press("a");
	filter_draw(&f, canvas_area(c), 0, 12, 340);
	golden_rows(c, " /a                 12 of 340\n");
	canvas_resize(c, 14, 1);
	filter_draw(&f, canvas_area(c), 0, 12, 340);
	golden_rows(c, " /a\n");
	canvas_free(c);
}

static void its_table_of_keys_is_sound(void **state)
{
	size_t row;

	(void)state;
	assert_int_equal(keymap_check(&filter_keymap, &row), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_closed_filter_takes_nothing),
		cmocka_unit_test(every_typed_character_counts_at_once),
		cmocka_unit_test(enter_keeps_and_escape_clears),
		cmocka_unit_test(the_mouse_is_not_for_it),
		cmocka_unit_test(it_shows_text_and_counts),
		cmocka_unit_test(its_table_of_keys_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
