#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "tests/unit/test.h"
#include "tui/model/model.h"

static struct model *m;

#define SNAPSHOT                                                                                   \
	"{'seq':5,'at':'2026-11-24T12:00:00.000Z','status':{'state':'serving','version':'0.9',"    \
	"'pool':{'health':'ready','workers':{'most':5}},'queue':{'waiting':0}},"                   \
	"'history':{'tokens_per_second':[1,2,null],'waiting':[0]},"                                \
	"'workers':[{'id':1,'state':'busy','rss_bytes':10},{'id':2,'state':'ready'}],"             \
	"'requests':{'live':[{'id':'r3','state':'running','output_tokens':1}],"                    \
	"'recent':[{'id':'r1','state':'ended','outcome':'ok'},"                                    \
	"{'id':'r2','state':'ended','outcome':'timeout'}]},"                                       \
	"'logs':[{'at':'2026-11-24T11:59:59.000Z','level':'info','message':'one'}]}"

/* JSON with ' for ". */
static json_t *read_json(const char *text)
{
	char *copy = strdup(text);
	json_t *value;

	for (char *at = copy; *at; at++)
		if (*at == '\'')
			*at = '"';
	value = json_loads(copy, JSON_DECODE_ANY, NULL);
	assert_non_null(value);
	free(copy);
	return value;
}

static unsigned take_snapshot(const char *text)
{
	json_t *snapshot = read_json(text);
	unsigned changed = model_take_snapshot(m, snapshot, 1000);

	json_decref(snapshot);
	return changed;
}

static unsigned take_event(const char *topic, const char *data)
{
	json_t *event = json_pack("{si ss ss so}", "seq", 6, "at", "2026-11-24T12:00:01.000Z",
				  "topic", topic, "data", read_json(data));
	unsigned changed = model_take_event(m, event, 2000);

	json_decref(event);
	return changed;
}

static unsigned stale_by(const char *topic, const char *data)
{
	json_t *event = json_pack("{ss so}", "topic", topic, "data", read_json(data));
	unsigned parts = model_stale_by(event);

	json_decref(event);
	return parts;
}

static int make(void **state)
{
	(void)state;
	m = model_new();
	assert_non_null(m);
	take_snapshot(SNAPSHOT);
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	model_free(m);
	return 0;
}

static const char *newest_event(const char *member)
{
	const json_t *row = m->events.items[m->events.count - 1];
	const char *text = json_get_str(json_object_get(row, "data"), member);

	return text ? text : "";
}

/* ---- snapshots ---- */

static void a_snapshot_is_all_that_is_known(void **state)
{
	(void)state;
	assert_int_equal(m->link, LINK_LIVE);
	assert_string_equal(m->version, "0.9");
	assert_int_equal(m->workers.count, 2);
	assert_int_equal(m->requests.count, 3);
	assert_int_equal(m->events.count, 1);
	assert_int_equal(m->tokens_per_second.count, 3);
	assert_true(ring_at(&m->tokens_per_second, 1) == 2);
	assert_true(ring_at(&m->tokens_per_second, 2) != ring_at(&m->tokens_per_second, 2));
	assert_int_equal(model_now_ms(m, 1000), INT64_C(1795521600000));
	assert_true(m->have & PART_WORKERS && !(m->have & PART_KEYS));
}

static void a_resync_replaces_it_and_repeats_no_line_of_the_log(void **state)
{
	(void)state;
	take_snapshot("{'at':'2026-11-24T12:00:09.000Z','status':{},'workers':[],'lost':41,"
		      "'logs':[{'at':'2026-11-24T11:59:59.000Z','message':'one'},"
		      "{'at':'2026-11-24T12:00:03.000Z','message':'two'}]}");
	assert_int_equal(m->workers.count, 0);
	assert_int_equal(m->requests.count, 0);
	assert_int_equal(m->events.count, 3); /* one, the remark on the gap, two */
	assert_string_equal(newest_event("message"), "two");
	assert_non_null(strstr(json_get_str(json_object_get(m->events.items[1], "data"), "message"),
			       "41 events"));
}

static void surprises_in_a_snapshot_are_passed_over(void **state)
{
	(void)state;
	take_snapshot("{}");
	take_snapshot("{'status':7,'workers':{'id':1},'requests':[1],'history':'x','logs':[1,{}]}");
	assert_int_equal(m->workers.count, 0);
	assert_int_equal(m->requests.count, 0);
	take_event("queue", "{'waiting':1}");
	assert_int_equal(json_get_int(json_object_get(m->status, "queue"), "waiting", -1), 1);
}

