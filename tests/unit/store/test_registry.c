/* What is put comes back when it is loaded. */
#include "daemon/store/registry.h"

#include "tests/unit/store/store_support.h"

static struct project_record projects[8];
static struct key_record keys[8];
static struct budget_record budgets[8];
static struct override_record overrides[8];
static size_t count;
static char models[8][64];

static void note_models(const char *allowed)
{
	snprintf(models[count], sizeof models[count], "%s", allowed ? allowed : "(all)");
}

static void on_project(void *ctx, const struct project_record *r)
{
	(void)ctx;
	note_models(r->allowed_models);
	projects[count++] = *r;
}

static void on_key(void *ctx, const struct key_record *r)
{
	(void)ctx;
	note_models(r->allowed_models);
	keys[count++] = *r;
}

static void on_budget(void *ctx, const struct budget_record *r)
{
	(void)ctx;
	budgets[count++] = *r;
}

static void on_override(void *ctx, const struct override_record *r)
{
	(void)ctx;
	overrides[count++] = *r;
}

/* What is loaded was written by an earlier daemon. */
static void restart(void)
{
	stop_store();
	open_healthy();
	count = 0;
}

static struct answer last;

static int settled_rc(int rc)
{
	int before = last.calls;

	assert_int_equal(rc, 0);
	wait_for(&last.calls, before + 1);
	return last.rc;
}

#define DONE on_done, &last

static struct project_record a_project(const char *name)
{
	struct project_record r = {
		.default_model = "haiku", .limits = {60, 10000, -1}, .created_ms = NOON_MS};

	strcpy(r.name, name);
	return r;
}

static struct key_record a_key(const char *id, const char *project, unsigned char hash)
{
	struct key_record r = {.hash = {hash, 0, 3},
			       .old_hash = {9, hash},
			       .old_until_ms = 11,
			       .label = "caf\xc3\xa9",
			       .scopes = KEY_CHAT | KEY_USAGE,
			       .limits = {1, 2, 3},
			       .created_ms = 4,
			       .expires_ms = 5,
			       .last_used_ms = 7};

	strcpy(r.id, id);
	strcpy(r.project, project);
	return r;
}

static struct budget_record a_budget(enum scope scope, const char *subject)
{
	struct budget_record r = {.scope = scope,
				  .window = WINDOW_MONTH,
				  .limit_tokens = 1000000,
				  .limit_micro_usd = -1,
				  .soft = true,
				  .warn_percent = 80,
				  .from_ms = 1,
				  .base_tokens = 2,
				  .base_micro_usd = 3,
				  .created_ms = 4};

	strcpy(r.subject, subject);
	return r;
}

static struct override_record an_override(int64_t id, enum scope scope, const char *subject)
{
	struct override_record r = {.id = id,
				    .scope = scope,
				    .action = OVERRIDE_DENY,
				    .model = "opus",
				    .expires_ms = 5,
				    .created_ms = 6,
				    .reason = "too dear",
				    .uid = 1000};

	strcpy(r.subject, subject);
	return r;
}

static void projects_come_back_by_name(void **state)
{
	struct project_record b = a_project("b"), a = a_project("a");

	(void)state;
	b.allowed_models = (char *)"haiku,sonnet";
	assert_int_equal(settled_rc(store_put_project(store, &b, DONE)), 0);
	assert_int_equal(settled_rc(store_put_project(store, &a, DONE)), 0);
	b.limits.concurrent = 7;
	assert_int_equal(settled_rc(store_put_project(store, &b, DONE)), 0);
	restart();
	assert_int_equal(store_load_projects(store, on_project, NULL), 0);
	assert_int_equal(count, 2);
	assert_string_equal(projects[0].name, "a");
	assert_string_equal(models[0], "(all)");
	assert_string_equal(projects[1].name, "b");
	assert_string_equal(projects[1].default_model, "haiku");
	assert_string_equal(models[1], "haiku,sonnet");
	assert_int_equal(projects[1].limits.requests_per_minute, 60);
	assert_int_equal(projects[1].limits.tokens_per_minute, 10000);
	assert_int_equal(projects[1].limits.concurrent, 7);
	assert_int_equal(projects[1].created_ms, NOON_MS);
}

static void keys_come_back_with_everything(void **state)
{
	struct key_record r = a_key("k_1", "demo", 0), *k = &keys[0];

	(void)state;
	r.allowed_models = (char *)"haiku";
	r.revoked_ms = 6;
	assert_int_equal(settled_rc(store_put_key(store, &r, DONE)), 0);
	restart();
	assert_int_equal(store_load_keys(store, on_key, NULL), 0);
	assert_int_equal(count, 1);
	assert_string_equal(k->id, "k_1");
	assert_memory_equal(k->hash, r.hash, HASH_SIZE);
	assert_memory_equal(k->old_hash, r.old_hash, HASH_SIZE);
	assert_int_equal(k->old_until_ms, 11);
	assert_string_equal(k->label, r.label);
	assert_string_equal(k->project, "demo");
	assert_int_equal(k->scopes, KEY_CHAT | KEY_USAGE);
	assert_string_equal(models[0], "haiku");
	assert_memory_equal(&k->limits, &r.limits, sizeof r.limits);
	assert_int_equal(k->created_ms, 4);
	assert_int_equal(k->expires_ms, 5);
	assert_int_equal(k->revoked_ms, 6);
	assert_int_equal(k->last_used_ms, 7);
}

