#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/err.h"

#include "daemon/admit/admit.h"
#include "daemon/admit/report.h"
#include "daemon/admit/report_time.h"

#include "tests/unit/admit/fixture.h"
#include "tests/unit/test.h"

static struct refusal why;
static struct report_query query;
static char text[8192];
static int calls, result;
static int ctx_of_test;

static const struct usage_row models[] = {
	{"claude-haiku-4-5", {1000, 10, 100, 1, 2, 3, 4, 5, 1234567}},
	{"claude-haiku-4-5-20251001", {1, 0, 0, 10, 20, 30, 40, 0, 1}},
	{"claude-opus-4-1", {2, 1, 0, 100, 200, 300, 400, 0, 2000000}},
};
static const struct usage_row keys[] = {
	{"", {3, 0, 0, 5, 0, 0, 0, 0, 9}},
	{"k_1", {4, 0, 0, 6, 0, 0, 0, 0, 0}},
};

static int setup(void **state)
{
	int rc = fakes_setup(state);

	fakes.rows[USAGE_BY_MODEL] = models;
	fakes.row_count[USAGE_BY_MODEL] = 3;
	fakes.rows[USAGE_BY_KEY] = keys;
	fakes.row_count[USAGE_BY_KEY] = 2;
	calls = 0;
	result = 1;
	reg_new();
	return rc;
}

static const char *short_name(void *ctx, const char *id)
{
	assert_ptr_equal(ctx, &ctx_of_test);
	return strstr(id, "haiku") ? "haiku" : id;
}

static void done(void *ctx, int rc, const struct buf *b)
{
	assert_ptr_equal(ctx, &ctx_of_test);
	calls++;
	result = rc;
	assert_true(b->len < sizeof text);
	memcpy(text, b->data ? b->data : "", b->len + (b->data != NULL));
}

static int parse(const char *period, const char *from, const char *to, const char *group)
{
	return report_parse(&query, "demo", period, from, to, group, NOW_MS, &why);
}

static const char *run(enum report_format format)
{
	assert_int_equal(
		report_run(reg, fakes_store(), &query, format, short_name, done, &ctx_of_test), 0);
	assert_int_equal(calls, 1);
	assert_int_equal(result, 0);
	return text;
}

/* ---- what is asked ---- */

