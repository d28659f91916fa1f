/* What the application does with keys and with what comes from the daemon. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"

#include "tests/unit/app/app_support.h"
#include "tests/unit/test.h"
#include "tests/unit/widget/events.h"
#include "tui/view/app_keys.h"
#include "tui/widget/pager.h"
#include "tui/widget/table.h"

static json_t *busy;
static struct app *app;

static int make(void **state)
{
	(void)state;
	busy = fixture_load("busy");
	app = app_fed(busy);
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	app_free(app);
	json_decref(busy);
	return 0;
}

static const char *view(void)
{
	return views[app->tabs.current]->name;
}

/* ---- views ---- */

static void keys_and_the_mouse_change_the_view(void **state)
{
	struct event on_second;

	(void)state;
	assert_string_equal(view(), "overview");
	app_press(app, "Tab");
	assert_string_equal(view(), "workers");
	app_press(app, "S-Tab");
	assert_string_equal(view(), "overview");
	app_press(app, "l");
	assert_string_equal(view(), "workers");
	app_press(app, "Left Left");
	assert_string_equal(view(), "help");
	app_press(app, "1");
	assert_string_equal(view(), "overview");
	app_press(app, "?");
	assert_string_equal(view(), "help");
	app_press(app, "1 F1");
	assert_string_equal(view(), "help");
	app_press(app, "1");
	app_screen(app, 120, 40);
	on_second = click(14, 1);
	app_event(app, &on_second);
	assert_string_equal(view(), "workers");
}

static void every_key_means_one_thing(void **state)
{
	size_t row;

	(void)state;
	assert_int_equal(keymap_check(&app_keymap, &row), 0);
	for (int i = 0; i < view_count; i++) {
		if (!views[i]->keymap)
			continue;
		if (keymap_check(views[i]->keymap, &row) != 0)
			fail_msg("%s: %s", views[i]->name, views[i]->keymap->rows[row].keys);
	}
}

static void a_filter_counts_as_one_types_and_belongs_to_its_view(void **state)
{
	(void)state;
	app_press(app, "2 /");
	app_type(app, "analy");
	assert_true(app_shows(app, "opus-5-5"));
	assert_false(app_shows(app, "sonnet-4-5"));
	assert_true(app_shows(app, "1 of 5"));
	app_press(app, "q"); /* is text */
	assert_true(app_shows(app, "0 of 5"));
	app_press(app, "Backspace Enter 1");
	assert_true(app_shows(app, "sonnet-4-5"));
	app_press(app, "2");
	assert_false(app_shows(app, "sonnet-4-5"));
	app_press(app, "Esc");
	assert_true(app_shows(app, "sonnet-4-5"));
}

static void enter_on_a_worker_shows_its_request(void **state)
{
	(void)state;
	if (view_find("requests") < 0)
		skip();
	app_press(app, "2");
	app_screen(app, 120, 40);
	app_press(app, "Down Enter");
	assert_string_equal(view(), "requests");
	assert_true(app_shows(app, "req_8f220"));
	assert_false(app_shows(app, "req_8f21a"));
}

/* ---- pausing ---- */

static void a_paused_display_stands_still_and_goes_on(void **state)
{
	(void)state;
	app_press(app, "2 Space");
	assert_true(app_shows(app, "PAUSED display"));
	assert_true(app_shows(app, "14:02:31 UTC"));
	app_tell(app, "worker", "{'id':1,'state':'gone'}");
	app_tell(app, "worker", "{'id':9,'state':'starting','project':'new-one'}");
	clock_advance_ms(61000);
	assert_true(app_shows(app, "req_8f21a"));
	assert_false(app_shows(app, "new-one"));
	assert_true(app_shows(app, "14:02:31 UTC"));
	app_press(app, "Space");
	assert_false(app_shows(app, "PAUSED display"));
	assert_false(app_shows(app, "req_8f21a"));
	assert_true(app_shows(app, "new-one"));
	assert_true(app_shows(app, "14:03:32 UTC"));
}

static void what_came_in_a_pause_is_there_behind_it(void **state)
{
	(void)state;
	app_show_view(app, view_find("events"));
	app_press(app, "Space");
	app_tell(app, "log", "{'level':'info','area':'x','message':'behind the scenes'}");
	assert_false(app_shows(app, "behind the scenes"));
	app_press(app, "Space");
	assert_true(app_shows(app, "behind the scenes"));
}

