#include "tests/unit/dispatch/router_support.h"

/* ---- overrides ---- */

static void force_wins_over_everything(void **state)
{
	struct override_record o[] = {
		override(SCOPE_GLOBAL, "", OVERRIDE_FORCE, "opus"),
		override(SCOPE_KEY, "k_1", OVERRIDE_CAP, "haiku"),
		override(SCOPE_KEY, "k_1", OVERRIDE_DENY, "opus"),
	};

	(void)state;
	set(o, 3);
	query.allowed[0] = "haiku";
	expect("opus", "override:global");
	says("The score of 0 chooses haiku, since no rule counts; an override for everyone forces "
	     "opus.");
	query.asked = "haiku";
	expect("opus", "override:global");
}

static void the_narrower_scope_goes_first(void **state)
{
	struct override_record o[] = {
		override(SCOPE_PROJECT, "demo", OVERRIDE_FORCE, "sonnet"),
		override(SCOPE_KEY, "k_1", OVERRIDE_FORCE, "haiku"),
		override(SCOPE_GLOBAL, "", OVERRIDE_FORCE, "opus"),
	};

	(void)state;
	set(o, 3);
	expect("haiku", "override:key");
	query.key_id = "k_2";
	expect("sonnet", "override:project");
	query.project = "other";
	expect("opus", "override:global");
	query.project = query.key_id = NULL;
	expect("opus", "override:global");
}

static void a_narrower_cap_takes_the_place_of_a_wider(void **state)
{
	struct override_record o[] = {
		override(SCOPE_GLOBAL, "", OVERRIDE_CAP, "haiku"),
		override(SCOPE_PROJECT, "demo", OVERRIDE_CAP, "sonnet"),
	};

	(void)state;
	ask("design", -1);
	set(o, 2);
	expect("sonnet", "override:project");
	query.project = "other";
	expect("haiku", "override:global");
}

static void of_one_scope_the_newest_counts(void **state)
{
	struct override_record o[] = {
		override(SCOPE_GLOBAL, "", OVERRIDE_FORCE, "opus"),
		override(SCOPE_GLOBAL, "", OVERRIDE_FORCE, "sonnet"),
	};

	(void)state;
	o[0].id = 2;
	o[1].id = 1;
	set(o, 2);
	expect("opus", "override:global");
}

static void a_cap_lowers_what_is_dearer(void **state)
{
	(void)state;
	set_one(SCOPE_GLOBAL, "", OVERRIDE_CAP, "sonnet");
	expect("haiku", "auto:default");
	ask("design", -1);
	expect("sonnet", "override:global");
	says("The score of 7 chooses opus by design +7; an override for everyone allows nothing "
	     "dearer "
	     "than sonnet, so that sonnet serves.");
	query.asked = "fable";
	expect("sonnet", "override:global");
	query.asked = "sonnet";
	expect("sonnet", "requested");
	set_one(SCOPE_GLOBAL, "", OVERRIDE_CAP, "claude-opus-5-5");
	query.asked = "fable";
	expect("opus", "override:global");
}

static void what_is_denied_is_replaced_or_refused(void **state)
{
	(void)state;
	ask("design", -1);
	set_one(SCOPE_KEY, "k_1", OVERRIDE_DENY, "opus");
	expect("sonnet", "override:key");
	query.asked = "claude-opus-5-5";
	expect_fault(FAULT_PERMISSION, "denied by the operator at the moment; permitted: fable, "
				       "sonnet, haiku.");
	query.asked = "default"; /* another name of the same model */
	expect_fault(FAULT_PERMISSION, "denied");
	query.asked = NULL;
	query.default_model = "opus";
	expect("sonnet", "override:key");
	query.key_id = "k_2";
	expect("opus", "project:default");
}

static void where_nothing_cheaper_is_left_the_next_serves(void **state)
{
	(void)state;
	set_one(SCOPE_GLOBAL, "", OVERRIDE_DENY, "haiku");
	expect("sonnet", "override:global");
}

static void where_nothing_is_left_the_request_is_refused(void **state)
{
	struct override_record o[] = {
		override(SCOPE_GLOBAL, "", OVERRIDE_CAP, "haiku"),
		override(SCOPE_GLOBAL, "", OVERRIDE_DENY, "haiku"),
	};

	(void)state;
	set(o, 2);
	expect_fault(FAULT_PERMISSION, "leave no model");
}

static void what_has_expired_does_not_count(void **state)
{
	struct override_record o = override(SCOPE_GLOBAL, "", OVERRIDE_FORCE, "opus");

	(void)state;
	o.expires_ms = NOW + 1;
	set(&o, 1);
	assert_true(router_has_overrides(router, NOW));
	expect("opus", "override:global");
	o.expires_ms = NOW;
	set(&o, 1);
	assert_false(router_has_overrides(router, NOW));
	expect("haiku", "auto:default");
}