static void a_key_with_the_hash_of_another_is_refused(void **state)
{
	struct key_record first = a_key("k_1", "demo", 1), second = a_key("k_2", "demo", 1);

	(void)state;
	assert_int_equal(settled_rc(store_put_key(store, &first, DONE)), 0);
	assert_int_equal(settled_rc(store_put_key(store, &second, DONE)), -EEXIST);
	assert_true(store_healthy(store));
	restart();
	assert_int_equal(store_load_keys(store, on_key, NULL), 0);
	assert_int_equal(count, 1);
	assert_string_equal(keys[0].id, "k_1");
}

static void last_use_only_rises(void **state)
{
	struct key_record first = a_key("k_1", "demo", 1), second = a_key("k_2", "demo", 2);
	struct key_use uses[] = {{"k_1", 100}, {"k_2", 3}, {"k_9", 50}};

	(void)state;
	store_put_key(store, &first, DONE);
	store_put_key(store, &second, DONE);
	assert_int_equal(store_touch_keys(store, uses, 3), 0);
	first.label[0] = '\0';
	assert_int_equal(settled_rc(store_put_key(store, &first, DONE)), 0);
	assert_int_equal(store_touch_keys(store, NULL, 0), 0);
	restart();
	assert_int_equal(store_load_keys(store, on_key, NULL), 0);
	assert_int_equal(count, 2);
	assert_int_equal(keys[0].last_used_ms, 100);
	assert_string_equal(keys[0].label, "");
	assert_int_equal(keys[1].last_used_ms, 7);
}

static int told;

static void on_put(void *ctx, int rc, const struct usage_bucket *buckets, size_t n)
{
	(void)ctx;
	(void)buckets;
	(void)n;
	assert_int_equal(rc, 0);
	told++;
}

static void put_budget(const struct budget_record *r)
{
	int before = told;

	assert_int_equal(store_put_budget(store, r, 0, on_put, NULL), 0);
	wait_for(&told, before + 1);
}

static void budgets_are_one_per_window(void **state)
{
	struct budget_record month = a_budget(SCOPE_PROJECT, "demo"), rolling = month;

	(void)state;
	rolling.window = WINDOW_ROLLING;
	rolling.rolling_ms = 4 * BUCKET_MS;
	put_budget(&month);
	put_budget(&rolling);
	rolling.rolling_ms = 8 * BUCKET_MS;
	put_budget(&rolling);
	month.limit_micro_usd = 5;
	put_budget(&month);
	restart();
	assert_int_equal(store_load_budgets(store, on_budget, NULL), 0);
	assert_int_equal(count, 3);
	assert_int_equal(budgets[0].scope, SCOPE_PROJECT);
	assert_string_equal(budgets[0].subject, "demo");
	assert_int_equal(budgets[0].window, WINDOW_MONTH);
	assert_int_equal(budgets[0].limit_tokens, 1000000);
	assert_int_equal(budgets[0].limit_micro_usd, 5);
	assert_true(budgets[0].soft);
	assert_int_equal(budgets[0].warn_percent, 80);
	assert_int_equal(budgets[0].from_ms, 1);
	assert_int_equal(budgets[0].base_tokens, 2);
	assert_int_equal(budgets[0].base_micro_usd, 3);
	assert_int_equal(budgets[0].created_ms, 4);
	assert_int_equal(budgets[2].rolling_ms, 8 * BUCKET_MS);

	assert_int_equal(settled_rc(store_delete_budget(store, &rolling, DONE)), 0);
	restart();
	assert_int_equal(store_load_budgets(store, on_budget, NULL), 0);
	assert_int_equal(count, 2);
}

static void overrides_come_back_until_they_are_deleted(void **state)
{
	struct override_record first = an_override(store_next_id(store), SCOPE_GLOBAL, ""),
			       second = an_override(store_next_id(store), SCOPE_KEY, "k_1");

	(void)state;
	settled_rc(store_put_override(store, &second, DONE));
	settled_rc(store_put_override(store, &first, DONE));
	restart();
	assert_true(store_next_id(store) > second.id);
	assert_int_equal(store_load_overrides(store, on_override, NULL), 0);
	assert_int_equal(count, 2);
	assert_int_equal(overrides[1].id, second.id);
	assert_int_equal(overrides[1].scope, SCOPE_KEY);
	assert_string_equal(overrides[1].subject, "k_1");
	assert_int_equal(overrides[1].action, OVERRIDE_DENY);
	assert_string_equal(overrides[1].model, "opus");
	assert_int_equal(overrides[1].expires_ms, 5);
	assert_int_equal(overrides[1].created_ms, 6);
	assert_string_equal(overrides[1].reason, "too dear");
	assert_int_equal(overrides[1].uid, 1000);
	assert_int_equal(settled_rc(store_delete_override(store, first.id, DONE)), 0);
	restart();
	assert_int_equal(store_load_overrides(store, on_override, NULL), 0);
	assert_int_equal(count, 1);
	assert_int_equal(overrides[0].id, second.id);
}

