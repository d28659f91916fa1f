#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shared/err.h"

#include "daemon/admit/registry.h"

#include "tests/unit/admit/fixture.h"
#include "tests/unit/test.h"

static struct refusal why;
static struct outcome outcome;

static struct project_record wanted(const char *name)
{
	struct project_record r = {.limits = unlimited};

	snprintf(r.name, sizeof r.name, "%s", name);
	outcome = (struct outcome){0, 1};
	return r;
}

static int create(const struct project_record *r)
{
	return registry_create_project(reg, r, outcome_done, &outcome, &why);
}

static int change(const struct project_record *r)
{
	return registry_change_project(reg, r, outcome_done, &outcome, &why);
}

static int delete_it(const char *name)
{
	return registry_delete_project(reg, name, outcome_done, &outcome, &why);
}

static void assert_refused(int rc, enum fault fault, const char *param)
{
	assert_int_equal(rc, -EINVAL);
	assert_int_equal(why.fault, fault);
	assert_string_equal(why.param, param);
	assert_true(strlen(why.message) > 10);
}

/* ---- creating ---- */

static void created_project_shows_when_it_is_durable(void **state)
{
	struct project_record r = wanted("demo");
	uint64_t before;
	struct project *p;

	(void)state;
	reg_new();
	before = registry_generation(reg);
	r.allowed_models = (char[]){"haiku,sonnet"};
	strcpy(r.default_model, "haiku");
	r.limits.concurrent = 3;
	assert_int_equal(create(&r), 0);
	assert_null(registry_find_project(reg, "demo"));
	assert_int_equal(outcome.calls, 0);
	assert_int_equal(registry_generation(reg), before);
	fakes_end(0);
	assert_int_equal(outcome.calls, 1);
	assert_int_equal(outcome.rc, 0);
	p = registry_find_project(reg, "demo");
	assert_string_equal(p->record.allowed_models, "haiku,sonnet");
	assert_string_equal(p->record.default_model, "haiku");
	assert_int_equal(p->record.created_ms, NOW_MS);
	assert_int_equal(p->rate.limits.concurrent, 3);
	assert_true(registry_generation(reg) > before);
	assert_string_equal(fakes.events[0], "project created");
	assert_string_equal(fakes.ops[0].models, "haiku,sonnet");
}

static void project_that_is_not_written_is_not_there(void **state)
{
	struct project_record r = wanted("demo");

	(void)state;
	reg_new();
	assert_int_equal(create(&r), 0);
	fakes_end(-EIO);
	assert_int_equal(outcome.rc, -EIO);
	assert_null(registry_find_project(reg, "demo"));
	assert_int_equal(fakes.event_count, 0);
	assert_int_equal(create(&r), 0); /* and may be tried again */
}

static void project_name_is_taken_once(void **state)
{
	struct project_record r = wanted("demo");

	(void)state;
	reg_new();
	assert_int_equal(create(&r), 0);
	assert_refused(create(&r), FAULT_CONFLICT, "name");
	fakes_end(0);
	assert_refused(create(&r), FAULT_INVALID_REQUEST, "name");
	assert_int_equal(fakes.count, 1);
}

static void project_values_are_checked(void **state)
{
	static const struct {
		const char *name, *default_model, *models;
		struct rate_limits limits;
		const char *param;
	} bad[] = {
		{"", "", NULL, {-1, -1, -1}, "name"},
		{"a/b", "", NULL, {-1, -1, -1}, "name"},
		{"..", "", NULL, {-1, -1, -1}, "name"},
		{"a\nb", "", NULL, {-1, -1, -1}, "name"},
		{"ok", "so net", NULL, {-1, -1, -1}, "default_model"},
		{"ok", "", "", {-1, -1, -1}, "models"},
		{"ok", "", "haiku,,opus", {-1, -1, -1}, "models"},
		{"ok", "", "haiku,", {-1, -1, -1}, "models"},
		{"ok", "", "haiku, opus", {-1, -1, -1}, "models"},
		{"ok", "", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", {-1, -1, -1}, "models"},
		{"ok", "", NULL, {0, -1, -1}, "requests_per_minute"},
		{"ok", "", NULL, {-1, -2, -1}, "tokens_per_minute"},
		{"ok", "", NULL, {-1, -1, INT64_C(1000000000001)}, "concurrent"},
	};

	(void)state;
	reg_new();
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct project_record r = wanted(bad[i].name);

		snprintf(r.default_model, sizeof r.default_model, "%s", bad[i].default_model);
		r.allowed_models = (char *)bad[i].models;
		r.limits = bad[i].limits;
		assert_refused(create(&r), FAULT_INVALID_REQUEST, bad[i].param);
	}
	assert_int_equal(fakes.count, 0);
}

