/* All parts together, as a view would use them, against golden screens at several sizes. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tests/unit/widget/events.h"
#include "tui/canvas/draw.h"
#include "tui/canvas/meter.h"
#include "tui/widget/confirm.h"
#include "tui/widget/filter.h"
#include "tui/widget/form.h"
#include "tui/widget/layout.h"
#include "tui/widget/line.h"
#include "tui/widget/message.h"
#include "tui/widget/table.h"
#include "tui/widget/tabs.h"

static const struct {
	const char *id, *state, *model, *project;
	int rate, tokens, left;
} workers[] = {
	{"w1", "busy", "sonnet", "chatbot", 74, 412, 690},
	{"w2", "busy", "opus", "analyzer", 41, 803, 59},
	{"w3", "busy", "haiku", "\u65e5\u672c\u8a9e\u306e\u30d7\u30ed\u30b8\u30a7\u30af\u30c8", 0,
	 0, 1000},
	{"w4", "ready", "\u2013", "docs \033[31m\u202e", 0, 122, 0},
	{"w5", "restarting (exit 1, attempt 2, next in 4 s)", "", "", 0, 0, 0},
};

static size_t count(void *owner)
{
	(void)owner;
	return sizeof(workers) / sizeof(workers[0]);
}

static const char *id(void *owner, size_t row)
{
	(void)owner;
	return workers[row].id;
}

static void cell(void *owner, size_t row, int column, struct table_cell *ret)
{
	const char *const texts[] = {workers[row].id, workers[row].state, workers[row].model,
				     workers[row].project};

	(void)owner;
	if (column < 4)
		ret->text = texts[column];
	else if (column == 4)
		table_cell_format(ret, "%d", workers[row].rate);
	else if (column == 5)
		table_cell_format(ret, "%d", workers[row].tokens);
	else
		ret->gauge = workers[row].left;
	if (column == 1) {
		ret->spans = workers[row].state[1] == 'e' && workers[row].state[2] == 's';
		ret->style = ret->spans ? STYLE_WARN : STYLE_OK;
	}
}

static const struct table_column columns[] = {
	{.title = "ID", .width = {.min = 3}, .sortable = true},
	{.title = "STATE", .width = {.min = 6}, .sortable = true},
	{.title = "MODEL", .width = {.min = 7, .drop = 3}},
	{.title = "PROJECT", .width = {.min = 10, .weight = 1, .max = 24}},
	{.title = "TOK/S", .width = {.min = 6, .drop = 2}, .align = ALIGN_RIGHT},
	{.title = "TOKENS", .width = {.min = 7, .drop = 1}, .align = ALIGN_RIGHT},
	{.title = "LEFT", .width = {.min = 10, .weight = 1, .max = 30, .drop = 4}},
};

static const struct binding bindings[] = {
	{1, "/", 1, "filter", "show only rows with a text"},
	{1, "r", 2, "restart", "restart the worker"},
	{1, "p", 3, "pause", "hold the display still"},
	{1, "?", 4, "help", "all keys"},
	{1, "q", 5, "quit", "end the program"},
};
static const struct keymap keymap = KEYMAP(bindings);

static bool may(void *owner, int action)
{
	(void)owner;
	return action != 2; /* a reader's */
}

static const char *const names[] = {"Overview", "Workers", "Requests", "Budgets",
				    "Keys",     "Routing", "Log",      "Help"};
static const struct table_source source = {.count = count, .id = id, .cell = cell};

static struct tabs tabs;
static struct table *table;
static struct filter filter;
static struct message message;
static struct ring ring;

static int make(void **state)
{
	(void)state;
	ring = (struct ring){.count = 0};
	for (int i = 0; i < 200; i++)
		ring_push(&ring, (i * 7) % 23);
	tabs_init(&tabs, names, 8);
	tabs.current = 1;
	filter_init(&filter);
	message_init(&message);
	table = table_new(columns, 7, &source, NULL);
	table_refresh(table);
	return table ? 0 : -1;
}

static int unmake(void **state)
{
	(void)state;
	table_free(table);
	return 0;
}

static void draw_head(struct area a)
{
	const struct segment head[] = {{"ccapid 0.1.0", STYLE_TITLE | STYLE_BOLD, false, 0},
				       {"up 3 d 04:12", STYLE_NORMAL, false, 2},
				       {"serving 127.0.0.1:8080", STYLE_OK, false, 3},
				       {"redis down", STYLE_ERROR, false, 1},
				       {"14:02:31 UTC", STYLE_DIM, true, 4}};

	line_draw(a, 0, head, 5);
	draw_text(a, 1, 1, STYLE_DIM, "plan 5 h");
	draw_gauge(a, 10, 1, 20, 575, STYLE_ACCENT);
	draw_text(a, 31, 1, STYLE_NORMAL, "57 %");
	if (a.rect.height > 2) {
		draw_text(a, 1, 2, STYLE_DIM, "tok/s");
		draw_sparkline(a, 10, 2, a.rect.width - 11, &ring, 0, STYLE_ACCENT);
	}
}

