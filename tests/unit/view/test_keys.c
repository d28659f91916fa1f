#include <string.h>

#include "tests/unit/test.h"
#include "tests/unit/view/view_support.h"

static struct stage *s;
static void *v;

static int make(void **state)
{
	(void)state;
	s = stage_new("operator");
	v = view_keys.create(&s->host);
	return v ? 0 : -1;
}

static int unmake(void **state)
{
	(void)state;
	view_keys.free(v);
	stage_free(s);
	return 0;
}

static void press(const char *keys)
{
	stage_keys(s, &view_keys, v, keys);
}

static bool shows(const char *text)
{
	return stage_shows(s, &view_keys, v, 120, 30, text);
}

static void keys_fit_every_size(void **state)
{
	(void)state;
	stage_golden(s, &view_keys, v, "keys");
}

static void a_key_is_shown_in_full(void **state)
{
	(void)state;
	press("Enter");
	stage_golden(s, &view_keys, v, "key");
}

static void a_key_is_made_and_its_secret_shown_once(void **state)
{
	(void)state;
	press("n");
	stage_golden(s, &view_keys, v, "key-form");
	press("Tab");
	stage_set(s, "new one");
	press("Enter");
	stage_expect(s, "keys.create",
		     "{\"label\":\"new one\",\"project\":\"analyzer\",\"scopes\":[\"chat\","
		     "\"batch\",\"usage\"]}");
	stage_answer(s, json_pack("{ss ss ss}", "id", "k_new", "key", "sk-secret", "project",
				  "analyzer"));
	assert_true(shows("Secret of key k_new of analyzer"));
	assert_true(shows("sk-secret"));
	assert_string_equal(s->said, "key k_new of analyzer created");
	press("y");
	assert_string_equal(s->copied, "secret: sk-secret");
	press("Enter Enter");
	assert_true(stage_hides(s, &view_keys, v, 120, 30, "sk-secret"));
}

static void a_key_is_rotated(void **state)
{
	(void)state;
	press("R");
	assert_true(shows("Rotate key k_3fa2c19d \"ci\" of analyzer"));
	stage_set(s, "2h");
	press("Enter");
	stage_expect(s, "keys.rotate", "{\"grace\":\"2h\",\"id\":\"k_3fa2c19d\"}");
	stage_answer(s,
		     json_pack("{ss ss ss ss}", "id", "k_3fa2c19d", "key", "sk-rotated", "project",
			       "analyzer", "old_secret_until", "2026-11-24T16:02:31Z"));
	assert_true(shows("sk-rotated"));
	assert_string_equal(s->said,
			    "key k_3fa2c19d rotated; its old secret stops working in 2 h 0 m");
}

static void an_answer_without_its_secret_is_an_error(void **state)
{
	(void)state;
	press("R Enter");
	stage_answer(s, json_pack("{ss}", "id", "k_3fa2c19d"));
	assert_int_equal(s->complaints, 1);
	assert_false(actions_is_open(s->actions));
}

static void a_key_is_revoked_only_on_purpose(void **state)
{
	(void)state;
	press("x");
	assert_true(shows("Revoke key k_3fa2c19d"));
	assert_true(shows("\"ci\" of analyzer stops working at once"));
	press("Enter");
	assert_int_equal(s->sent_count, 0);
	press("x Tab Enter");
	stage_expect(s, "keys.revoke", "{\"id\":\"k_3fa2c19d\"}");
	stage_answer(s, json_object());
	assert_string_equal(s->said, "key k_3fa2c19d revoked: it is worthless from now on");
}

static void a_key_is_changed(void **state)
{
	(void)state;
	press("e");
	stage_set(s, "builds");
	press("Tab Space Enter"); /* no chat any more */
	stage_expect(s, "keys.set",
		     "{\"concurrent\":2,\"id\":\"k_3fa2c19d\",\"label\":\"builds\",\"requests_per_"
		     "minute\":30,\"scopes\":[\"batch\",\"usage\"]}");
	stage_answer(s, json_object());
	assert_string_equal(s->said, "key k_3fa2c19d changed");
}

