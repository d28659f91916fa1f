#include <string.h>

#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tests/unit/widget/events.h"
#include "tui/widget/pager.h"

static struct pager *p;
static struct canvas *c;

static int make(void **state)
{
	(void)state;
	p = pager_new();
	c = canvas_new(16, 4, GLYPHS_UNICODE);
	return p && c ? 0 : -1;
}

static int unmake(void **state)
{
	(void)state;
	pager_free(p);
	canvas_free(c);
	return 0;
}

static enum input_result press(const char *name)
{
	struct event event = key(name);

	return pager_input(p, &event);
}

static void shows(const char *want)
{
	canvas_clear(c);
	pager_draw(p, canvas_area(c));
	golden_sound(c);
	golden_rows(c, want);
}

static void lines_wrap_and_empty_ones_count(void **state)
{
	(void)state;
	pager_add(p, STYLE_TITLE, "one");
	pager_add(p, STYLE_NORMAL, "");
	pager_add(p, STYLE_NORMAL, "a line that is too long");
	shows(" one\n\n a line that is\n too long\n");
	assert_int_equal(canvas_cell(c, 1, 0)->style, STYLE_TITLE);
	pager_clear(p);
	shows("\n\n\n\n");
}

static void it_scrolls_by_rows_pages_and_ends(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		pager_format(p, STYLE_NORMAL, "line %d", i);
	shows(" line 0\n line 1\n line 2\n line 3        ▼\n");
	press("Down");
	shows(" line 1        ▲\n line 2\n line 3\n line 4        ▼\n");
	press("PgDn");
	shows(" line 5        ▲\n line 6\n line 7\n line 8        ▼\n");
	press("End");
	press("Down");
	shows(" line 6        ▲\n line 7\n line 8\n line 9\n");
	press("PgUp");
	shows(" line 2        ▲\n line 3\n line 4\n line 5        ▼\n");
	press("Home");
	press("Up");
	shows(" line 0\n line 1\n line 2\n line 3        ▼\n");
	assert_int_equal(press("x"), INPUT_IGNORED);
}

static void a_line_may_be_half_above_the_top(void **state)
{
	(void)state;
	pager_add(p, STYLE_NORMAL, "aaaaaaaaaaaaaabbbbbbbbbbbbbbcc");
	pager_add(p, STYLE_NORMAL, "1");
	pager_add(p, STYLE_NORMAL, "2");
	pager_draw(p, canvas_area(c));
	press("Down");
	shows(" bbbbbbbbbbbbbb▲\n cc\n 1\n 2\n");
	canvas_resize(c, 40, 4);
	shows(" aaaaaaaaaaaaaabbbbbbbbbbbbbbcc\n 1\n 2\n\n");
}

static void a_log_follows_its_end_until_one_scrolls(void **state)
{
	(void)state;
	pager_set_follow(p, true);
	for (int i = 0; i < 6; i++)
		pager_format(p, STYLE_NORMAL, "line %d", i);
	shows(" line 2        ▲\n line 3\n line 4\n line 5\n");
	press("Up");
	pager_add(p, STYLE_NORMAL, "line 6");
	shows(" line 1        ▲\n line 2\n line 3\n line 4        ▼\n");
	press("End");
	pager_add(p, STYLE_NORMAL, "line 7");
	shows(" line 4        ▲\n line 5\n line 6\n line 7\n");
}

static void the_oldest_lines_go_and_what_is_seen_stays(void **state)
{
	(void)state;
	for (int i = 0; i < PAGER_LINES_MAX; i++)
		pager_format(p, STYLE_NORMAL, "line %d", i);
	pager_draw(p, canvas_area(c));
	for (int i = 0; i < 30; i++)
		press("Down");
	shows(" line 30       ▲\n line 31\n line 32\n line 33       ▼\n");
	for (int i = 0; i < 5; i++)
		pager_format(p, STYLE_NORMAL, "new %d", i);
	shows(" line 30       ▲\n line 31\n line 32\n line 33       ▼\n");
	press("End");
	shows(" new 1         ▲\n new 2\n new 3\n new 4\n");
	press("Home");
	shows(" line 5\n line 6\n line 7\n line 8        ▼\n");
}

static void the_wheel_scrolls_where_it_is(void **state)
{
	struct event event = wheel(3, 1, MOUSE_WHEEL_DOWN);

	(void)state;
	for (int i = 0; i < 10; i++)
		pager_format(p, STYLE_NORMAL, "line %d", i);
	pager_draw(p, canvas_area(c));
	assert_int_equal(pager_input(p, &event), INPUT_TAKEN);
	shows(" line 3        ▲\n line 4\n line 5\n line 6        ▼\n");
	event = wheel(3, 9, MOUSE_WHEEL_UP);
	assert_int_equal(pager_input(p, &event), INPUT_IGNORED);
}

static bool never_two(void *owner, int action)
{
	(void)owner;
	return action != 2;
}

static void the_help_is_made_from_the_tables_of_keys(void **state)
{
	static const struct binding rows[] = {{1, "a b", 1, "act", "do something"},
					      {2, "c", 3, NULL, "elsewhere"},
					      {3, "d", 2, NULL, "not allowed"}};
	static const struct keymap map = KEYMAP(rows);
	const struct help_section sections[] = {{"Here", {&map, 1, never_two, NULL}},
						{"There", {&map, 2, NULL, NULL}}};

	(void)state;
	canvas_resize(c, 40, 8);
	pager_add_help(p, sections, 2);
	shows(" Here\n"
	      "   a b              do something\n"
	      "   d                not allowed\n"
	      "\n"
	      " There\n"
	      "   c                elsewhere\n"
	      "   d                not allowed\n"
	      "\n");
	assert_int_equal(canvas_cell(c, 3, 2)->style, STYLE_DISABLED);
	assert_int_equal(canvas_cell(c, 3, 6)->style, STYLE_NORMAL);
}

static void hostile_lines_stay_in_their_rows(void **state)
{
	char text[6000];
	uint32_t seed = 1001;

	(void)state;
	for (int i = 0; i < 60; i++) {
		golden_hostile(&seed, text, sizeof(text));
		pager_add(p, STYLE_NORMAL, text);
		canvas_resize(c, 1 + i, 12);
		pager_draw(p, canvas_area(c));
		golden_sound(c);
		press("End");
	}
}

static void its_table_of_keys_is_sound(void **state)
{
	size_t row;

	(void)state;
	assert_int_equal(keymap_check(&pager_keymap, &row), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_wrap_and_empty_ones_count),
		TEST(it_scrolls_by_rows_pages_and_ends),
		TEST(a_line_may_be_half_above_the_top),
		TEST(a_log_follows_its_end_until_one_scrolls),
		TEST(the_oldest_lines_go_and_what_is_seen_stays),
		TEST(the_wheel_scrolls_where_it_is),
		TEST(the_help_is_made_from_the_tables_of_keys),
		TEST(hostile_lines_stay_in_their_rows),
		TEST(its_table_of_keys_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