static void when_it_is_lost_nothing_is_left_but_the_past(void **state)
{
	(void)state;
	take_event("stats", "{'tokens_per_second':5}");
	assert_true(model_lost(m, LINK_LOST, "gone", 5000) & PART_LINK);
	assert_int_equal(m->link, LINK_LOST);
	assert_string_equal(m->link_words, "gone");
	assert_int_equal(m->lost_at_ms, 5000);
	assert_null(m->status);
	assert_null(m->stats);
	assert_int_equal(m->workers.count + m->requests.count, 0);
	assert_int_equal(m->tokens_per_second.count, 0);
	assert_int_equal(m->have, 0);
	assert_int_equal(m->events.count, 2);
	assert_string_equal(newest_event("level"), "error");
	/* Further failures are of the same loss. */
	model_lost(m, LINK_LOST, "still gone", 6000);
	assert_int_equal(m->lost_at_ms, 5000);
	assert_int_equal(m->events.count, 2);
	take_snapshot(SNAPSHOT);
	assert_int_equal(m->lost_at_ms, 0);
	assert_string_equal(newest_event("message"), "the daemon is heard again");
}

/* A sum of such numbers would overflow. */
static void any_number_of_lost_events_is_told(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		take_snapshot("{'at':'2026-11-24T12:00:09.000Z','status':{},"
			      "'lost':9223372036854775807}");
	assert_non_null(strstr(newest_event("message"), "9223372036854775807 events"));
}

/* ---- events ---- */

static void workers_come_change_and_go(void **state)
{
	(void)state;
	assert_int_equal(take_event("worker", "{'id':3,'state':'starting'}"), PART_WORKERS);
	assert_int_equal(m->workers.count, 3);
	take_event("worker", "{'id':1,'state':'ready'}");
	assert_string_equal(json_get_str(rows_find(&m->workers, "1"), "state"), "ready");
	take_event("worker", "{'id':1,'state':'gone','why':'exit 1'}");
	assert_null(rows_find(&m->workers, "1"));
	assert_int_equal(m->workers.count, 2);
	take_event("worker", "{'state':'ready'}");
	assert_int_equal(m->workers.count, 2);
}

static void requests_follow_their_events(void **state)
{
	(void)state;
	assert_int_equal(take_event("request", "{'change':'accepted','request':{'id':'r4',"
					       "'state':'preparing'}}"),
			 PART_REQUESTS);
	assert_int_equal(m->requests.count, 4);
	take_event("request", "{'change':'ended','request':{'id':'r4','state':'ended',"
			      "'outcome':'ok'}}");
	assert_string_equal(json_get_str(rows_find(&m->requests, "r4"), "state"), "ended");
	assert_int_equal(m->ended, 3);
	assert_int_equal(m->events.count, 1);
	take_event("request", "{'change':'ended','request':{'id':'r3','state':'ended',"
			      "'outcome':'upstream'}}");
	assert_int_equal(m->events.count, 2); /* what went wrong is among the events */
	take_event("request", "{'request':7}");
	take_event("request", "{}");
	assert_int_equal(m->requests.count, 4);
}

/* Clients choose ids, and may choose one twice. */
static void requests_with_one_id_are_told_apart_by_their_numbers(void **state)
{
	json_t *worker = json_pack("{si ss}", "id", 2, "request", "same");

	(void)state;
	take_event("request", "{'request':{'id':'same','number':11,'state':'running','worker':1}}");
	take_event("request", "{'request':{'id':'same','number':12,'state':'running','worker':2}}");
	take_event("request", "{'request':{'id':'same','number':13,'state':'queued'}}");
	assert_int_equal(m->requests.count, 6);
	take_event("stats", "{'requests':[{'id':'same','number':11,'output_tokens':7}]}");
	assert_int_equal(json_get_int(rows_find(&m->requests, "11"), "output_tokens", -1), 7);
	assert_int_equal(json_get_int(rows_find(&m->requests, "12"), "output_tokens", -1), -1);
	assert_ptr_equal(model_request_of(m, worker), rows_find(&m->requests, "12"));
	take_event("request", "{'request':{'id':'same','number':12,'state':'ended',"
			      "'outcome':'ok','worker':2}}");
	assert_int_equal(m->ended, 3);
	assert_ptr_equal(model_request_of(m, worker), rows_find(&m->requests, "12"));
	json_object_set_new(worker, "id", json_integer(9));
	assert_null(model_request_of(m, worker));
	json_decref(worker);
}