static void model_names_have_at_most_95_bytes(void **state)
{
	struct project_record r = wanted("demo");
	char name[99];

	(void)state;
	reg_new();
	memset(name, 'm', 98);
	name[98] = '\0';
	r.allowed_models = name;
	assert_refused(create(&r), FAULT_INVALID_REQUEST, "models");
	name[96] = '\0';
	assert_refused(create(&r), FAULT_INVALID_REQUEST, "models");
	name[95] = '\0';
	assert_int_equal(create(&r), 0);
}

static void limits_may_be_a_million_million(void **state)
{
	struct project_record r = wanted("demo");

	(void)state;
	reg_new();
	r.limits = (struct rate_limits){1, INT64_C(1000000000000), -1};
	assert_int_equal(create(&r), 0);
}

static void nothing_is_changed_while_the_store_does_not_work(void **state)
{
	struct project_record r = wanted("demo");

	(void)state;
	reg_new();
	make_project("old");
	fakes.ill = true;
	assert_refused(create(&r), FAULT_STORE, "");
	assert_refused(delete_it("old"), FAULT_STORE, "");
	fakes.ill = false;
	fakes.refuse = ERR_STATE; /* it fell ill after we looked */
	assert_refused(create(&r), FAULT_STORE, "");
	assert_refused(delete_it("old"), FAULT_STORE, "");
	fakes.refuse = -ENOMEM;
	assert_refused(create(&r), FAULT_INTERNAL, "");
	fakes.refuse = 0;
	assert_non_null(registry_find_project(reg, "old"));
	assert_int_equal(create(&r), 0);
}

/* ---- changing ---- */

static void changed_project_shows_when_it_is_durable(void **state)
{
	struct project_record r;
	struct project *p;

	(void)state;
	reg_new();
	p = make_project("demo");
	r = wanted("demo");
	r.limits.requests_per_minute = 5;
	r.allowed_models = (char[]){"opus"};
	assert_int_equal(change(&r), 0);
	assert_null(p->record.allowed_models);
	assert_int_equal(p->rate.limits.requests_per_minute, -1);
	fakes_end(0);
	assert_int_equal(outcome.rc, 0);
	assert_string_equal(p->record.allowed_models, "opus");
	assert_int_equal(p->rate.limits.requests_per_minute, 5);
	assert_int_equal(p->record.created_ms, NOW_MS);
	assert_string_equal(fakes.ops[1].models, "opus");
	assert_string_equal(fakes.events[1], "project changed");
	r.allowed_models = NULL; /* a leak would be found by the sanitizer */
	assert_int_equal(change(&r), 0);
	fakes_end(0);
	assert_null(p->record.allowed_models);
}

static void change_that_is_not_written_leaves_the_project(void **state)
{
	struct project_record r;
	struct project *p;

	(void)state;
	reg_new();
	p = make_project("demo");
	r = wanted("demo");
	strcpy(r.default_model, "opus");
	assert_int_equal(change(&r), 0);
	fakes_end(-ENOSPC);
	assert_int_equal(outcome.rc, -ENOSPC);
	assert_string_equal(p->record.default_model, "");
	assert_int_equal(change(&r), 0);
}

static void second_change_waits_for_the_first(void **state)
{
	struct project_record r;

	(void)state;
	reg_new();
	make_project("demo");
	r = wanted("demo");
	assert_int_equal(change(&r), 0);
	assert_refused(change(&r), FAULT_CONFLICT, "project");
	assert_refused(delete_it("demo"), FAULT_CONFLICT, "project");
	fakes_end(0);
	assert_int_equal(change(&r), 0);
}

static void unknown_project_is_neither_changed_nor_deleted(void **state)
{
	struct project_record r = wanted("nobody");

	(void)state;
	reg_new();
	assert_refused(change(&r), FAULT_NOT_FOUND, "project");
	assert_refused(delete_it("nobody"), FAULT_NOT_FOUND, "project");
}

/* ---- deleting ---- */

static void deleted_project_takes_keys_budgets_and_overrides_with_it(void **state)
{
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_DAY, 100, -1);
	struct override_record o = {.scope = SCOPE_PROJECT, .subject = "demo", .model = "opus"};
	char secret[SECRET_SIZE], other_secret[SECRET_SIZE];
	struct key *k, *found;

	(void)state;
	reg_new();
	make_project("demo");
	make_project("other");
	k = make_key("demo", secret);
	make_key("other", other_secret);
	make_budget(&b);
	assert_int_equal(registry_put_override(reg, &o, outcome_done, &outcome, &why), 0);
	o.scope = SCOPE_KEY;
	strcpy(o.subject, k->record.id);
	assert_int_equal(registry_put_override(reg, &o, outcome_done, &outcome, &why), 0);
	fakes_end_all();
	b = budget_of(SCOPE_KEY, k->record.id, WINDOW_DAY, 100, -1);
	make_budget(&b);

	assert_int_equal(delete_it("demo"), 0);
	assert_int_equal(registry_check_key(reg, secret, NOW_MS, &found), KEY_GOOD);
	fakes_end(0);
	assert_int_equal(registry_check_key(reg, secret, NOW_MS, &found), KEY_REVOKED);
	assert_int_equal(registry_check_key(reg, other_secret, NOW_MS, &found), KEY_GOOD);
	assert_null(registry_budgets(reg, SCOPE_PROJECT, "demo"));
	assert_false(has_account(registry_budgets(reg, SCOPE_KEY, k->record.id), WINDOW_DAY));
	registry_each_override(reg, NOW_MS, NULL, NULL); /* would crash if there was one */
	assert_string_equal(fakes.events[fakes.event_count - 1], "project deleted");
}

