#include <string.h>

#include "tests/unit/dispatch/router_support.h"

/* ---- the seed ---- */

static void the_seed_s_promises_are_kept(void **state)
{
	(void)state;
	ask("What is 2+2?", -1);
	expect("haiku", "auto:simple-task");
	ask("Simple data extraction", 500);
	expect("haiku", "auto:default");
	ask("Analyze this algorithm...", -1);
	expect("sonnet", "auto:analyse");
	ask("Debug my code", -1);
	expect("sonnet", "auto:analyse");
	ask("Design a distributed system...", -1);
	expect("opus", "auto:design");
	ask("a complex question", -1);
	expect("opus", "auto:design");
	ask("hello", 10001);
	expect("opus", "auto:long-context");
	ask("hello", 10000);
	expect("haiku", "auto:much-context");
}

static void a_budget_that_runs_low_takes_haiku(void **state)
{
	(void)state;
	ask("Design a distributed system...", 20000);
	query.budget_left_tokens = 999;
	expect("haiku", "budget:low");
	query.budget_left_tokens = 1000;
	expect("opus", "auto:long-context");
	query.budget_left_tokens = 0;
	query.asked = "opus";
	expect("opus", "requested");
}

static void tools_need_sonnet(void **state)
{
	(void)state;
	features.has_tools = true;
	expect("sonnet", "auto:tool-use");
}

/* ---- scores ---- */

static void scores_choose_the_class_at_their_bounds(void **state)
{
	static const char *const rules[] = {"a: +3 when keywords a", "b: +3.9 when keywords b",
					    "c: +0.1 when keywords c", "d: -0.1 when keywords d"};

	(void)state;
	use_rules(rules, 4);
	ask("a", -1);
	expect("sonnet", "auto:a");
	ask("a d", -1);
	expect("haiku", "auto:d");
	ask("a b c", -1);
	expect("opus", "auto:b");
	ask("a b", -1);
	expect("sonnet", "auto:b");
	ask("c", -1);
	expect("haiku", "auto:c");
	ask("x", -1);
	expect("haiku", "auto:default");
}

static void the_first_deciding_rule_wins_over_the_score(void **state)
{
	static const char *const rules[] = {"a: +9 when keywords a", "x:y: haiku when keywords b",
					    "c: opus when keywords c"};

	(void)state;
	use_rules(rules, 3);
	ask("a b c", -1);
	expect("haiku", "x:y");
	says("The rule x:y decides for haiku, whatever the score of 9 by a +9.");
	assert_true(decision.score >= 9 && decision.score <= 9);
	ask("a c", -1);
	expect("opus", "auto:c");
}

static void a_rule_for_a_model_that_is_not_offered_does_not_count(void **state)
{
	static const char *const rules[] = {"gone: claude-1 when json", "a: +4 when json",
					    "id: claude-opus-5-5 when tools"};

	(void)state;
	use_rules(rules, 3);
	features.wants_json = true;
	expect("sonnet", "auto:a");
	says("The score of 4 chooses sonnet by a +4; the rule gone does not count, because its "
	     "model is not offered.");
	features.has_tools = true;
	expect("opus", "auto:id");
}

static void the_reasoning_is_one_sentence(void **state)
{
	(void)state;
	ask("hello", -1);
	expect("haiku", "auto:default");
	says("The score of 0 chooses haiku, since no rule counts.");
	ask("Debug my architecture", -1);
	expect("opus", "auto:architecture");
	says("The score of 7 chooses opus by architecture +4, analyse +3.");
	query.explain = false;
	expect("opus", "auto:architecture");
	says("");
}

static void many_rules_fit_the_reasoning(void **state)
{
	enum { RULES = 256 };
	static char text[RULES][80];
	const char *rules[RULES];

	(void)state;
	for (int i = 0; i < RULES; i++) {
		snprintf(text[i], sizeof text[i], "%.40s-%d: +0.1234 when not json",
			 "a-name-that-is-as-long-as-it-may-be-here-", i);
		rules[i] = text[i];
	}
	use_rules(rules, RULES);
	set_one(SCOPE_PROJECT, "demo", OVERRIDE_CAP, "sonnet");
	expect("sonnet", "override:project");
	assert_non_null(strstr(decision.reasoning, " more; an override for the project"));
	assert_string_equal(decision.reasoning + strlen(decision.reasoning) - 8, " serves.");
}

static void the_same_question_has_the_same_answer(void **state)
{
	struct route_decision first;

	(void)state;
	ask("Plan and debug the architecture of a parser for our report", 5000);
	expect("opus", "auto:architecture");
	first = decision;
	for (int i = 0; i < 100; i++) {
		memset(&decision, i, sizeof decision);
		expect("opus", "auto:architecture");
		assert_string_equal(decision.reasoning, first.reasoning);
	}
}