static void period_is_the_present_window(void **state)
{
	static const struct {
		const char *period;
		int64_t from_ms, to_ms;
	} each[] = {
		{"hour", INT64_C(1795521600000), INT64_C(1795525200000)},
		{"day", INT64_C(1795478400000), INT64_C(1795564800000)},
		{"week", INT64_C(1795392000000), INT64_C(1795996800000)},
		{"month", INT64_C(1793491200000), INT64_C(1796083200000)},
		{"all", 0, QUARTER_MS + BUCKET_MS},
		{NULL, INT64_C(1793491200000), INT64_C(1796083200000)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
		assert_int_equal(parse(each[i].period, NULL, NULL, NULL), 0);
		assert_int_equal(query.usage.from_ms, each[i].from_ms);
		assert_int_equal(query.usage.to_ms, each[i].to_ms);
		assert_string_equal(query.period, each[i].period ? each[i].period : "month");
		assert_int_equal(query.usage.group, USAGE_BY_MODEL);
		assert_string_equal(query.usage.project, "demo");
	}
}

static void range_is_widened_to_quarters(void **state)
{
	(void)state;
	assert_int_equal(parse(NULL, "2026-11-24T08:01:00Z", "2026-11-24T09:16:00Z", NULL), 0);
	assert_string_equal(query.period, "custom");
	assert_int_equal(query.usage.from_ms, INT64_C(1795507200000));
	assert_int_equal(query.usage.to_ms, INT64_C(1795507200000) + 6 * BUCKET_MS);
}

static void beginning_alone_goes_on_until_now(void **state)
{
	(void)state;
	assert_int_equal(parse(NULL, "2026-10-01", NULL, NULL), 0);
	assert_int_equal(query.usage.to_ms, QUARTER_MS + BUCKET_MS);
}

static void end_alone_begins_with_the_period(void **state)
{
	(void)state;
	assert_int_equal(parse("day", NULL, "1795500000", NULL), 0);
	assert_int_equal(query.usage.from_ms, INT64_C(1795478400000));
	assert_int_equal(query.usage.to_ms, INT64_C(1795500000000));
}

static void bad_questions_name_the_field(void **state)
{
	static const struct {
		const char *period, *from, *to, *group, *param;
	} bad[] = {
		{"year", NULL, NULL, NULL, "period"},
		{"", NULL, NULL, NULL, "period"},
		{NULL, "yesterday", NULL, NULL, "from"},
		{NULL, NULL, "2026-13-01", NULL, "to"},
		{NULL, "2026-11-24", "2026-11-24", NULL, "to"},
		{NULL, "2027-01-01", NULL, NULL, "from"},
		{NULL, NULL, NULL, "colour", "group_by"},
		{NULL, NULL, NULL, "", "group_by"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(parse(bad[i].period, bad[i].from, bad[i].to, bad[i].group),
				 -EINVAL);
		assert_int_equal(why.fault, FAULT_INVALID_REQUEST);
		assert_string_equal(why.param, bad[i].param);
	}
}

static void times_are_read_as_people_write_them(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{"0", 0},
		{"1795522020", NOW_MS},
		{"2026-11-24T12:07:00Z", NOW_MS},
		{"2026-11-24t12:07:00.999z", NOW_MS},
		{"2026-11-24 13:07:00+01:00", NOW_MS},
		{"2026-11-24T06:37:00-05:30", NOW_MS},
		{"2026-11-24", INT64_C(1795478400000)},
		{"2024-02-29", INT64_C(1709164800000)},
		{"9999-12-31T23:59:59Z", INT64_C(253402300799000)},
	};
	static const char *const bad[] = {
		"",
		"x",
		"-1",
		"1.5",
		"2026-1-1",
		"2026-02-29",
		"2026-00-10",
		"2026-11-24T",
		"2026-11-24T12:07",
		"2026-11-24T12:07:00",
		"2026-11-24T24:00:00Z",
		"2026-11-24T12:07:60Z",
		"2026-11-24T12:07:00.Z",
		"2026-11-24T12:07:00Zx",
		"2026-11-24T12:07:00+1:00",
		"2026-11-24T12:07:00+24:00",
		"1969-12-31",
		"253402300800",
		"99999999999999999999999",
	};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(time_parse(good[i].text, &ms), 0);
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_true(time_parse(bad[i], &ms) < 0);
}

/* ---- JSON ---- */

static void report_is_as_the_api_says(void **state)
{
	(void)state;
	make_project("demo");
	assert_int_equal(parse("day", NULL, NULL, NULL), 0);
	assert_string_equal(
		run(REPORT_JSON),
		"{\"project_id\":\"demo\",\"period\":\"day\",\"from\":\"2026-11-24T00:00:00Z\","
		"\"to\":\"2026-11-25T00:00:00Z\",\"total_tokens\":1110,\"input_tokens\":111,"
		"\"output_tokens\":222,\"cache_read_tokens\":333,\"cache_creation_tokens\":444,"
		"\"total_cost\":3.234568,\"requests\":1003,\"cache_hits\":100,"
		"\"by_model\":{\"haiku\":{\"tokens\":110,\"cost\":1.234568,\"requests\":1001},"
		"\"claude-opus-4-1\":{\"tokens\":1000,\"cost\":2.000000,\"requests\":2}},"
		"\"budget\":null}");
	assert_int_equal(fakes.query_count, 1);
	assert_string_equal(fakes.queries[0].project, "demo");
}

static void other_grouping_comes_beside_the_models(void **state)
{
	json_t *report;

	(void)state;
	assert_int_equal(parse("day", NULL, NULL, "key"), 0);
	assert_int_equal(query.usage.group, USAGE_BY_KEY);
	run(REPORT_JSON);
	assert_non_null(strstr(text, "\"by_key\":{\"none\":{\"tokens\":5,\"cost\":0.000009,"
				     "\"requests\":3},\"k_1\":{\"tokens\":6,\"cost\":0.000000,"
				     "\"requests\":4}},\"budget\":"));
	report = json_loads(text, 0, NULL);
	assert_int_equal(json_object_size(json_object_get(report, "by_model")), 2);
	json_decref(report);
	assert_int_equal(fakes.query_count, 2);
}

static void report_of_nothing_is_whole(void **state)
{
	json_t *report;

	(void)state;
	fakes.row_count[USAGE_BY_MODEL] = 0;
	assert_int_equal(parse(NULL, NULL, NULL, NULL), 0);
	report = json_loads(run(REPORT_JSON), 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(report, "total_tokens")), 0);
	assert_true(json_is_object(json_object_get(report, "by_model")));
	assert_int_equal(json_object_size(json_object_get(report, "by_model")), 0);
	json_decref(report);
}