static void end_requests(int from, int to)
{
	char data[160];

	for (int i = from; i < to; i++) {
		snprintf(data, sizeof data,
			 "{'request':{'id':'x%d','state':'ended','outcome':'ok'}}", i);
		take_event("request", data);
	}
}

static void the_oldest_ended_go_and_live_ones_stay(void **state)
{
	(void)state;
	end_requests(0, 1500);
	assert_int_equal(m->ended, 1000);
	assert_int_equal(m->requests.count, 1001);
	assert_non_null(rows_find(&m->requests, "r3"));
	assert_null(rows_find(&m->requests, "x499"));
	assert_non_null(rows_find(&m->requests, "x500"));
}

static void many_live_ones_take_the_room_of_ended_ones(void **state)
{
	char data[160];

	(void)state;
	end_requests(0, 1000);
	for (int i = 0; i < 500; i++) {
		snprintf(data, sizeof data, "{'request':{'id':'l%d','state':'queued'}}", i);
		take_event("request", data);
	}
	assert_int_equal(m->requests.count, MODEL_REQUESTS_MAX);
	assert_int_equal(m->ended, MODEL_REQUESTS_MAX - 501);
	assert_non_null(rows_find(&m->requests, "l0"));
	assert_non_null(rows_find(&m->requests, "r3"));
}

static void status_follows_queue_plan_and_service(void **state)
{
	(void)state;
	assert_int_equal(take_event("queue", "{'waiting':7,'paused':true}"), PART_STATUS);
	assert_true(json_get_true(json_object_get(m->status, "queue"), "paused"));
	assert_true(take_event("plan", "{'status':'warning'}") & PART_STATUS);
	assert_string_equal(json_get_str(json_object_get(m->status, "plan"), "status"), "warning");
	take_event("service", "{'state':'not_ready','health':'not_logged_in','mend':'log in'}");
	assert_string_equal(json_get_str(m->status, "state"), "not_ready");
	assert_string_equal(json_get_str(json_object_get(m->status, "pool"), "health"),
			    "not_logged_in");
	assert_string_equal(json_get_str(json_object_get(m->status, "pool"), "mend"), "log in");
	assert_non_null(json_object_get(json_object_get(m->status, "pool"), "workers"));
	assert_string_equal(json_get_str(m->status, "version"), "0.9");
}

static void figures_reach_the_rows_they_are_of(void **state)
{
	unsigned changed;

	(void)state;
	changed = take_event("stats", "{'tokens_per_second':3,'waiting':2,"
				      "'workers':[{'id':1,'rss_bytes':99},{'id':8,'rss_bytes':1}],"
				      "'requests':[{'id':'r3','output_tokens':40}]}");
	assert_int_equal(changed, PART_STATS | PART_WORKERS | PART_REQUESTS);
	assert_int_equal(json_get_int(rows_find(&m->workers, "1"), "rss_bytes", 0), 99);
	assert_int_equal(json_get_int(rows_find(&m->requests, "r3"), "output_tokens", 0), 40);
	assert_int_equal(m->workers.count, 2);
	assert_int_equal(m->tokens_per_second.count, 4);
	assert_true(ring_at(&m->waiting, 1) == 2);
	assert_int_equal(take_event("stats", "{'workers':[{'id':1,'rss_bytes':99}],'requests':3}"),
			 PART_STATS);
}

static void a_copy_does_not_move(void **state)
{
	struct model *copy = model_copy(m);

	(void)state;
	assert_non_null(copy);
	take_event("stats", "{'requests':[{'id':'r3','output_tokens':40}]}");
	take_event("worker", "{'id':1,'state':'gone'}");
	take_event("queue", "{'waiting':9}");
	model_lost(m, LINK_LOST, "gone", 1);
	assert_int_equal(json_get_int(rows_find(&copy->requests, "r3"), "output_tokens", 0), 1);
	assert_non_null(rows_find(&copy->workers, "1"));
	assert_int_equal(json_get_int(json_object_get(copy->status, "queue"), "waiting", -1), 0);
	assert_int_equal(copy->link, LINK_LIVE);
	model_free(copy);
}

static void events_of_no_use_change_nothing(void **state)
{
	json_t *none = read_json("{'topic':'worker'}"), *array = read_json("[1]");

	(void)state;
	assert_int_equal(model_take_event(m, none, 1), 0);
	assert_int_equal(model_take_event(m, array, 1), 0);
	assert_int_equal(model_take_event(m, NULL, 1), 0);
	assert_int_equal(m->events.count, 1);
	assert_int_equal(take_event("something_new", "{'x':1}"), PART_EVENTS);
	json_decref(none);
	json_decref(array);
}

