#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/conf_table.h"
#include "shared/err.h"

#include "tests/unit/test.h"

struct sample {
	bool flag;
	int64_t count, wait, bytes;
	double share;
	char *name, *place;
	int colour;
	struct conf_texts names;
	struct conf_pairs env;
};

static const char *const colours[] = {"red", "green", NULL};

#define ROW(n, t, m) .name = (n), .type = (t), .offset = offsetof(struct sample, m), .doc = "Words."

static const struct conf_key rows[] = {
	{ROW("flag", CONF_BOOL, flag), .standard = "false", .reloadable = true},
	{ROW("g.count", CONF_INT, count), .min = 1, .max = 256, .standard = "5",
	 .reloadable = true},
	{ROW("g.wait", CONF_DURATION, wait), .min = 100, .max = 86400000, .standard = "30s"},
	{ROW("g.bytes", CONF_SIZE, bytes), .min = 1024, .max = INT64_C(1) << 40, .standard = "1M"},
	{ROW("g.share", CONF_RATIO, share), .min = 0, .max = 1, .standard = "0.9"},
	{ROW("name", CONF_STRING, name), .min = 1, .max = 10, .reloadable = true},
	{ROW("place", CONF_PATH, place), .min = 0, .max = 4000},
	{ROW("colour", CONF_ENUM, colour), .words = colours, .standard = "green"},
	{ROW("g.names", CONF_LIST, names), .min = 1, .max = 3, .standard = "first",
	 .reloadable = true},
	{ROW("g.env", CONF_MAP, env), .max = 2, .secret = true},
};
static const struct conf_table table = {rows, sizeof rows / sizeof rows[0], sizeof(struct sample)};

static struct sample conf;
static struct buf errors;
static struct conf_reader reader;

static int begin(void **state)
{
	(void)state;
	buf_init(&errors, 16384);
	return conf_reader_init(&reader, &table, &conf, &errors);
}

static int end(void **state)
{
	(void)state;
	conf_reader_done(&reader);
	conf_table_done(&table, &conf);
	buf_done(&errors);
	return 0;
}

static void file(const char *text)
{
	conf_reader_text(&reader, text, "/nowhere/t.conf");
}

static void option(const char *text)
{
	conf_reader_overrides(&reader, &text, 1);
}

/* Exactly these error lines came since the last call. */
static void assert_errors(const char *expected)
{
	assert_string_equal(errors.data ? errors.data : "", expected);
	assert_true((reader.result != 0) == (*expected != '\0'));
	buf_clear(&errors);
	reader.result = 0;
}

static void defaults_fill_every_row(void **state)
{
	(void)state;
	assert_false(conf.flag);
	assert_int_equal(conf.count, 5);
	assert_int_equal(conf.wait, 30000);
	assert_int_equal(conf.bytes, 1 << 20);
	assert_true(conf.share == 0.9);
	assert_string_equal(conf.name, "");
	assert_string_equal(conf.place, "");
	assert_int_equal(conf.colour, 1);
	assert_int_equal(conf.names.count, 1);
	assert_string_equal(conf.names.items[0], "first");
	assert_int_equal(conf.env.count, 0);
}

static void a_file_sets_values_of_every_type(void **state)
{
	(void)state;
	file("flag = true; name = \"n\"; place = \"/p\"; colour = \"red\";\n"
	     "g: { count = 256; wait = \"5m\"; bytes = 4294967296L; share = 0.25; names = (\"a\", "
	     "\"b\");\n"
	     "     env: { A = \"1\"; B_2 = \"\"; }; };\n");
	assert_errors("");
	assert_true(conf.flag);
	assert_int_equal(conf.count, 256);
	assert_int_equal(conf.wait, 300000);
	assert_int_equal(conf.bytes, INT64_C(1) << 32);
	assert_true(conf.share == 0.25);
	assert_string_equal(conf.name, "n");
	assert_string_equal(conf.place, "/p");
	assert_int_equal(conf.colour, 0);
	assert_int_equal(conf.names.count, 2);
	assert_string_equal(conf.names.items[1], "b");
	assert_int_equal(conf.env.count, 2);
	assert_string_equal(conf.env.keys[1], "B_2");
	assert_string_equal(conf.env.values[0], "1");
	file("g: { wait = 7; bytes = \"16K\"; share = 1; names = \"alone\"; };");
	assert_errors("");
	assert_int_equal(conf.wait, 7000);
	assert_int_equal(conf.bytes, 16384);
	assert_true(conf.share == 1);
	assert_int_equal(conf.names.count, 1);
}