static void report_of_all_has_everybodys_budget(void **state)
{
	struct budget_record b = budget_of(SCOPE_GLOBAL, "", WINDOW_TOTAL, 10, -1);

	(void)state;
	make_budget(&b);
	assert_int_equal(report_parse(&query, "", NULL, NULL, NULL, NULL, NOW_MS, &why), 0);
	run(REPORT_JSON);
	assert_non_null(strstr(text, "{\"project_id\":null,"));
	assert_non_null(strstr(text, "\"budget\":{\"limit_tokens\":10,"));
}

static void store_that_fails_is_told(void **state)
{
	(void)state;
	assert_int_equal(parse(NULL, NULL, NULL, NULL), 0);
	fakes.usage_rc = -EIO;
	assert_int_equal(
		report_run(reg, fakes_store(), &query, REPORT_JSON, NULL, done, &ctx_of_test), 0);
	assert_int_equal(calls, 1);
	assert_int_equal(result, -EIO);
	assert_int_equal(
		report_run(reg, fakes_store(), &query, REPORT_CSV, NULL, done, &ctx_of_test), 0);
	assert_int_equal(calls, 2);
	assert_int_equal(result, -EIO);
	fakes.refuse = ERR_STATE;
	assert_int_equal(
		report_run(reg, fakes_store(), &query, REPORT_JSON, NULL, done, &ctx_of_test),
		ERR_STATE);
	assert_int_equal(calls, 2);
}

/* ---- CSV ---- */

static void csv_has_a_header_and_a_line_per_group(void **state)
{
	(void)state;
	assert_int_equal(parse(NULL, NULL, NULL, NULL), 0);
	assert_string_equal(run(REPORT_CSV),
			    "model,requests,errors,cache_hits,input_tokens,output_tokens,"
			    "cache_read_tokens,cache_creation_tokens,thinking_tokens,total_tokens,"
			    "cost_usd\r\n"
			    "haiku,1001,10,100,11,22,33,44,5,110,1.234568\r\n"
			    "claude-opus-4-1,2,1,0,100,200,300,400,0,1000,2.000000\r\n");
}

static void csv_quotes_what_would_break_it(void **state)
{
	static const struct usage_row odd[] = {{"a,\"b\"", {1, 0, 0, 0, 0, 0, 0, 0, 0}}};

	(void)state;
	fakes.rows[USAGE_BY_PROJECT] = odd;
	fakes.row_count[USAGE_BY_PROJECT] = 1;
	assert_int_equal(parse(NULL, NULL, NULL, "project"), 0);
	assert_non_null(strstr(run(REPORT_CSV), "\r\n\"a,\"\"b\"\"\",1,0,"));
}

/* ---- the budget ---- */

static const char *budget_text(struct account_list *list)
{
	struct buf b;

	buf_init(&b, sizeof text - 1);
	report_write_budget(list, clock_wall_ms(), &b);
	memcpy(text, b.data, b.len + 1);
	buf_done(&b);
	return text;
}

