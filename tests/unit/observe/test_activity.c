/* Requests under way and ended, and figures of them. */
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/json.h"

#include "daemon/observe/activity.h"
#include "daemon/observe/events.h"
#include "daemon/observe/row.h"

#include "tests/unit/test.h"

#define NOW_MS INT64_C(1795516800000) /* 2026-11-24T10:40:00Z */

/* A request that a test serves by hand. */
struct fake {
	struct activity activity;
	struct activity_record record;
	int cancelled;
	bool ending; /* it cannot be cancelled any more */
};

static char told[2048]; /* changes of request events, and their ids */
static struct event_listener watcher;

static void on_event(void *ctx, const struct event *e)
{
	json_t *data = e->text ? row_parse(e->text) : NULL;
	const json_t *row = json_object_get(data, "request");

	(void)ctx;
	if (strcmp(e->topic, "request") == 0)
		snprintf(told + strlen(told), sizeof told - strlen(told), "%s:%s ",
			 json_get_str(data, "change"), json_get_str(row, "id"));
	json_decref(data);
}

static int begin(void **state)
{
	(void)state;
	clock_freeze(1000000000, NOW_MS * 1000);
	activity_reset();
	*told = '\0';
	watcher = (struct event_listener){.event = on_event, .live = true};
	events_listen(&watcher);
	return 0;
}

static int end(void **state)
{
	(void)state;
	events_unlisten(&watcher);
	activity_reset();
	clock_thaw();
	return activity_live_count() != 0;
}

static void record(void *ctx, struct activity_record *to)
{
	struct fake *f = ctx;

	*to = f->record;
}

static bool cancel(void *ctx)
{
	struct fake *f = ctx;

	f->cancelled += !f->ending;
	return !f->ending;
}

static void start(struct fake *f, const char *id)
{
	*f = (struct fake){.activity = {.record = record, .cancel = cancel, .ctx = f},
			   .record = {.held_tokens = -1, .held_micro_usd = -1, .warm = -1}};
	snprintf(f->record.id, sizeof f->record.id, "%s", id);
	snprintf(f->record.outcome, sizeof f->record.outcome, "ok");
	f->record.accepted_ms = clock_wall_ms();
	f->activity.id = f->record.id;
	activity_begin(&f->activity);
}

static void serve(const char *id, const char *project, const char *outcome)
{
	struct fake f;

	start(&f, id);
	snprintf(f.record.project, sizeof f.record.project, "%s", project);
	snprintf(f.record.outcome, sizeof f.record.outcome, "%s", outcome);
	f.record.status = strcmp(outcome, "ok") == 0         ? 200
			  : strcmp(outcome, "upstream") == 0 ? 502
							     : 429;
	activity_end(&f.activity);
}

/* Ids of a list, with spaces between. */
static const char *ids(const struct activity_query *q)
{
	static char text[512];
	json_t *rows = activity_list(q), *row;
	size_t i;

	*text = '\0';
	json_array_foreach(rows, i, row)
	{
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s ",
			 json_get_str(row, "id"));
	}
	json_decref(rows);
	return text;
}

static void a_requests_changes_are_told_in_order(void **state)
{
	struct fake f;

	(void)state;
	start(&f, "a");
	activity_changed(&f.activity, CHANGE_QUEUED);
	activity_changed(&f.activity, CHANGE_DISPATCHED);
	activity_changed(&f.activity, CHANGE_FIRST_TOKEN);
	activity_end(&f.activity);
	assert_string_equal(told, "accepted:a queued:a dispatched:a first_token:a ended:a ");
}

static void after_its_end_nothing_is_told(void **state)
{
	struct fake f;

	(void)state;
	start(&f, "a");
	activity_end(&f.activity);
	*told = '\0';
	activity_end(&f.activity);
	activity_changed(&f.activity, CHANGE_QUEUED);
	assert_string_equal(told, "");
}

static void nobody_watches_nothing_is_told_but_kept(void **state)
{
	(void)state;
	watcher.live = false;
	serve("a", "p", "ok");
	assert_string_equal(told, "");
	assert_string_equal(ids(&(struct activity_query){.ended = true, .count = 9}), "a ");
}

static void lists_are_the_newest_ones_the_oldest_first(void **state)
{
	struct fake f, g;

	(void)state;
	serve("e1", "p", "ok");
	serve("e2", "q", "ok");
	start(&f, "l1");
	serve("e3", "p", "ok");
	start(&g, "l2");
	assert_string_equal(ids(&(struct activity_query){.live = true, .ended = true, .count = 9}),
			    "e1 e2 e3 l1 l2 ");
	assert_string_equal(ids(&(struct activity_query){.live = true, .ended = true, .count = 3}),
			    "e3 l1 l2 ");
	assert_string_equal(ids(&(struct activity_query){.live = true, .count = 1}), "l2 ");
	assert_string_equal(ids(&(struct activity_query){.ended = true, .count = 2}), "e2 e3 ");
	assert_string_equal(
		ids(&(struct activity_query){.ended = true, .count = 9, .project = "p"}), "e1 e3 ");
	assert_string_equal(ids(&(struct activity_query){.live = true, .ended = true}), "");
	activity_end(&f.activity);
	activity_end(&g.activity);
}