static void draw_screen(struct area a)
{
	const struct hint_source hints[] = {{&keymap, 1, may, NULL},
					    {&table_keymap, KEYMAP_ANYWHERE, NULL, NULL}};
	const struct layout_part parts[] = {{.min = 2, .max = 3, .weight = 1},
					    {.min = 1, .drop = 1},
					    {.min = 3, .weight = 9},
					    {.min = filter_is_shown(&filter)},
					    {.min = message_rows(&message, a.rect.width, 2)},
					    {.min = 1},
					    {.min = 1}};
	struct rect rows[7];

	if (layout_too_small(a, 40, 10))
		return;
	layout_rows((struct rect){0, 0, a.rect.width, a.rect.height}, parts, 7, rows);
	draw_head(area_inside(a, rows[0]));
	draw_hline(area_inside(a, rows[1]), 0, STYLE_DIM, "Workers");
	table_draw(table, area_inside(a, rows[2]));
	if (rows[3].height > 0)
		filter_draw(&filter, a, rows[3].y, table_shown(table), count(NULL));
	message_draw(&message, a, rows[4].y, rows[4].height);
	tabs_draw(&tabs, a, rows[5].y);
	hints_draw(a, rows[6].y, hints, 2);
}

static const struct {
	int width, height;
} sizes[] = {{80, 24}, {120, 40}, {40, 10}, {39, 9}};

/* Draws at every size; `over` draws what lies over the screen, NULL: nothing. */
static void check_sizes(const char *what, enum glyphs glyphs, void (*over)(struct area a))
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct canvas *c = canvas_new(sizes[i].width, sizes[i].height, glyphs);
		char name[80];

		draw_screen(canvas_area(c));
		if (over)
			over(canvas_area(c));
		snprintf(name, sizeof(name), "widget/golden/%s-%dx%d", what, sizes[i].width,
			 sizes[i].height);
		golden_check(c, name);
		canvas_free(c);
	}
}

static void a_screen_fits_every_size(void **state)
{
	(void)state;
	message_info(&message, STYLE_OK, "budget of docs set to 12 M tokens per month");
	check_sizes("screen", GLYPHS_UNICODE, NULL);
}

static void a_screen_has_a_form_in_ascii(void **state)
{
	(void)state;
	table_set_sort(table, 1, true);
	check_sizes("ascii", GLYPHS_ASCII, NULL);
}

static void a_filter_and_an_error_take_rows_from_the_table(void **state)
{
	struct event event = typed("o");

	(void)state;
	filter_open(&filter);
	assert_int_equal(filter_input(&filter, &event), FILTER_CHANGED);
	table_set_filter(table, filter_text(&filter));
	message_error(&message, "restart of w2 refused: %s",
		      "you may read, not operate; ask an administrator to add you to ccapi-admin");
	check_sizes("filter", GLYPHS_UNICODE, NULL);
}

static const char *const windows[] = {"day", "month", NULL};

static void draw_form(struct area a)
{
	static const struct field fields[] = {
		{.label = "Project", .initial = "docs", .required = true},
		{.label = "Budget", .kind = FIELD_NUMBER, .initial = "12000000", .min = 1},
		{.label = "Window", .kind = FIELD_CHOICE, .choices = windows, .initial = "month"},
		{.label = "Hard", .kind = FIELD_CHECK},
		{.label = "Warn at %", .kind = FIELD_NUMBER, .initial = "90"},
		{.label = "Note", .hint = "for people"}};
	struct form *f = form_new("Set budget", "set", fields, 6);

	form_set_error(f, 1, "more than everybody together has");
	form_draw(f, a);
	form_free(f);
}

static void a_form_lies_over_the_screen(void **state)
{
	(void)state;
	check_sizes("form", GLYPHS_UNICODE, draw_form);
}

static void draw_question(struct area a)
{
	struct confirm q;

	confirm_init(&q, "Revoke key",
		     "Key k_3fa2 \"ci\" of analyzer stops working at once. "
		     "Requests that run are finished.",
		     "revoke", true);
	confirm_draw(&q, a);
}

static void a_question_lies_over_the_screen(void **state)
{
	(void)state;
	check_sizes("confirm", GLYPHS_UNICODE, draw_question);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_screen_fits_every_size),
		TEST(a_screen_has_a_form_in_ascii),
		TEST(a_filter_and_an_error_take_rows_from_the_table),
		TEST(a_form_lies_over_the_screen),
		TEST(a_question_lies_over_the_screen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
