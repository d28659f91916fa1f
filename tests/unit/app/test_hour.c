/* An hour of a busy daemon, by a fake clock: what is known must not grow. */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"

#include "tests/unit/app/app_support.h"
#include "tests/unit/test.h"

enum { SECONDS = 3600, REQUESTS_A_SECOND = 10, SLACK = 64 * 1024 };

static void tell_request(struct app *app, int number, const char *change, const char *more)
{
	char data[512];

	snprintf(data, sizeof data,
		 "{'change':'%s','request':{'id':'req_%08d','project':'chatbot','model':'claude-"
		 "opus-5-5','accepted_at':'2026-11-24T14:02:31.000Z',%s}}",
		 change, number, more);
	app_tell(app, "request", data);
}

static void one_request(struct app *app, int number)
{
	char data[256];
	bool fails = number % 100 == 0;

	tell_request(app, number, "accepted", "'state':'preparing'");
	tell_request(app, number, "dispatched", "'state':'running','worker':1");
	tell_request(app, number, "ended",
		     fails ? "'state':'ended','status':502,'outcome':'upstream','error':'no',"
			     "'ended_at':'2026-11-24T14:02:32.000Z'"
			   : "'state':'ended','status':200,'outcome':'ok'");
	snprintf(data, sizeof data,
		 "{'level':'info','area':'access','message':'request','fields':{'n':%d}}", number);
	app_tell(app, "log", data);
}

static void one_second(struct app *app, int second)
{
	char data[256];

	for (int i = 0; i < REQUESTS_A_SECOND; i++)
		one_request(app, second * REQUESTS_A_SECOND + i);
	snprintf(data, sizeof data, "{'id':%d,'state':'%s'}", second % 50,
		 second % 2 ? "gone" : "starting");
	app_tell(app, "worker", data);
	app_tell(app, "queue", "{'waiting':3,'running':2,'most':100}");
	app_tell(app, "stats", "{'uptime_s':5,'tokens_per_second':412,'waiting':3}");
	clock_advance_ms(1000);
}

static void an_hour_of_events_takes_no_more_memory_than_half_of_it(void **state)
{
	json_t *busy = fixture_load("busy");
	struct app *app = app_fed(busy);
	size_t at_half = 0;

	(void)state;
	for (int second = 0; second < SECONDS; second++) {
		one_second(app, second);
		if (second % 10 == 0) {
			app_show_view(app, second / 10 % view_count);
			app_screen(app, 120, 40);
		}
		if (second == SECONDS / 2) {
			app_show_view(app, 0);
			app_screen(app, 120, 40);
			at_half = mallinfo2().uordblks;
		}
	}
	app_show_view(app, 0);
	app_screen(app, 120, 40);
	assert_true(mallinfo2().uordblks <= at_half + SLACK);
	assert_int_equal(app->model->ended, 1000);
	assert_int_equal(app->model->events.count, MODEL_EVENTS_MAX);
	app_free(app);
	json_decref(busy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_hour_of_events_takes_no_more_memory_than_half_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
