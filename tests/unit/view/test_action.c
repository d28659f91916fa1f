#include <string.h>

#include "shared/err.h"

#include "tests/unit/test.h"
#include "tests/unit/view/view_support.h"
#include "tui/view/action.h"

static struct stage *s;
static char done_with[200];

static int make(void **state)
{
	(void)state;
	s = stage_new("operator");
	done_with[0] = '\0';
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	stage_free(s);
	return 0;
}

static void on_done(struct host *h, const json_t *params, const json_t *result)
{
	char *text = json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY);

	snprintf(done_with, sizeof done_with, "%s", text);
	free(text);
	assert_ptr_equal(h, &s->host);
	assert_true(!params || json_is_object(params));
	h->ops->say(h, STYLE_OK, "it was done");
}

static void on_secret(struct host *h, const json_t *params, const json_t *result)
{
	(void)params;
	h->ops->show_secret(h, "Secret of k_1", json_string_value(json_object_get(result, "key")));
}

static bool shows(const char *text)
{
	return stage_shows(s, NULL, NULL, 80, 24, text);
}

static bool hides(const char *text)
{
	return stage_hides(s, NULL, NULL, 80, 24, text);
}

static bool is_open(void)
{
	return actions_is_open(s->actions);
}

static void now(const char *method)
{
	actions_act(s->actions, &(struct action){.kind = ACTION_NOW, .method = method});
}

static void ask(void)
{
	actions_act(s->actions, &(struct action){.kind = ACTION_CONFIRM,
						 .method = "workers.restart",
						 .params = json_pack("{si}", "id", 2),
						 .title = "Restart w2",
						 .text = "Worker w2 ends now.",
						 .word = "restart",
						 .done = on_done});
}

static void fill_in(void)
{
	actions_act(s->actions, &(struct action){.kind = ACTION_FORM,
						 .method = "keys.rotate",
						 .params = json_pack("{ss}", "id", "k_1"),
						 .fixed = "id",
						 .title = "Rotate k_1",
						 .word = "rotate",
						 .done = on_secret});
}

/* ---- now ---- */

static void what_is_done_now_is_called_at_once(void **state)
{
	(void)state;
	now("resume");
	assert_false(is_open());
	stage_expect(s, "resume", "null");
	assert_non_null(strstr(actions_waiting(s->actions), "resume"));
	stage_answer(s, json_object());
	assert_string_equal(s->said, "resume: done");
	assert_int_equal(s->said_style, STYLE_OK);
	assert_null(actions_waiting(s->actions));
}

static void several_may_be_under_way(void **state)
{
	(void)state;
	now("resume");
	now("cache.flush");
	stage_answer(s, json_object());
	assert_string_equal(s->said, "resume: done");
	stage_answer(s, json_object());
	assert_string_equal(s->said, "cache flush: done");
}

static void more_than_that_are_refused(void **state)
{
	(void)state;
	for (int i = 0; i < ACTIONS_CALLS_MAX; i++)
		now("resume");
	assert_int_equal(s->complaints, 0);
	now("resume");
	assert_int_equal(s->complaints, 1);
	assert_int_equal(s->sent_count, ACTIONS_CALLS_MAX);
}

static void an_error_is_complained_of_with_its_hint(void **state)
{
	(void)state;
	now("resume");
	stage_fail(s, RPC_REFUSED, NULL, "the daemon is draining", "start it anew");
	assert_string_equal(s->complained, "resume: the daemon is draining - start it anew");
	assert_string_equal(s->said, "");
}

static void a_lost_link_says_that_nobody_knows(void **state)
{
	(void)state;
	now("resume");
	stage_fail(s, RPC_TIMEOUT, NULL, "the connection broke off; it is not known whether ...",
		   "");
	assert_non_null(strstr(s->complained, "not known whether"));
}

static void what_cannot_be_sent_was_not_done(void **state)
{
	(void)state;
	s->refuse = ERR_LIMIT;
	now("resume");
	assert_non_null(strstr(s->complained, "nothing was done"));
	assert_null(actions_waiting(s->actions));
	s->refuse = 0;
	now("resume");
	assert_int_equal(s->sent_count, 1);
}

static void rights_are_looked_at_before(void **state)
{
	(void)state;
	s->model->right = RIGHT_READ;
	now("resume");
	ask();
	fill_in();
	assert_int_equal(s->complaints, 3);
	assert_int_equal(s->sent_count, 0);
	assert_false(is_open());
}

static void without_a_link_nothing_is_opened(void **state)
{
	(void)state;
	s->model->link = LINK_LOST;
	ask();
	assert_false(is_open());
	assert_non_null(strstr(s->complained, "not heard"));
}

static void an_unknown_method_is_no_crash(void **state)
{
	(void)state;
	actions_act(
		s->actions,
		&(struct action){.kind = ACTION_NOW, .method = "no.such", .params = json_object()});
	assert_int_equal(s->complaints, 1);
}

/* ---- questions ---- */

