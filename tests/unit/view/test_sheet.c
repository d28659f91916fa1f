#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tests/unit/widget/events.h"
#include "tui/view/sheet.h"

static struct sheet *s;
static struct canvas *c;

static int make(void **state)
{
	(void)state;
	s = sheet_new();
	c = canvas_new(20, 5, GLYPHS_UNICODE);
	return s && c ? 0 : -1;
}

static int unmake(void **state)
{
	(void)state;
	sheet_free(s);
	canvas_free(c);
	return 0;
}

static void looks(const char *rows)
{
	canvas_clear(c);
	sheet_draw(s, canvas_area(c));
	golden_rows(c, rows);
}

static void press(const char *name)
{
	struct event e = key(name);

	assert_int_equal(sheet_input(s, &e), INPUT_TAKEN);
}

static void ten_lines(void)
{
	char text[16];

	sheet_begin(s, "Ten");
	for (int i = 0; i < 10; i++) {
		snprintf(text, sizeof text, "%d", i);
		sheet_add(s, STYLE_NORMAL, "n", text);
	}
}

static void values_stand_under_one_another(void **state)
{
	(void)state;
	sheet_begin(s, "Title");
	sheet_add(s, STYLE_NORMAL, "a", "one");
	sheet_add(s, STYLE_NORMAL, "longer", "two and a half words");
	sheet_add(s, STYLE_NORMAL, NULL, "alone");
	looks("─ Title ────────────\n"
	      " a       one\n"
	      " longer  two and a\n"
	      "         half words\n"
	      " alone\n");
}

static void it_scrolls_as_far_as_there_is_text(void **state)
{
	(void)state;
	ten_lines();
	looks("─ Ten ──────────────\n n  0\n n  1\n n  2\n n  3              ▼\n");
	press("Up");
	press("Down");
	looks("─ Ten ──────────────\n n  1              ▲\n n  2\n n  3\n n  4              ▼\n");
	press("End");
	press("Down");
	press("PgDn");
	looks("─ Ten ──────────────\n n  6              ▲\n n  7\n n  8\n n  9\n");
	press("PgUp");
	looks("─ Ten ──────────────\n n  2              ▲\n n  3\n n  4\n n  5              ▼\n");
	press("Home");
	looks("─ Ten ──────────────\n n  0\n n  1\n n  2\n n  3              ▼\n");
}

static void the_wheel_scrolls(void **state)
{
	struct event down = wheel(3, 3, MOUSE_WHEEL_DOWN), outside = wheel(30, 3, MOUSE_WHEEL_DOWN);

	(void)state;
	ten_lines();
	looks("─ Ten ──────────────\n n  0\n n  1\n n  2\n n  3              ▼\n");
	assert_int_equal(sheet_input(s, &down), INPUT_TAKEN);
	assert_int_equal(sheet_input(s, &outside), INPUT_IGNORED);
	looks("─ Ten ──────────────\n n  3              ▲\n n  4\n n  5\n n  6              ▼\n");
}

static void filling_it_anew_keeps_the_place(void **state)
{
	(void)state;
	ten_lines();
	looks("─ Ten ──────────────\n n  0\n n  1\n n  2\n n  3              ▼\n");
	press("Down");
	ten_lines();
	looks("─ Ten ──────────────\n n  1              ▲\n n  2\n n  3\n n  4              ▼\n");
	sheet_begin(s, "Less");
	sheet_add(s, STYLE_NORMAL, NULL, "one");
	looks("─ Less ─────────────\n one\n\n\n\n");
	ten_lines();
	press("End");
	sheet_top(s);
	looks("─ Ten ──────────────\n n  0\n n  1\n n  2\n n  3              ▼\n");
}

static void parts_are_not_broken(void **state)
{
	(void)state;
	sheet_begin(s, "P");
	sheet_parts(s, STYLE_NORMAL, NULL, "one two   three four");
	sheet_parts(s, STYLE_NORMAL, NULL, "at 12:00 \u2500\u2500 in 3 m");
	looks("─ P ────────────────\n"
	      " one two\n"
	      " three four\n"
	      " at 12:00 ── in 3 m\n"
	      "\n");
	sheet_begin(s, "P");
	sheet_parts(s, STYLE_NORMAL, NULL, "at 12:00 h \u2500\u2500 in 3 m");
	looks("─ P ────────────────\n at 12:00 h\n ── in 3 m\n\n\n");
}

static void further_lines_and_bytes_are_left_out(void **state)
{
	char *text = calloc(1, 3 * SHEET_TEXT_MAX);

	(void)state;
	assert_non_null(text);
	memset(text, ' ', 3 * SHEET_TEXT_MAX - 1);
	sheet_begin(s, text);
	for (int i = 0; i < 3 * SHEET_LINES_MAX; i++) {
		sheet_add(s, STYLE_NORMAL, "a label that is far too long for it", text);
		sheet_parts(s, STYLE_NORMAL, NULL, text);
		sheet_format(s, STYLE_NORMAL, NULL, "%s", text);
	}
	memset(text, 'x', 3 * SHEET_TEXT_MAX - 1);
	sheet_begin(s, "Long");
	sheet_add(s, STYLE_NORMAL, NULL, text);
	looks("─ Long ─────────────\n xxxxxxxxxxxxxxxxxx\n xxxxxxxxxxxxxxxxxx\n"
	      " xxxxxxxxxxxxxxxxxx\n xxxxxxxxxxxxxxxxxx▼\n");
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_stand_under_one_another),
		TEST(it_scrolls_as_far_as_there_is_text),
		TEST(the_wheel_scrolls),
		TEST(filling_it_anew_keeps_the_place),
		TEST(parts_are_not_broken),
		TEST(further_lines_and_bytes_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
