/* Limits and overrides. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"

#include "daemon/admit/registry.h"
#include "daemon/admit/registry_private.h"

#include "tests/unit/admit/fixture.h"
#include "tests/unit/test.h"

static struct refusal why;
static struct outcome outcome;
static char seen[256];

static struct override_record wanted(enum scope scope, const char *subject)
{
	struct override_record o = {.scope = scope, .model = "opus", .uid = 1000};

	snprintf(o.subject, sizeof o.subject, "%s", subject);
	outcome = (struct outcome){0, 1};
	return o;
}

static int put(struct override_record *o)
{
	return registry_put_override(reg, o, outcome_done, &outcome, &why);
}

static int set_limits(enum scope scope, const char *subject, const struct rate_limits *l)
{
	outcome = (struct outcome){0, 1};
	return registry_set_limits(reg, scope, subject, l, outcome_done, &outcome, &why);
}

static void add(void *ctx, const struct override_record *o)
{
	size_t at = strlen(seen);

	(void)ctx;
	snprintf(seen + at, sizeof seen - at, "%lld ", (long long)o->id);
}

static const char *in_force(void)
{
	seen[0] = '\0';
	registry_each_override(reg, clock_wall_ms(), add, NULL);
	return seen;
}

static void assert_refused(int rc, enum fault fault, const char *param)
{
	assert_int_equal(rc, -EINVAL);
	assert_int_equal(why.fault, fault);
	assert_string_equal(why.param, param);
	assert_true(strlen(why.message) > 10);
}

/* ---- overrides ---- */

static void override_gets_an_id_and_is_in_force_when_durable(void **state)
{
	struct override_record o = wanted(SCOPE_GLOBAL, "");
	uint64_t before;

	(void)state;
	reg_new();
	before = registry_generation(reg);
	assert_int_equal(put(&o), 0);
	assert_int_equal(o.id, 1);
	assert_string_equal(in_force(), "");
	fakes_end(0);
	assert_string_equal(in_force(), "1 ");
	assert_int_equal(fakes.ops[0].override.id, 1);
	assert_int_equal(fakes.ops[0].override.created_ms, NOW_MS);
	assert_true(registry_generation(reg) > before);
	assert_string_equal(fakes.events[0], "override set");
}

static void overrides_hinder_neither_each_other_nor_other_changes(void **state)
{
	struct override_record o = wanted(SCOPE_PROJECT, "demo");

	(void)state;
	reg_new();
	make_project("demo");
	assert_int_equal(put(&o), 0);
	assert_int_equal(put(&o), 0);
	assert_int_equal(set_limits(SCOPE_PROJECT, "demo", &unlimited), 0);
	fakes_end_all();
	assert_string_equal(in_force(), "1 2 ");
}

static void override_that_is_not_written_is_not_in_force(void **state)
{
	struct override_record o = wanted(SCOPE_GLOBAL, "");

	(void)state;
	reg_new();
	assert_int_equal(put(&o), 0);
	fakes_end(-EIO);
	assert_string_equal(in_force(), "");
	assert_int_equal(reg->new_overrides, 0);
}

static void override_values_are_checked(void **state)
{
	struct override_record o;

	(void)state;
	reg_new();
	o = wanted(SCOPE_PROJECT, "nobody");
	assert_refused(put(&o), FAULT_NOT_FOUND, "project");
	o = wanted(SCOPE_KEY, "k_none");
	assert_refused(put(&o), FAULT_NOT_FOUND, "key");
	o = wanted(SCOPE_GLOBAL, "");
	o.model[0] = '\0';
	assert_refused(put(&o), FAULT_INVALID_REQUEST, "model");
	o = wanted(SCOPE_GLOBAL, "");
	o.action = (enum override_action)7;
	assert_refused(put(&o), FAULT_INVALID_REQUEST, "action");
	o = wanted(SCOPE_GLOBAL, "");
	o.expires_ms = NOW_MS;
	assert_refused(put(&o), FAULT_INVALID_REQUEST, "expires");
	o = wanted(SCOPE_GLOBAL, "");
	strcpy(o.reason, "a\nb");
	assert_refused(put(&o), FAULT_INVALID_REQUEST, "reason");
	assert_int_equal(fakes.count, 0);
}

