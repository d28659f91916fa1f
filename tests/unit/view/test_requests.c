#include <string.h>

#include "tests/unit/test.h"
#include "tests/unit/view/view_support.h"
#include "tui/view/request_facts.h"

static struct stage *s;
static void *v;

static int make(void **state)
{
	(void)state;
	s = stage_new("operator");
	v = view_requests.create(&s->host);
	return v ? 0 : -1;
}

static int unmake(void **state)
{
	(void)state;
	view_requests.free(v);
	stage_free(s);
	return 0;
}

static void press(const char *keys)
{
	stage_keys(s, &view_requests, v, keys);
}

static bool shows(const char *text)
{
	return stage_shows(s, &view_requests, v, 120, 30, text);
}

static bool hides(const char *text)
{
	return stage_hides(s, &view_requests, v, 120, 30, text);
}

static void tell(const char *change, json_t *request)
{
	json_t *event = json_pack("{si ss ss s{ss so}}", "seq", 2, "at", "2026-11-24T14:02:32.000Z",
				  "topic", "request", "data", "change", change, "request", request);

	assert_non_null(event);
	view_requests.changed(v, model_take_event(s->model, event, 2000));
	json_decref(event);
}

static json_t *known(const char *id)
{
	const json_t *row = rows_find(&s->model->requests, id);

	assert_non_null(row);
	return json_copy((json_t *)row);
}

#define CHATBOT "req_8f21a0c4d2e94b7fa1"
#define ANALYZER "req_8f2201b7c3a94f08bb"
#define QUEUED "req_8f22400000000000cc"
#define FAILED "req_8f1f00000000000011"

static void requests_fit_every_size(void **state)
{
	(void)state;
	stage_golden(s, &view_requests, v, "requests");
}

static void a_request_is_shown_in_full(void **state)
{
	(void)state;
	press("Down Down Down Enter");
	assert_true(shows(ANALYZER));
	stage_golden(s, &view_requests, v, "request-running");
	press("Esc Down Enter");
	assert_true(shows(FAILED));
	stage_golden(s, &view_requests, v, "request-failed");
	press("Esc Up Up Enter");
	press("Esc Home Down Enter");
	stage_golden(s, &view_requests, v, "request-queued");
}

static void live_ones_are_first_the_newest_on_top(void **state)
{
	static const char *const order[] = {
		"req_8f2235aa00000000aa", QUEUED, CHATBOT, ANALYZER, FAILED,
		"req_8f1e00000000000022"};

	(void)state;
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		press("y");
		assert_string_equal(s->copied + strlen("id: "), order[i]);
		press("Down");
	}
}

static void one_that_ends_goes_to_the_ended_ones(void **state)
{
	json_t *request = known(CHATBOT);

	(void)state;
	json_object_set_new(request, "state", json_string("ended"));
	json_object_set_new(request, "outcome", json_string("ok"));
	json_object_set_new(request, "ended_at", json_string("2026-11-24T14:02:31.500Z"));
	tell("ended", request);
	press("Home Down Down Down y");
	assert_string_equal(s->copied, "id: " CHATBOT);
}

static void the_selection_stays_on_its_request(void **state)
{
	json_t *request = known(CHATBOT);

	(void)state;
	press("Down Down y");
	assert_string_equal(s->copied, "id: " CHATBOT);
	json_object_set_new(request, "id", json_string("req_new"));
	json_object_set_new(request, "accepted_at", json_string("2026-11-24T14:02:31.900Z"));
	tell("accepted", request);
	press("y");
	assert_string_equal(s->copied, "id: " CHATBOT);
	assert_true(shows("req_new"));
}

static void a_request_is_cancelled_after_a_question(void **state)
{
	(void)state;
	press("Down Down Down c");
	assert_true(shows("Cancel " ANALYZER));
	assert_true(shows("of analyzer ends now"));
	assert_int_equal(s->sent_count, 0);
	press("Enter");
	stage_expect(s, "requests.cancel", "{\"id\":\"" ANALYZER "\"}");
	stage_answer(s, json_object());
	assert_string_equal(s->said, "request " ANALYZER " cancelled");
}

