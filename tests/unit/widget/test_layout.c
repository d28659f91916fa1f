#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tui/widget/layout.h"

static void sizes_are(int total, int gap, const struct layout_part *parts, int count,
		      const int *want)
{
	int sizes[LAYOUT_PARTS_MAX], sum = 0, shown = 0;
	int n = layout_share(total, gap, parts, count, sizes);

	for (int i = 0; i < count; i++) {
		assert_int_equal(sizes[i], want[i]);
		sum += sizes[i];
		shown += sizes[i] > 0;
	}
	assert_int_equal(n, shown);
	assert_true(sum + (shown > 1 ? (shown - 1) * gap : 0) <= total || total < 0);
}

static void what_is_left_over_goes_by_weight_up_to_the_maximum(void **state)
{
	const struct layout_part parts[] = {
		{.min = 4}, {.min = 5, .weight = 1, .max = 8}, {.min = 5, .weight = 3}};

	(void)state;
	sizes_are(14, 0, parts, 3, (int[]){4, 5, 5});
	sizes_are(18, 0, parts, 3, (int[]){4, 6, 8});
	sizes_are(54, 0, parts, 3, (int[]){4, 8, 42});
	sizes_are(20, 1, parts, 3, (int[]){4, 6, 8});
}

static void the_least_important_is_dropped_whole(void **state)
{
	const struct layout_part parts[] = {
		{.min = 4}, {.min = 5, .drop = 1}, {.min = 6, .drop = 2}, {.min = 3, .drop = 1}};

	(void)state;
	sizes_are(21, 1, parts, 4, (int[]){4, 5, 6, 3});
	sizes_are(20, 1, parts, 4, (int[]){4, 5, 0, 3});
	sizes_are(13, 1, parts, 4, (int[]){4, 5, 0, 0}); /* of equals the last */
	sizes_are(9, 1, parts, 4, (int[]){4, 0, 0, 0});
}

static void what_may_not_go_is_cut_at_the_end(void **state)
{
	const struct layout_part parts[] = {{.min = 4}, {.min = 5}, {.min = 6}};

	(void)state;
	sizes_are(11, 0, parts, 3, (int[]){4, 5, 2});
	sizes_are(3, 0, parts, 3, (int[]){3, 0, 0});
	sizes_are(0, 0, parts, 3, (int[]){0, 0, 0});
	sizes_are(-5, 0, parts, 3, (int[]){0, 0, 0});
}

static void rectangles_stand_side_by_side(void **state)
{
	const struct layout_part parts[] = {
		{.min = 2}, {.min = 9, .drop = 1}, {.min = 2, .weight = 1}};
	struct rect r[3];

	(void)state;
	layout_rows((struct rect){1, 1, 20, 8}, parts, 3, r);
	assert_int_equal(r[0].y, 1);
	assert_int_equal(r[0].height, 2);
	assert_int_equal(r[1].height, 0);
	assert_int_equal(r[2].y, 3);
	assert_int_equal(r[2].height, 6);
	assert_int_equal(r[2].width, 20);
	layout_columns((struct rect){1, 1, 20, 8}, 1, parts, 3, r);
	assert_int_equal(r[1].x, 4);
	assert_int_equal(r[2].x, 14);
	assert_int_equal(r[2].width, 7);
}

static void a_box_in_the_middle_fits(void **state)
{
	struct rect r = layout_center((struct rect){0, 0, 80, 24}, 60, 4);

	(void)state;
	assert_int_equal(r.x, 10);
	assert_int_equal(r.y, 10);
	r = layout_center((struct rect){0, 0, 40, 3}, 60, 4);
	assert_int_equal(r.width, 40);
	assert_int_equal(r.height, 3);
	assert_int_equal(r.x, 0);
}

static void too_small_is_said(void **state)
{
	struct canvas *c = canvas_new(39, 9, GLYPHS_UNICODE);

	(void)state;
	assert_true(layout_too_small(canvas_area(c), 40, 10));
	golden_rows(c, "\n\n\n"
		       "               too small\n"
		       "           39x9, needs 40x10\n"
		       "\n\n\n\n");
	canvas_resize(c, 40, 9);
	assert_true(layout_too_small(canvas_area(c), 40, 10));
	canvas_resize(c, 3, 1);
	assert_true(layout_too_small(canvas_area(c), 40, 10));
	golden_sound(c);
	canvas_resize(c, 40, 10);
	assert_false(layout_too_small(canvas_area(c), 40, 10));
	golden_rows(c, "\n\n\n\n\n\n\n\n\n\n");
	canvas_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_over_goes_by_weight_up_to_the_maximum),
		cmocka_unit_test(the_least_important_is_dropped_whole),
		cmocka_unit_test(what_may_not_go_is_cut_at_the_end),
		cmocka_unit_test(rectangles_stand_side_by_side),
		cmocka_unit_test(a_box_in_the_middle_fits),
		cmocka_unit_test(too_small_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
