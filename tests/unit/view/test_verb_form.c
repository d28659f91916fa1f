#include <stdlib.h>
#include <string.h>

#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tests/unit/widget/events.h"
#include "tui/view/action.h"
#include "tui/view/verb_form.h"

static struct verb_form *vf;

static struct verb_form *form_of(const char *method, const char *preset, const char *fixed,
				 const char *asked)
{
	json_t *json = preset ? json_loads(preset, 0, NULL) : NULL;

	assert_true(!preset || json);
	vf = verb_form_new(verb_find(method), "Title", "do", json, fixed, asked);
	assert_non_null(vf);
	json_decref(json);
	return vf;
}

static int unmake(void **state)
{
	(void)state;
	verb_form_free(vf);
	vf = NULL;
	return 0;
}

static int press(const char *name)
{
	struct event e = key(name);

	return verb_form_input(vf, &e);
}

static void fill_in(const char *text)
{
	struct event e = pasted(text);

	press("End");
	press("C-u");
	if (*text)
		verb_form_input(vf, &e);
}

static void to_field(int n)
{
	while (n-- > 0)
		press("Tab");
}

static void expect(const char *params)
{
	json_t *is = verb_form_params(vf);
	char *text = json_dumps(is, JSON_SORT_KEYS | JSON_COMPACT);

	assert_string_equal(text, params);
	free(text);
	json_decref(is);
}

static bool shows(const char *what)
{
	struct canvas *c = canvas_new(100, 30, GLYPHS_UNICODE);
	char *text;
	bool found;

	verb_form_draw(vf, canvas_area(c));
	golden_sound(c);
	text = golden_text(c, false);
	found = strstr(text, what) != NULL;
	if (!found)
		print_message("no \"%s\" in:\n%s\n", what, text);
	free(text);
	canvas_free(c);
	return found;
}

static void what_is_left_empty_is_not_given(void **state)
{
	(void)state;
	form_of("projects.create", NULL, NULL, NULL);
	fill_in("docs");
	assert_int_equal(press("Enter"), FORM_OK);
	expect("{\"name\":\"docs\"}");
}

static void what_is_required_is_asked_for(void **state)
{
	(void)state;
	form_of("projects.create", NULL, NULL, NULL);
	to_field(1);
	fill_in("opus");
	assert_int_equal(press("Enter"), INPUT_TAKEN);
	assert_true(shows("name: is needed"));
	/* The cursor went to the field. */
	fill_in("a");
	assert_int_equal(press("Enter"), FORM_OK);
	expect("{\"default_model\":\"opus\",\"name\":\"a\"}");
}

static void values_are_read_as_on_the_command_line(void **state)
{
	(void)state;
	form_of("budgets.set", "{\"project\":\"docs\"}", "project", "tokens usd window soft warn");
	fill_in("12M");
	to_field(1);
	fill_in("0.25");
	to_field(1);
	fill_in("rolling:24h");
	to_field(1);
	press("Space");
	to_field(1);
	fill_in("none");
	assert_int_equal(press("Enter"), FORM_OK);
	expect("{\"project\":\"docs\",\"soft\":true,\"tokens\":12000000,\"usd\":\"0.25\","
	       "\"warn\":null,\"window\":\"rolling:24h\"}");
}

static void values_out_of_bounds_stay_in_their_field(void **state)
{
	(void)state;
	form_of("budgets.set", NULL, NULL, "tokens warn");
	fill_in("many");
	to_field(1);
	fill_in("101");
	assert_int_equal(press("Enter"), INPUT_TAKEN);
	assert_true(shows("tokens: must be a whole number"));
	fill_in("5");
	assert_int_equal(press("Enter"), INPUT_TAKEN);
	assert_true(shows("warn: must be 1..100, not 101"));
	fill_in("100");
	assert_int_equal(press("Enter"), FORM_OK);
	expect("{\"tokens\":5,\"warn\":100}");
}

static void a_preset_is_what_is_sent_if_nothing_is_typed(void **state)
{
	(void)state;
	form_of("budgets.set",
		"{\"project\":\"docs\",\"tokens\":9400000,\"usd\":0.25,\"window\":\"day\","
		"\"soft\":true,\"warn\":90}",
		"project", "tokens usd window soft warn");
	assert_true(shows("9400000"));
	assert_true(shows("0.25"));
	assert_int_equal(press("Enter"), FORM_OK);
	expect("{\"project\":\"docs\",\"soft\":true,\"tokens\":9400000,\"usd\":\"0.25\","
	       "\"warn\":90,\"window\":\"day\"}");
}

static void what_is_emptied_is_taken_away(void **state)
{
	(void)state;
	form_of("keys.set",
		"{\"id\":\"k_1\",\"label\":\"ci\",\"models\":[\"opus\",\"haiku\"],\"concurrent\":"
		"4}",
		"id", "label models concurrent expires");
	assert_true(shows("opus,haiku"));
	fill_in("");
	to_field(1);
	fill_in("");
	to_field(1);
	fill_in("");
	assert_int_equal(press("Enter"), FORM_OK);
	/* A label may be empty, the others may be none; what was empty stays as it is. */
	expect("{\"concurrent\":null,\"id\":\"k_1\",\"label\":\"\",\"models\":null}");
}

static void a_flag_that_is_unticked_is_false(void **state)
{
	(void)state;
	form_of("budgets.set", "{\"soft\":true}", NULL, "soft");
	press("Space");
	assert_int_equal(press("Enter"), FORM_OK);
	expect("{\"soft\":false}");
}

