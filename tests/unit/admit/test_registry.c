/* Life, finding, references. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

#include "daemon/admit/registry.h"
#include "daemon/admit/registry_private.h"
#include "daemon/admit/secret.h"

#include "tests/unit/admit/fixture.h"
#include "tests/unit/test.h"

/* ---- keys by their secrets ---- */

static void check_key_finds_a_created_key(void **state)
{
	char secret[SECRET_SIZE];
	struct key *made, *found = NULL;

	(void)state;
	reg_new();
	make_project("demo");
	made = make_key("demo", secret);
	assert_int_equal(registry_check_key(reg, secret, NOW_MS, &found), KEY_GOOD);
	assert_ptr_equal(found, made);
	assert_string_equal(found->project->record.name, "demo");
}

static void check_key_tells_foreign_mistyped_and_unknown_keys_apart(void **state)
{
	char secret[SECRET_SIZE];
	struct key *found = NULL;
	unsigned char hash[HASH_SIZE];

	(void)state;
	reg_new();
	assert_int_equal(registry_check_key(reg, "sk-1234", NOW_MS, &found), KEY_NOT_OURS);
	assert_int_equal(registry_check_key(reg, "ccapi_1234", NOW_MS, &found), KEY_MALFORMED);
	secret_make(secret, hash);
	assert_int_equal(registry_check_key(reg, secret, NOW_MS, &found), KEY_UNKNOWN);
	assert_null(found);
}

static void check_key_refuses_from_the_moment_of_expiry(void **state)
{
	char secret[SECRET_SIZE];
	struct key *k, *found = NULL;

	(void)state;
	reg_new();
	make_project("demo");
	k = make_key("demo", secret);
	k->record.expires_ms = NOW_MS + 10;
	assert_int_equal(registry_check_key(reg, secret, NOW_MS + 9, &found), KEY_GOOD);
	assert_int_equal(registry_check_key(reg, secret, NOW_MS + 10, &found), KEY_EXPIRED);
}

/* ---- last use ---- */

static void touched_keys_are_written_once_a_minute(void **state)
{
	struct key *a, *b;

	(void)state;
	reg_new();
	make_project("demo");
	a = make_key("demo", NULL);
	b = make_key("demo", NULL);
	registry_touch_key(reg, a, NOW_MS + 1);
	registry_touch_key(reg, b, NOW_MS + 2);
	registry_touch_key(reg, a, NOW_MS + 3);
	assert_int_equal(fakes.use_count, 0);
	registry_minute(reg, NOW_MS + 60000);
	assert_int_equal(fakes.use_count, 2);
	assert_string_equal(fakes.uses[1].id, a->record.id);
	assert_int_equal(fakes.uses[1].at_ms, NOW_MS + 3);
	registry_minute(reg, NOW_MS + 120000);
	assert_int_equal(fakes.use_count, 2);
}

static void touched_keys_wait_while_the_store_does_not_work(void **state)
{
	(void)state;
	reg_new();
	make_project("demo");
	registry_touch_key(reg, make_key("demo", NULL), NOW_MS);
	fakes.refuse = ERR_STATE;
	registry_minute(reg, NOW_MS + 60000);
	fakes.refuse = 0;
	assert_int_equal(fakes.use_count, 0);
	registry_minute(reg, NOW_MS + 120000);
	assert_int_equal(fakes.use_count, 1);
}

static void touched_keys_are_written_at_the_end(void **state)
{
	(void)state;
	reg_new();
	make_project("demo");
	registry_touch_key(reg, make_key("demo", NULL), NOW_MS);
	reg_free();
	assert_int_equal(fakes.use_count, 1);
}

static void more_touched_keys_than_fit_one_write_are_all_written(void **state)
{
	enum { MANY = 1100 };
	static struct key_record keys[MANY];
	static const struct project_record demo = {.name = "demo", .limits = {-1, -1, -1}};

	(void)state;
	for (int i = 0; i < MANY; i++) {
		keys[i] = (struct key_record){.project = "demo", .limits = {-1, -1, -1}};
		snprintf(keys[i].id, sizeof keys[i].id, "k_%08x", (unsigned)i);
		memcpy(keys[i].hash, &i, sizeof i);
	}
	fakes.projects = &demo;
	fakes.project_count = 1;
	fakes.keys = keys;
	fakes.key_count = MANY;
	reg_new();
	for (int i = 0; i < MANY; i++)
		registry_touch_key(reg, registry_find_key(reg, keys[i].id), NOW_MS);
	registry_minute(reg, NOW_MS);
	assert_int_equal(fakes.use_count, MANY);
}

