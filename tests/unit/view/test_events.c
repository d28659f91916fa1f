/* Following and picking are in tests/unit/app/test_app.c: they are of the whole. */
#include <string.h>

#include "tests/unit/test.h"
#include "tests/unit/view/view_support.h"

static struct stage *s;
static void *v;

static int make(void **state)
{
	(void)state;
	s = stage_new("operator");
	v = view_events.create(&s->host);
	return v ? 0 : -1;
}

static int unmake(void **state)
{
	(void)state;
	view_events.free(v);
	stage_free(s);
	return 0;
}

static bool shows(const char *text)
{
	return stage_shows(s, &view_events, v, 120, 30, text);
}

static bool hides(const char *text)
{
	return stage_hides(s, &view_events, v, 120, 30, text);
}

static void log_line(const char *message, json_t *fields)
{
	json_t *event = json_pack("{si ss ss s{ss ss ss so}}", "seq", 2, "at",
				  "2026-11-24T14:02:32.000Z", "topic", "log", "data", "level",
				  "info", "area", "access", "message", message, "fields", fields);

	assert_non_null(event);
	view_events.changed(v, model_take_event(s->model, event, 2000));
	json_decref(event);
}

static void small_sums_are_told_as_people_write_them(void **state)
{
	(void)state;
	log_line("request", json_pack("{sf sf si}", "cost_usd", 4e-06, "share", 0.1, "ms", 997));
	assert_true(shows("cost_usd 0.000004  share 0.1  ms 997"));
	stage_keys(s, &view_events, v, "Enter");
	assert_true(shows("cost_usd         0.000004"));
	assert_true(shows("share            0.1"));
	assert_true(hides("e-0"));
}

static void what_is_copied_is_the_line_that_is_open(void **state)
{
	(void)state;
	log_line("the first", json_object());
	stage_keys(s, &view_events, v, "Enter");
	log_line("the second", json_object());
	assert_true(shows("the first"));
	stage_keys(s, &view_events, v, "y");
	assert_string_equal(s->copied, "line: the first");
	stage_keys(s, &view_events, v, "Esc y");
	assert_string_equal(s->copied, "line: the second");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)
	const struct CMUnitTest tests[] = {
		TEST(small_sums_are_told_as_people_write_them),
		TEST(what_is_copied_is_the_line_that_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