static void expired_override_is_left_out_and_removed_in_time(void **state)
{
	struct override_record o = wanted(SCOPE_GLOBAL, "");

	(void)state;
	reg_new();
	o.expires_ms = NOW_MS + 1000;
	assert_int_equal(put(&o), 0);
	o.expires_ms = 0;
	assert_int_equal(put(&o), 0);
	fakes_end_all();
	assert_string_equal(in_force(), "1 2 ");
	clock_advance_ms(1000);
	assert_string_equal(in_force(), "2 ");
	assert_int_equal(fakes.count, 2);
	registry_minute(reg, clock_wall_ms());
	registry_minute(reg, clock_wall_ms()); /* once is enough */
	assert_int_equal(fakes.count, 3);
	assert_int_equal(fakes_last()->kind, FAKE_DELETE_OVERRIDE);
	assert_int_equal(fakes_last()->id, 1);
	fakes_end_all();
	assert_int_equal(reg->override_count, 1);
	assert_string_equal(fakes.events[2], "override expired");
}

static void cleared_override_ends_when_that_is_durable(void **state)
{
	struct override_record o = wanted(SCOPE_GLOBAL, "");

	(void)state;
	reg_new();
	assert_int_equal(put(&o), 0);
	fakes_end(0);
	assert_int_equal(registry_delete_override(reg, 1, outcome_done, &outcome, &why), 0);
	assert_string_equal(in_force(), "1 ");
	assert_refused(registry_delete_override(reg, 1, outcome_done, &outcome, &why),
		       FAULT_CONFLICT, "id");
	fakes_end(-EIO);
	assert_string_equal(in_force(), "1 ");
	assert_int_equal(registry_delete_override(reg, 1, outcome_done, &outcome, &why), 0);
	fakes_end(0);
	assert_string_equal(in_force(), "");
	assert_refused(registry_delete_override(reg, 1, outcome_done, &outcome, &why),
		       FAULT_NOT_FOUND, "id");
}

static void overrides_load_in_the_order_of_ids(void **state)
{
	static const struct override_record rows[] = {{.id = 5}, {.id = 9}, {.id = 2}, {.id = 7}};

	(void)state;
	fakes.overrides = rows;
	fakes.override_count = 4;
	reg_new();
	assert_string_equal(in_force(), "2 5 7 9 ");
}

static void override_put_just_before_its_project_goes_goes_too(void **state)
{
	struct override_record o = wanted(SCOPE_PROJECT, "demo");

	(void)state;
	reg_new();
	make_project("demo");
	assert_int_equal(put(&o), 0);
	assert_int_equal(registry_delete_project(reg, "demo", outcome_done, &outcome, &why), 0);
	fakes_end_all();
	assert_string_equal(in_force(), "");
}

static void override_that_is_told_after_the_deletion_is_not_in_force(void **state)
{
	struct override_record o = wanted(SCOPE_PROJECT, "demo");

	(void)state;
	reg_new();
	make_project("demo");
	assert_int_equal(put(&o), 0);
	assert_int_equal(registry_delete_project(reg, "demo", outcome_done, &outcome, &why), 0);
	fakes_end_newest(0);
	fakes_end(0);
	assert_string_equal(in_force(), "");
}

static void overrides_of_other_projects_stay(void **state)
{
	struct override_record o = wanted(SCOPE_PROJECT, "demo");
	struct override_record other = wanted(SCOPE_PROJECT, "other");

	(void)state;
	reg_new();
	make_project("demo");
	make_project("other");
	assert_int_equal(put(&o), 0);
	assert_int_equal(put(&other), 0);
	fakes_end_all();
	assert_int_equal(registry_delete_project(reg, "demo", outcome_done, &outcome, &why), 0);
	fakes_end_all();
	assert_string_equal(in_force(), "2 ");
}

/* ---- limits ---- */

static void limits_of_a_project_are_its_record(void **state)
{
	const struct rate_limits some = {10, 2000, 3};
	struct project *p;

	(void)state;
	reg_new();
	p = make_project("demo");
	assert_int_equal(set_limits(SCOPE_PROJECT, "demo", &some), 0);
	assert_int_equal(p->rate.limits.concurrent, -1);
	fakes_end(0);
	assert_memory_equal(&p->rate.limits, &some, sizeof some);
	assert_memory_equal(&p->record.limits, &some, sizeof some);
	assert_int_equal(fakes_last()->kind, FAKE_PROJECT);
	assert_memory_equal(&fakes_last()->project.limits, &some, sizeof some);
	assert_string_equal(fakes.events[1], "limit set");
	assert_int_equal(set_limits(SCOPE_PROJECT, "demo", NULL), 0);
	fakes_end(0);
	assert_memory_equal(&p->rate.limits, &unlimited, sizeof unlimited);
}

