/* Every earlier version opens, keeps its data and ends with the schema of a fresh file.  The table
 * of steps is walked, so that a later step is covered as soon as it is there. */
#include "daemon/store/db.h"
#include "daemon/store/migrate.h"
#include "daemon/store/registry.h"

#include "tests/unit/store/store_support.h"

/* A file as the program of that version left it, with a row in every table that the first version
 * had. */
static void build_at(int version)
{
	struct db db = {0};

	sqlite3_close(connect_to(store_file()));
	scratch_file("ccapi.db", "", 0600);
	assert_int_equal(db_open(&db, store_file(), DB_WRITE), 0);
	assert_int_equal(db_exec(&db, "PRAGMA journal_mode = WAL"), 0);
	assert_int_equal(migrate_run(&db, version), 0);
	db_close(&db);
	exec_sql(
		"UPDATE meta SET value = 1025 WHERE name = 'next_id';"
		"INSERT INTO projects (name, default_model, requests_per_minute, "
		"tokens_per_minute, concurrent, created_ms) VALUES ('demo', 'haiku', 1, 2, 3, 4);"
		"INSERT INTO keys (id, hash, old_hash, old_until_ms, label, project, scopes, "
		"requests_per_minute, tokens_per_minute, concurrent, created_ms, expires_ms, "
		"revoked_ms, last_used_ms) VALUES ('k_1', x'01', x'', 0, '', 'demo', 1, -1, -1, "
		"-1, 4, 0, 0, 0);"
		"INSERT INTO budgets (scope, subject, window, rolling_ms, limit_tokens, "
		"limit_micro_usd, soft, warn_percent, from_ms, base_tokens, base_micro_usd, "
		"created_ms) VALUES (1, 'demo', 3, 0, 1000, -1, 0, 80, 0, 0, 0, 4);"
		"INSERT INTO overrides (id, scope, subject, action, model, expires_ms, "
		"created_ms, reason, uid) VALUES (7, 0, '', 0, 'opus', 0, 4, '', 0);"
		"INSERT INTO global_limits (one, requests_per_minute, tokens_per_minute, "
		"concurrent) VALUES (1, 10, 20, 30);"
		"INSERT INTO holds (id, at_ms, request_id, project, key_id, model, prompt_tokens, "
		"prompt_micro_usd, tokens, micro_usd) VALUES (1, 4, 'r', 'demo', 'k_1', 'm', 9, 8, "
		"7, 6);"
		"INSERT INTO ledger (seq, at_ms, request_id, project, key_id, model, route, "
		"outcome, requests, errors, cache_hits, input_tokens, output_tokens, "
		"cache_read_tokens, cache_creation_tokens, thinking_tokens, cost_micro_usd, "
		"held_tokens, held_micro_usd, queue_ms, first_text_ms, total_ms) VALUES (5, 4, "
		"'r', 'demo', 'k_1', 'm', '', 'ok', 1, 0, 0, 1, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0);"
		"INSERT INTO usage_quarter VALUES ('demo', 0, 'k_1', 'm', 1, 0, 0, 1, 2, 0, 0, 0, "
		"3);"
		"INSERT INTO usage_day VALUES ('demo', 0, 'k_1', 'm', 1, 0, 0, 1, 2, 0, 0, 0, 3);"
		"INSERT INTO kept_answers (project, key_hash, body_hash, at_ms, answer) VALUES "
		"('demo', x'01', x'02', 9000000000000, '{}');");
}

/* The whole schema as one malloc'ed text. */
static char *schema_of(const char *path)
{
	sqlite3 *conn = connect_to(path);
	sqlite3_stmt *stmt;
	char *text;

	assert_int_equal(
		sqlite3_prepare_v2(conn,
				   "SELECT group_concat(type || name || sql, char(10)) "
				   "FROM (SELECT * FROM sqlite_schema ORDER BY type, name)",
				   -1, &stmt, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	text = strdup((const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	sqlite3_close(conn);
	return text;
}

static int seen;

static void see_project(void *ctx, const struct project_record *r)
{
	(void)ctx;
	seen++;
	assert_string_equal(r->name, "demo");
	assert_string_equal(r->default_model, "haiku");
}

static void look_for_the_data(void)
{
	struct store_counts counts;

	seen = 0;
	assert_int_equal(store_load_projects(store, see_project, NULL), 0);
	assert_int_equal(seen, 1);
	store_count(store, &counts);
	assert_int_equal(counts.open_holds_closed, 1);
	assert_int_equal(counts.schema_version, migrate_newest());
	assert_int_equal(ask_sql("SELECT count(*) FROM keys WHERE id = 'k_1'"), 1);
	assert_int_equal(ask_sql("SELECT limit_tokens FROM budgets"), 1000);
	assert_int_equal(ask_sql("SELECT count(*) FROM overrides WHERE model = 'opus'"), 1);
	assert_int_equal(ask_sql("SELECT tokens_per_minute FROM global_limits"), 20);
	assert_int_equal(ask_sql("SELECT count(*) FROM ledger WHERE seq = 5 AND outcome = 'ok'"),
			 1);
	assert_int_equal(ask_sql("SELECT requests FROM usage_quarter WHERE at = 0"), 1);
	assert_int_equal(ask_sql("SELECT requests FROM usage_day WHERE at = 0"), 1);
	assert_int_equal(ask_sql("SELECT count(*) FROM kept_answers"), 1);
	assert_int_equal(store_next_id(store), 1025);
}

static void every_earlier_version_opens_with_its_data(void **state)
{
	const struct migration *steps;
	char *fresh, *migrated;
	size_t count;

	(void)state;
	store = store_new(&loop, in_scratch("fresh.db"), NULL, NULL);
	assert_true(store_healthy(store));
	stop_store();
	fresh = schema_of(in_scratch("fresh.db"));
	steps = migrate_steps(&count);
	for (size_t i = 0; i < count; i++) {
		build_at(steps[i].version);
		assert_int_equal(ask_sql("PRAGMA user_version"), steps[i].version);
		open_healthy();
		assert_int_equal(ask_sql("PRAGMA user_version"), migrate_newest());
		look_for_the_data();
		stop_store();
		migrated = schema_of(store_file());
		assert_string_equal(migrated, fresh);
		free(migrated);
		unlink(store_file());
	}
	free(fresh);
}

static void steps_rise_by_one_from_one(void **state)
{
	const struct migration *steps;
	size_t count;

	(void)state;
	steps = migrate_steps(&count);
	assert_true(count > 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(steps[i].version, i + 1);
	assert_int_equal(migrate_newest(), count);
}

static void a_new_file_is_marked_as_ours(void **state)
{
	(void)state;
	open_healthy();
	assert_int_equal(ask_sql("PRAGMA application_id"), STORE_APPLICATION_ID);
	assert_int_equal(ask_sql("PRAGMA user_version"), migrate_newest());
}

static void opening_twice_changes_nothing(void **state)
{
	char *first, *second;

	(void)state;
	open_healthy();
	stop_store();
	first = schema_of(store_file());
	open_healthy();
	stop_store();
	second = schema_of(store_file());
	assert_string_equal(first, second);
	free(first);
	free(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup_scratch, teardown_store)
		T(every_earlier_version_opens_with_its_data),
		T(steps_rise_by_one_from_one),
		T(a_new_file_is_marked_as_ours),
		T(opening_twice_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
