#include <limits.h>
#include <string.h>

#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tui/canvas/canvas.h"
#include "tui/canvas/draw.h"

static struct canvas *small(int columns, int rows)
{
	struct canvas *c = canvas_new(columns, rows, GLYPHS_UNICODE);

	assert_non_null(c);
	return c;
}

static void a_new_canvas_is_blank_and_without_cursor(void **state)
{
	struct canvas *c = small(3, 2);
	int x, y;

	(void)state;
	golden_rows(c, "\n\n");
	golden_sound(c);
	assert_false(canvas_cursor(c, &x, &y));
	assert_null(canvas_cell(c, 3, 0));
	assert_null(canvas_cell(c, 0, -1));
	canvas_free(c);
}

static void sizes_are_clamped(void **state)
{
	struct canvas *c = canvas_new(-5, INT_MAX, GLYPHS_UNICODE);

	(void)state;
	assert_int_equal(canvas_columns(c), 1);
	assert_int_equal(canvas_rows(c), CANVAS_MAX_ROWS);
	assert_int_equal(canvas_resize(c, 100000, 0), 0);
	assert_int_equal(canvas_columns(c), CANVAS_MAX_COLUMNS);
	assert_int_equal(canvas_rows(c), 1);
	canvas_free(c);
}

static void nothing_is_drawn_outside_of_the_area(void **state)
{
	struct canvas *c = small(6, 3);
	struct area a = area_inside(canvas_area(c), (struct rect){2, 1, 2, 1});

	(void)state;
	draw_text(a, 0, 0, STYLE_NORMAL, "abcdef");
	draw_text(a, -1, 0, STYLE_NORMAL, "x");
	draw_text(a, 0, 1, STYLE_NORMAL, "below");
	draw_text(a, 0, -1, STYLE_NORMAL, "above");
	golden_rows(c, "\n  ab\n\n");
	canvas_free(c);
}

static void areas_are_clipped_to_what_they_are_in(void **state)
{
	struct canvas *c = small(10, 10);
	struct area a = area_inside(canvas_area(c), (struct rect){8, 8, 5, INT_MAX});

	(void)state;
	assert_int_equal(a.rect.width, 2);
	assert_int_equal(a.rect.height, 2);
	a = area_inside(canvas_area(c), (struct rect){INT_MIN, -3, INT_MAX, 5});
	assert_int_equal(a.rect.width, 0);
	assert_int_equal(a.rect.y, 0);
	assert_int_equal(a.rect.height, 2);
	a = area_inside(a, (struct rect){0, 0, -4, 7});
	assert_int_equal(a.rect.width, 0);
	canvas_free(c);
}

static void a_wide_glyph_is_never_cut_in_half(void **state)
{
	struct canvas *c = small(5, 1);

	(void)state;
	draw_text(canvas_area(c), 0, 0, STYLE_NORMAL, "\u65e5\u672c\u8a9e");
	golden_rows(c, "\u65e5\u672c\n");
	golden_sound(c);
	draw_text(canvas_area(c), -1, 0, STYLE_NORMAL, "\u65e5x");
	golden_rows(c, " x\u672c\n");
	golden_sound(c);
	canvas_free(c);
}

static void half_overwritten_wide_glyphs_lose_the_other_half(void **state)
{
	struct canvas *c = small(6, 1);
	struct area a = canvas_area(c);

	(void)state;
	draw_text(a, 0, 0, STYLE_NORMAL, "\u65e5\u672c\u8a9e");
	draw_text(a, 1, 0, STYLE_NORMAL, "x");
	golden_rows(c, " x\u672c\u8a9e\n");
	draw_text(a, 4, 0, STYLE_NORMAL, "y");
	golden_rows(c, " x\u672cy\n");
	draw_text(a, 1, 0, STYLE_NORMAL, "\u8a9e");
	golden_rows(c, " \u8a9e y\n");
	golden_sound(c);
	canvas_free(c);
}

static void ascii_keeps_the_columns_of_what_it_stands_for(void **state)
{
	struct canvas *c = canvas_new(8, 1, GLYPHS_ASCII);

	(void)state;
	draw_text(canvas_area(c), 0, 0, STYLE_NORMAL, "\u65e5\u00e9\u2026\033x");
	golden_rows(c, "??e~?x\n");
	golden_sound(c);
	canvas_free(c);
}

static void restyling_adds_to_what_is_there(void **state)
{
	struct canvas *c = small(4, 1);

	(void)state;
	draw_text(canvas_area(c), 0, 0, STYLE_WARN, "ab");
	area_restyle(canvas_area(c), (struct rect){1, 0, 2, 1}, STYLE_ACCENT | STYLE_SELECTED);
	assert_int_equal(canvas_cell(c, 0, 0)->style, STYLE_WARN);
	assert_int_equal(canvas_cell(c, 1, 0)->style, STYLE_WARN | STYLE_SELECTED);
	assert_int_equal(canvas_cell(c, 2, 0)->style, STYLE_ACCENT | STYLE_SELECTED);
	assert_int_equal(canvas_cell(c, 3, 0)->style, STYLE_NORMAL);
	canvas_free(c);
}

static void the_cursor_is_set_within_an_area_only(void **state)
{
	struct canvas *c = small(8, 4);
	struct area a = area_inside(canvas_area(c), (struct rect){2, 1, 3, 2});
	int x, y;

	(void)state;
	area_set_cursor(a, 3, 0);
	area_set_cursor(a, 0, -1);
	assert_false(canvas_cursor(c, &x, &y));
	area_set_cursor(a, 2, 1);
	assert_true(canvas_cursor(c, &x, &y));
	assert_int_equal(x, 4);
	assert_int_equal(y, 2);
	canvas_clear(c);
	assert_false(canvas_cursor(c, &x, &y));
	canvas_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_canvas_is_blank_and_without_cursor),
		cmocka_unit_test(sizes_are_clamped),
		cmocka_unit_test(nothing_is_drawn_outside_of_the_area),
		cmocka_unit_test(areas_are_clipped_to_what_they_are_in),
		cmocka_unit_test(a_wide_glyph_is_never_cut_in_half),
		cmocka_unit_test(half_overwritten_wide_glyphs_lose_the_other_half),
		cmocka_unit_test(ascii_keeps_the_columns_of_what_it_stands_for),
		cmocka_unit_test(restyling_adds_to_what_is_there),
		cmocka_unit_test(the_cursor_is_set_within_an_area_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