static void a_paused_display_says_that_the_daemon_went(void **state)
{
	(void)state;
	app_press(app, "2 Space");
	app_feed_events.lost(app, "ccapid closed the connection", false, 5000);
	assert_true(app_shows(app, "No daemon since"));
	assert_true(app_shows(app, "PAUSED display"));
	assert_true(app_shows(app, "req_8f21a"));
	assert_false(host_may(&app->host, "workers.restart"));
	app_press(app, "R");
	assert_true(app_shows(app, "nothing can be done now"));
	app_press(app, "Esc Space");
	assert_false(app_shows(app, "req_8f21a"));
}

/* ---- the link ---- */

static void nothing_old_is_shown_while_the_daemon_is_gone(void **state)
{
	(void)state;
	app_feed_events.lost(app, "cannot reach ccapid at /run/x\nit may be down", false, 3000);
	assert_true(app_shows(app, "No daemon since 14:02:31 (0.0 s), next try in 3.0 s"));
	assert_true(app_shows(app, "cannot reach ccapid at /run/x"));
	for (int i = 0; i < view_count; i++) {
		app_show_view(app, i);
		assert_false(app_shows(app, "req_8f21a"));
		assert_false(app_shows(app, "of 5 busy"));
		assert_false(app_shows(app, "412 tok/s"));
		assert_false(app_shows(app, "9.40 M"));
		assert_false(app_shows(app, "serving"));
	}
	clock_advance_ms(4000);
	assert_true(app_shows(app, "(4.0 s), trying"));
	app_feed_events.hello(app, "0.1.0", 1, RIGHT_ADMIN);
	app_feed_events.snapshot(app, json_object_get(busy, "snapshot"));
	assert_false(app_shows(app, "No daemon"));
	app_press(app, "1");
	assert_true(app_shows(app, "3 of 5 busy"));
}

static void another_protocol_is_the_end_of_trying(void **state)
{
	(void)state;
	app_feed_events.lost(app, "ccapitop speaks 1, ccapid 2", true, 0);
	assert_true(app_shows(app, "no further try: ccapitop speaks 1, ccapid 2"));
}

static void before_the_first_snapshot_it_says_that_it_connects(void **state)
{
	(void)state;
	app_free(app);
	app = app_fed(NULL);
	assert_true(app_shows(app, "Connecting to ccapid"));
	assert_false(app_shows(app, "busy"));
}

static void a_resync_is_among_the_events(void **state)
{
	json_t *snapshot = json_deep_copy(json_object_get(busy, "snapshot"));

	(void)state;
	json_object_set_new(snapshot, "lost", json_integer(41));
	app_feed_events.snapshot(app, snapshot);
	app_show_view(app, view_find("events"));
	assert_true(app_shows(app, "41 events were lost"));
	json_decref(snapshot);
}

/* ---- the state of the service ---- */

static void what_is_wrong_is_said_with_what_mends_it(void **state)
{
	(void)state;
	app_tell(app, "service",
		 "{'state':'not_ready','health':'cli_too_old','detail':'2.0.1',"
		 "'mend':'claude update'}");
	assert_true(app_shows(app, "Not serving, cli too old: 2.0.1"));
	assert_true(app_shows(app, "What mends it: claude update"));
	app_tell(app, "service", "{'state':'paused','health':'ready','detail':null,'mend':null}");
	assert_true(app_shows(app, "The queue is paused"));
	app_tell(app, "service", "{'state':'draining','health':'ready'}");
	assert_true(app_shows(app, "takes no new requests"));
	app_tell(app, "service", "{'state':'serving','health':'ready'}");
	assert_false(app_shows(app, "Not serving"));
}

static void a_start_that_is_waited_for_is_a_row(void **state)
{
	(void)state;
	assert_true(app_shows(app, "restarting (exit 1, attempt 2, next in 4.0 s)"));
	clock_advance_ms(1000);
	assert_true(app_shows(app, "next in 3.0 s"));
}

/* ---- actions ---- */

static void who_may_only_read_is_told_which_right_is_missing(void **state)
{
	(void)state;
	app_feed_events.hello(app, "0.1.0", 1, RIGHT_READ);
	app_press(app, "2 R");
	assert_false(actions_is_open(app->actions));
	assert_true(
		app_shows(app, "workers restart needs the right operate; you have the right read"));
	app_press(app, "Esc D");
	assert_true(app_shows(app, "drain needs the right admin"));
	app_press(app, "Esc P");
	assert_true(app_shows(app, "pause needs the right operate"));
}