static void its_worker_is_restarted_after_a_question(void **state)
{
	(void)state;
	press("Down Down Down w");
	assert_true(shows("Restart worker w2"));
	press("Enter");
	stage_expect(s, "workers.restart", "{\"id\":2}");
	stage_answer(s, json_object());
	assert_string_equal(s->said, "worker w2 restarted");
}

static void actions_in_the_detail_are_about_its_request(void **state)
{
	json_t *request = known(CHATBOT);

	(void)state;
	press("Down Down Down Enter");
	/* What is selected in the table behind it does not count. */
	json_object_set_new(request, "id", json_string("req_new"));
	json_object_set_new(request, "accepted_at", json_string("2026-11-24T14:02:31.900Z"));
	tell("accepted", request);
	press("c Enter");
	stage_expect(s, "requests.cancel", "{\"id\":\"" ANALYZER "\"}");
}

/* Their ids are the clients' own: here two have the same. */
static void of_two_with_one_id_the_chosen_one_is_cancelled(void **state)
{
	json_t *first = known(ANALYZER), *second;

	(void)state;
	json_object_set_new(first, "id", json_string("same"));
	json_object_set_new(first, "accepted_at", json_string("2026-11-24T14:02:31.900Z"));
	second = json_copy(first);
	json_object_set_new(first, "number", json_integer(71));
	json_object_set_new(second, "number", json_integer(72));
	json_object_set_new(second, "project", json_string("the-other-one"));
	tell("accepted", first);
	tell("accepted", second);
	press("Down Enter");
	assert_true(shows("analyzer"));
	assert_true(hides("the-other-one"));
	press("c Enter");
	stage_expect(s, "requests.cancel", "{\"id\":\"same\",\"number\":71}");
	stage_answer(s, json_object());
	press("Esc Up Enter");
	assert_true(shows("the-other-one"));
	press("c Enter");
	stage_expect(s, "requests.cancel", "{\"id\":\"same\",\"number\":72}");
	stage_answer(s, json_object());
}

static void what_has_ended_is_not_cancelled(void **state)
{
	(void)state;
	press("End c");
	assert_int_equal(s->sent_count, 0);
	assert_string_equal(s->said, "the request has ended already");
	press("Home Down w"); /* it waits in the queue */
	assert_string_equal(s->said, "no worker serves the request");
	assert_false(actions_is_open(s->actions));
}

static void a_reader_may_not(void **state)
{
	(void)state;
	s->model->right = RIGHT_READ;
	for (size_t i = 0; i < view_requests.keymap->count; i++) {
		const struct binding *row = &view_requests.keymap->rows[i];
		bool changes = strchr("cw", row->keys[0]) != NULL;

		assert_int_equal(view_requests.enabled(v, row->action), !changes);
	}
	press("c");
	assert_int_equal(s->complaints, 1);
	assert_int_equal(s->sent_count, 0);
}

static void the_detail_follows_what_happens(void **state)
{
	json_t *request = known(ANALYZER);

	(void)state;
	press("Down Down Down Enter");
	assert_true(shows("out 803 (estimated)"));
	assert_true(shows("$0.071 so far"));
	json_object_set_new(request, "state", json_string("ended"));
	json_object_set_new(request, "outcome", json_string("timeout"));
	json_object_set_new(request, "status", json_integer(504));
	json_object_set_new(request, "error", json_string("took too long"));
	json_object_set_new(request, "ended_at", json_string("2026-11-24T14:02:40.120Z"));
	json_object_set_new(request, "output_tokens", json_integer(1200));
	json_object_set_new(request, "output_estimated", json_false());
	tell("ended", request);
	assert_true(shows("out 1,200"));
	assert_true(shows("timeout, HTTP status 504"));
	assert_true(shows("timeout after 30.0 s"));
	assert_true(shows("took too long"));
	press("Esc");
	assert_true(shows("STATE"));
}

static void a_rate_is_told_of_what_took_its_time(void **state)
{
	json_t *request = known(ANALYZER);

	(void)state;
	json_object_set_new(request, "state", json_string("ended"));
	json_object_set_new(request, "first_token_at", json_string("2026-11-24T14:02:31.500Z"));
	json_object_set_new(request, "ended_at", json_string("2026-11-24T14:02:31.600Z"));
	assert_int_equal((int)request_rate(request, 0), 8030);
	json_object_set_new(request, "ended_at", json_string("2026-11-24T14:02:31.599Z"));
	assert_true(request_rate(request, 0) < 0);
	json_decref(request);
}

