#include <math.h>

#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tui/canvas/meter.h"

static void gauge_is(int width, int permille, const char *want)
{
	struct canvas *c = canvas_new(20, 1, GLYPHS_UNICODE);

	draw_gauge(canvas_area(c), 0, 0, width, permille, STYLE_OK);
	golden_rows(c, want);
	canvas_free(c);
}

static void gauges_fill_by_eighths(void **state)
{
	(void)state;
	gauge_is(4, 0, "····\n");
	gauge_is(4, 250, "█···\n");
	gauge_is(4, 500, "██··\n");
	gauge_is(4, 532, "██▏·\n");
	gauge_is(4, 720, "██▉·\n");
	gauge_is(4, 1000, "████\n");
}

static void gauges_tell_nothing_from_little_and_much_from_all(void **state)
{
	(void)state;
	gauge_is(4, 1, "▏···\n");
	gauge_is(4, 999, "███▉\n");
	gauge_is(4, -7, "····\n");
	gauge_is(4, 70000, "████\n");
	gauge_is(0, 500, "\n");
	gauge_is(-3, 500, "\n");
}

static void sparkline_is(const struct ring *r, int width, double max, const char *want)
{
	struct canvas *c = canvas_new(20, 1, GLYPHS_UNICODE);

	draw_sparkline(canvas_area(c), 0, 0, width, r, max, STYLE_OK);
	golden_rows(c, want);
	canvas_free(c);
}

static void sparklines_show_the_newest_at_the_right(void **state)
{
	struct ring r = {.count = 0};

	(void)state;
	sparkline_is(&r, 4, 0, "\n");
	for (int i = 0; i <= 7; i++)
		ring_push(&r, i);
	sparkline_is(&r, 8, 7, "▁▂▃▄▅▆▇█\n");
	sparkline_is(&r, 10, 7, "  ▁▂▃▄▅▆▇█\n");
	sparkline_is(&r, 3, 7, "▆▇█\n");
	sparkline_is(&r, 3, 70, "▂▂▂\n"); /* little is not nothing */
	sparkline_is(&r, 3, 1, "███\n");
}

static void sparklines_scale_to_what_is_shown_and_leave_gaps(void **state)
{
	struct ring r = {.count = 0};

	(void)state;
	ring_push(&r, 1000);
	ring_push(&r, 5);
	ring_push(&r, (double)NAN);
	ring_push(&r, 10);
	sparkline_is(&r, 3, 0, "▅ █\n");
}

static void rings_keep_the_last_values(void **state)
{
	struct ring r = {.count = 0};

	(void)state;
	for (int i = 0; i < RING_MAX + 10; i++)
		ring_push(&r, i);
	assert_int_equal(r.count, RING_MAX);
	assert_true(ring_at(&r, 0) == 10);
	assert_true(ring_at(&r, RING_MAX - 1) == RING_MAX + 9);
	assert_true(isnan(ring_at(&r, -1)));
	assert_true(isnan(ring_at(&r, RING_MAX)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gauges_fill_by_eighths),
		cmocka_unit_test(gauges_tell_nothing_from_little_and_much_from_all),
		cmocka_unit_test(sparklines_show_the_newest_at_the_right),
		cmocka_unit_test(sparklines_scale_to_what_is_shown_and_leave_gaps),
		cmocka_unit_test(rings_keep_the_last_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