static void actions_name_what_will_happen(void **state)
{
	(void)state;
	app_press(app, "2 R");
	assert_true(actions_is_open(app->actions));
	assert_true(app_shows(app, "Restart worker 1"));
	assert_true(app_shows(app, "req_8f21a of chatbot for 6.2 s now"));
	app_press(app, "Esc d");
	assert_true(app_shows(app, "Drain worker 1"));
	app_press(app, "Esc +");
	assert_true(app_shows(app, "More workers"));
	assert_true(app_shows(app, "6"));
	app_press(app, "Esc D");
	assert_true(app_shows(app, "Drain ccapid"));
	assert_true(app_shows(app, "3 busy workers"));
	app_press(app, "Esc P");
	assert_true(app_shows(app, "when 100 wait"));
	app_press(app, "Esc q");
	assert_true(app->closing); /* no box took the last key */
}

static void what_came_of_an_action_is_of_its_view(void **state)
{
	(void)state;
	app->host.ops->say(&app->host, STYLE_OK, "that was done");
	assert_true(app_shows(app, "that was done"));
	app_press(app, "2");
	assert_false(app_shows(app, "that was done"));
	app->host.ops->complain(&app->host, "that went wrong");
	app_press(app, "3");
	assert_true(app_shows(app, "that went wrong"));
}

/* ---- events ---- */

static void the_end_of_the_events_is_followed_until_one_leaves_it(void **state)
{
	char data[128];

	(void)state;
	app_show_view(app, view_find("events"));
	for (int i = 0; i < 100; i++) {
		snprintf(data, sizeof data,
			 "{'level':'info','area':'x','message':'line number %d.'}", i);
		app_tell(app, "log", data);
	}
	assert_true(app_shows(app, "line number 99."));
	assert_true(app_shows(app, "following"));
	app_press(app, "PgUp");
	assert_false(app_shows(app, "following"));
	assert_true(app_shows(app, "line number 68."));
	app_tell(app, "log", "{'level':'info','area':'x','message':'line number 100.'}");
	assert_false(app_shows(app, "line number 100."));
	app_press(app, "f");
	assert_true(app_shows(app, "line number 100."));
}

static void events_are_picked_by_level_and_kind(void **state)
{
	(void)state;
	app_show_view(app, view_find("events"));
	app_tell(app, "key", "{'action':'revoke','id':'k_12345678'}");
	assert_true(app_shows(app, "action revoke  id k_12345678"));
	assert_true(app_shows(app, "2 wait"));
	app_press(app, "v"); /* info and above */
	assert_false(app_shows(app, "2 wait"));
	app_press(app, "v v"); /* errors */
	assert_true(app_shows(app, "overloaded twice"));
	assert_false(app_shows(app, "exit 1"));
	app_press(app, "v t"); /* all, of the log */
	assert_true(app_shows(app, "2 wait"));
	assert_false(app_shows(app, "k_12345678"));
	app_press(app, "t"); /* events */
	assert_false(app_shows(app, "2 wait"));
	assert_true(app_shows(app, "k_12345678"));
}

static void a_filter_of_events_looks_into_fields_too(void **state)
{
	(void)state;
	app_show_view(app, view_find("events"));
	app_press(app, "/");
	app_type(app, "8f1f0");
	assert_true(app_shows(app, "overloaded twice"));
	assert_true(app_shows(app, "1 of 5"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_and_the_mouse_change_the_view),
		TEST(every_key_means_one_thing),
		TEST(a_filter_counts_as_one_types_and_belongs_to_its_view),
		TEST(enter_on_a_worker_shows_its_request),
		TEST(a_paused_display_stands_still_and_goes_on),
		TEST(what_came_in_a_pause_is_there_behind_it),
		TEST(a_paused_display_says_that_the_daemon_went),
		TEST(nothing_old_is_shown_while_the_daemon_is_gone),
		TEST(another_protocol_is_the_end_of_trying),
		TEST(before_the_first_snapshot_it_says_that_it_connects),
		TEST(a_resync_is_among_the_events),
		TEST(what_is_wrong_is_said_with_what_mends_it),
		TEST(a_start_that_is_waited_for_is_a_row),
		TEST(who_may_only_read_is_told_which_right_is_missing),
		TEST(actions_name_what_will_happen),
		TEST(what_came_of_an_action_is_of_its_view),
		TEST(the_end_of_the_events_is_followed_until_one_leaves_it),
		TEST(events_are_picked_by_level_and_kind),
		TEST(a_filter_of_events_looks_into_fields_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