/* ---- projects of servers without keys ---- */

static void open_project_makes_one_at_once_and_writes_it(void **state)
{
	struct refusal why;
	struct project *p;

	(void)state;
	reg_new();
	p = registry_open_project(reg, "new", 10, &why);
	assert_non_null(p);
	assert_ptr_equal(registry_find_project(reg, "new"), p);
	assert_ptr_equal(registry_open_project(reg, "new", 10, &why), p);
	assert_int_equal(fakes.count, 1);
	assert_int_equal(fakes.ops[0].kind, FAKE_PROJECT);
	assert_string_equal(fakes.ops[0].project.name, "new");
	log_set_level(LOG_LEVEL_ERROR);
	fakes_end(-EIO);
	assert_ptr_equal(registry_find_project(reg, "new"), p);
}

static void open_project_stops_at_the_most(void **state)
{
	struct refusal why;

	(void)state;
	reg_new();
	assert_non_null(registry_open_project(reg, "a", 2, &why));
	assert_non_null(registry_open_project(reg, "b", 2, &why));
	assert_null(registry_open_project(reg, "c", 2, &why));
	assert_int_equal(why.fault, FAULT_PERMISSION);
	assert_string_equal(why.param, "project_id");
	assert_non_null(registry_open_project(reg, "a", 2, &why));
	assert_int_equal(registry_count_projects(reg), 2);
}

static void open_project_refuses_bad_names(void **state)
{
	struct refusal why;

	(void)state;
	reg_new();
	assert_null(registry_open_project(reg, "../etc", 10, &why));
	assert_int_equal(why.fault, FAULT_INVALID_REQUEST);
	assert_string_equal(why.param, "project_id");
}

static void open_project_tells_clients_nothing_of_the_store(void **state)
{
	struct refusal why;

	(void)state;
	reg_new();
	fakes.ill = true;
	assert_null(registry_open_project(reg, "new", 10, &why));
	assert_int_equal(why.fault, FAULT_STORE);
	assert_null(strstr(why.message, "/secret/path"));
}

/* ---- order ---- */

struct names {
	char text[256];
};

static void add_project(void *ctx, struct project *p)
{
	struct names *n = ctx;

	strcat(strcat(n->text, p->record.name), " ");
}

static void add_key(void *ctx, struct key *k)
{
	struct names *n = ctx;

	strcat(strcat(n->text, k->record.id), " ");
}

static void projects_come_in_the_order_of_names(void **state)
{
	struct names n = {""}, again = {""};

	(void)state;
	reg_new();
	make_project("b");
	make_project("c");
	make_project("a");
	registry_each_project(reg, add_project, &n);
	assert_string_equal(n.text, "a b c ");
	make_project("aa");
	registry_each_project(reg, add_project, &again);
	assert_string_equal(again.text, "a aa b c ");
}

static void keys_come_in_the_order_of_ids_and_of_one_project(void **state)
{
	static const struct project_record projects[] = {{.name = "x", .limits = {-1, -1, -1}},
							 {.name = "y", .limits = {-1, -1, -1}}};
	static const struct key_record keys[] = {
		{.id = "k_3", .project = "x", .hash = {3}, .limits = {-1, -1, -1}},
		{.id = "k_1", .project = "y", .hash = {1}, .limits = {-1, -1, -1}},
		{.id = "k_2", .project = "x", .hash = {2}, .limits = {-1, -1, -1}},
	};
	struct names all = {""}, of_x = {""};

	(void)state;
	fakes.projects = projects;
	fakes.project_count = 2;
	fakes.keys = keys;
	fakes.key_count = 3;
	reg_new();
	registry_each_key(reg, NULL, add_key, &all);
	registry_each_key(reg, "x", add_key, &of_x);
	assert_string_equal(all.text, "k_1 k_2 k_3 ");
	assert_string_equal(of_x.text, "k_2 k_3 ");
}

/* ---- life ---- */

