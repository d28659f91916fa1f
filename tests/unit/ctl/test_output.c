#include <stdlib.h>
#include <string.h>

#include "ctl/output.h"
#include "tests/unit/test.h"

static char printed[4096];

static FILE *begin(void)
{
	memset(printed, 0, sizeof printed);
	return fmemopen(printed, sizeof printed - 1, "w");
}

static const char *cleaned(const char *text, enum clean_how how)
{
	FILE *f = begin();

	output_text(f, text, how);
	fclose(f);
	return printed;
}

static const struct table_column columns[] = {
	{.title = "NAME"}, {.title = "TOKENS", .right = true}, {.title = "LABEL"}};

static const char *table(const char *const *cells, unsigned width)
{
	struct table *t = table_new(columns, 3);
	FILE *f = begin();

	for (; *cells; cells++)
		table_add(t, *cells);
	table_print(t, f, width, true);
	fclose(f);
	table_free(t);
	return printed;
}

static void text_keeps_what_is_visible(void **state)
{
	(void)state;
	assert_string_equal(cleaned("plain", CLEAN_LINE), "plain");
	assert_string_equal(cleaned("größe 漢字 🦀", CLEAN_LINE), "größe 漢字 🦀");
	assert_string_equal(cleaned("a\nb", CLEAN_LINES), "a\nb");
	assert_string_equal(cleaned("a\r\nb\rc\td", CLEAN_LINES), "a\nb?c?d");
	assert_string_equal(cleaned("a\r\nb\rc\td\x1b", CLEAN_TEXT), "a\nb?c\td?");
}

static void nothing_steers_the_terminal(void **state)
{
	(void)state;
	assert_string_equal(cleaned("\x1b[2Jx", CLEAN_LINE), "?[2Jx");
	assert_string_equal(cleaned("a\nb\rc\td\x7f", CLEAN_LINE), "a?b?c?d?");
	assert_string_equal(cleaned("\xc2\x9b"
				    "31m",
				    CLEAN_LINE),
			    "?31m");
	assert_string_equal(cleaned("a\u202eb\u2066c\u200bd\ufeff", CLEAN_LINE), "a?b?c?d?");
	assert_string_equal(cleaned("\xff\xc3(\xe2\x82", CLEAN_LINE), "?"
								      "?(?"
								      "?");
	assert_string_equal(cleaned("\xed\xa0\x80\xc0\xaf", CLEAN_LINE), "?????");
	assert_string_equal(cleaned("a\x1b\nb", CLEAN_LINES), "a?\nb");
}

static void json_escapes_what_would_steer_it(void **state)
{
	json_t *value = json_pack("{ss}", "a", "\x1b\x7f\xc2\x9b\u202e ü");
	json_t *back;
	FILE *f = begin();

	(void)state;
	assert_int_equal(output_json(f, value), 0);
	fclose(f);
	assert_string_equal(printed, "{\"a\":\"\\u001B\\u007f\\u009b\\u202e ü\"}\n");
	back = json_loads(printed, 0, NULL);
	assert_true(json_equal(value, back));
	json_decref(back);
	json_decref(value);
}

static void columns_count_what_the_terminal_shows(void **state)
{
	(void)state;
	assert_int_equal(output_columns("abc"), 3);
	assert_int_equal(output_columns("größe"), 5);
	assert_int_equal(output_columns("漢字"), 4);
	assert_int_equal(output_columns("e\u0301"), 1);
}

static void tables_are_aligned(void **state)
{
	static const char *const cells[] = {"demo", "1,000", "x", "漢字", "5", "longer", NULL};

	(void)state;
	assert_string_equal(table(cells, 0), "NAME  TOKENS  LABEL\n"
					     "demo   1,000  x\n"
					     "漢字       5  longer\n");
}

static void columns_that_do_not_fit_are_left_out_from_the_right(void **state)
{
	static const char *const cells[] = {"demo", "1,000", "a label that is long", NULL};

	(void)state;
	assert_string_equal(table(cells, 34), "NAME  TOKENS  LABEL\n"
					      "demo   1,000  a label that is long\n");
	assert_string_equal(table(cells, 33), "NAME  TOKENS\ndemo   1,000\n");
	assert_string_equal(table(cells, 11), "NAME\ndemo\n");
	assert_string_equal(table(cells, 3), "NA…\nde…\n");
}

static void a_column_that_may_be_cut_stays_while_there_is_room(void **state)
{
	static const struct table_column two[] = {{.title = "N"}, {.title = "TEXT", .cut = true}};
	struct table *t = table_new(two, 2);
	FILE *f;

	(void)state;
	table_add(t, "a");
	table_add(t, "0123456789012345678901234567890123456789");
	f = begin();
	table_print(t, f, 20, true);
	fclose(f);
	assert_string_equal(printed, "N  TEXT\na  0123456789012345…\n");
	f = begin();
	table_print(t, f, 18, true);
	fclose(f);
	assert_string_equal(printed, "N\na\n");
	table_free(t);
}

static void wide_characters_are_not_cut_in_half(void **state)
{
	static const char *const cells[] = {"漢字漢字", "1", "x", NULL};

	(void)state;
	assert_string_equal(table(cells, 6), "NAME\n漢字…\n");
	assert_string_equal(table(cells, 4), "NAME\n漢…\n");
}

static void cells_cannot_break_the_table(void **state)
{
	static const char *const cells[] = {"a\nb", "\x1b[1m", "c\rd", NULL};

	(void)state;
	assert_string_equal(table(cells, 0), "NAME  TOKENS  LABEL\n"
					     "a?b     ?[1m  c?d\n");
}

static int set_up(void **state)
{
	(void)state;
	output_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_keeps_what_is_visible),
		cmocka_unit_test(nothing_steers_the_terminal),
		cmocka_unit_test(json_escapes_what_would_steer_it),
		cmocka_unit_test(columns_count_what_the_terminal_shows),
		cmocka_unit_test(tables_are_aligned),
		cmocka_unit_test(columns_that_do_not_fit_are_left_out_from_the_right),
		cmocka_unit_test(a_column_that_may_be_cut_stays_while_there_is_room),
		cmocka_unit_test(wide_characters_are_not_cut_in_half),
		cmocka_unit_test(cells_cannot_break_the_table),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