static void a_thousand_that_have_ended_are_kept(void **state)
{
	char id[16];
	json_t *rows;

	(void)state;
	for (int i = 0; i < ACTIVITY_ENDED_MAX + 5; i++) {
		snprintf(id, sizeof id, "n%d", i);
		serve(id, "p", "ok");
	}
	rows = activity_list(&(struct activity_query){.ended = true, .count = 5000});
	assert_int_equal(json_array_size(rows), ACTIVITY_ENDED_MAX);
	assert_string_equal(json_get_str(json_array_get(rows, 0), "id"), "n5");
	assert_null(activity_find("n4", 0));
	json_decref(rows);
}

static void one_under_way_is_found_before_those_that_ended(void **state)
{
	struct fake f, g;
	json_t *row;

	(void)state;
	serve("same", "p", "ok");
	start(&f, "same");
	start(&g, "same");
	row = activity_find("same", 0);
	assert_int_equal(json_get_int(row, "number", 0), g.activity.number);
	json_decref(row);
	row = activity_find("same", f.activity.number);
	assert_int_equal(json_get_int(row, "number", 0), f.activity.number);
	assert_string_equal(json_get_str(row, "state"), "preparing");
	json_decref(row);
	row = activity_find("same", f.activity.number - 1);
	assert_string_equal(json_get_str(row, "state"), "ended");
	json_decref(row);
	activity_end(&f.activity);
	activity_end(&g.activity);
}

static void the_one_that_is_cancelled_is_told_by_its_number(void **state)
{
	struct fake f, g;

	(void)state;
	start(&f, "same");
	start(&g, "same");
	assert_int_equal(activity_cancel("same", f.activity.number), f.activity.number);
	assert_int_equal(f.cancelled, 1);
	assert_int_equal(g.cancelled, 0);
	assert_int_equal(activity_cancel("same", 0), g.activity.number);
	assert_int_equal(g.cancelled, 1);
	assert_int_equal(activity_cancel("same", 4711), 0);
	assert_int_equal(activity_cancel("other", 0), 0);
	g.ending = true;
	assert_int_equal(activity_cancel("same", 0), 0);
	activity_end(&f.activity);
	activity_end(&g.activity);
	assert_int_equal(activity_cancel("same", 0), 0);
}

static double stat(const char *member)
{
	json_t *to = json_object();
	double value;

	activity_add_stats(to);
	value = json_get_num(to, member, -1);
	json_decref(to);
	return value;
}

static void shares_are_of_the_last_five_minutes(void **state)
{
	(void)state;
	assert_true(stat("errors_per_cent") == -1);
	for (int i = 0; i < 3; i++)
		serve("a", "p", "ok");
	serve("a", "p", "upstream");
	serve("a", "p", "budget"); /* the client's own */
	clock_advance_ms(1000);
	assert_true(stat("errors_per_cent") == 20);
	for (int i = 0; i < 3; i++)
		serve("a", "p", "plan_limit");
	clock_advance_ms(1000);
	assert_true(stat("errors_per_cent") == 50);
	assert_true(stat("cache_hits_per_cent") == -1);
	clock_advance_ms(ACTIVITY_HISTORY_S * 1000);
	assert_true(stat("errors_per_cent") == -1);
}

static void the_caches_share_counts_those_that_asked_it(void **state)
{
	static const char *const states[] = {"hit", "miss", "miss", "miss", "bypass", NULL};
	struct fake f;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		start(&f, "a");
		f.record.cache = states[i];
		activity_end(&f.activity);
	}
	clock_advance_ms(1000);
	assert_true(stat("cache_hits_per_cent") == 25);
}

static void rates_are_of_whole_seconds_and_of_as_many_as_there_were(void **state)
{
	(void)state;
	serve("a", "p", "ok");
	activity_count_text(400);
	assert_true(stat("requests_per_minute") == 0); /* this second is not over */
	clock_advance_ms(1000);
	assert_true(stat("requests_per_minute") == 60);
	assert_true(stat("tokens_per_second") == 100);
	clock_advance_ms(1000);
	activity_count_text(0);
	assert_true(stat("tokens_per_second") == 50);
	clock_advance_ms(58000);
	assert_true(stat("requests_per_minute") == 1);
	assert_true(stat("tokens_per_second") == 0);
	clock_advance_ms(1000);
	assert_true(stat("requests_per_minute") == 0);
}

