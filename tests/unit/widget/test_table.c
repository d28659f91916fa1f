#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tests/unit/widget/events.h"
#include "tui/widget/table.h"

#define ROWS_MAX 2000

static struct row {
	char id[24];
	const char *name;
	int tokens;
} rows[ROWS_MAX];
static size_t row_count;
static size_t cells_read;

enum { ID, NAME, TOKENS, USED };

static const struct table_column columns[] = {
	{.title = "ID", .width = {.min = 4}, .sortable = true},
	{.title = "NAME", .width = {.min = 8, .weight = 1, .max = 20}, .sortable = true},
	{.title = "TOKENS",
	 .width = {.min = 7, .drop = 1},
	 .align = ALIGN_RIGHT,
	 .sortable = true,
	 .descending = true},
	{.title = "USED", .width = {.min = 6, .drop = 2}},
};

static size_t count(void *owner)
{
	(void)owner;
	return row_count;
}

static const char *id(void *owner, size_t row)
{
	(void)owner;
	assert_true(row < row_count);
	return rows[row].id;
}

static void cell(void *owner, size_t row, int column, struct table_cell *ret)
{
	(void)owner;
	assert_true(row < row_count);
	cells_read++;
	if (column == ID)
		ret->text = rows[row].id;
	else if (column == NAME)
		ret->text = rows[row].name;
	else if (column == TOKENS)
		table_cell_format(ret, "%d", rows[row].tokens);
	else
		ret->gauge = rows[row].tokens;
	ret->spans = column == NAME && ret->text && strncmp(ret->text, "restart", 7) == 0;
	if (rows[row].tokens > 900)
		ret->style = STYLE_WARN;
}

static int compare(void *owner, int column, size_t a, size_t b)
{
	(void)owner;
	return column == TOKENS ? rows[a].tokens - rows[b].tokens
	       : column == NAME ? strcmp(rows[a].name, rows[b].name)
				: strcmp(rows[a].id, rows[b].id);
}

static const struct table_source source = {
	.count = count, .id = id, .cell = cell, .compare = compare};
static struct table *t;
static struct canvas *c;

static void set_row(size_t i, const char *row_id, const char *name, int tokens)
{
	snprintf(rows[i].id, sizeof(rows[i].id), "%s", row_id);
	rows[i].name = name;
	rows[i].tokens = tokens;
}

static int make(void **state)
{
	(void)state;
	set_row(0, "w1", "chatbot", 412);
	set_row(1, "w2", "Analyzer", 950);
	set_row(2, "w3", "docs", 17);
	set_row(3, "w4", "\u65e5\u672c", 412);
	row_count = 4;
	t = table_new(columns, 4, &source, rows);
	c = canvas_new(44, 6, GLYPHS_UNICODE);
	table_refresh(t);
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	table_free(t);
	canvas_free(c);
	return 0;
}

static void draw(void)
{
	canvas_clear(c);
	table_draw(t, canvas_area(c));
	golden_sound(c);
}

static int press(const char *name)
{
	struct event event = key(name);

	return table_input(t, &event);
}

static const char *selected(void)
{
	return table_selected(t) == TABLE_NONE ? "none" : rows[table_selected(t)].id;
}

static void many_rows(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		snprintf(rows[i].id, sizeof(rows[i].id), "r%zu", i);
		rows[i].name = "x";
		rows[i].tokens = (int)(i % 100);
	}
	row_count = n;
	table_refresh(t);
}

static void rows_are_drawn_under_their_titles(void **state)
{
	(void)state;
	draw();
	golden_rows(c, " ID   NAME                  TOKENS USED\n"
		       " w1   chatbot                  412 ██▍···\n"
		       " w2   Analyzer                 950 █████▋\n"
		       " w3   docs                      17 ▏·····\n"
		       " w4   \u65e5\u672c                     412 ██▍···\n"
		       "\n");
	assert_int_equal(canvas_cell(c, 0, 1)->style, STYLE_SELECTED);
	assert_int_equal(canvas_cell(c, 6, 2)->style, STYLE_WARN);
}

