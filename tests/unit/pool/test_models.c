#include <stdio.h>
#include <string.h>

#include "shared/err.h"

#include "daemon/pool/models.h"

#include "tests/unit/test.h"

static struct models models;

static int teardown(void **state)
{
	(void)state;
	models_done(&models);
	return 0;
}

static int load(const char *rows)
{
	json_t *value = json_loads(rows, JSON_DECODE_ANY, NULL);
	int rc;

	assert_non_null(value);
	rc = models_load(&models, value);
	json_decref(value);
	return rc;
}

#define ROW(name, id, description)                                                                 \
	"{\"value\":\"" name "\",\"resolvedModel\":\"" id "\",\"displayName\":\"D\","              \
	"\"description\":\"" description "\"}"

static void a_row_becomes_a_model(void **state)
{
	const struct model *m;

	(void)state;
	assert_int_equal(load("[{\"value\":\"haiku\",\"resolvedModel\":\"claude-haiku-5-5\","
			      "\"displayName\":\"Haiku\\u001b 5.5\",\"supportsEffort\":true,"
			      "\"description\":\"Fast \xc2\xb7 $1/$5 per Mtok\"}]"),
			 0);
	m = models_find(&models, "haiku");
	assert_non_null(m);
	assert_string_equal(m->id, "claude-haiku-5-5");
	assert_string_equal(m->display_name, "Haiku? 5.5");
	assert_true(m->supports_effort);
	assert_int_equal(m->input_micro_usd_per_mtok, 1000000);
	assert_int_equal(m->output_micro_usd_per_mtok, 5000000);
}

static void prices_are_read_or_unknown(void **state)
{
	static const struct {
		const char *rows;
		int64_t in, out;
	} cases[] = {
		{"[" ROW("a", "b", "$0.80/$4.25 per Mtok") "]", 800000, 4250000},
		{"[" ROW("a", "b", "save $5! $2/$10 per Mtok") "]", 2000000, 10000000},
		{"[" ROW("a", "b", "no price") "]", -1, -1},
		{"[" ROW("a", "b", "$2 per Mtok") "]", -1, -1},
		{"[" ROW("a", "b", "$-2/$1 per Mtok") "]", -1, -1},
		{"[" ROW("a", "b", "$1e300/$1 per Mtok") "]", -1, -1},
		{"[" ROW("a", "b", "$nan/$inf per Mtok") "]", -1, -1},
		{"[{\"value\":\"a\",\"resolvedModel\":\"b\"}]", -1, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(load(cases[i].rows), 0);
		assert_int_equal(models.items[0].input_micro_usd_per_mtok, cases[i].in);
		assert_int_equal(models.items[0].output_micro_usd_per_mtok, cases[i].out);
	}
}

static void rows_that_cannot_be_used_are_left_out(void **state)
{
	(void)state;
	assert_int_equal(load("[7,null,{},{\"value\":\"x\"},{\"resolvedModel\":\"x\"},"
			      "{\"value\":\"\",\"resolvedModel\":\"x\"},"
			      "{\"value\":\"a b\",\"resolvedModel\":\"x\"},"
			      "{\"value\":\"../etc\",\"resolvedModel\":\"x\"}," ROW(
				      "sonnet[1m]", "claude-sonnet-5-5", "") "]"),
			 0);
	assert_int_equal(models.count, 1);
	assert_string_equal(models.items[0].name, "sonnet[1m]");
}

static void names_that_do_not_fit_are_left_out(void **state)
{
	char row[400], name[97];

	(void)state;
	memset(name, 'n', 96);
	name[96] = '\0';
	snprintf(row, sizeof row, "[" ROW("%s", "b", "") "]", name + 32);
	assert_int_equal(load(row), ERR_TYPE);
	snprintf(row, sizeof row, "[" ROW("%s", "b", "") "]", name + 33);
	assert_int_equal(load(row), 0);
	snprintf(row, sizeof row, "[" ROW("a", "%s", "") "]", name);
	assert_int_equal(load(row), ERR_TYPE);
	snprintf(row, sizeof row, "[" ROW("a", "%s", "") "]", name + 1);
	assert_int_equal(load(row), 0);
}

static void a_missing_display_name_is_the_name(void **state)
{
	(void)state;
	assert_int_equal(load("[{\"value\":\"opus\",\"resolvedModel\":\"claude-opus-5-5\"}]"), 0);
	assert_string_equal(models.items[0].display_name, "opus");
	assert_false(models.items[0].supports_effort);
}

static void a_list_without_rows_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(load("[" ROW("a", "b", "") "]"), 0);
	assert_int_equal(load("[]"), ERR_TYPE);
	assert_int_equal(load("{}"), ERR_TYPE);
	assert_int_equal(load("null"), ERR_TYPE);
	assert_int_equal(load("[{}]"), ERR_TYPE);
	assert_int_equal(models_load(&models, NULL), ERR_TYPE);
	assert_non_null(models_find(&models, "a"));
}

static void a_new_list_replaces_the_old(void **state)
{
	(void)state;
	assert_int_equal(load("[" ROW("a", "b", "") "]"), 0);
	assert_int_equal(load("[" ROW("c", "d", "") "]"), 0);
	assert_null(models_find(&models, "a"));
	assert_non_null(models_find(&models, "c"));
}

static void aliases_come_before_ids(void **state)
{
	(void)state;
	assert_int_equal(load("[" ROW("default", "claude-x", "") "," ROW(
				 "opus", "claude-x", "") "," ROW("claude-x", "claude-y", "") "]"),
			 0);
	assert_string_equal(models_find(&models, "opus")->name, "opus");
	assert_string_equal(models_find(&models, "claude-x")->name, "claude-x");
	assert_string_equal(models_find(&models, "claude-y")->name, "claude-x");
	assert_null(models_find(&models, "Opus"));
	assert_null(models_find(&models, ""));
	assert_null(models_find(&(struct models){0}, "opus"));
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_row_becomes_a_model),
		TEST(prices_are_read_or_unknown),
		TEST(rows_that_cannot_be_used_are_left_out),
		TEST(names_that_do_not_fit_are_left_out),
		TEST(a_missing_display_name_is_the_name),
		TEST(a_list_without_rows_changes_nothing),
		TEST(a_new_list_replaces_the_old),
		TEST(aliases_come_before_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