static void first_tokens_are_told_by_their_middle_and_their_slowest(void **state)
{
	struct fake f;
	json_t *to = json_object(), *times;

	(void)state;
	for (int i = 1; i <= 100; i++) {
		start(&f, "a");
		f.record.dispatched_ms = f.record.accepted_ms + 1;
		f.record.first_token_ms = f.record.accepted_ms + i;
		activity_end(&f.activity);
	}
	serve("from the cache", "p", "ok");
	activity_add_stats(to);
	times = json_object_get(to, "first_token_ms");
	assert_int_equal(json_get_int(times, "p50", 0), 50);
	assert_int_equal(json_get_int(times, "p95", 0), 95);
	assert_int_equal(json_get_int(times, "count", 0), 100);
	json_decref(to);
	clock_advance_ms(ACTIVITY_HISTORY_S * 1000 + 1);
	to = json_object();
	activity_add_stats(to);
	assert_true(json_is_null(json_object_get(to, "first_token_ms")));
	json_decref(to);
}

static void a_first_token_within_a_millisecond_counts(void **state)
{
	struct fake f;
	json_t *to = json_object(), *times;

	(void)state;
	start(&f, "a");
	f.record.dispatched_ms = f.record.first_token_ms = f.record.accepted_ms;
	activity_end(&f.activity);
	activity_add_stats(to);
	times = json_object_get(to, "first_token_ms");
	assert_int_equal(json_get_int(times, "count", 0), 1);
	assert_int_equal(json_get_int(times, "p95", -1), 0);
	json_decref(to);
}

static void the_history_has_one_number_a_second_and_no_gap(void **state)
{
	json_t *h, *speed, *waiting;

	(void)state;
	activity_tick(3);
	activity_count_text(40);
	clock_advance_ms(2000);
	activity_tick(1);
	clock_advance_ms(1000);
	h = activity_history();
	speed = json_object_get(h, "tokens_per_second");
	waiting = json_object_get(h, "waiting");
	assert_int_equal(json_array_size(speed), 3);
	assert_true(json_number_value(json_array_get(speed, 0)) == 10);
	assert_true(json_number_value(json_array_get(speed, 1)) == 0);
	assert_int_equal(json_integer_value(json_array_get(waiting, 0)), 3);
	assert_int_equal(json_integer_value(json_array_get(waiting, 2)), 1);
	json_decref(h);
	clock_advance_ms(2 * ACTIVITY_HISTORY_S * 1000);
	h = activity_history();
	assert_int_equal(json_array_size(json_object_get(h, "waiting")), ACTIVITY_HISTORY_S - 1);
	json_decref(h);
}

static void progress_has_those_with_text(void **state)
{
	struct fake f, g;
	json_t *rows;

	(void)state;
	start(&f, "a");
	start(&g, "b");
	g.record.output_tokens = 7;
	rows = activity_progress();
	assert_int_equal(json_array_size(rows), 1);
	assert_string_equal(json_get_str(json_array_get(rows, 0), "id"), "b");
	assert_int_equal(json_get_int(json_array_get(rows, 0), "output_tokens", 0), 7);
	json_decref(rows);
	activity_end(&f.activity);
	activity_end(&g.activity);
}

/* Whatever a client has put into a name, the row is JSON. */
static void bytes_that_are_no_utf8_do_not_lose_the_row(void **state)
{
	struct fake f;
	json_t *row;

	(void)state;
	start(&f, "a");
	strcpy(f.record.key_label, "\xff\xfe label");
	strcpy(f.record.error, "\x1b[31m");
	activity_end(&f.activity);
	row = activity_find("a", 0);
	assert_non_null(json_get_str(row, "key_label"));
	assert_string_equal(json_get_str(row, "error"),
			    "\x1b[31m"); /* told as it is: JSON escapes it */
	json_decref(row);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_requests_changes_are_told_in_order),
		T(after_its_end_nothing_is_told),
		T(nobody_watches_nothing_is_told_but_kept),
		T(lists_are_the_newest_ones_the_oldest_first),
		T(a_thousand_that_have_ended_are_kept),
		T(one_under_way_is_found_before_those_that_ended),
		T(the_one_that_is_cancelled_is_told_by_its_number),
		T(shares_are_of_the_last_five_minutes),
		T(the_caches_share_counts_those_that_asked_it),
		T(rates_are_of_whole_seconds_and_of_as_many_as_there_were),
		T(first_tokens_are_told_by_their_middle_and_their_slowest),
		T(a_first_token_within_a_millisecond_counts),
		T(the_history_has_one_number_a_second_and_no_gap),
		T(progress_has_those_with_text),
		T(bytes_that_are_no_utf8_do_not_lose_the_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
