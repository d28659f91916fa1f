#include <string.h>

#include "tests/unit/test.h"
#include "tests/unit/view/view_support.h"

static struct stage *s;
static void *v;

static int make(void **state)
{
	(void)state;
	s = stage_new("operator");
	v = view_routing.create(&s->host);
	return v ? 0 : -1;
}

static int unmake(void **state)
{
	(void)state;
	view_routing.free(v);
	stage_free(s);
	return 0;
}

static void press(const char *keys)
{
	stage_keys(s, &view_routing, v, keys);
}

static bool shows(const char *text)
{
	return stage_shows(s, &view_routing, v, 120, 30, text);
}

static void routing_fits_every_size(void **state)
{
	(void)state;
	stage_golden(s, &view_routing, v, "routing");
}

static void overrides_and_rules_are_shown_in_full(void **state)
{
	(void)state;
	press("Enter");
	assert_true(shows("cap sonnet"));
	assert_true(shows("in 3 h 57 m"));
	assert_true(shows("the week's window is nearly used up"));
	press("Esc End Up Up Enter");
	assert_true(shows("words(design, architecture, trade-off) +4"));
}

static void an_override_is_set(void **state)
{
	(void)state;
	press("o");
	stage_golden(s, &view_routing, v, "override-form");
	stage_set(s, "opus");
	press("Tab Tab Tab");
	stage_set(s, "docs");
	press("Tab Tab Tab");
	stage_set(s, "2h");
	press("Tab");
	stage_set(s, "a launch");
	press("Enter");
	stage_expect(s, "routing.set",
		     "{\"for\":\"2h\",\"force\":\"opus\",\"project\":\"docs\",\"reason\":\"a "
		     "launch\"}");
	stage_answer(s, json_pack("{si ss ss ss ss ss}", "id", 11, "scope", "project", "project",
				  "docs", "action", "force", "model", "opus", "expires_at",
				  "2026-11-24T16:02:31Z"));
	assert_string_equal(s->said, "override 11: force opus for docs, ends in 2 h 0 m");
}

static void whom_it_is_about_must_be_said(void **state)
{
	(void)state;
	press("o Enter");
	stage_fail(s, RPC_INVALID_PARAMS, "project", "name one of project, key and global", "");
	assert_true(shows("project: name one of project, key and global"));
	press("Tab Tab Space Enter"); /* everybody */
	stage_expect(s, "routing.set", "{\"global\":true}");
	stage_answer(s, json_pack("{si ss ss sn}", "id", 12, "action", "deny", "model", "opus",
				  "expires_at"));
	assert_string_equal(s->said, "override 12: deny opus for everybody, until it is cleared");
}

static void the_selected_override_is_cleared(void **state)
{
	(void)state;
	press("Down x");
	assert_true(shows("Override 9 (force haiku for docs) ends now"));
	press("Enter");
	stage_expect(s, "routing.clear", "{\"id\":9}");
	stage_answer(s, json_pack("{si}", "cleared", 1));
	assert_string_equal(s->said, "override 9 cleared");
}

static void all_overrides_are_cleared(void **state)
{
	(void)state;
	press("X");
	assert_true(shows("Every override (3) ends now"));
	press("Enter");
	stage_expect(s, "routing.clear", "{\"all\":true}");
	stage_answer(s, json_pack("{si}", "cleared", 3));
	assert_string_equal(s->said, "all overrides cleared, 3: the rules decide again");
}

static void a_rule_is_not_cleared(void **state)
{
	(void)state;
	press("End x");
	assert_string_equal(s->said, "no override is selected: rules come from the settings");
	json_object_set_new(s->model->routing, "overrides", json_array());
	view_routing.changed(v, PART_ROUTING);
	press("X");
	assert_string_equal(s->said, "no override is in force");
	assert_false(actions_is_open(s->actions));
}

static void a_text_is_tried(void **state)
{
	(void)state;
	press("t");
	stage_set(s, "design a cache");
	press("Tab Tab");
	stage_set(s, "docs");
	press("Enter");
	stage_expect(s, "routing.test", "{\"project\":\"docs\",\"text\":\"design a cache\"}");
	stage_answer(s, json_pack("{ss ss ss sf}", "recommended_model", "opus", "rule", "design",
				  "reasoning", "\"design\" +4", "score", 4.0));
	assert_string_equal(s->said, "opus would answer, by rule design, score 4: \"design\" +4");
}

static void a_reader_may_look_and_try(void **state)
{
	(void)state;
	s->model->right = RIGHT_READ;
	for (size_t i = 0; i < view_routing.keymap->count; i++) {
		const struct binding *row = &view_routing.keymap->rows[i];
		bool looks = strchr("Et", row->keys[0]) != NULL;

		assert_int_equal(view_routing.enabled(v, row->action), looks);
	}
	s->model->right = RIGHT_OPERATE;
	for (size_t i = 0; i < view_routing.keymap->count; i++)
		assert_true(view_routing.enabled(v, view_routing.keymap->rows[i].action));
}

static void the_filter_counts(void **state)
{
	size_t shown, all;

	(void)state;
	view_routing.filter(v, "haiku");
	view_routing.counts(v, &shown, &all);
	assert_int_equal(shown, 1);
	assert_int_equal(all, 7);
}

static void columns_sort(void **state)
{
	(void)state;
	assert_true(shows("DOES"));
	press("s Home"); /* by id */
	press("x");
	assert_true(shows("Clear override 7"));
	press("Esc s s Home x"); /* by model: haiku */
	assert_true(shows("Clear override 9"));
}

static void its_keys_are_sound(void **state)
{
	size_t row;

	(void)state;
	assert_int_equal(keymap_check(view_routing.keymap, &row), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(routing_fits_every_size),
		TEST(overrides_and_rules_are_shown_in_full),
		TEST(an_override_is_set),
		TEST(whom_it_is_about_must_be_said),
		TEST(the_selected_override_is_cleared),
		TEST(all_overrides_are_cleared),
		TEST(a_rule_is_not_cleared),
		TEST(a_text_is_tried),
		TEST(a_reader_may_look_and_try),
		TEST(the_filter_counts),
		TEST(columns_sort),
		TEST(its_keys_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