static void budget_shows_used_held_and_left(void **state)
{
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_MONTH, 1000, 5000000);
	struct ledger_record line = {.used = {.output_tokens = 100, .cost_micro_usd = 250000}};
	const struct hold_request h = {"r", "m", {1, 1}, {300, 1000000}};
	struct outcome o = {0, 1};
	struct admission a;

	(void)state;
	admit_begin(&a, reg, fakes_store(), make_project("demo"), NULL);
	make_budget(&b);
	assert_int_equal(admit_settle(&a, &line, NULL, outcome_done, &o), 0);
	assert_int_equal(admit_hold(&a, &h, outcome_done, &o, &why), 0);
	fakes_end_all();
	assert_string_equal(
		budget_text(&a.project->budgets),
		"{\"limit_tokens\":1000,\"used_tokens\":100,\"reserved_tokens\":300,"
		"\"remaining_tokens\":600,\"limit_usd\":5.000000,\"used_usd\":0.250000,"
		"\"reserved_usd\":1.000000,\"remaining_usd\":3.750000,\"window\":\"month\","
		"\"resets_at\":\"2026-12-01T00:00:00Z\"}");
	assert_int_equal(admit_settle(&a, &line, NULL, outcome_done, &o), 0);
	fakes_end_all();
	admit_end(&a);
}

static void budget_without_a_limit_or_an_end_has_null_there(void **state)
{
	struct budget_record b = budget_of(SCOPE_GLOBAL, "", WINDOW_TOTAL, 1000, -1);

	(void)state;
	make_budget(&b);
	assert_string_equal(budget_text(registry_global_budgets(reg)),
			    "{\"limit_tokens\":1000,\"used_tokens\":0,\"reserved_tokens\":0,"
			    "\"remaining_tokens\":1000,\"limit_usd\":null,\"used_usd\":0.000000,"
			    "\"reserved_usd\":0.000000,\"remaining_usd\":null,\"window\":\"total\","
			    "\"resets_at\":null}");
}

static void budget_closest_to_its_limit_is_shown(void **state)
{
	static const struct fake_usage usage[] = {{SCOPE_PROJECT, "demo", {QUARTER_MS, 50, 900}}};
	struct budget_record day = budget_of(SCOPE_PROJECT, "demo", WINDOW_DAY, 100, -1);
	struct budget_record month = budget_of(SCOPE_PROJECT, "demo", WINDOW_MONTH, 1000, 1000);
	struct budget_record hour = budget_of(SCOPE_PROJECT, "demo", WINDOW_HOUR, 1, -1);
	struct project *p;

	(void)state;
	fakes.usage = usage;
	fakes.usage_count = 1;
	p = make_project("demo");
	assert_string_equal(budget_text(&p->budgets), "null");
	hour.soft = true; /* refuses nothing, so it is not what a client must look at */
	make_budget(&hour);
	assert_string_equal(budget_text(&p->budgets), "null");
	make_budget(&day);
	assert_non_null(strstr(budget_text(&p->budgets), "\"window\":\"day\""));
	make_budget(&month);
	assert_non_null(strstr(budget_text(&p->budgets), "\"window\":\"month\""));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(period_is_the_present_window),
		TEST(range_is_widened_to_quarters),
		TEST(beginning_alone_goes_on_until_now),
		TEST(end_alone_begins_with_the_period),
		TEST(bad_questions_name_the_field),
		TEST(times_are_read_as_people_write_them),
		TEST(report_is_as_the_api_says),
		TEST(other_grouping_comes_beside_the_models),
		TEST(report_of_nothing_is_whole),
		TEST(report_of_all_has_everybodys_budget),
		TEST(store_that_fails_is_told),
		TEST(csv_has_a_header_and_a_line_per_group),
		TEST(csv_quotes_what_would_break_it),
		TEST(budget_shows_used_held_and_left),
		TEST(budget_without_a_limit_or_an_end_has_null_there),
		TEST(budget_closest_to_its_limit_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