static void columns_drop_from_the_right_as_it_narrows(void **state)
{
	(void)state;
	canvas_resize(c, 26, 3);
	draw();
	golden_rows(c, " ID   NAME         TOKENS\n"
		       " w1   chatbot         412\n"
		       " w2   Analyzer        950▼\n");
	canvas_resize(c, 18, 3);
	draw();
	golden_rows(c, " ID   NAME\n"
		       " w1   chatbot\n"
		       " w2   Analyzer   ▼\n");
	canvas_resize(c, 9, 2);
	draw();
	golden_rows(c, " ID   N\u2026\n"
		       " w1   c\u2026▼\n");
	for (int width = 1; width < 90; width++) {
		canvas_resize(c, width, 4);
		draw();
	}
}

static void a_cell_may_span_what_follows(void **state)
{
	(void)state;
	rows[1].name = "restarting (exit 1, attempt 2, next in 4 s)";
	draw();
	golden_rows(c, " ID   NAME                  TOKENS USED\n"
		       " w1   chatbot                  412 ██▍···\n"
		       " w2   restarting (exit 1, attempt 2, next \u2026\n"
		       " w3   docs                      17 ▏·····\n"
		       " w4   \u65e5\u672c                     412 ██▍···\n"
		       "\n");
}

static void sorting_marks_the_title_and_keeps_ties_in_order(void **state)
{
	(void)state;
	draw();
	table_set_sort(t, TOKENS, true);
	draw();
	golden_rows(c, " ID   NAME                 ▼TOKENS USED\n"
		       " w2   Analyzer                 950 █████▋\n"
		       " w1   chatbot                  412 ██▍···\n"
		       " w4   \u65e5\u672c                     412 ██▍···\n"
		       " w3   docs                      17 ▏·····\n"
		       "\n");
	assert_int_equal(press("S"), INPUT_TAKEN);
	draw();
	golden_rows(c, " ID   NAME                 ▲TOKENS USED\n"
		       " w3   docs                      17 ▏·····\n"
		       " w1   chatbot                  412 ██▍···\n"
		       " w4   \u65e5\u672c                     412 ██▍···\n"
		       " w2   Analyzer                 950 █████▋\n"
		       "\n");
}

static void the_sort_key_goes_through_the_columns(void **state)
{
	bool descending;

	(void)state;
	draw();
	assert_int_equal(table_sort_column(t, &descending), -1);
	press("s");
	assert_int_equal(table_sort_column(t, &descending), ID);
	assert_false(descending);
	press("s");
	press("s");
	assert_int_equal(table_sort_column(t, &descending), TOKENS);
	assert_true(descending);
	press("s"); /* USED cannot be sorted */
	assert_int_equal(table_sort_column(t, &descending), -1);
	table_set_sort(t, USED, true);
	table_set_sort(t, 17, true);
	assert_int_equal(table_sort_column(t, &descending), -1);
}

static void the_selection_goes_with_its_row(void **state)
{
	struct row first;

	(void)state;
	draw();
	press("Down");
	assert_string_equal(selected(), "w2");
	first = rows[0];
	rows[0] = rows[1];
	rows[1] = first;
	table_refresh(t);
	assert_string_equal(selected(), "w2");
	table_set_sort(t, NAME, true);
	assert_string_equal(selected(), "w2");
	table_select(t, "w4");
	assert_string_equal(selected(), "w4");
	table_select(t, "nobody");
	assert_string_equal(selected(), "w4");
}

static void come_before(const char *id)
{
	memmove(rows + 1, rows, row_count * sizeof(rows[0]));
	set_row(0, id, "new", 0);
	row_count++;
	table_refresh(t);
	draw();
}

static void until_one_moves_the_first_row_is_selected_whichever_it_is(void **state)
{
	struct event event = click(3, 1);

	(void)state;
	many_rows(20);
	draw();
	assert_string_equal(selected(), "r0");
	come_before("n1");
	assert_string_equal(selected(), "n1");
	press("Down");
	come_before("n2");
	assert_string_equal(selected(), "r0");
	press("Home");
	come_before("n3");
	assert_string_equal(selected(), "n3");
	table_input(t, &event); /* a click on the first row chooses that one */
	come_before("n4");
	assert_string_equal(selected(), "n3");
	press("Up");
	table_select(t, "n4");
	come_before("n5");
	assert_string_equal(selected(), "n4");
}