static void a_key_gets_a_budget(void **state)
{
	(void)state;
	press("b");
	assert_true(shows("Budget of key k_3fa2c19d"));
	stage_set(s, "5k");
	press("Enter");
	stage_expect(s, "budgets.set",
		     "{\"key\":\"k_3fa2c19d\",\"tokens\":5000,\"window\":\"month\"}");
}

static void a_revoked_key_is_left_alone(void **state)
{
	(void)state;
	press("Down x");
	assert_string_equal(s->said, "the key is revoked: it can be used no more");
	press("R e b");
	assert_int_equal(s->sent_count, 0);
	assert_false(actions_is_open(s->actions));
	press("y");
	assert_string_equal(s->copied, "id: k_0000dead");
}

static void a_reader_may_look(void **state)
{
	(void)state;
	s->model->right = RIGHT_READ;
	for (size_t i = 0; i < view_keys.keymap->count; i++) {
		const struct binding *row = &view_keys.keymap->rows[i];
		bool looks = strchr("Ey", row->keys[0]) != NULL;

		assert_int_equal(view_keys.enabled(v, row->action), looks);
	}
}

static void a_key_acts_on_the_row_that_is_seen(void **state)
{
	json_t *list =
		json_loads("[{\"id\":\"k_other\",\"project\":\"p\",\"state\":\"valid\"}]", 0, NULL);
	json_t *answer = json_pack("{so}", "keys", list);

	(void)state;
	assert_true(shows("k_3fa2c19d"));
	/* The view has not been told yet: the screen still has the old rows. */
	model_take_answer(s->model, PART_KEYS, answer);
	press("x");
	assert_true(shows("Revoke key k_3fa2c19d"));
	press("Esc");
	view_keys.changed(v, PART_KEYS);
	press("x");
	assert_true(shows("Revoke key k_other"));
	json_decref(answer);
}

static void a_key_that_goes_while_it_is_shown_is_not_mistaken(void **state)
{
	json_t *answer =
		json_loads("{\"keys\":[{\"id\":\"k_other\",\"state\":\"valid\"}]}", 0, NULL);

	(void)state;
	press("Enter");
	assert_true(shows("k_3fa2c19d"));
	view_keys.changed(v, model_take_answer(s->model, PART_KEYS, answer));
	json_decref(answer);
	assert_true(shows("It is there no more"));
	press("x");
	assert_string_equal(s->said, "no key is selected");
	assert_false(actions_is_open(s->actions));
}

static void columns_sort(void **state)
{
	static const char *const first[] = {"k_0000dead", "k_3fa2c19d", "k_09bbc001", "k_09bbc001"};

	(void)state;
	assert_true(stage_shows(s, &view_keys, v, 160, 30, "LABEL"));
	for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
		press("s Home y");
		assert_string_equal(s->copied + strlen("id: "), first[i]);
	}
}

static void its_keys_are_sound(void **state)
{
	size_t row;

	(void)state;
	assert_int_equal(keymap_check(view_keys.keymap, &row), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_fit_every_size),
		TEST(a_key_is_shown_in_full),
		TEST(a_key_is_made_and_its_secret_shown_once),
		TEST(a_key_is_rotated),
		TEST(an_answer_without_its_secret_is_an_error),
		TEST(a_key_is_revoked_only_on_purpose),
		TEST(a_key_is_changed),
		TEST(a_key_gets_a_budget),
		TEST(a_revoked_key_is_left_alone),
		TEST(a_reader_may_look),
		TEST(a_key_acts_on_the_row_that_is_seen),
		TEST(a_key_that_goes_while_it_is_shown_is_not_mistaken),
		TEST(columns_sort),
		TEST(its_keys_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