static void every_error_of_a_file_is_reported_with_its_line(void **state)
{
	(void)state;
	file("flag = 1;\n"
	     "g: {\n"
	     "  count = 0;\n"
	     "  counts = 3;\n"
	     "  wait = \"soon\";\n"
	     "  share = 2;\n"
	     "  names = [];\n"
	     "  env: { A = 1; };\n"
	     "};\n"
	     "name = \"12345678901\"; colour = \"blue\"; place = 3;\n"
	     "count = 5; gg: {}; zzzzzz = 1;\n");
	assert_errors(
		"/nowhere/t.conf:1: flag: must be true or false, not 1\n"
		"/nowhere/t.conf:3: g.count: must be 1..256, not 0\n"
		"/nowhere/t.conf:4: g.counts: unknown key; did you mean g.count?\n"
		"/nowhere/t.conf:5: g.wait: must be 100ms..1d, not soon\n"
		"/nowhere/t.conf:6: g.share: must be 0..1, not 2\n"
		"/nowhere/t.conf:7: g.names: must be a list of 1..3 texts, not an empty list\n"
		"/nowhere/t.conf:8: g.env: A must be text in quotes\n"
		"/nowhere/t.conf:10: name: must have 1..10 bytes, not 11\n"
		"/nowhere/t.conf:10: colour: must be red or green, not blue\n"
		"/nowhere/t.conf:10: place: must be a path of at most 4000 bytes, not 3\n"
		"/nowhere/t.conf:11: count: unknown key; did you mean g.count?\n"
		"/nowhere/t.conf:11: gg: unknown key; did you mean g?\n"
		"/nowhere/t.conf:11: zzzzzz: unknown key\n");
	assert_int_equal(conf.count, 5);
	assert_int_equal(conf.names.count, 1);
	assert_string_equal(conf.name, "");
}

static void a_group_given_a_value_says_so(void **state)
{
	(void)state;
	file("g = 5;");
	assert_errors("/nowhere/t.conf:1: g: is a group: { key = value; }\n");
	file("flag: { x = 1; };");
	assert_errors("/nowhere/t.conf:1: flag: must be true or false, not a group\n");
}

static void malformed_files_are_one_error_with_a_line(void **state)
{
	(void)state;
	file("flag = true;\nname = ;\n");
	assert_errors("/nowhere/t.conf:2: syntax error\n");
	file("flag = true;\nflag = false;\n");
	assert_errors("/nowhere/t.conf:2: duplicate setting name\n");
	file("\nname = \"never\nends\n");
	assert_errors("/nowhere/t.conf:2: the quoted text never ends\n");
	file("\n/* never\nends\n");
	assert_errors("/nowhere/t.conf:2: the comment never ends\n");
}

static void numbers_that_libconfig_would_wrap_are_errors(void **state)
{
	(void)state;
	file("# 99999999999\nname = \"9999999999\"; # 99999999999\n/* 99999999999\n*/ // "
	     "99999999999\n"
	     "g: { share = 0.99999999999; };\n");
	assert_errors("");
	file("name = \"a\\\"b\nc\";\ng: { count = 4294967297; };");
	assert_errors("/nowhere/t.conf:3: a number above 2147483647 needs an L behind it (sizes "
		      "and durations may have "
		      "a unit: \"4G\")\n");
	file("g: { count = 0x100000001; };");
	assert_errors("/nowhere/t.conf:1: a number above 2147483647 needs an L behind it (sizes "
		      "and durations may have "
		      "a unit: \"4G\")\n");
	file("g: { count = 99999999999999999999L; };");
	assert_errors("/nowhere/t.conf:1: the number is too large\n");
	file("g: { wait = 18446744073709552L; };");
	assert_errors("/nowhere/t.conf:1: g.wait: must be 100ms..1d, not 18446744073709552\n");
	assert_int_equal(conf.count, 5);
}

