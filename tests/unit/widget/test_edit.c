#include <stdio.h>
#include <string.h>

#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tests/unit/widget/events.h"
#include "tui/widget/edit.h"

static struct edit e;

/* The text with | at the cursor. */
static void is(const char *want)
{
	char have[EDIT_MAX + 2];

	snprintf(have, sizeof(have), "%.*s|%s", (int)e.cursor, e.text, e.text + e.cursor);
	assert_string_equal(have, want);
	assert_int_equal(strlen(e.text), e.len);
}

static enum input_result press(const char *name)
{
	struct event event = key(name);

	return edit_input(&e, &event);
}

static void type(const char *text)
{
	struct event event = typed(text);

	assert_int_equal(edit_input(&e, &event), INPUT_TAKEN);
}

static void paste(const char *text)
{
	struct event event = pasted(text);

	assert_int_equal(edit_input(&e, &event), INPUT_TAKEN);
}

static void the_cursor_goes_by_what_is_seen(void **state)
{
	(void)state;
	edit_init(&e, 0);
	edit_set(&e, "a\u65e5e\u0301b");
	is("a\u65e5e\u0301b|");
	press("Left");
	press("Left");
	is("a\u65e5|e\u0301b");
	press("Left");
	is("a|\u65e5e\u0301b");
	press("Right");
	press("Right");
	is("a\u65e5e\u0301|b");
	press("Backspace");
	is("a\u65e5|b");
	press("Home");
	press("Del");
	is("|\u65e5b");
	press("Left");
	press("Backspace");
	is("|\u65e5b");
	press("End");
	press("Right");
	press("Del");
	is("\u65e5b|");
}

static void text_goes_in_at_the_cursor(void **state)
{
	(void)state;
	edit_init(&e, 0);
	type("a");
	type("c");
	press("Left");
	type("\u65e5");
	is("a\u65e5|c");
	type("\u0301");
	is("a\u65e5\u0301|c");
	press("Home");
	type("\u0301"); /* onto nothing */
	is("|a\u65e5\u0301c");
}

static void lines_are_deleted_by_their_keys(void **state)
{
	(void)state;
	edit_init(&e, 0);
	edit_set(&e, "one two  ");
	press("C-w");
	is("one |");
	press("C-w");
	is("|");
	edit_set(&e, "one two");
	press("C-a");
	press("C-f");
	press("C-k");
	is("o|");
	edit_set(&e, "one two");
	press("C-b");
	press("C-u");
	is("|o");
	assert_int_equal(press("Tab"), INPUT_IGNORED);
	assert_int_equal(press("Enter"), INPUT_IGNORED);
	assert_int_equal(press("A-x"), INPUT_IGNORED);
}

static void pasted_text_is_one_clean_line(void **state)
{
	(void)state;
	edit_init(&e, 0);
	paste("one\ntwo\tthree\n");
	is("one two three|");
	edit_set(&e, "");
	paste("a\033[31m\u202e\xff");
	is("a\u241b[31m\ufffd\ufffd|");
}

static void no_more_than_the_maximum_and_no_half_character(void **state)
{
	(void)state;
	edit_init(&e, 5);
	paste("\u65e5\u672c");
	is("\u65e5|");
	paste("abc");
	is("\u65e5ab|");
	edit_init(&e, EDIT_MAX + 1000);
	assert_int_equal(e.max, EDIT_MAX);
}

static void the_cursor_stays_in_view(void **state)
{
	struct canvas *c = canvas_new(10, 1, GLYPHS_UNICODE);
	int x, y;

	(void)state;
	edit_init(&e, 0);
	edit_set(&e, "abcdefghij");
	edit_draw(&e, canvas_area(c), 1, 0, 6, STYLE_INPUT, true);
	golden_rows(c, " fghij\n");
	assert_true(canvas_cursor(c, &x, &y));
	assert_int_equal(x, 6);
	press("Home");
	press("Right");
	canvas_clear(c);
	edit_draw(&e, canvas_area(c), 1, 0, 6, STYLE_INPUT, true);
	golden_rows(c, " bcdefg\n");
	assert_true(canvas_cursor(c, &x, &y));
	assert_int_equal(x, 1);
	edit_set(&e, "\u65e5\u672c\u8a9e\u65e5");
	canvas_clear(c);
	edit_draw(&e, canvas_area(c), 1, 0, 6, STYLE_INPUT, false);
	golden_rows(c, " \u8a9e\u65e5\n");
	assert_false(canvas_cursor(c, &x, &y));
	canvas_free(c);
}

static void any_keys_and_texts_leave_a_sound_line(void **state)
{
	static const char *const names[] = {"Left", "Right", "Home", "End", "Backspace",
					    "Del",  "C-w",   "C-u",  "C-k"};
	struct canvas *c = canvas_new(12, 1, GLYPHS_UNICODE);
	uint32_t seed = 4711;
	char text[60];

	(void)state;
	edit_init(&e, 100);
	for (int i = 0; i < 5000; i++) {
		golden_hostile(&seed, text, sizeof(text));
		if (golden_random(&seed) % 3 == 0)
			paste(text);
		else
			press(names[golden_random(&seed) % 7]);
		assert_true(e.len <= 100 && e.cursor <= e.len && strlen(e.text) == e.len);
		edit_draw(&e, canvas_area(c), 0, 0, 12, STYLE_INPUT, true);
		golden_sound(c);
	}
	canvas_free(c);
}

static void its_table_of_keys_is_sound(void **state)
{
	size_t row;

	(void)state;
	assert_int_equal(keymap_check(&edit_keymap, &row), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cursor_goes_by_what_is_seen),
		cmocka_unit_test(text_goes_in_at_the_cursor),
		cmocka_unit_test(lines_are_deleted_by_their_keys),
		cmocka_unit_test(pasted_text_is_one_clean_line),
		cmocka_unit_test(no_more_than_the_maximum_and_no_half_character),
		cmocka_unit_test(the_cursor_stays_in_view),
		cmocka_unit_test(any_keys_and_texts_leave_a_sound_line),
		cmocka_unit_test(its_table_of_keys_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