static void when_its_row_goes_the_selection_stays_in_its_place(void **state)
{
	(void)state;
	draw();
	press("j");
	press("j");
	assert_string_equal(selected(), "w3");
	rows[2] = rows[3];
	row_count = 3;
	assert_string_equal(selected(), "w4"); /* before it is refreshed: the same place */
	table_refresh(t);
	assert_string_equal(selected(), "w4");
	row_count = 1;
	assert_string_equal(selected(), "none");
	draw(); /* must not ask for what has gone */
	table_refresh(t);
	assert_string_equal(selected(), "w1");
	row_count = 0;
	table_refresh(t);
	assert_string_equal(selected(), "none");
	assert_int_equal(press("Enter"), INPUT_TAKEN);
	press("Down");
}

static void a_filter_leaves_what_contains_it(void **state)
{
	(void)state;
	table_set_filter(t, "AN");
	assert_int_equal(table_shown(t), 1);
	assert_string_equal(selected(), "w2");
	table_set_filter(t, "412"); /* any column */
	assert_int_equal(table_shown(t), 2);
	table_set_filter(t, "nothing of that");
	draw();
	golden_rows(c, " ID   NAME                  TOKENS USED\n"
		       " nothing matches the filter\n\n\n\n\n");
	assert_string_equal(selected(), "none");
	table_set_filter(t, "");
	assert_int_equal(table_shown(t), 4);
}

static void a_selection_that_was_filtered_out_comes_back(void **state)
{
	(void)state;
	draw();
	press("End");
	assert_string_equal(selected(), "w4");
	table_set_filter(t, "nothing of that");
	table_set_filter(t, "");
	assert_string_equal(selected(), "w4");
}

static void an_empty_table_says_so(void **state)
{
	(void)state;
	row_count = 0;
	table_refresh(t);
	table_set_empty(t, "no workers yet");
	draw();
	golden_rows(c, " ID   NAME                  TOKENS USED\n"
		       " no workers yet\n\n\n\n\n");
}

static void keys_scroll_by_lines_pages_and_ends(void **state)
{
	(void)state;
	many_rows(1000);
	draw(); /* 5 rows */
	press("PgDn");
	assert_string_equal(selected(), "r5");
	press("End");
	assert_string_equal(selected(), "r999");
	draw();
	golden_rows(c, " ID   NAME                  TOKENS USED\n"
		       " r995 x                         95 ▌·····  ▲\n"
		       " r996 x                         96 ▌·····\n"
		       " r997 x                         97 ▌·····\n"
		       " r998 x                         98 ▌·····\n"
		       " r999 x                         99 ▌·····\n");
	press("PgDn");
	press("Down");
	assert_string_equal(selected(), "r999");
	press("k");
	assert_string_equal(selected(), "r998");
	press("PgUp");
	assert_string_equal(selected(), "r993");
	press("Home");
	press("Up");
	press("PgUp");
	assert_string_equal(selected(), "r0");
	assert_int_equal(press("x"), INPUT_IGNORED);
	assert_int_equal(press("Enter"), TABLE_ACTIVATED);
}

static void drawing_costs_what_is_seen(void **state)
{
	(void)state;
	many_rows(ROWS_MAX);
	press("End");
	cells_read = 0;
	draw();
	assert_int_equal(cells_read, 5 * 4);
}

