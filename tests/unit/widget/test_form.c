#include <stdio.h>
#include <string.h>

#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tests/unit/widget/events.h"
#include "tui/widget/form.h"

static int check_even(const char *text, char why[FORM_WHY_MAX])
{
	if (strlen(text) % 2 == 0)
		return 0;
	snprintf(why, FORM_WHY_MAX, "an even number of letters");
	return -1;
}

static int check_silent(const char *text, char why[FORM_WHY_MAX])
{
	(void)why;
	return strcmp(text, "no") == 0 ? -1 : 0;
}

enum { NAME, LIMIT, WINDOW, HARD, NOTE };

static const struct field fields[] = {
	{.label = "Name", .hint = "two letters, or four", .required = true, .check = check_even},
	{.label = "Limit", .kind = FIELD_NUMBER, .min = 1, .max = 100, .initial = "10"},
	{.label = "Window",
	 .kind = FIELD_CHOICE,
	 .choices = (const char *const[]){"hour", "day", "month", NULL},
	 .initial = "day"},
	{.label = "Hard", .kind = FIELD_CHECK, .initial = "1"},
	{.label = "Note", .check = check_silent},
};
static struct form *f;
static struct canvas *c;

static int make(void **state)
{
	(void)state;
	f = form_new("New budget", "create", fields, 5);
	c = canvas_new(50, 12, GLYPHS_UNICODE);
	return f && c ? 0 : -1;
}

static int unmake(void **state)
{
	(void)state;
	form_free(f);
	canvas_free(c);
	return 0;
}

static int press(const char *name)
{
	struct event event = key(name);

	return form_input(f, &event);
}

static void paste(const char *text)
{
	struct event event = pasted(text);

	assert_int_equal(form_input(f, &event), INPUT_TAKEN);
}

static void draw(void)
{
	canvas_clear(c);
	form_draw(f, canvas_area(c));
	golden_sound(c);
}

static void it_is_drawn_with_what_it_begins_with(void **state)
{
	int x, y;

	(void)state;
	draw();
	golden_rows(c, "\n"
		       "┌ New budget ────────────────────────────────────┐\n"
		       "│ Name                                           │\n"
		       "│ Limit   10                                     │\n"
		       "│ Window  \u2039 day \u203a                                │\n"
		       "│ Hard    [\u2713]                                    │\n"
		       "│ Note                                           │\n"
		       "│ two letters, or four                           │\n"
		       "│ [ create ]  [ cancel ]                         │\n"
		       "└────────────────────────────────────────────────┘\n"
		       "\n\n");
	assert_true(canvas_cursor(c, &x, &y));
	assert_int_equal(x, 10);
	assert_int_equal(y, 2);
}

static void values_are_what_was_typed_and_chosen(void **state)
{
	int64_t n = 0;

	(void)state;
	paste("  \u65e5x  ");
	assert_int_equal(press("Tab"), INPUT_TAKEN);
	press("Backspace");
	press("5");
	press("Down");
	press("Space");
	press("Tab");
	press("Space");
	assert_int_equal(press("Enter"), FORM_OK);
	assert_string_equal(form_text(f, NAME), "\u65e5x");
	assert_true(form_number(f, LIMIT, &n));
	assert_int_equal(n, 15);
	assert_int_equal(form_choice(f, WINDOW), 2);
	assert_false(form_checked(f, HARD));
	assert_string_equal(form_text(f, NOTE), "");
}

static void choices_go_around_both_ways(void **state)
{
	(void)state;
	press("Tab");
	press("Tab");
	press("Right");
	press("Right");
	assert_int_equal(form_choice(f, WINDOW), 0);
	press("Left");
	assert_int_equal(form_choice(f, WINDOW), 2);
}

static void what_is_wrong_is_said_where_it_is(void **state)
{
	int64_t n;

	(void)state;
	press("Tab");
	press("C-u");
	assert_int_equal(press("Enter"), INPUT_TAKEN);
	draw(); /* the first wrong field has the cursor */
	golden_rows(c, "\n"
		       "┌ New budget ────────────────────────────────────┐\n"
		       "│!Name                                           │\n"
		       "│ Limit                                          │\n"
		       "│ Window  \u2039 day \u203a                                │\n"
		       "│ Hard    [\u2713]                                    │\n"
		       "│ Note                                           │\n"
		       "│ Name: is needed                                │\n"
		       "│ [ create ]  [ cancel ]                         │\n"
		       "└────────────────────────────────────────────────┘\n"
		       "\n\n");
	assert_false(form_number(f, LIMIT, &n)); /* left empty: allowed */
	paste("abc");
	assert_int_equal(press("Enter"), INPUT_TAKEN);
	paste("d");
	assert_int_equal(press("Enter"), FORM_OK);
}

static void numbers_are_whole_and_within_their_bounds(void **state)
{
	static const char *const wrong[] = {
		"0", "101", "ten", "1.5", "5x", "-1", "99999999999999999999"};

	(void)state;
	paste("ab");
	press("Tab");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		press("End");
		press("C-u");
		paste(wrong[i]);
		assert_int_equal(press("Enter"), INPUT_TAKEN);
	}
	press("C-u");
	paste("100");
	assert_int_equal(press("Enter"), FORM_OK);
}