static void a_list_may_have_spaces(void **state)
{
	(void)state;
	form_of("projects.set", "{\"name\":\"docs\"}", "name", "models");
	fill_in(" opus, haiku ");
	assert_int_equal(press("Enter"), FORM_OK);
	expect("{\"models\":[\"opus\",\"haiku\"],\"name\":\"docs\"}");
}

static void a_list_of_given_words_is_boxes(void **state)
{
	(void)state;
	form_of("keys.set", "{\"id\":\"k_1\",\"scopes\":[\"chat\",\"usage\"]}", "id", "scopes");
	assert_true(shows("scopes high priority"));
	press("Space"); /* chat off */
	to_field(1);
	press("Space"); /* batch on */
	assert_int_equal(press("Enter"), FORM_OK);
	expect("{\"id\":\"k_1\",\"scopes\":[\"batch\",\"usage\"]}");
}

static void a_list_that_had_words_needs_one(void **state)
{
	(void)state;
	form_of("keys.set", "{\"id\":\"k_1\",\"scopes\":[\"chat\"]}", "id", "scopes");
	press("Space");
	assert_int_equal(press("Enter"), INPUT_TAKEN);
	assert_true(shows("tick one or more"));
}

static void boxes_that_were_empty_are_not_given(void **state)
{
	(void)state;
	form_of("keys.set", "{\"id\":\"k_1\"}", "id", "scopes label");
	assert_int_equal(press("Enter"), FORM_OK);
	expect("{\"id\":\"k_1\"}");
}

static void a_word_is_a_choice_and_may_be_left_out(void **state)
{
	(void)state;
	form_of("usage", NULL, NULL, "period");
	assert_int_equal(press("Enter"), FORM_OK);
	expect("{}");
	press("Right");
	press("Right");
	assert_int_equal(press("Enter"), FORM_OK);
	expect("{\"period\":\"day\"}");
	unmake(NULL);
	form_of("usage", "{\"period\":\"week\"}", NULL, "period");
	assert_int_equal(press("Enter"), FORM_OK);
	expect("{\"period\":\"week\"}");
}

static void presets_that_are_neither_asked_nor_fixed_are_not_sent(void **state)
{
	(void)state;
	form_of("budgets.set", "{\"project\":\"docs\",\"key\":\"k_1\",\"tokens\":1}", "project",
		"tokens");
	assert_int_equal(press("Enter"), FORM_OK);
	expect("{\"project\":\"docs\",\"tokens\":1}");
}

static void the_fields_are_asked_in_the_order_that_is_wished(void **state)
{
	(void)state;
	form_of("routing.set", NULL, NULL, "reason force");
	fill_in("why");
	to_field(1);
	fill_in("opus");
	assert_int_equal(press("Enter"), FORM_OK);
	expect("{\"force\":\"opus\",\"reason\":\"why\"}");
}

static void all_but_what_is_fixed_is_asked(void **state)
{
	(void)state;
	form_of("keys.rotate", "{\"id\":\"k_1\",\"grace\":\"24h\"}", "id", NULL);
	fill_in("2h");
	assert_int_equal(press("Enter"), FORM_OK);
	expect("{\"grace\":\"2h\",\"id\":\"k_1\"}");
}

static void the_daemons_error_goes_to_its_field(void **state)
{
	(void)state;
	form_of("keys.create", NULL, NULL, NULL);
	assert_true(verb_form_set_error(vf, "scopes", "not with this key"));
	assert_true(shows("scopes chat: not with this key"));
	assert_true(verb_form_set_error(vf, "models", "there is no model 'x'"));
	assert_true(shows("models: there is no model 'x'"));
	assert_false(verb_form_set_error(vf, "id", "no"));
}

static void escape_leaves_it(void **state)
{
	(void)state;
	form_of("keys.create", NULL, NULL, NULL);
	assert_int_equal(press("Esc"), FORM_CANCEL);
}

/* Whatever the verb and whatever stands in its presets. */
static void every_verb_has_a_form(void **state)
{
	static const char hostile[] = "\033[2J\xe2\x80\xae\xf0\x9f\x91\xa8\xe2\x80\x8d"
				      "e\xcc\x81";

	(void)state;
	for (size_t i = 0; i < verb_count; i++) {
		json_t *preset = json_object();

		if (!verbs[i].method) {
			json_decref(preset);
			continue;
		}
		for (const struct verb_param *p = verbs[i].params; p && p->name; p++)
			json_object_set_new(preset, p->name, json_string(hostile));
		vf = verb_form_new(&verbs[i], hostile, "do", preset, NULL, NULL);
		json_decref(preset);
		assert_non_null(vf);
		assert_true(shows("[ do ]"));
		press("Enter");
		unmake(NULL);
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_left_empty_is_not_given),
		TEST(what_is_required_is_asked_for),
		TEST(values_are_read_as_on_the_command_line),
		TEST(values_out_of_bounds_stay_in_their_field),
		TEST(a_preset_is_what_is_sent_if_nothing_is_typed),
		TEST(what_is_emptied_is_taken_away),
		TEST(a_flag_that_is_unticked_is_false),
		TEST(a_list_may_have_spaces),
		TEST(a_list_of_given_words_is_boxes),
		TEST(a_list_that_had_words_needs_one),
		TEST(boxes_that_were_empty_are_not_given),
		TEST(a_word_is_a_choice_and_may_be_left_out),
		TEST(presets_that_are_neither_asked_nor_fixed_are_not_sent),
		TEST(the_fields_are_asked_in_the_order_that_is_wished),
		TEST(all_but_what_is_fixed_is_asked),
		TEST(the_daemons_error_goes_to_its_field),
		TEST(escape_leaves_it),
		TEST(every_verb_has_a_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
