/* Whole screens from fixed snapshots, and what may stand in any field. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"

#include "tests/unit/app/app_support.h"
#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tests/unit/widget/events.h"

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

static void show(const char *view)
{
	app_show_view(app, view_find(view));
	app_golden(app, view);
}

static void overview(void **state)
{
	(void)state;
	show("overview");
}

static void workers(void **state)
{
	(void)state;
	show("workers");
}

static void events(void **state)
{
	(void)state;
	show("events");
}

static void help(void **state)
{
	(void)state;
	show("help");
}

static void detail_of_an_event(void **state)
{
	(void)state;
	app_show_view(app, view_find("events"));
	app_screen(app, 80, 24);
	app_press(app, "Up Up Enter");
	app_golden(app, "event-detail");
}

static void the_daemon_is_gone(void **state)
{
	(void)state;
	app_feed_events.lost(app, "ccapid closed the connection", false, 5000);
	clock_advance_ms(12000 - 10000);
	app_golden(app, "gone");
}

static void not_serving(void **state)
{
	(void)state;
	app_tell(app, "service",
		 "{'state':'not_ready','health':'not_logged_in','detail':'401 from upstream',"
		 "'mend':'claude setup-token, and put the token into claude.token_file'}");
	app_golden(app, "not-serving");
}

static void a_paused_display(void **state)
{
	(void)state;
	app_press(app, "Space");
	app_golden(app, "paused");
}

static void an_error_that_wants_to_be_read(void **state)
{
	(void)state;
	app->host.ops->complain(&app->host,
				"workers scale: the daemon says that this is not possible in the "
				"present state, because it is about to end");
	app_golden(app, "error");
}

/* ---- what peers choose ---- */

static void hurt(json_t **value, uint32_t *seed);

static void hurt_array(json_t *array, uint32_t *seed)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		json_t *item = json_incref(json_array_get(array, i));

		hurt(&item, seed);
		json_array_set_new(array, i, item);
	}
}

static void hurt_object(json_t *object, uint32_t *seed)
{
	const char *name;
	json_t *value;
	void *next;

	json_object_foreach_safe(object, next, name, value)
	{
		json_t *item = json_incref(value);

		/* Times, states and topics are words of the daemon; the others are anybody's. */
		if (strcmp(name, "state") != 0 && strcmp(name, "topic") != 0 &&
		    (strlen(name) < 3 || strcmp(name + strlen(name) - 3, "_at") != 0) &&
		    strcmp(name, "at") != 0)
			hurt(&item, seed);
		json_object_set_new(object, name, item);
	}
}

/* Takes a reference and gives one back: every text is one that hurts, some values are of another
 * type. */
static void hurt(json_t **value, uint32_t *seed)
{
	static char text[12000];
	json_t *old = *value;

	if (json_is_object(old)) {
		hurt_object(old, seed);
	} else if (json_is_array(old)) {
		hurt_array(old, seed);
	} else if (json_is_string(old)) {
		char *clean;

		golden_hostile(seed, text, golden_random(seed) % 8 == 0 ? sizeof text : 40);
		clean = text;
		*value = json_string_nocheck(clean);
		json_decref(old);
	} else if (golden_random(seed) % 6 == 0) {
		*value = golden_random(seed) % 2 ? json_real(-1e300) : json_integer(INT64_MIN);
		json_decref(old);
	}
}

static void hostile_texts_leave_every_screen_intact(void **state)
{
	static const int sizes[][2] = {{80, 24}, {120, 40}, {40, 10}, {200, 60}};
	uint32_t seed = 20261124;

	(void)state;
	for (int round = 0; round < 6; round++) {
		app_free(app);
		hurt(&busy, &seed);
		app = app_fed(busy);
		for (int i = 0; i < view_count; i++) {
			app_show_view(app, i);
			for (size_t s = 0; s < 4; s++)
				app_screen(app, sizes[s][0], sizes[s][1]); /* examines it */
			app_press(app, "Enter");
			app_screen(app, 80, 24);
			app_press(app, "Esc");
		}
		json_decref(busy);
		busy = fixture_load("busy");
	}
}

static void every_size_can_be_drawn(void **state)
{
	(void)state;
	for (int i = 0; i < view_count; i++) {
		app_show_view(app, i);
		for (int width = 1; width < 140; width += 3)
			for (int height = 1; height < 45; height += 4)
				app_screen(app, width, height);
	}
	assert_non_null(strstr(app_screen(app, 39, 10), "small"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(overview),
		TEST(workers),
		TEST(events),
		TEST(help),
		TEST(detail_of_an_event),
		TEST(the_daemon_is_gone),
		TEST(not_serving),
		TEST(a_paused_display),
		TEST(an_error_that_wants_to_be_read),
		TEST(hostile_texts_leave_every_screen_intact),
		TEST(every_size_can_be_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
