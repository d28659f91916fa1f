#include <string.h>

#include "tests/unit/test.h"
#include "tests/unit/view/view_support.h"
#include "tui/view/budget_facts.h"

static struct stage *s;
static void *v;

static int make(void **state)
{
	(void)state;
	s = stage_new("operator");
	v = view_budgets.create(&s->host);
	return v ? 0 : -1;
}

static int unmake(void **state)
{
	(void)state;
	view_budgets.free(v);
	stage_free(s);
	return 0;
}

static void press(const char *keys)
{
	stage_keys(s, &view_budgets, v, keys);
}

static bool shows(const char *text)
{
	return stage_shows(s, &view_budgets, v, 160, 30, text);
}

/* Rows: everybody, analyzer (none), chatbot day, chatbot rolling, docs, Japanese, key. */
#define EVERYBODY "Home "
#define NONE "Home Down "
#define CHATBOT "Home Down Down "
#define DOCS "Home Down Down Down Down "
#define OF_A_KEY "End "

static void budgets_fit_every_size(void **state)
{
	(void)state;
	stage_golden(s, &view_budgets, v, "budgets");
}

static void a_budget_is_shown_in_full(void **state)
{
	(void)state;
	press(CHATBOT "Enter");
	stage_golden(s, &view_budgets, v, "budget");
	press("Esc " NONE "Enter");
	assert_true(shows("none: nothing is bounded"));
	assert_true(shows("60 requests a minute"));
	press("Esc " OF_A_KEY "Enter");
	assert_true(shows("30 requests a minute"));
}

static void a_form_begins_with_the_budget(void **state)
{
	(void)state;
	press(DOCS "b");
	assert_true(shows("Budget of docs"));
	stage_golden(s, &view_budgets, v, "budget-form");
	stage_set(s, "12M");
	press("Enter");
	stage_expect(s, "budgets.set",
		     "{\"project\":\"docs\",\"tokens\":12000000,\"usd\":\"40\",\"warn\":90,"
		     "\"window\":\"month\"}");
	stage_answer(s, json_pack("{ss ss si sn}", "project", "docs", "window", "month",
				  "limit_tokens", 12000000, "limit_usd"));
	assert_string_equal(s->said, "budget of docs set to 12 M tokens per month");
}

static void a_new_budget_is_per_month(void **state)
{
	(void)state;
	press(NONE "b Tab");
	stage_set(s, "2.5");
	press("Enter");
	stage_expect(s, "budgets.set",
		     "{\"project\":\"analyzer\",\"usd\":\"2.5\",\"window\":\"month\"}");
	stage_answer(s, json_pack("{ss ss sf}", "project", "analyzer", "window", "rolling:24h",
				  "limit_usd", 2.5));
	assert_string_equal(s->said, "budget of analyzer set to $2.50 in any 24h");
}

static void everybody_and_keys_have_budgets(void **state)
{
	(void)state;
	press(EVERYBODY "b Enter");
	stage_expect(s, "budgets.set",
		     "{\"global\":true,\"tokens\":1000000000,\"window\":\"total\"}");
	stage_answer(s, json_pack("{ss si}", "window", "total", "limit_tokens", 1000000000));
	assert_string_equal(s->said, "budget of everybody set to 1 G tokens in total");
	press(OF_A_KEY "b Enter");
	stage_expect(s, "budgets.set",
		     "{\"key\":\"k_3fa2c19d\",\"tokens\":200000,\"window\":\"hour\"}");
	stage_answer(s, json_pack("{ss ss si}", "key", "k_3fa2c19d", "window", "hour",
				  "limit_tokens", 1500));
	assert_string_equal(s->said, "budget of key k_3fa2c19d set to 1.5 k tokens per hour");
}

static void the_daemons_error_is_shown_in_its_field(void **state)
{
	(void)state;
	press(NONE "b Enter");
	stage_fail(s, RPC_INVALID_PARAMS, "tokens", "a budget needs tokens, usd or both", "");
	assert_true(shows("tokens: a budget needs tokens, usd or both"));
	assert_int_equal(s->complaints, 0);
}