static void a_question_names_what_will_happen(void **state)
{
	(void)state;
	ask();
	assert_true(is_open());
	assert_true(shows("Restart w2"));
	assert_true(shows("Worker w2 ends now."));
	assert_true(shows("[ restart ]"));
	assert_int_equal(s->sent_count, 0);
	stage_keys(s, NULL, NULL, "y");
	assert_false(is_open());
	stage_expect(s, "workers.restart", "{\"id\":2}");
	stage_answer(s, json_pack("{ss}", "state", "gone"));
	assert_string_equal(done_with, "{\"state\":\"gone\"}");
	assert_string_equal(s->said, "it was done");
}

static void a_question_that_is_denied_does_nothing(void **state)
{
	(void)state;
	ask();
	stage_keys(s, NULL, NULL, "Esc");
	assert_false(is_open());
	assert_int_equal(s->sent_count, 0);
	ask();
	stage_keys(s, NULL, NULL, "Tab Enter");
	assert_int_equal(s->sent_count, 0);
}

static void a_dangerous_question_has_enter_on_cancel(void **state)
{
	(void)state;
	actions_act(s->actions, &(struct action){.kind = ACTION_CONFIRM,
						 .method = "drain",
						 .text = "The end.",
						 .word = "drain",
						 .dangerous = true});
	stage_keys(s, NULL, NULL, "Enter");
	assert_false(is_open());
	assert_int_equal(s->sent_count, 0);
}

static void an_open_box_takes_all_keys(void **state)
{
	struct event e = key("q");

	(void)state;
	assert_false(actions_input(s->actions, &e));
	ask();
	assert_true(actions_input(s->actions, &e));
	assert_true(is_open());
}

static void a_second_box_is_not_opened_over_the_first(void **state)
{
	(void)state;
	ask();
	fill_in();
	assert_int_equal(s->complaints, 1);
	assert_true(shows("Restart w2"));
}

/* ---- forms ---- */

static void a_form_stays_until_the_daemon_has_taken_it(void **state)
{
	(void)state;
	fill_in();
	stage_set(s, "2h");
	stage_keys(s, NULL, NULL, "Enter");
	assert_true(is_open());
	stage_expect(s, "keys.rotate", "{\"grace\":\"2h\",\"id\":\"k_1\"}");
	/* It is not sent twice. */
	stage_keys(s, NULL, NULL, "Enter");
	assert_int_equal(s->sent_count, 1);
	stage_answer(s, json_pack("{ss}", "key", "sk-1"));
	assert_true(is_open()); /* the secret's box now */
	assert_true(shows("sk-1"));
	assert_true(hides("Rotate k_1"));
}

static void an_error_goes_to_the_field_that_it_names(void **state)
{
	(void)state;
	fill_in();
	stage_set(s, "20d");
	stage_keys(s, NULL, NULL, "Enter");
	stage_fail(s, RPC_INVALID_PARAMS, "grace", "that is too long", "try 1d");
	assert_true(is_open());
	assert_true(shows("grace: that is too long - try 1d"));
	assert_int_equal(s->complaints, 0);
	/* Mended and sent again. */
	stage_set(s, "1d");
	stage_keys(s, NULL, NULL, "Enter");
	stage_expect(s, "keys.rotate", "{\"grace\":\"1d\",\"id\":\"k_1\"}");
}

static void an_error_of_no_field_is_complained_of_and_the_form_stays(void **state)
{
	(void)state;
	fill_in();
	stage_keys(s, NULL, NULL, "Enter");
	stage_fail(s, RPC_NOT_FOUND, "id", "there is no key 'k_1'", "");
	assert_string_equal(s->complained, "keys rotate: there is no key 'k_1'");
	assert_true(shows("Rotate k_1"));
	stage_keys(s, NULL, NULL, "Esc");
	assert_false(is_open());
}

static void a_form_is_closed_when_nobody_knows_what_became_of_it(void **state)
{
	(void)state;
	fill_in();
	stage_keys(s, NULL, NULL, "Enter");
	stage_fail(s, RPC_TIMEOUT, NULL, "the connection broke off; it is not known", "");
	assert_false(is_open());
	assert_non_null(strstr(s->complained, "not known"));
}

static void a_form_that_waits_can_be_left_and_its_secret_is_shown(void **state)
{
	(void)state;
	fill_in();
	stage_keys(s, NULL, NULL, "Enter Esc");
	assert_false(is_open());
	ask(); /* something else meanwhile */
	stage_answer(s, json_pack("{ss}", "key", "sk-late"));
	assert_true(shows("sk-late"));
	stage_keys(s, NULL, NULL, "Enter Enter");
	assert_true(shows("Restart w2"));
}

static void an_error_after_the_form_was_left_is_not_lost(void **state)
{
	(void)state;
	fill_in();
	stage_keys(s, NULL, NULL, "Enter Esc");
	fill_in(); /* another one: the error is not its own */
	stage_fail(s, RPC_INVALID_PARAMS, "grace", "that is too long", "");
	assert_string_equal(s->complained, "keys rotate: that is too long");
	assert_true(hides("that is too long"));
}

