#include <string.h>

#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tests/unit/widget/events.h"
#include "tui/widget/confirm.h"

static struct confirm q;

static int press(const char *name)
{
	struct event event = key(name);

	return confirm_input(&q, &event);
}

static void ask(bool dangerous)
{
	confirm_init(&q, "Delete project", "Project docs and its 3 keys are deleted.", "delete",
		     dangerous);
}

static void enter_does_what_is_marked(void **state)
{
	(void)state;
	ask(true);
	assert_int_equal(press("Enter"), CONFIRM_NO);
	assert_int_equal(press("Tab"), INPUT_TAKEN);
	assert_int_equal(press("Enter"), CONFIRM_YES);
	ask(false);
	assert_int_equal(press("Enter"), CONFIRM_YES);
	press("Left");
	assert_int_equal(press("Enter"), CONFIRM_NO);
}

static void letters_answer_and_everything_else_is_held_back(void **state)
{
	(void)state;
	ask(true);
	assert_int_equal(press("y"), CONFIRM_YES);
	assert_int_equal(press("n"), CONFIRM_NO);
	assert_int_equal(press("Esc"), CONFIRM_NO);
	assert_int_equal(press("q"), INPUT_TAKEN);
	assert_int_equal(press("1"), INPUT_TAKEN);
}

static void it_names_what_will_happen(void **state)
{
	struct canvas *c = canvas_new(40, 8, GLYPHS_UNICODE);
	struct event event;

	(void)state;
	ask(true);
	confirm_draw(&q, canvas_area(c));
	golden_rows(c, "\n"
		       "┌ Delete project ──────────────────────┐\n"
		       "│ Project docs and its 3 keys are      │\n"
		       "│ deleted.                             │\n"
		       "│                                      │\n"
		       "│ [ delete ]  [ cancel ]               │\n"
		       "└──────────────────────────────────────┘\n"
		       "\n");
	assert_int_equal(canvas_cell(c, 16, 5)->style, STYLE_SELECTED);
	event = click(4, 5);
	assert_int_equal(confirm_input(&q, &event), CONFIRM_YES);
	event = click(15, 5);
	assert_int_equal(confirm_input(&q, &event), CONFIRM_NO);
	event = click(4, 2);
	assert_int_equal(confirm_input(&q, &event), INPUT_TAKEN);
	canvas_free(c);
}

static void a_long_text_scrolls(void **state)
{
	struct canvas *c = canvas_new(24, 6, GLYPHS_UNICODE);

	(void)state;
	confirm_init(&q, "T", "one\ntwo\nthree\nfour\nfive", "do", false);
	confirm_draw(&q, canvas_area(c));
	golden_rows(c, "┌ T ───────────────────┐\n"
		       "│ one                  │\n"
		       "│ two                 ▼│\n"
		       "│                      │\n"
		       "│ [ do ]  [ cancel ]   │\n"
		       "└──────────────────────┘\n");
	for (int i = 0; i < 9; i++)
		press("Down");
	canvas_clear(c);
	confirm_draw(&q, canvas_area(c));
	golden_rows(c, "┌ T ───────────────────┐\n"
		       "│ four                ▲│\n"
		       "│ five                 │\n"
		       "│                      │\n"
		       "│ [ do ]  [ cancel ]   │\n"
		       "└──────────────────────┘\n");
	for (int i = 0; i < 9; i++)
		press("Up");
	confirm_draw(&q, canvas_area(c));
	assert_string_equal(canvas_cell(c, 2, 1)->text, "o");
	canvas_free(c);
}

static void hostile_texts_stay_in_the_box(void **state)
{
	struct canvas *c = canvas_new(1, 1, GLYPHS_UNICODE);
	char title[300], text[2000], word[300];
	uint32_t seed = 5;

	(void)state;
	for (int i = 0; i < 200; i++) {
		golden_hostile(&seed, title, sizeof(title));
		golden_hostile(&seed, text, sizeof(text));
		golden_hostile(&seed, word, sizeof(word));
		confirm_init(&q, title, text, word, true);
		canvas_resize(c, 1 + i % 70, 1 + i % 11);
		confirm_draw(&q, canvas_area(c));
		golden_sound(c);
	}
	canvas_free(c);
}

static void its_table_of_keys_is_sound(void **state)
{
	size_t row;

	(void)state;
	assert_int_equal(keymap_check(&confirm_keymap, &row), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enter_does_what_is_marked),
		cmocka_unit_test(letters_answer_and_everything_else_is_held_back),
		cmocka_unit_test(it_names_what_will_happen),
		cmocka_unit_test(a_long_text_scrolls),
		cmocka_unit_test(hostile_texts_stay_in_the_box),
		cmocka_unit_test(its_table_of_keys_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