static void project_that_is_not_deleted_stays_whole(void **state)
{
	struct project_record r;
	struct project *p;

	(void)state;
	reg_new();
	p = make_project("demo");
	assert_int_equal(delete_it("demo"), 0);
	fakes_end(-EIO);
	assert_ptr_equal(registry_find_project(reg, "demo"), p);
	assert_false(p->deleted);
	r = wanted("demo");
	assert_int_equal(change(&r), 0);
}

static void nothing_joins_a_project_that_is_being_deleted(void **state)
{
	struct key_record k = {.project = "demo", .scopes = KEY_CHAT, .limits = {-1, -1, -1}};
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_DAY, 100, -1);
	struct override_record o = {.scope = SCOPE_PROJECT, .subject = "demo", .model = "opus"};
	char id[KEY_ID_SIZE], secret[SECRET_SIZE];
	struct key *old;

	(void)state;
	reg_new();
	make_project("demo");
	old = make_key("demo", NULL);
	assert_int_equal(delete_it("demo"), 0);
	assert_refused(registry_create_key(reg, &k, id, secret, outcome_done, &outcome, &why),
		       FAULT_CONFLICT, "project");
	assert_refused(registry_put_budget(reg, &b, outcome_done, &outcome, &why), FAULT_CONFLICT,
		       "project");
	assert_refused(registry_put_override(reg, &o, outcome_done, &outcome, &why), FAULT_CONFLICT,
		       "project");
	/* Its rows would bring the key back to life after the deletion was written. */
	assert_refused(
		registry_rotate_key(reg, old->record.id, 0, secret, outcome_done, &outcome, &why),
		FAULT_CONFLICT, "project");
}

static void key_made_just_before_the_deletion_is_revoked_too(void **state)
{
	struct key_record k = {.project = "demo", .scopes = KEY_CHAT, .limits = {-1, -1, -1}};
	char id[KEY_ID_SIZE], secret[SECRET_SIZE];
	struct key *found;

	(void)state;
	reg_new();
	make_project("demo");
	assert_int_equal(registry_create_key(reg, &k, id, secret, outcome_done, &outcome, &why), 0);
	assert_int_equal(delete_it("demo"), 0);
	fakes_end_all();
	assert_int_equal(registry_check_key(reg, secret, NOW_MS, &found), KEY_REVOKED);
}

static void key_that_is_told_after_the_deletion_is_revoked_too(void **state)
{
	struct key_record k = {.project = "demo", .scopes = KEY_CHAT, .limits = {-1, -1, -1}};
	char id[KEY_ID_SIZE], secret[SECRET_SIZE];
	struct key *found;

	(void)state;
	reg_new();
	make_project("demo");
	assert_int_equal(registry_create_key(reg, &k, id, secret, outcome_done, &outcome, &why), 0);
	assert_int_equal(delete_it("demo"), 0);
	fakes_end_newest(0);
	fakes_end(0);
	assert_int_equal(registry_check_key(reg, secret, NOW_MS, &found), KEY_REVOKED);
}

static void deleted_name_may_be_used_again(void **state)
{
	struct project *old, *again;

	(void)state;
	reg_new();
	old = project_ref(make_project("demo"));
	make_key("demo", NULL);
	assert_int_equal(delete_it("demo"), 0);
	fakes_end_all();
	again = make_project("demo");
	assert_ptr_not_equal(again, old);
	assert_false(again->deleted);
	project_unref(old);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(created_project_shows_when_it_is_durable),
		TEST(project_that_is_not_written_is_not_there),
		TEST(project_name_is_taken_once),
		TEST(project_values_are_checked),
		TEST(model_names_have_at_most_95_bytes),
		TEST(limits_may_be_a_million_million),
		TEST(nothing_is_changed_while_the_store_does_not_work),
		TEST(changed_project_shows_when_it_is_durable),
		TEST(change_that_is_not_written_leaves_the_project),
		TEST(second_change_waits_for_the_first),
		TEST(unknown_project_is_neither_changed_nor_deleted),
		TEST(deleted_project_takes_keys_budgets_and_overrides_with_it),
		TEST(project_that_is_not_deleted_stays_whole),
		TEST(nothing_joins_a_project_that_is_being_deleted),
		TEST(key_made_just_before_the_deletion_is_revoked_too),
		TEST(key_that_is_told_after_the_deletion_is_revoked_too),
		TEST(deleted_name_may_be_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