static void global_limits_are_set_and_unset(void **state)
{
	struct rate_limits limits = {1, -1, 3}, loaded = {0};
	bool set = true;

	(void)state;
	assert_int_equal(store_load_global_limits(store, &set, &loaded), 0);
	assert_false(set);
	settled_rc(store_put_global_limits(store, &limits, DONE));
	limits.concurrent = 9;
	settled_rc(store_put_global_limits(store, &limits, DONE));
	restart();
	assert_int_equal(store_load_global_limits(store, &set, &loaded), 0);
	assert_true(set);
	assert_memory_equal(&loaded, &limits, sizeof limits);
	settled_rc(store_put_global_limits(store, NULL, DONE));
	restart();
	assert_int_equal(store_load_global_limits(store, &set, &loaded), 0);
	assert_false(set);
}

static void a_project_takes_what_is_its_own_along(void **state)
{
	struct project_record demo = a_project("demo"), other = a_project("other");
	struct key_record mine = a_key("k_1", "demo", 1), old = a_key("k_0", "demo", 2),
			  foreign = a_key("k_2", "other", 3);
	struct budget_record kept[] = {a_budget(SCOPE_GLOBAL, ""), a_budget(SCOPE_KEY, "k_2"),
				       a_budget(SCOPE_PROJECT, "other")},
			     gone[] = {a_budget(SCOPE_PROJECT, "demo"), a_budget(SCOPE_KEY, "k_1"),
				       a_budget(SCOPE_KEY, "k_0")};
	struct ledger_record line = a_line("demo", "k_1", "m", NOON_MS);

	(void)state;
	old.revoked_ms = 5;
	store_put_project(store, &demo, DONE);
	store_put_project(store, &other, DONE);
	store_put_key(store, &mine, DONE);
	store_put_key(store, &old, DONE);
	store_put_key(store, &foreign, DONE);
	for (int i = 0; i < 3; i++) {
		struct override_record o = an_override(store_next_id(store), gone[i].scope,
						       gone[i].subject),
				       p = an_override(store_next_id(store), kept[i].scope,
						       kept[i].subject);

		store_put_override(store, &o, DONE);
		store_put_override(store, &p, DONE);
		put_budget(&gone[i]);
		put_budget(&kept[i]);
	}
	settle(&line);
	assert_int_equal(settled_rc(store_delete_project(store, "demo", 77, DONE)), 0);
	restart();
	store_load_projects(store, on_project, NULL);
	assert_int_equal(count, 1);
	assert_string_equal(projects[0].name, "other");
	count = 0;
	store_load_keys(store, on_key, NULL);
	assert_int_equal(count, 3);
	assert_int_equal(keys[0].revoked_ms, 5); /* k_0 was already */
	assert_int_equal(keys[1].revoked_ms, 77);
	assert_int_equal(keys[2].revoked_ms, 0);
	count = 0;
	store_load_budgets(store, on_budget, NULL);
	assert_int_equal(count, 3);
	count = 0;
	store_load_overrides(store, on_override, NULL);
	assert_int_equal(count, 3);
	assert_int_equal(ask_sql("SELECT count(*) FROM ledger WHERE project = 'demo'"), 1);
	assert_int_equal(ask_sql("SELECT count(*) FROM usage_day WHERE project = 'demo'"), 1);
}

static void rows_that_make_no_sense_are_passed_over(void **state)
{
	(void)state;
	exec_sql(
		"INSERT INTO budgets VALUES (9, 'x', 0, 0, 1, 1, 0, 0, 0, 0, 0, 0), (0, '', 77, 0, "
		"1, 1, 0, 0, 0, 0, 0, 0); INSERT INTO overrides VALUES (1, -1, '', 0, '', 0, 0, "
		"'', 0), (2, 0, '', 99, '', 0, 0, '', 0)");
	count = 0;
	assert_int_equal(store_load_budgets(store, on_budget, NULL), 0);
	assert_int_equal(store_load_overrides(store, on_override, NULL), 0);
	assert_int_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup_store, teardown_store)
		T(projects_come_back_by_name),
		T(keys_come_back_with_everything),
		T(a_key_with_the_hash_of_another_is_refused),
		T(last_use_only_rises),
		T(budgets_are_one_per_window),
		T(overrides_come_back_until_they_are_deleted),
		T(global_limits_are_set_and_unset),
		T(a_project_takes_what_is_its_own_along),
		T(rows_that_make_no_sense_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
