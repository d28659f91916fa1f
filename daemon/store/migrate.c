#include "daemon/store/migrate.h"

#include <stdio.h>

/* Amounts of the rollups; the order is that of struct usage_amounts. */
#define AMOUNT_COLUMNS                                                                             \
	"requests INTEGER NOT NULL, errors INTEGER NOT NULL, cache_hits INTEGER NOT NULL, "        \
	"input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, "                          \
	"cache_read_tokens INTEGER NOT NULL, cache_creation_tokens INTEGER NOT NULL, "             \
	"thinking_tokens INTEGER NOT NULL, cost_micro_usd INTEGER NOT NULL"

/* Usage of one project, key and model in the bucket that begins at `at`.  Project '' is the sum of
 * all projects (its key_id is ''): a question about everybody costs no more than one about a
 * project.  The indices serve questions that name a key or go through all projects; they are
 * touched when a row is born, not when it grows. */
#define ROLLUP_TABLE(name)                                                                         \
	"CREATE TABLE " name " (project TEXT NOT NULL, at INTEGER NOT NULL, key_id TEXT NOT "      \
	"NULL, model TEXT NOT NULL, " AMOUNT_COLUMNS ", PRIMARY KEY (project, at, key_id, "        \
	"model)) STRICT, WITHOUT ROWID;"                                                           \
	"CREATE INDEX " name "_by_key ON " name " (key_id, at);"                                   \
	"CREATE INDEX " name "_by_time ON " name " (at);"

#define RATE_COLUMNS                                                                               \
	"requests_per_minute INTEGER NOT NULL, tokens_per_minute INTEGER NOT NULL, "               \
	"concurrent INTEGER NOT NULL"

/* scope, window and action are the numbers of the enums of records.h, scopes the bits of
 * enum key_scopes. */
static const char first_schema[] =
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"INSERT INTO meta VALUES ('clean', 1), ('next_id', 1);"

	"CREATE TABLE projects (name TEXT PRIMARY KEY, default_model TEXT NOT NULL, "
	"allowed_models TEXT, " RATE_COLUMNS ", created_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

	"CREATE TABLE keys (id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, old_hash BLOB NOT "
	"NULL, old_until_ms INTEGER NOT NULL, label TEXT NOT NULL, project TEXT NOT NULL, "
	"scopes INTEGER NOT NULL, allowed_models TEXT, " RATE_COLUMNS ", created_ms INTEGER NOT "
	"NULL, expires_ms INTEGER NOT NULL, revoked_ms INTEGER NOT NULL, last_used_ms INTEGER NOT "
	"NULL) STRICT, WITHOUT ROWID;"
	"CREATE INDEX keys_by_project ON keys (project);"

	"CREATE TABLE budgets (scope INTEGER NOT NULL, subject TEXT NOT NULL, window INTEGER NOT "
	"NULL, rolling_ms INTEGER NOT NULL, limit_tokens INTEGER NOT NULL, limit_micro_usd INTEGER "
	"NOT NULL, soft INTEGER NOT NULL, warn_percent INTEGER NOT NULL, from_ms INTEGER NOT NULL, "
	"base_tokens INTEGER NOT NULL, base_micro_usd INTEGER NOT NULL, created_ms INTEGER NOT "
	"NULL, PRIMARY KEY (scope, subject, window, rolling_ms)) STRICT, WITHOUT ROWID;"

	"CREATE TABLE overrides (id INTEGER PRIMARY KEY, scope INTEGER NOT NULL, subject TEXT NOT "
	"NULL, action INTEGER NOT NULL, model TEXT NOT NULL, expires_ms INTEGER NOT NULL, "
	"created_ms INTEGER NOT NULL, reason TEXT NOT NULL, uid INTEGER NOT NULL) STRICT;"
	"CREATE INDEX overrides_by_subject ON overrides (scope, subject);"

	"CREATE TABLE global_limits (one INTEGER PRIMARY KEY CHECK (one = 1), " RATE_COLUMNS
	") STRICT;"

	"CREATE TABLE holds (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, request_id TEXT NOT "
	"NULL, project TEXT NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, prompt_tokens "
	"INTEGER NOT NULL, prompt_micro_usd INTEGER NOT NULL, tokens INTEGER NOT NULL, micro_usd "
	"INTEGER NOT NULL) STRICT;"

	"CREATE TABLE ledger (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, request_id TEXT NOT "
	"NULL, project TEXT NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, route TEXT NOT "
	"NULL, outcome TEXT NOT NULL, " AMOUNT_COLUMNS ", held_tokens INTEGER NOT NULL, "
	"held_micro_usd INTEGER NOT NULL, queue_ms INTEGER NOT NULL, first_text_ms INTEGER NOT "
	"NULL, total_ms INTEGER NOT NULL) STRICT;"
	"CREATE INDEX ledger_by_project ON ledger (project);"
	"CREATE TRIGGER ledger_is_not_changed BEFORE UPDATE ON ledger BEGIN "
	"SELECT RAISE(ABORT, 'the ledger is append-only'); END;"
	"CREATE TRIGGER ledger_is_not_deleted BEFORE DELETE ON ledger BEGIN "
	"SELECT RAISE(ABORT, 'the ledger is append-only'); END;"

	ROLLUP_TABLE("usage_quarter") ROLLUP_TABLE("usage_day")

		"CREATE TABLE kept_answers (project TEXT NOT NULL, key_hash BLOB NOT NULL, "
		"body_hash BLOB "
		"NOT NULL, at_ms INTEGER NOT NULL, answer TEXT, PRIMARY KEY (project, key_hash)) "
		"STRICT;"
		"CREATE INDEX kept_answers_by_age ON kept_answers (at_ms);";

static const struct migration steps[] = {
	{1, first_schema},
};

enum { STEPS = sizeof steps / sizeof *steps };

const struct migration *migrate_steps(size_t *ret_count)
{
	*ret_count = STEPS;
	return steps;
}

int migrate_newest(void)
{
	return steps[STEPS - 1].version;
}

int migrate_read_version(struct db *db, int *ret_version)
{
	struct query q = query_start(db, "PRAGMA user_version");
	int rc = query_row(&q);

	if (rc > 0)
		*ret_version = (int)query_get_int(&q, 0);
	query_end(&q);
	return rc < 0 ? rc : 0;
}

static int take_step(struct db *db, const struct migration *step)
{
	char marks[96];
	int rc = db_exec(db, "BEGIN IMMEDIATE");

	if (rc != 0)
		return rc;
	/* Pragmas take no parameters. */
	snprintf(marks, sizeof marks, "PRAGMA user_version = %d; PRAGMA application_id = %d",
		 step->version, STORE_APPLICATION_ID);
	rc = db_exec(db, step->sql);
	if (rc == 0)
		rc = db_exec(db, marks);
	if (rc == 0)
		rc = db_exec(db, "COMMIT");
	if (rc != 0 && !sqlite3_get_autocommit(db->conn))
		sqlite3_exec(db->conn, "ROLLBACK", NULL, NULL,
			     NULL); /* db->error keeps the cause */
	return rc;
}

int migrate_run(struct db *db, int version)
{
	int at = 0, rc = migrate_read_version(db, &at);

	for (size_t i = 0; i < STEPS && rc == 0; i++)
		if (steps[i].version > at && steps[i].version <= version)
			rc = take_step(db, &steps[i]);
	return rc;
}