static void limits_of_a_key_are_its_record(void **state)
{
	const struct rate_limits some = {10, 2000, 3};
	struct key *k;

	(void)state;
	reg_new();
	make_project("demo");
	k = make_key("demo", NULL);
	assert_int_equal(set_limits(SCOPE_KEY, k->record.id, &some), 0);
	fakes_end(0);
	assert_memory_equal(&k->rate.limits, &some, sizeof some);
	assert_int_equal(fakes_last()->kind, FAKE_KEY);
}

static void limits_that_are_not_written_are_not_in_force(void **state)
{
	const struct rate_limits some = {10, 2000, 3};
	struct project *p;

	(void)state;
	reg_new();
	p = make_project("demo");
	assert_int_equal(set_limits(SCOPE_PROJECT, "demo", &some), 0);
	fakes_end(-EIO);
	assert_memory_equal(&p->rate.limits, &unlimited, sizeof unlimited);
	assert_memory_equal(&p->record.limits, &unlimited, sizeof unlimited);
}

static void settings_limits_hold_until_the_operator_sets_own_ones(void **state)
{
	const struct rate_limits conf = {100, -1, -1}, own = {7, -1, -1}, other = {200, -1, -1};
	struct rate *global;

	(void)state;
	reg_new();
	global = registry_global_rate(reg);
	registry_set_conf_limits(reg, &conf);
	assert_int_equal(global->limits.requests_per_minute, 100);
	assert_int_equal(set_limits(SCOPE_GLOBAL, "", &own), 0);
	fakes_end(0);
	assert_int_equal(global->limits.requests_per_minute, 7);
	registry_set_conf_limits(reg, &other);
	assert_int_equal(global->limits.requests_per_minute, 7);
	assert_int_equal(set_limits(SCOPE_GLOBAL, "", NULL), 0);
	assert_true(fakes_last()->no_limits);
	fakes_end(0);
	assert_int_equal(global->limits.requests_per_minute, 200);
	registry_set_conf_limits(reg, &conf);
	assert_int_equal(global->limits.requests_per_minute, 100);
}

static void own_global_limits_are_loaded(void **state)
{
	const struct rate_limits conf = {100, -1, -1};

	(void)state;
	fakes.limits_set = true;
	fakes.limits = (struct rate_limits){7, -1, -1};
	reg_new();
	registry_set_conf_limits(reg, &conf);
	assert_int_equal(registry_global_rate(reg)->limits.requests_per_minute, 7);
}

static void global_limits_change_one_at_a_time(void **state)
{
	const struct rate_limits own = {7, -1, -1};

	(void)state;
	reg_new();
	assert_int_equal(set_limits(SCOPE_GLOBAL, "", &own), 0);
	assert_refused(set_limits(SCOPE_GLOBAL, "", &own), FAULT_CONFLICT, "");
	fakes_end(0);
	assert_int_equal(set_limits(SCOPE_GLOBAL, "", &own), 0);
}

static void limits_of_nobody_are_not_set(void **state)
{
	(void)state;
	reg_new();
	assert_refused(set_limits(SCOPE_PROJECT, "nobody", &unlimited), FAULT_NOT_FOUND, "project");
	assert_refused(set_limits(SCOPE_KEY, "k_none", NULL), FAULT_NOT_FOUND, "key");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(override_gets_an_id_and_is_in_force_when_durable),
		TEST(overrides_hinder_neither_each_other_nor_other_changes),
		TEST(override_that_is_not_written_is_not_in_force),
		TEST(override_values_are_checked),
		TEST(expired_override_is_left_out_and_removed_in_time),
		TEST(cleared_override_ends_when_that_is_durable),
		TEST(overrides_load_in_the_order_of_ids),
		TEST(override_put_just_before_its_project_goes_goes_too),
		TEST(override_that_is_told_after_the_deletion_is_not_in_force),
		TEST(overrides_of_other_projects_stay),
		TEST(limits_of_a_project_are_its_record),
		TEST(limits_of_a_key_are_its_record),
		TEST(limits_that_are_not_written_are_not_in_force),
		TEST(settings_limits_hold_until_the_operator_sets_own_ones),
		TEST(own_global_limits_are_loaded),
		TEST(global_limits_change_one_at_a_time),
		TEST(limits_of_nobody_are_not_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