/* ---- by name ---- */

static void a_model_is_asked_for_by_alias_or_id(void **state)
{
	(void)state;
	query.asked = "haiku";
	expect("haiku", "requested");
	says("The request asks for haiku.");
	query.asked = "claude-opus-5-5";
	expect("opus", "requested");
	query.asked = "default";
	expect("default", "requested");
	query.asked = "Opus\n";
	expect_fault(FAULT_MODEL_NOT_FOUND, "The model 'Opus?' does not exist; GET /v1/models");
	query.asked = "";
	expect_fault(FAULT_MODEL_NOT_FOUND, "The model '' does not exist");
}

static void the_project_s_default_stands_for_no_model(void **state)
{
	(void)state;
	query.default_model = "sonnet";
	expect("sonnet", "project:default");
	query.asked = "auto";
	expect("haiku", "auto:default");
	query.asked = "opus";
	expect("opus", "requested");
	query.asked = NULL;
	query.default_model = "auto";
	expect("haiku", "auto:default");
	query.default_model = "gone";
	expect_fault(FAULT_MODEL_NOT_FOUND, "project's default model 'gone'");
}

static void without_a_catalogue_nothing_is_decided(void **state)
{
	(void)state;
	models.count = 0;
	expect_fault(FAULT_BACKEND_UNAVAILABLE, "not known");
}

/* ---- classes and prices ---- */

static void a_missing_class_is_served_by_the_nearest_price(void **state)
{
	struct model few[] = {
		{.name = "small", .id = "s", .input_micro_usd_per_mtok = 50000},
		{.name = "large", .id = "l", .input_micro_usd_per_mtok = 3000000},
		{.name = "huge", .id = "h", .input_micro_usd_per_mtok = 9000000},
	};

	(void)state;
	models = (struct models){.items = few, .count = 3};
	expect("small", "auto:default");
	ask("debug", -1);
	expect("large", "auto:analyse");
	ask("design", -1);
	expect("large", "auto:design");
	few[2].input_micro_usd_per_mtok = 5000000;
	expect("huge", "auto:design");
}

static void models_without_prices_stand_by_their_class(void **state)
{
	struct model unpriced[] = {
		{.name = "x", .id = "x", .input_micro_usd_per_mtok = -1},
		{.name = "big", .id = "claude-opus-4", .input_micro_usd_per_mtok = -1},
		{.name = "mid", .id = "claude-sonnet-4", .input_micro_usd_per_mtok = -1},
		{.name = "haiku", .id = "claude-haiku-4", .input_micro_usd_per_mtok = -1},
	};

	(void)state;
	models = (struct models){.items = unpriced, .count = 4};
	ask("design", -1);
	expect("big", "auto:design");
	set_one(SCOPE_GLOBAL, "", OVERRIDE_DENY, "big");
	expect("mid", "override:global");
	set_one(SCOPE_GLOBAL, "", OVERRIDE_CAP, "mid");
	query.asked = "x"; /* of no known class: taken for the dearest */
	expect("mid", "override:global");
}

static void models_of_one_price_stand_by_their_class(void **state)
{
	struct model flat[] = {
		{.name = "sonnet", .id = "s", .input_micro_usd_per_mtok = 7},
		{.name = "opus", .id = "o", .input_micro_usd_per_mtok = 7},
		{.name = "haiku", .id = "h", .input_micro_usd_per_mtok = 7},
	};

	(void)state;
	models = (struct models){.items = flat, .count = 3};
	ask("design", -1);
	set_one(SCOPE_GLOBAL, "", OVERRIDE_CAP, "sonnet");
	expect("sonnet", "override:global");
	set_one(SCOPE_GLOBAL, "", OVERRIDE_DENY, "opus");
	expect("sonnet", "override:global");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_seed_s_promises_are_kept),
		TEST(a_budget_that_runs_low_takes_haiku),
		TEST(tools_need_sonnet),
		TEST(scores_choose_the_class_at_their_bounds),
		TEST(the_first_deciding_rule_wins_over_the_score),
		TEST(a_rule_for_a_model_that_is_not_offered_does_not_count),
		TEST(the_reasoning_is_one_sentence),
		TEST(many_rules_fit_the_reasoning),
		TEST(the_same_question_has_the_same_answer),
		TEST(a_model_is_asked_for_by_alias_or_id),
		TEST(the_project_s_default_stands_for_no_model),
		TEST(without_a_catalogue_nothing_is_decided),
		TEST(a_missing_class_is_served_by_the_nearest_price),
		TEST(models_without_prices_stand_by_their_class),
		TEST(models_of_one_price_stand_by_their_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
