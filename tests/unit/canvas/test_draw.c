#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tui/canvas/draw.h"
#include "tui/canvas/meter.h"

static struct canvas *drawn;

static struct area fresh(int columns, int rows, enum glyphs glyphs)
{
	canvas_free(drawn);
	drawn = canvas_new(columns, rows, glyphs);
	assert_non_null(drawn);
	return canvas_area(drawn);
}

static int forget(void **state)
{
	(void)state;
	canvas_free(drawn);
	drawn = NULL;
	return 0;
}

static void text_tells_the_column_behind_it(void **state)
{
	struct area a = fresh(10, 1, GLYPHS_UNICODE);

	(void)state;
	assert_int_equal(draw_text(a, 0, 0, STYLE_NORMAL, "\u65e5x"), 3);
	assert_int_equal(draw_format(a, 3, 0, STYLE_NORMAL, "%d%%", 42), 6);
	assert_int_equal(draw_text(a, 9, 0, STYLE_NORMAL, "abc"), 10);
	assert_int_equal(draw_text(a, INT_MAX, 0, STYLE_NORMAL, "abc"), INT_MAX);
	golden_rows(drawn, "\u65e5x42%   a\n");
}

static void fields_align_fill_and_end_in_an_ellipsis(void **state)
{
	struct area a = fresh(12, 6, GLYPHS_UNICODE);

	(void)state;
	for (int y = 0; y < 6; y++)
		draw_text(a, 0, y, STYLE_NORMAL, "............");
	draw_field(a, 1, 0, 6, ALIGN_LEFT, STYLE_OK, "ab");
	draw_field(a, 1, 1, 6, ALIGN_RIGHT, STYLE_OK, "ab");
	draw_field(a, 1, 2, 6, ALIGN_CENTER, STYLE_OK, "ab");
	draw_field(a, 1, 3, 6, ALIGN_RIGHT, STYLE_OK, "abcdefg");
	draw_field(a, 1, 4, 6, ALIGN_LEFT, STYLE_OK, "\u65e5\u672c\u8a9e\u65e5");
	draw_field(a, 1, 5, 0, ALIGN_LEFT, STYLE_OK, "ab");
	golden_rows(drawn, ".ab    .....\n"
			   ".    ab.....\n"
			   ".  ab  .....\n"
			   ".abcde\u2026.....\n"
			   ".\u65e5\u672c\u2026 .....\n"
			   "............\n");
	assert_int_equal(canvas_cell(drawn, 6, 0)->style, STYLE_OK);
	assert_int_equal(canvas_cell(drawn, 7, 0)->style, STYLE_NORMAL);
}

static void lines_have_titles_and_boxes_an_inside(void **state)
{
	struct area a = fresh(14, 5, GLYPHS_UNICODE), in;

	(void)state;
	draw_hline(a, 0, STYLE_DIM, "Workers");
	in = draw_box(area_inside(a, (struct rect){1, 1, 12, 4}), STYLE_NORMAL, "A long title");
	assert_int_equal(in.rect.width, 10);
	assert_int_equal(in.rect.height, 2);
	draw_text(in, 0, 0, STYLE_NORMAL, "inside is ten");
	golden_rows(drawn, "─ Workers ────\n"
			   " ┌ A long … ┐\n"
			   " │inside is │\n"
			   " │          │\n"
			   " └──────────┘\n");
	assert_int_equal(canvas_cell(drawn, 2, 0)->style, STYLE_TITLE | STYLE_BOLD);
}

static void every_shape_has_a_form_in_ascii(void **state)
{
	struct area a = fresh(14, 4, GLYPHS_ASCII);
	struct ring ring = {.count = 0};

	(void)state;
	draw_box(area_inside(a, (struct rect){0, 0, 8, 3}), STYLE_NORMAL, "T");
	draw_symbol(a, 9, 0, STYLE_NORMAL, SYMBOL_CHECK);
	draw_gauge(a, 9, 1, 4, 600, STYLE_OK);
	for (int i = 0; i < 8; i++)
		ring_push(&ring, i);
	draw_sparkline(a, 0, 3, 8, &ring, 7, STYLE_OK);
	golden_rows(drawn, "+ T ---+ x\n"
			   "|      | ##=.\n"
			   "+------+\n"
			   "_.:-=+*#\n");
	golden_sound(drawn);
}