static void options_set_values_of_every_type(void **state)
{
	const char *const words[] = {"flag=on",     "g.count=7",          "g.wait=250ms",
				     "g.bytes=2G",  "g.share=.5",         "name=a=b,c",
				     "place=/x",    "colour=red",         "g.env.A_B=v=1",
				     "g.env.C=two", "g.env.A_B=replaced", "g.names=only"};

	(void)state;
	conf_reader_overrides(&reader, words, sizeof words / sizeof words[0]);
	assert_errors("");
	assert_true(conf.flag);
	assert_int_equal(conf.count, 7);
	assert_int_equal(conf.wait, 250);
	assert_int_equal(conf.bytes, INT64_C(2) << 30);
	assert_true(conf.share == 0.5);
	assert_string_equal(conf.name, "a=b,c");
	assert_int_equal(conf.colour, 0);
	assert_int_equal(conf.env.count, 2);
	assert_string_equal(conf.env.keys[0], "A_B");
	assert_string_equal(conf.env.values[0], "replaced");
	assert_string_equal(conf.names.items[0], "only");
}

static void bools_take_the_usual_words_only(void **state)
{
	const char *const yes[] = {"flag=true", "flag=yes", "flag=ON"};
	const char *const no[] = {"flag=false", "flag=No", "flag=off"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		option(yes[i]);
		assert_true(conf.flag);
		option(no[i]);
		assert_false(conf.flag);
	}
	assert_errors("");
	option("flag=1");
	assert_errors("-o flag: must be true or false, not 1\n");
}

static void options_of_a_list_replace_the_file_once_and_then_add(void **state)
{
	const char *const two[] = {"g.names=x,y", "g.names=z"};
	const char *const emptied[] = {"g.names=a", "g.names=", "g.names=b"};

	(void)state;
	file("g: { names = [\"f1\", \"f2\"]; env: { A = \"file\"; }; };");
	conf_reader_overrides(&reader, two, 2);
	assert_errors("");
	assert_int_equal(conf.names.count, 2);
	assert_string_equal(conf.names.items[0], "x,y");
	assert_string_equal(conf.names.items[1], "z");
	option("g.env.B=option");
	assert_int_equal(conf.env.count, 2);
	assert_string_equal(conf.env.values[0], "file");
	conf_reader_overrides(&reader, emptied, 1);
	assert_int_equal(conf.names.count, 1);
	conf_reader_overrides(&reader, emptied, 3);
	assert_non_null(strstr(errors.data, "-o g.names: "));
}

static void wrong_options_name_the_key_the_bound_and_the_value(void **state)
{
	const char *const words[] = {"g.count=0",   "g.count=5x",  "g.count= 5",
				     "g.count=",    "g.wait=99ms", "g.bytes=9999999T",
				     "g.share=nan", "g.share=-1",  "gcount=1",
				     "nonsense",    "=5",          "g.env=x",
				     "g.env.=x",    "colour=Red",  "g.count=99999999999999999999"};

	(void)state;
	conf_reader_overrides(&reader, words, sizeof words / sizeof words[0]);
	assert_errors("-o g.count: must be 1..256, not 0\n"
		      "-o g.count: must be 1..256, not 5x\n"
		      "-o g.count: must be 1..256, not  5\n"
		      "-o g.count: must be 1..256, not \"\"\n"
		      "-o g.wait: must be 100ms..1d, not 99ms\n"
		      "-o g.bytes: must be 1K..1T, not 9999999T\n"
		      "-o g.share: must be 0..1, not nan\n"
		      "-o g.share: must be 0..1, not -1\n"
		      "-o gcount: unknown key; did you mean g.count?\n"
		      "-o nonsense: must be key=value\n"
		      "-o : must be key=value\n"
		      "-o g.env: takes one entry at a time: g.env.NAME=VALUE\n"
		      "-o g.env.: names must have 1..256 bytes, values be UTF-8 text of at most "
		      "32768 bytes\n"
		      "-o colour: must be red or green, not Red\n"
		      "-o g.count: must be 1..256, not 99999999999999999999\n");
	assert_int_equal(conf.count, 5);
}