static void an_answer_does_not_close_the_form_that_came_after(void **state)
{
	(void)state;
	fill_in();
	stage_keys(s, NULL, NULL, "Enter Esc");
	ask();
	stage_keys(s, NULL, NULL, "n");
	fill_in();
	stage_set(s, "5h");
	stage_keys(s, NULL, NULL, "Enter");
	stage_fail(s, RPC_TIMEOUT, NULL, "the first one took too long", "");
	assert_true(shows("5h"));
	stage_answer(s, json_pack("{ss}", "key", "sk-second"));
	assert_true(hides("5h"));
	assert_true(shows("sk-second"));
}

static void a_form_without_a_link_keeps_what_was_typed(void **state)
{
	(void)state;
	fill_in();
	stage_set(s, "3h");
	s->refuse = ERR_STATE;
	s->model->link = LINK_LOST;
	stage_keys(s, NULL, NULL, "Enter");
	assert_non_null(strstr(s->complained, "not heard - nothing was done"));
	assert_true(shows("3h"));
	s->refuse = 0;
	s->model->link = LINK_LIVE;
	stage_keys(s, NULL, NULL, "Enter");
	stage_expect(s, "keys.rotate", "{\"grace\":\"3h\",\"id\":\"k_1\"}");
}

/* ---- secrets ---- */

static void a_secret_closes_after_a_second_key(void **state)
{
	(void)state;
	actions_show_secret(s->actions, "Secret of k_1", "sk-abc");
	assert_true(shows("sk-abc"));
	assert_true(shows("only time"));
	stage_keys(s, NULL, NULL, "Esc");
	assert_true(shows("sk-abc"));
	assert_true(shows("not be shown again"));
	stage_keys(s, NULL, NULL, "q x");
	assert_true(shows("sk-abc"));
	stage_keys(s, NULL, NULL, "Enter");
	assert_false(is_open());
	assert_true(hides("sk-abc"));
}

static void a_secret_is_copied(void **state)
{
	(void)state;
	actions_show_secret(s->actions, "Secret of k_1", "sk-abc");
	stage_keys(s, NULL, NULL, "y");
	assert_string_equal(s->copied, "secret: sk-abc");
	assert_true(is_open());
}

static void secrets_follow_one_another(void **state)
{
	(void)state;
	actions_show_secret(s->actions, "one", "sk-one");
	actions_show_secret(s->actions, "two", "sk-two");
	assert_true(shows("sk-one"));
	assert_true(hides("sk-two"));
	stage_keys(s, NULL, NULL, "Enter Enter");
	assert_true(shows("sk-two"));
	stage_keys(s, NULL, NULL, "Enter Enter");
	assert_false(is_open());
}

static void hints_are_of_the_box_that_is_open(void **state)
{
	struct hint_source hints;

	(void)state;
	assert_false(actions_hints(s->actions, &hints));
	fill_in();
	assert_true(actions_hints(s->actions, &hints));
	assert_true(shows("send"));
	stage_keys(s, NULL, NULL, "Enter");
	assert_true(shows("Esc close"));
	stage_answer(s, json_pack("{ss}", "key", "sk-1"));
	assert_true(shows("y copy"));
}

static void boxes_fit_every_size(void **state)
{
	(void)state;
	fill_in();
	stage_golden(s, NULL, NULL, "box-rotate");
	stage_keys(s, NULL, NULL, "Esc");
	ask();
	stage_golden(s, NULL, NULL, "box-restart");
	stage_keys(s, NULL, NULL, "Esc");
	actions_show_secret(
		s->actions, "Secret of key k_3fa2c19d of analyzer",
		"ccapi_"
		"1571b7ccb72f55c5cb119479d37eb9a691b54daafc99041244c6ce0123456789abcdef01234567");
	stage_golden(s, NULL, NULL, "box-secret");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_done_now_is_called_at_once),
		TEST(several_may_be_under_way),
		TEST(more_than_that_are_refused),
		TEST(an_error_is_complained_of_with_its_hint),
		TEST(a_lost_link_says_that_nobody_knows),
		TEST(what_cannot_be_sent_was_not_done),
		TEST(rights_are_looked_at_before),
		TEST(without_a_link_nothing_is_opened),
		TEST(an_unknown_method_is_no_crash),
		TEST(a_question_names_what_will_happen),
		TEST(a_question_that_is_denied_does_nothing),
		TEST(a_dangerous_question_has_enter_on_cancel),
		TEST(an_open_box_takes_all_keys),
		TEST(a_second_box_is_not_opened_over_the_first),
		TEST(a_form_stays_until_the_daemon_has_taken_it),
		TEST(an_error_goes_to_the_field_that_it_names),
		TEST(an_error_of_no_field_is_complained_of_and_the_form_stays),
		TEST(a_form_is_closed_when_nobody_knows_what_became_of_it),
		TEST(a_form_that_waits_can_be_left_and_its_secret_is_shown),
		TEST(an_error_after_the_form_was_left_is_not_lost),
		TEST(an_answer_does_not_close_the_form_that_came_after),
		TEST(a_form_without_a_link_keeps_what_was_typed),
		TEST(a_secret_closes_after_a_second_key),
		TEST(a_secret_is_copied),
		TEST(secrets_follow_one_another),
		TEST(hints_are_of_the_box_that_is_open),
		TEST(boxes_fit_every_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