static void a_scrolled_list_stays_still_when_rows_come_before(void **state)
{
	(void)state;
	many_rows(100);
	draw();
	press("PgDn");
	press("PgDn"); /* r10, at the bottom */
	draw();
	press("Up");
	press("Up"); /* r8, in the middle */
	memmove(rows + 3, rows, 100 * sizeof(rows[0]));
	for (size_t i = 0; i < 3; i++)
		set_row(i, i == 0 ? "n0" : i == 1 ? "n1" : "n2", "new", 0);
	row_count = 103;
	table_refresh(t);
	draw();
	assert_string_equal(selected(), "r8");
	golden_rows(c, " ID   NAME                  TOKENS USED\n"
		       " r6   x                          6 ▏·····  ▲\n"
		       " r7   x                          7 ▏·····\n"
		       " r8   x                          8 ▏·····\n"
		       " r9   x                          9 ▏·····\n"
		       " r10  x                         10 ▏·····  ▼\n");
}

static void the_mouse_selects_sorts_and_scrolls(void **state)
{
	struct area a;
	struct event event;
	bool descending;

	(void)state;
	many_rows(100);
	canvas_resize(c, 50, 10);
	a = area_inside(canvas_area(c), (struct rect){2, 1, 44, 6});
	table_draw(t, a);
	event = click(10, 4);
	assert_int_equal(table_input(t, &event), INPUT_TAKEN);
	assert_string_equal(selected(), "r2");
	event = wheel(10, 4, MOUSE_WHEEL_DOWN);
	assert_int_equal(table_input(t, &event), INPUT_TAKEN);
	assert_string_equal(selected(), "r5");
	event = wheel(10, 4, MOUSE_WHEEL_UP);
	table_input(t, &event);
	assert_string_equal(selected(), "r2");
	event = click(33, 1);
	assert_int_equal(table_input(t, &event), INPUT_TAKEN);
	assert_int_equal(table_sort_column(t, &descending), TOKENS);
	assert_true(descending);
	table_input(t, &event);
	table_sort_column(t, &descending);
	assert_false(descending);
	event = click(1, 4);
	assert_int_equal(table_input(t, &event), INPUT_IGNORED);
	event = click(10, 8);
	assert_int_equal(table_input(t, &event), INPUT_IGNORED);
	event = wheel(10, 4, MOUSE_RIGHT);
	assert_int_equal(table_input(t, &event), INPUT_IGNORED);
}

static void a_click_below_the_rows_selects_none(void **state)
{
	struct event event = click(5, 5);

	(void)state;
	draw();
	table_input(t, &event);
	assert_string_equal(selected(), "w1");
}

static void hostile_rows_stay_in_their_cells(void **state)
{
	static char names[50][300];
	uint32_t seed = 99;

	(void)state;
	for (int round = 0; round < 50; round++) {
		many_rows(50);
		for (size_t i = 0; i < 50; i++) {
			golden_hostile(&seed, names[i], sizeof(names[i]));
			rows[i].name = names[i];
			snprintf(rows[i].id, sizeof(rows[i].id), "%.23s", names[i]);
		}
		table_set_filter(t, round % 2 ? names[7] : "");
		table_set_sort(t, NAME, round % 3 == 0);
		canvas_resize(c, 10 + round * 2, 20);
		draw();
		press("PgDn");
	}
}

static void its_table_of_keys_is_sound(void **state)
{
	size_t row;

	(void)state;
	assert_int_equal(keymap_check(&table_keymap, &row), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rows_are_drawn_under_their_titles),
		TEST(columns_drop_from_the_right_as_it_narrows),
		TEST(a_cell_may_span_what_follows),
		TEST(sorting_marks_the_title_and_keeps_ties_in_order),
		TEST(the_sort_key_goes_through_the_columns),
		TEST(the_selection_goes_with_its_row),
		TEST(until_one_moves_the_first_row_is_selected_whichever_it_is),
		TEST(when_its_row_goes_the_selection_stays_in_its_place),
		TEST(a_filter_leaves_what_contains_it),
		TEST(a_selection_that_was_filtered_out_comes_back),
		TEST(an_empty_table_says_so),
		TEST(keys_scroll_by_lines_pages_and_ends),
		TEST(drawing_costs_what_is_seen),
		TEST(a_scrolled_list_stays_still_when_rows_come_before),
		TEST(the_mouse_selects_sorts_and_scrolls),
		TEST(a_click_below_the_rows_selects_none),
		TEST(hostile_rows_stay_in_their_cells),
		TEST(its_table_of_keys_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