static void open_requests_keep_what_was_deleted(void **state)
{
	struct outcome o = {0, 1};
	struct refusal why;
	struct project *p;
	struct key *k;

	(void)state;
	reg_new();
	p = project_ref(make_project("demo"));
	k = key_ref(make_key("demo", NULL));
	assert_int_equal(registry_delete_project(reg, "demo", outcome_done, &o, &why), 0);
	fakes_end_all();
	assert_true(p->deleted);
	assert_null(registry_find_project(reg, "demo"));
	reg_free();
	assert_string_equal(p->record.name, "demo");
	assert_string_equal(k->project->record.name, "demo");
	key_unref(k);
	project_unref(p);
}

static void free_waits_for_the_change_under_way(void **state)
{
	struct project_record wanted = {.name = "late", .limits = {-1, -1, -1}};
	struct outcome o = {0, 1};
	struct refusal why;

	(void)state;
	reg_new();
	assert_int_equal(registry_create_project(reg, &wanted, outcome_done, &o, &why), 0);
	reg_free(); /* ends the write, and fails unless `closed` comes then */
	assert_int_equal(o.calls, 1);
}

/* Every chain of the hash tables stays short, however many entries there are. */
static void assert_short_chains(const UT_hash_table *t, unsigned entries)
{
	assert_int_equal(t->num_items, entries);
	assert_int_equal(t->noexpand, 0);
	for (unsigned i = 0; i < t->num_buckets; i++)
		assert_in_range(t->buckets[i].count, 0, 40);
}

static void finding_among_a_hundred_thousand_looks_at_few(void **state)
{
	enum { MANY = 100000 };
	struct project_record *projects = calloc(MANY, sizeof *projects);
	struct key_record *keys = calloc(MANY, sizeof *keys);

	(void)state;
	assert_non_null(projects);
	assert_non_null(keys);
	for (int i = 0; i < MANY; i++) {
		projects[i].limits = keys[i].limits = unlimited;
		snprintf(projects[i].name, sizeof projects[i].name, "project-%d", i);
		memcpy(keys[i].project, projects[i].name, sizeof keys[i].project);
		snprintf(keys[i].id, sizeof keys[i].id, "k_%08x", (unsigned)i * 2654435761U);
		memcpy(keys[i].hash, &i, sizeof i);
		memcpy(keys[i].old_hash + 4, &i, sizeof i);
		keys[i].old_until_ms = NOW_MS;
	}
	fakes.projects = projects;
	fakes.project_count = MANY;
	fakes.keys = keys;
	fakes.key_count = MANY;
	reg_new();
	assert_int_equal(registry_count_projects(reg), MANY);
	assert_int_equal(registry_count_keys(reg), MANY);
	assert_short_chains(reg->projects->hh.tbl, MANY);
	assert_short_chains(reg->keys->by_id.tbl, MANY);
	assert_short_chains(reg->hashes->by_hash.tbl, MANY);
	assert_short_chains(reg->old_hashes->by_old_hash.tbl, MANY);
	for (int i = 0; i < MANY; i++) {
		struct key *k = registry_find_key(reg, keys[i].id);

		assert_non_null(k);
		assert_ptr_equal(k->project, registry_find_project(reg, projects[i].name));
	}
	reg_free();
	free(projects);
	free(keys);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(check_key_finds_a_created_key),
		TEST(check_key_tells_foreign_mistyped_and_unknown_keys_apart),
		TEST(check_key_refuses_from_the_moment_of_expiry),
		TEST(touched_keys_are_written_once_a_minute),
		TEST(touched_keys_wait_while_the_store_does_not_work),
		TEST(touched_keys_are_written_at_the_end),
		TEST(more_touched_keys_than_fit_one_write_are_all_written),
		TEST(open_project_makes_one_at_once_and_writes_it),
		TEST(open_project_stops_at_the_most),
		TEST(open_project_refuses_bad_names),
		TEST(open_project_tells_clients_nothing_of_the_store),
		TEST(projects_come_in_the_order_of_names),
		TEST(keys_come_in_the_order_of_ids_and_of_one_project),
		TEST(open_requests_keep_what_was_deleted),
		TEST(free_waits_for_the_change_under_way),
		TEST(finding_among_a_hundred_thousand_looks_at_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