static void an_override_of_a_model_that_is_gone_does_not_count(void **state)
{
	struct override_record o[] = {
		override(SCOPE_KEY, "k_1", OVERRIDE_FORCE, "gone"),
		override(SCOPE_KEY, "k_1", OVERRIDE_DENY, "gone"),
		override(SCOPE_GLOBAL, "", OVERRIDE_FORCE, "sonnet"),
	};

	(void)state;
	set(o, 3);
	expect("sonnet", "override:global");
}

static void overrides_survive_a_reload(void **state)
{
	struct router *old = router;

	(void)state;
	set_one(SCOPE_GLOBAL, "", OVERRIDE_FORCE, "opus");
	router = NULL;
	use_rules(NULL, 0);
	expect("haiku", "auto:default");
	assert_int_equal(router_take_overrides(router, old), 0);
	router_free(old);
	expect("opus", "override:global");
	set(NULL, 0);
	expect("haiku", "auto:default");
}

/* ---- allowed lists ---- */

static void auto_takes_the_nearest_allowed(void **state)
{
	(void)state;
	ask("design", -1);
	query.allowed[0] = "haiku, claude-sonnet-5-5";
	expect("sonnet", "allowed:key");
	says("The score of 7 chooses opus by design +7; opus is not among the key's models, so "
	     "that "
	     "sonnet serves.");
	query.allowed[0] = NULL;
	query.allowed[1] = "haiku";
	expect("haiku", "allowed:project");
	query.allowed[1] = "fable";
	expect("fable", "allowed:project");
	query.allowed[1] = "opus,haiku";
	expect("opus", "auto:design");
	query.allowed[0] = "sonnet,haiku";
	expect("haiku", "allowed:key");
	query.allowed[0] = "sonnet";
	expect_fault(FAULT_PERMISSION, "leave no model");
}

static void auto_in_a_list_chooses_freely(void **state)
{
	(void)state;
	ask("design", -1);
	query.allowed[0] = "auto";
	expect("opus", "auto:design");
	query.allowed[0] = "haiku,auto";
	expect("opus", "auto:design");
	query.allowed[1] = "sonnet";
	expect("sonnet", "allowed:project");
	query.asked = "sonnet";
	expect_fault(FAULT_PERMISSION, "permitted: auto.");
}

static void a_model_that_is_not_allowed_is_refused_by_name(void **state)
{
	(void)state;
	query.allowed[0] = "haiku,sonnet,gone";
	query.asked = "opus";
	expect_fault(FAULT_PERMISSION, "The model opus is not among the models of this key and "
				       "project; permitted: sonnet, haiku.");
	query.asked = "sonnet";
	expect("sonnet", "requested");
	query.asked = NULL;
	query.default_model = "opus";
	expect("sonnet", "allowed:key");
}

static void an_empty_list_allows_nothing(void **state)
{
	(void)state;
	query.allowed[0] = "";
	expect_fault(FAULT_PERMISSION, "leave no model");
	query.allowed[0] = " , ";
	query.asked = "haiku";
	expect_fault(FAULT_PERMISSION, "haiku is not among");
}

static void caps_and_lists_hold_together(void **state)
{
	(void)state;
	set_one(SCOPE_GLOBAL, "", OVERRIDE_CAP, "sonnet");
	query.allowed[0] = "opus,haiku";
	query.asked = "opus";
	expect("haiku", "override:global");
	query.allowed[0] = "opus";
	expect_fault(FAULT_PERMISSION, "leave no model");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(force_wins_over_everything),
		TEST(the_narrower_scope_goes_first),
		TEST(a_narrower_cap_takes_the_place_of_a_wider),
		TEST(of_one_scope_the_newest_counts),
		TEST(a_cap_lowers_what_is_dearer),
		TEST(what_is_denied_is_replaced_or_refused),
		TEST(where_nothing_cheaper_is_left_the_next_serves),
		TEST(where_nothing_is_left_the_request_is_refused),
		TEST(what_has_expired_does_not_count),
		TEST(an_override_of_a_model_that_is_gone_does_not_count),
		TEST(overrides_survive_a_reload),
		TEST(auto_takes_the_nearest_allowed),
		TEST(auto_in_a_list_chooses_freely),
		TEST(a_model_that_is_not_allowed_is_refused_by_name),
		TEST(an_empty_list_allows_nothing),
		TEST(caps_and_lists_hold_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