static void lists_and_maps_hold_no_more_than_their_bounds(void **state)
{
	const char *const many[] = {"g.names=1", "g.names=2", "g.names=3", "g.names=4",
				    "g.env.A=1", "g.env.B=2", "g.env.C=3"};

	(void)state;
	conf_reader_overrides(&reader, many, 7);
	assert_errors("-o g.names: must have at most 3 values\n-o g.env.C: must have at most 2 "
		      "entries\n");
	assert_int_equal(conf.names.count, 3);
	assert_int_equal(conf.env.count, 2);
}

static void control_characters_of_the_input_are_not_printed(void **state)
{
	(void)state;
	option("g.count=\x1b[2J\n");
	assert_errors("-o g.count: must be 1..256, not ?[2J?\n");
	option("bad\x1b=1");
	assert_errors("-o bad?: unknown key\n");
	option("name=\xFF");
	assert_errors("-o name: must be UTF-8 text\n");
}

static void later_checks_know_where_a_key_was_set(void **state)
{
	(void)state;
	file("\n\nname = \"n\"; flag = true;");
	option("flag=no");
	conf_reader_error(&reader, ERR_STATE, "name", "is %s", "bad");
	conf_reader_error(&reader, ERR_TYPE, "flag", "is bad");
	conf_reader_error(&reader, ERR_TYPE, "g.count", "is bad");
	assert_int_equal(reader.result, ERR_STATE);
	assert_errors("/nowhere/t.conf:3: name: is bad\n-o flag: is bad\ng.count: is bad\n");
}

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void includes_are_sought_beside_the_main_file(void **state)
{
	char dir[] = "/tmp/ccapi-test-XXXXXX", main_file[64], other[64], folder[64], expected[256];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(main_file, sizeof main_file, "%s/main.conf", dir);
	snprintf(other, sizeof other, "%s/other.conf", dir);
	snprintf(folder, sizeof folder, "%s/folder", dir);
	mkdir(folder, 0700);
	write_text(main_file, "flag = true;\n@include \"other.conf\"\nname = \"x\";\n");
	write_text(other, "\ng: { count = 9; };\n");
	conf_reader_file(&reader, main_file);
	assert_errors("");
	assert_int_equal(conf.count, 9);
	assert_string_equal(conf.name, "x");
	write_text(other, "\ng: { count = 900; };\n");
	conf_reader_file(&reader, main_file);
	snprintf(expected, sizeof expected, "%s:2: g.count: must be 1..256, not 900\n", other);
	assert_errors(expected);
	write_text(other, "\ng: { count = 4294967297; };\n");
	conf_reader_file(&reader, main_file);
	assert_non_null(strstr(errors.data, "other.conf:2: a number above"));
	buf_clear(&errors);
	write_text(main_file, "@include \"folder\"\n");
	conf_reader_file(&reader, main_file);
	snprintf(expected, sizeof expected, "%s:1: @include of something that is not a file\n",
		 main_file);
	assert_errors(expected);
	write_text(main_file, "\n@include \"main.conf\"\n@include \"main.conf\"\n");
	conf_reader_file(&reader, main_file);
	assert_non_null(strstr(errors.data, "main.conf:2: too many @include\n"));
	buf_clear(&errors);
	unlink(main_file);
	unlink(other);
	rmdir(folder);
	rmdir(dir);
}