static void a_budget_is_reset_after_a_question(void **state)
{
	(void)state;
	press(DOCS "r");
	assert_true(shows("Reset the budget of docs"));
	press("Enter");
	stage_expect(s, "budgets.reset", "{\"project\":\"docs\",\"window\":\"month\"}");
	stage_answer(s, json_object());
	assert_string_equal(s->said, "budget of docs per month begins anew: nothing of it is used");
}

static void a_budget_is_deleted_after_a_question(void **state)
{
	(void)state;
	press(CHATBOT "x");
	assert_true(shows("The budget of chatbot, $5.00 per day, is deleted"));
	press("y");
	stage_expect(s, "budgets.delete", "{\"project\":\"chatbot\",\"window\":\"day\"}");
	stage_answer(s, json_object());
	assert_string_equal(s->said, "budget of chatbot per day deleted");
}

static void a_project_is_made(void **state)
{
	(void)state;
	press("n");
	stage_set(s, "new");
	press("Tab Tab");
	stage_set(s, "opus, haiku");
	press("Tab");
	stage_set(s, "1k");
	press("Enter");
	stage_expect(s, "projects.create",
		     "{\"models\":[\"opus\",\"haiku\"],\"name\":\"new\",\"requests_per_minute\":"
		     "1000}");
	stage_answer(s, json_object());
	assert_string_equal(s->said, "project new created; it needs a key to be used");
}

static void a_project_is_changed(void **state)
{
	(void)state;
	press(CHATBOT "e");
	assert_true(shows("Project chatbot"));
	assert_true(shows("sonnet,haiku"));
	press("Tab Tab Tab");
	stage_set(s, ""); /* no limit of tokens any more */
	press("Enter");
	stage_expect(s, "projects.set",
		     "{\"default_model\":\"sonnet\",\"models\":[\"sonnet\",\"haiku\"],\"name\":"
		     "\"chatbot\",\"tokens_per_minute\":null}");
	stage_answer(s, json_object());
	assert_string_equal(s->said, "project chatbot changed");
}

static void limits_of_everybody_are_changed(void **state)
{
	(void)state;
	press(EVERYBODY "e");
	assert_true(shows("Limits of everybody"));
	stage_set(s, "700");
	press("Enter");
	stage_expect(s, "limits.set",
		     "{\"concurrent\":50,\"global\":true,\"requests_per_minute\":700}");
	stage_answer(s, json_pack("{si sn si}", "requests_per_minute", 700, "tokens_per_minute",
				  "concurrent", 50));
	assert_string_equal(s->said, "limits of everybody: 700 requests a minute, 50 at one time");
}

static void a_project_is_deleted_only_on_purpose(void **state)
{
	(void)state;
	press(DOCS "X");
	assert_true(shows("its keys (1) are worthless"));
	press("Enter"); /* is on cancel */
	assert_int_equal(s->sent_count, 0);
	assert_false(actions_is_open(s->actions));
	press("X Tab Enter");
	stage_expect(s, "projects.delete", "{\"name\":\"docs\"}");
	stage_answer(s, json_object());
	assert_string_equal(s->said, "project docs deleted, its keys revoked");
}

static void what_does_not_fit_the_row_says_so(void **state)
{
	(void)state;
	press(NONE "r");
	assert_string_equal(s->said, "there is no budget in this row");
	press(EVERYBODY "X");
	assert_string_equal(s->said, "this row is not of a project");
	assert_false(actions_is_open(s->actions));
}

static void a_reader_may_look(void **state)
{
	(void)state;
	s->model->right = RIGHT_OPERATE; /* all of it is an administrator's */
	press(DOCS);
	for (size_t i = 0; i < view_budgets.keymap->count; i++) {
		const struct binding *row = &view_budgets.keymap->rows[i];
		bool looks = strncmp(row->keys, "E", 1) == 0;

		assert_int_equal(view_budgets.enabled(v, row->action), looks);
	}
	press("b");
	assert_int_equal(s->complaints, 1);
}