static void wrapped_text_goes_down_to_the_end_of_the_area(void **state)
{
	struct area a = fresh(6, 3, GLYPHS_UNICODE);

	(void)state;
	assert_int_equal(draw_wrapped(a, 1, STYLE_NORMAL, "one two three four"), 3);
	golden_rows(drawn, "\none\ntwo\n");
	assert_int_equal(draw_wrapped_rows("one two three four", 6, 100), 4);
	assert_int_equal(draw_wrapped_rows("one two three four", 6, 2), 2);
	assert_int_equal(draw_wrapped_rows("", 6, 100), 0);
}

/* ---- whatever is drawn, and wherever ---- */

static int anywhere(uint32_t *seed)
{
	switch (golden_random(seed) % 8) {
	case 0:
		return (int)golden_random(seed);
	case 1:
		return INT_MAX;
	case 2:
		return INT_MIN;
	default:
		return (int)(golden_random(seed) % 60) - 20;
	}
}

static void draw_something(struct area a, uint32_t *seed, const char *text)
{
	int x = anywhere(seed), y = anywhere(seed), width = anywhere(seed);
	unsigned style = golden_random(seed) & 0xFF;
	struct rect r = {x, y, width, anywhere(seed)};
	struct ring ring = {.count = 0};

	switch (golden_random(seed) % 12) {
	case 0:
		draw_text(a, x, y, style, text);
		break;
	case 1:
		draw_field(a, x, y, width, golden_random(seed) % 3, style, text);
		break;
	case 2:
		draw_wrapped(a, y, style, text);
		break;
	case 3:
		draw_fill(a, r, style, text[0]);
		break;
	case 4:
		draw_hline(a, y, style, text);
		break;
	case 5:
		draw_vline(a, x, y, width, style);
		break;
	case 6:
		draw_box(area_inside(a, r), style, text);
		break;
	case 7:
		draw_gauge(a, x, y, width, anywhere(seed), style);
		break;
	case 8:
		ring_push(&ring, anywhere(seed));
		draw_sparkline(a, x, y, width, &ring, anywhere(seed), style);
		break;
	case 9:
		area_restyle(a, r, style);
		break;
	case 10:
		draw_format(a, x, y, style, "%s", text);
		break;
	default:
		draw_text(area_inside(a, r), x, 0, style, text);
	}
}

static void any_bytes_anywhere_leave_a_sound_canvas(void **state)
{
	uint32_t seed = 2463534242;
	char text[300];

	(void)state;
	for (int round = 0; round < 600; round++) {
		struct area a = fresh(1 + (int)(golden_random(&seed) % 45),
				      1 + (int)(golden_random(&seed) % 12),
				      round % 3 ? GLYPHS_UNICODE : GLYPHS_ASCII);

		for (int i = 0; i < 40; i++) {
			golden_hostile(&seed, text, sizeof(text));
			draw_something(a, &seed, text);
		}
		golden_sound(drawn);
	}
}

static void a_text_of_ten_kilobytes_is_cut_like_any_other(void **state)
{
	struct area a = fresh(10, 1, GLYPHS_UNICODE);
	char text[10001];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	draw_field(a, 0, 0, 8, ALIGN_RIGHT, STYLE_NORMAL, text);
	golden_rows(drawn, "xxxxxxx\u2026\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(text_tells_the_column_behind_it, forget),
		cmocka_unit_test_teardown(fields_align_fill_and_end_in_an_ellipsis, forget),
		cmocka_unit_test_teardown(lines_have_titles_and_boxes_an_inside, forget),
		cmocka_unit_test_teardown(every_shape_has_a_form_in_ascii, forget),
		cmocka_unit_test_teardown(wrapped_text_goes_down_to_the_end_of_the_area, forget),
		cmocka_unit_test_teardown(any_bytes_anywhere_leave_a_sound_canvas, forget),
		cmocka_unit_test_teardown(a_text_of_ten_kilobytes_is_cut_like_any_other, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