static void unreadable_files_are_errors_not_exits(void **state)
{
	(void)state;
	conf_reader_file(&reader, "/nowhere/at.all");
	assert_errors("/nowhere/at.all: cannot read the settings: No such file or directory\n");
	conf_reader_file(&reader, "/tmp");
	assert_errors("/tmp: cannot read the settings: Is a directory\n");
	conf_reader_file(&reader, "/dev/zero");
	assert_errors("/dev/zero: cannot read the settings: the file is too long\n");
	conf_reader_file(&reader, "/dev/null");
	assert_errors("");
}

static void reload_takes_all_or_nothing(void **state)
{
	struct sample fresh;
	struct buf lines;

	(void)state;
	buf_init(&lines, 1000);
	assert_int_equal(conf_table_defaults(&table, &fresh), 0);
	fresh.count = 8;
	fresh.wait = 1000;
	fresh.colour = 0;
	assert_int_equal(conf_table_reload(&table, &conf, &fresh, &lines), ERR_STATE);
	assert_string_equal(
		lines.data,
		"g.wait: a change needs a restart: \"30s\" is in force, \"1s\" is set\n"
		"colour: a change needs a restart: \"green\" is in force, \"red\" is set\n");
	assert_int_equal(conf.count, 5);
	assert_null(fresh.name);

	buf_clear(&lines);
	assert_int_equal(conf_table_defaults(&table, &fresh), 0);
	fresh.count = 8;
	free(fresh.name);
	fresh.name = strdup("new");
	assert_int_equal(conf_table_reload(&table, &conf, &fresh, &lines), 0);
	assert_int_equal(lines.len, 0);
	assert_int_equal(conf.count, 8);
	assert_string_equal(conf.name, "new");
	assert_int_equal(conf.names.count, 1);
	assert_null(fresh.name);
	buf_done(&lines);
}

static void secrets_are_not_rendered(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	option("g.env.KEY=hunter2");
	conf_value_render(conf_table_find(&table, "g.env"), &conf, &out);
	assert_string_equal(out.data, "{ KEY = \"***\"; }");
	buf_done(&out);
}

static void rendered_values_read_back(void **state)
{
	struct sample before;
	struct buf text;

	(void)state;
	option("name=\"\\\n\x01\x7f");
	option("g.wait=1500ms");
	option("g.names=a\"b");
	assert_errors("");
	buf_init(&text, 4000);
	for (size_t i = 0; i < table.count; i++) {
		const char *dot = strchr(rows[i].name, '.');

		if (rows[i].secret)
			continue;
		buf_printf(&text, "%s%s = ", dot ? "g: { " : "", dot ? dot + 1 : rows[i].name);
		conf_value_render(&rows[i], &conf, &text);
		buf_add_str(&text, dot ? "; };" : ";");
		before = conf;
		conf = (struct sample){0};
		assert_int_equal(conf_table_defaults(&table, &conf), 0);
		file(text.data);
		assert_errors("");
		assert_true(conf_value_equal(&rows[i], &before, &conf));
		conf_table_done(&table, &conf);
		conf = before;
		buf_clear(&text);
	}
	buf_done(&text);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(defaults_fill_every_row),
		CASE(a_file_sets_values_of_every_type),
		CASE(every_error_of_a_file_is_reported_with_its_line),
		CASE(a_group_given_a_value_says_so),
		CASE(malformed_files_are_one_error_with_a_line),
		CASE(numbers_that_libconfig_would_wrap_are_errors),
		CASE(options_set_values_of_every_type),
		CASE(bools_take_the_usual_words_only),
		CASE(options_of_a_list_replace_the_file_once_and_then_add),
		CASE(wrong_options_name_the_key_the_bound_and_the_value),
		CASE(lists_and_maps_hold_no_more_than_their_bounds),
		CASE(control_characters_of_the_input_are_not_printed),
		CASE(later_checks_know_where_a_key_was_set),
		CASE(includes_are_sought_beside_the_main_file),
		CASE(unreadable_files_are_errors_not_exits),
		CASE(reload_takes_all_or_nothing),
		CASE(secrets_are_not_rendered),
		CASE(rendered_values_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