static void worker_and_key_are_told_where_there_is_room(void **state)
{
	(void)state;
	assert_true(stage_shows(s, &view_requests, v, 200, 30, "COST  WORKER  KEY"));
	assert_true(stage_shows(s, &view_requests, v, 200, 30, "w2  k_3fa2c19d"));
	assert_true(stage_hides(s, &view_requests, v, 120, 30, "WORKER"));
}

static void a_request_that_is_forgotten_says_so(void **state)
{
	(void)state;
	press("Enter");
	view_requests.changed(v, model_lost(s->model, LINK_LOST, "gone", 3000));
	assert_true(shows("not among the requests"));
	press("c");
	assert_string_equal(s->said, "no request is selected");
	press("Esc");
	assert_true(shows("waiting for the daemon"));
}

static void the_filter_matches_any_cell(void **state)
{
	size_t shown, all;

	(void)state;
	view_requests.filter(v, "OVERLOADED, retried");
	view_requests.counts(v, &shown, &all);
	assert_int_equal(shown, 1);
	assert_int_equal(all, 9);
	assert_true(shows("req_8f1f"));
	assert_true(hides("req_8f1e"));
	view_requests.filter(v, "auto:design");
	view_requests.counts(v, &shown, &all);
	assert_int_equal(shown, 2);
	view_requests.filter(v, "");
	view_requests.counts(v, &shown, &all);
	assert_int_equal(shown, 9);
}

static void columns_sort(void **state)
{
	static const struct {
		int presses;
		const char *first;
	} sorts[] = {
		{3, ANALYZER},                 /* project */
		{5, "req_8f1e00000000000022"}, /* took, longest first */
	};

	(void)state;
	shows("ID");
	for (size_t i = 0; i < sizeof sorts / sizeof sorts[0]; i++) {
		void *other = view_requests.create(&s->host);

		stage_shows(s, &view_requests, other, 200, 30, "ID");
		for (int n = 0; n < sorts[i].presses; n++)
			stage_keys(s, &view_requests, other, "s");
		stage_keys(s, &view_requests, other, "Home y");
		assert_string_equal(s->copied + strlen("id: "), sorts[i].first);
		view_requests.free(other);
	}
}

static void the_parts_of_a_request_are_worked_out(void **state)
{
	json_t *r = known(ANALYZER);

	(void)state;
	assert_int_equal(request_queue_ms(r, s->now_ms), 310);
	assert_int_equal(request_first_ms(r), 1920);
	assert_int_equal(request_took_ms(r, s->now_ms), 20880);
	assert_in_range((int)request_rate(r, s->now_ms), 42, 44);
	json_decref(r);
	r = known(QUEUED);
	assert_int_equal(request_queue_ms(r, s->now_ms), 3095);
	assert_int_equal(request_first_ms(r), -1);
	assert_true(request_rate(r, s->now_ms) < 0);
	json_decref(r);
	assert_string_equal(request_short_model("claude-opus-5"), "opus-5");
	assert_string_equal(request_short_model("claude-"), "claude-");
	assert_string_equal(request_short_model("-"), "-");
}

static void its_keys_are_sound(void **state)
{
	size_t row;

	(void)state;
	assert_int_equal(keymap_check(view_requests.keymap, &row), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(requests_fit_every_size),
		TEST(a_request_is_shown_in_full),
		TEST(live_ones_are_first_the_newest_on_top),
		TEST(one_that_ends_goes_to_the_ended_ones),
		TEST(the_selection_stays_on_its_request),
		TEST(a_request_is_cancelled_after_a_question),
		TEST(its_worker_is_restarted_after_a_question),
		TEST(actions_in_the_detail_are_about_its_request),
		TEST(of_two_with_one_id_the_chosen_one_is_cancelled),
		TEST(what_has_ended_is_not_cancelled),
		TEST(a_reader_may_not),
		TEST(the_detail_follows_what_happens),
		TEST(a_rate_is_told_of_what_took_its_time),
		TEST(worker_and_key_are_told_where_there_is_room),
		TEST(a_request_that_is_forgotten_says_so),
		TEST(the_filter_matches_any_cell),
		TEST(columns_sort),
		TEST(the_parts_of_a_request_are_worked_out),
		TEST(its_keys_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