static void bars_are_coloured_by_what_they_mean(void **state)
{
	static const struct {
		const char *budget;
		unsigned style;
		const char *mark;
	} cases[] = {
		{"{'limit_tokens':100,'used_tokens':10,'warn_percent':50}", STYLE_ACCENT,
		 "warn at 50 %"},
		{"{'limit_tokens':100,'used_tokens':50,'warn_percent':50}", STYLE_WARN,
		 "! warn at 50 %"},
		{"{'limit_tokens':100,'used_tokens':100,'warn_percent':50}", STYLE_ERROR,
		 "! used up"},
		{"{'limit_tokens':100,'used_tokens':200,'soft':true}", STYLE_WARN,
		 "! used up, soft"},
		{"{'limit_usd':1.5,'used_usd':1.5,'limit_tokens':100,'used_tokens':1}", STYLE_ERROR,
		 "! used up"},
		{"{'limit_tokens':0,'used_tokens':0}", STYLE_ERROR, "! used up"},
		{"{}", STYLE_ACCENT, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[200], mark[BUDGET_WORDS];
		json_t *b;

		snprintf(text, sizeof text, "%s", cases[i].budget);
		for (char *c = text; *c; c++)
			*c = *c == '\'' ? '"' : *c;
		b = json_loads(text, 0, NULL);
		assert_non_null(b);
		assert_int_equal(budget_style(b), cases[i].style);
		assert_string_equal(budget_mark(mark, b), cases[i].mark);
		json_decref(b);
	}
}

static void columns_sort(void **state)
{
	(void)state;
	assert_true(shows("USED"));
	press("s s s Home"); /* by what is used, the fullest first */
	assert_true(stage_shows(s, &view_budgets, v, 40, 3, "chatbot"));
	press("Enter");
	assert_true(shows("in any 24h"));
}

static void who_has_no_budget_has_a_row(void **state)
{
	json_t *none = json_loads("{\"budgets\":[]}", 0, NULL);
	size_t shown, all;

	(void)state;
	view_budgets.changed(v, model_take_answer(s->model, PART_BUDGETS, none));
	json_decref(none);
	view_budgets.counts(v, &shown, &all);
	assert_int_equal(all, 5); /* everybody and four projects */
	press("Home b Enter");
	stage_expect(s, "budgets.set", "{\"global\":true,\"window\":\"month\"}");
}

static void nothing_is_invented_before_the_daemon_told(void **state)
{
	(void)state;
	view_budgets.changed(v, model_lost(s->model, LINK_LOST, "gone", 3000));
	assert_true(shows("waiting for the daemon"));
	assert_true(stage_hides(s, &view_budgets, v, 160, 30, "everybody"));
}

static void its_keys_are_sound(void **state)
{
	size_t row;

	(void)state;
	assert_int_equal(keymap_check(view_budgets.keymap, &row), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(budgets_fit_every_size),
		TEST(a_budget_is_shown_in_full),
		TEST(a_form_begins_with_the_budget),
		TEST(a_new_budget_is_per_month),
		TEST(everybody_and_keys_have_budgets),
		TEST(the_daemons_error_is_shown_in_its_field),
		TEST(a_budget_is_reset_after_a_question),
		TEST(a_budget_is_deleted_after_a_question),
		TEST(a_project_is_made),
		TEST(a_project_is_changed),
		TEST(limits_of_everybody_are_changed),
		TEST(a_project_is_deleted_only_on_purpose),
		TEST(what_does_not_fit_the_row_says_so),
		TEST(a_reader_may_look),
		TEST(bars_are_coloured_by_what_they_mean),
		TEST(columns_sort),
		TEST(who_has_no_budget_has_a_row),
		TEST(nothing_is_invented_before_the_daemon_told),
		TEST(its_keys_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