static void numbers_without_bounds_are_those_of_64_bits(void **state)
{
	static const struct field number = {.label = "N", .kind = FIELD_NUMBER};
	struct form *other = form_new("T", "ok", &number, 1);
	struct event text = pasted("99999999999999999999"), enter = key("Enter"),
		     clear = key("C-u");
	int64_t n = 0;

	(void)state;
	form_input(other, &text);
	assert_int_equal(form_input(other, &enter), INPUT_TAKEN);
	form_input(other, &clear);
	text = pasted("-9223372036854775808");
	form_input(other, &text);
	assert_int_equal(form_input(other, &enter), FORM_OK);
	assert_true(form_number(other, 0, &n));
	assert_true(n == INT64_MIN);
	form_free(other);
}

static void a_check_without_words_is_an_error_too(void **state)
{
	(void)state;
	paste("ab");
	press("S-Tab");
	press("S-Tab");
	press("S-Tab"); /* over the buttons to the note */
	paste("no");
	assert_int_equal(press("Enter"), INPUT_TAKEN);
	paste("pe");
	assert_int_equal(press("Enter"), FORM_OK);
	assert_string_equal(form_text(f, NOTE), "nope");
}

static void it_can_be_cancelled(void **state)
{
	(void)state;
	assert_int_equal(press("Esc"), FORM_CANCEL);
	press("S-Tab"); /* on the button */
	assert_int_equal(press("Enter"), FORM_CANCEL);
	press("x"); /* goes nowhere */
	assert_string_equal(form_text(f, NAME), "");
}

static void errors_of_others_are_shown(void **state)
{
	(void)state;
	form_set_error(f, LIMIT, "the project has less");
	form_set_error(f, 99, "nowhere");
	draw();
	assert_int_equal(canvas_cell(c, 1, 3)->text[0], '!');
	press("5"); /* typing clears it */
	draw();
	assert_int_equal(canvas_cell(c, 1, 3)->text[0], ' ');
}

static void the_mouse_goes_to_fields_and_buttons(void **state)
{
	struct event event = click(5, 6);

	(void)state;
	draw();
	assert_int_equal(form_input(f, &event), INPUT_TAKEN);
	paste("note");
	assert_string_equal(form_text(f, NOTE), "note");
	event = click(10, 5);
	form_input(f, &event);
	assert_false(form_checked(f, HARD));
	event = click(10, 4); /* first there, then the next one */
	form_input(f, &event);
	assert_int_equal(form_choice(f, WINDOW), 1);
	form_input(f, &event);
	assert_int_equal(form_choice(f, WINDOW), 2);
	event = click(4, 8);
	assert_int_equal(form_input(f, &event), INPUT_TAKEN); /* the name is needed */
	event = click(16, 8);
	assert_int_equal(form_input(f, &event), FORM_CANCEL);
	event = click(49, 11);
	assert_int_equal(form_input(f, &event), INPUT_TAKEN);
}

static void it_scrolls_where_it_is_low(void **state)
{
	(void)state;
	canvas_resize(c, 24, 7);
	draw();
	golden_rows(c, "┌ New budget ──────────┐\n"
		       "│ Name                 │\n"
		       "│ Limit   10           │\n"
		       "│ Window  \u2039 day \u203a     ▼│\n"
		       "│ two letters, or four │\n"
		       "│ [ create ]  [ cancel │\n"
		       "└──────────────────────┘\n");
	for (int i = 0; i < 4; i++)
		press("Tab");
	draw();
	golden_rows(c, "┌ New budget ──────────┐\n"
		       "│ Window  \u2039 day \u203a     ▲│\n"
		       "│ Hard    [\u2713]          │\n"
		       "│ Note                 │\n"
		       "│                      │\n"
		       "│ [ create ]  [ cancel │\n"
		       "└──────────────────────┘\n");
	for (int width = 1; width < 30; width++) {
		for (int height = 1; height < 9; height++) {
			canvas_resize(c, width, height);
			draw();
		}
	}
}

static void hostile_words_and_texts_stay_in_the_box(void **state)
{
	static char words[4][300];
	uint32_t seed = 31337;

	(void)state;
	for (int round = 0; round < 100; round++) {
		const char *const choices[] = {words[1], words[2], NULL};
		const struct field hostile[] = {
			{.label = words[0], .hint = words[1], .initial = words[2]},
			{.label = words[3], .kind = FIELD_CHOICE, .choices = choices}};
		struct form *other;

		for (int i = 0; i < 4; i++)
			golden_hostile(&seed, words[i], sizeof(words[i]));
		other = form_new(words[0], words[1], hostile, 2);
		form_set_error(other, 0, words[3]);
		canvas_resize(c, 20 + round % 60, 4 + round % 9);
		form_draw(other, canvas_area(c));
		golden_sound(c);
		form_free(other);
	}
}

static void its_table_of_keys_is_sound(void **state)
{
	size_t row;

	(void)state;
	assert_int_equal(keymap_check(&form_keymap, &row), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_drawn_with_what_it_begins_with),
		TEST(values_are_what_was_typed_and_chosen),
		TEST(choices_go_around_both_ways),
		TEST(what_is_wrong_is_said_where_it_is),
		TEST(numbers_are_whole_and_within_their_bounds),
		TEST(numbers_without_bounds_are_those_of_64_bits),
		TEST(a_check_without_words_is_an_error_too),
		TEST(it_can_be_cancelled),
		TEST(errors_of_others_are_shown),
		TEST(the_mouse_goes_to_fields_and_buttons),
		TEST(it_scrolls_where_it_is_low),
		TEST(hostile_words_and_texts_stay_in_the_box),
		TEST(its_table_of_keys_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
