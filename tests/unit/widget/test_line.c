#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tests/unit/widget/events.h"
#include "tui/widget/line.h"
#include "tui/widget/tabs.h"

static void facts_drop_by_importance(void **state)
{
	const struct segment segments[] = {{"ccapid 0.1.0", STYLE_TITLE, false, 0},
					   {"up 3 d", STYLE_NORMAL, false, 2},
					   {"redis ok", STYLE_OK, false, 1},
					   {"14:02:31", STYLE_DIM, true, 3}};
	struct canvas *c = canvas_new(60, 1, GLYPHS_UNICODE);

	(void)state;
	line_draw(canvas_area(c), 0, segments, 4);
	golden_rows(c, " ccapid 0.1.0   up 3 d   redis ok                  14:02:31\n");
	assert_int_equal(canvas_cell(c, 25, 0)->style, STYLE_OK);
	canvas_resize(c, 40, 1);
	line_draw(canvas_area(c), 0, segments, 4);
	golden_rows(c, " ccapid 0.1.0   up 3 d   redis ok\n");
	canvas_resize(c, 30, 1);
	line_draw(canvas_area(c), 0, segments, 4);
	golden_rows(c, " ccapid 0.1.0   redis ok\n");
	canvas_resize(c, 8, 1);
	line_draw(canvas_area(c), 0, segments, 4);
	golden_rows(c, " ccapi\u2026\n");
	golden_sound(c);
	canvas_free(c);
}

static bool never_two(void *owner, int action)
{
	(void)owner;
	return action != 2;
}

static void hints_are_the_labelled_keys_that_count_here(void **state)
{
	static const struct binding rows[] = {{1, "/", 1, "filter", "x"},
					      {1, "Up k", 4, NULL, "x"},
					      {2, "z", 5, "elsewhere", "x"},
					      {1, "C-d", 2, "delete", "x"},
					      {1, "q", 3, "quit", "x"}};
	static const struct keymap map = KEYMAP(rows);
	const struct hint_source sources[] = {{&map, 1, never_two, NULL}, {&map, 2, NULL, NULL}};
	struct canvas *c = canvas_new(50, 1, GLYPHS_UNICODE);

	(void)state;
	hints_draw(canvas_area(c), 0, sources, 2);
	golden_rows(c, " / filter  ^D delete  q quit  z elsewhere\n");
	assert_int_equal(canvas_cell(c, 1, 0)->style, STYLE_KEY);
	assert_int_equal(canvas_cell(c, 11, 0)->style, STYLE_DISABLED);
	assert_int_equal(canvas_cell(c, 14, 0)->style, STYLE_DISABLED);
	canvas_resize(c, 27, 1);
	hints_draw(canvas_area(c), 0, sources, 2);
	golden_rows(c, " / filter  ^D delete\n");
	canvas_free(c);
}

static void tabs_are_chosen_by_number_tab_and_mouse(void **state)
{
	static const char *const names[] = {"Overview", "Workers", "Requests"};
	struct canvas *c = canvas_new(40, 2, GLYPHS_UNICODE);
	struct tabs t;
	struct event event;
	size_t row;

	(void)state;
	tabs_init(&t, names, 3);
	tabs_draw(&t, canvas_area(c), 1);
	golden_rows(c, "\n 1 Overview 2 Workers 3 Requests\n");
	event = key("2");
	assert_int_equal(tabs_input(&t, &event), INPUT_TAKEN);
	assert_int_equal(t.current, 1);
	event = key("4");
	assert_int_equal(tabs_input(&t, &event), INPUT_IGNORED);
	event = key("Tab");
	tabs_input(&t, &event);
	tabs_input(&t, &event);
	assert_int_equal(t.current, 0);
	event = key("S-Tab");
	tabs_input(&t, &event);
	assert_int_equal(t.current, 2);
	event = click(13, 1);
	assert_int_equal(tabs_input(&t, &event), INPUT_TAKEN);
	assert_int_equal(t.current, 1);
	event = click(13, 0);
	assert_int_equal(tabs_input(&t, &event), INPUT_IGNORED);
	event = key("x");
	assert_int_equal(tabs_input(&t, &event), INPUT_IGNORED);
	canvas_resize(c, 20, 1);
	tabs_draw(&t, canvas_area(c), 0);
	golden_rows(c, " 1 2 Workers 3\n");
	assert_int_equal(canvas_cell(c, 4, 0)->style, STYLE_SELECTED);
	assert_int_equal(keymap_check(&tabs_keymap, &row), 0);
	canvas_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_drop_by_importance),
		cmocka_unit_test(hints_are_the_labelled_keys_that_count_here),
		cmocka_unit_test(tabs_are_chosen_by_number_tab_and_mouse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