/* ---- what is asked for ---- */

static void answers_fill_their_lists(void **state)
{
	json_t *answer = read_json("{'budgets':[{'window':'day'}],'keys':[{'id':'k'}],'x':1}");
	json_t *workers = read_json("{'workers':[{'id':9}],'pool':{'health':'failing'}}");

	(void)state;
	assert_int_equal(model_take_answer(m, PART_CLOSEST, answer), PART_CLOSEST);
	assert_int_equal(m->closest.count, 1);
	assert_int_equal(m->budgets.count, 0);
	model_take_answer(m, PART_KEYS, answer);
	assert_int_equal(m->keys.count, 1);
	model_take_answer(m, PART_TODAY, answer);
	assert_int_equal(json_get_int(m->today, "x", 0), 1);
	assert_true(m->have & PART_CLOSEST && m->have & PART_KEYS && m->have & PART_TODAY);
	assert_int_equal(model_take_answer(m, PART_WORKERS, workers), PART_WORKERS | PART_STATUS);
	assert_int_equal(m->workers.count, 1);
	assert_string_equal(json_get_str(json_object_get(m->status, "pool"), "health"), "failing");
	model_lost(m, LINK_LOST, "gone", 1);
	assert_int_equal(model_take_answer(m, PART_KEYS, answer), 0); /* of a link before */
	json_decref(answer);
	json_decref(workers);
}

static void every_list_has_its_method(void **state)
{
	static const struct {
		enum model_part part;
		const char *method, *params;
	} wanted[] = {{PART_PROJECTS, "projects.list", NULL},
		      {PART_BUDGETS, "budgets.list", NULL},
		      {PART_KEYS, "keys.list", NULL},
		      {PART_LIMITS, "limits.show", NULL},
		      {PART_ROUTING, "routing.show", NULL},
		      {PART_TODAY, "usage", "{\"period\": \"day\"}"},
		      {PART_CLOSEST, "budgets.list", "{\"closest\": 10}"},
		      {PART_EVENTS, NULL, NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		json_t *params;
		const char *method = model_method(wanted[i].part, &params);
		char *text = params ? json_dumps(params, 0) : NULL;

		assert_true(method == wanted[i].method || strcmp(method, wanted[i].method) == 0);
		assert_true(text == wanted[i].params || strcmp(text, wanted[i].params) == 0);
		free(text);
		json_decref(params);
	}
}

static void events_say_what_has_become_old(void **state)
{
	(void)state;
	assert_int_equal(stale_by("key", "{}"), PART_KEYS | PART_PROJECTS);
	assert_true(stale_by("project", "{}") & PART_PROJECTS);
	assert_int_equal(stale_by("budget", "{}"), PART_BUDGETS | PART_CLOSEST);
	assert_true(stale_by("limit", "{}") & PART_LIMITS);
	assert_int_equal(stale_by("override", "{}"), PART_ROUTING);
	assert_true((stale_by("reload", "{}") & (PART_KEYS | PART_ROUTING | PART_STATUS)) ==
		    (PART_KEYS | PART_ROUTING | PART_STATUS));
	assert_int_equal(stale_by("worker", "{'state':'gone'}"), PART_WORKERS);
	assert_int_equal(stale_by("worker", "{'state':'busy'}"), 0);
	assert_int_equal(stale_by("request", "{}"), 0);
	assert_int_equal(model_stale_by(NULL), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_snapshot_is_all_that_is_known),
		TEST(a_resync_replaces_it_and_repeats_no_line_of_the_log),
		TEST(surprises_in_a_snapshot_are_passed_over),
		TEST(when_it_is_lost_nothing_is_left_but_the_past),
		TEST(workers_come_change_and_go),
		TEST(any_number_of_lost_events_is_told),
		TEST(requests_follow_their_events),
		TEST(requests_with_one_id_are_told_apart_by_their_numbers),
		TEST(the_oldest_ended_go_and_live_ones_stay),
		TEST(many_live_ones_take_the_room_of_ended_ones),
		TEST(status_follows_queue_plan_and_service),
		TEST(figures_reach_the_rows_they_are_of),
		TEST(a_copy_does_not_move),
		TEST(events_of_no_use_change_nothing),
		TEST(answers_fill_their_lists),
		TEST(every_list_has_its_method),
		TEST(events_say_what_has_become_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
