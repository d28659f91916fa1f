/* What the store's tests share: a store in a directory of the test's own, a loop to wait with, and
 * a second connection to look at the file. */
#ifndef TESTS_UNIT_STORE_STORE_SUPPORT_H
#define TESTS_UNIT_STORE_STORE_SUPPORT_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <uv.h>

#include "shared/clock.h"
#include "shared/err.h"

#include "daemon/store/ledger.h"
#include "daemon/store/records.h"
#include "daemon/store/store.h"

#include "tests/unit/pool/scratch.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define TODAY_MS (INT64_C(20781) * DAY_MS) /* 2026-11-24 */
#define NOON_MS (TODAY_MS + 12 * HOUR_MS)

static uv_loop_t loop;
static struct store *store;
static int health_changes;

/* Where `done` of a write puts its code. */
struct answer {
	int calls, rc;
};

static inline void on_done(void *ctx, int rc)
{
	struct answer *a = ctx;

	a->calls++;
	a->rc = rc;
}

static inline void on_late(uv_timer_t *timer)
{
	(void)timer;
	fail_msg("what the test waits for did not come");
}

/* Runs the loop until *value is at least `least`; 30 s at most. */
static inline void wait_for(const int *value, int least)
{
	static uv_timer_t late;

	uv_timer_init(&loop, &late);
	uv_timer_start(&late, on_late, 30000, 0);
	while (*value < least)
		uv_run(&loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&late, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
}

static inline void on_health(void *ctx)
{
	(void)ctx;
	health_changes++;
}

static inline void on_closed(void *ctx)
{
	++*(int *)ctx;
}

static inline const char *store_file(void)
{
	return in_scratch("ccapi.db");
}

static inline void open_store(void)
{
	health_changes = 0;
	store = store_new(&loop, store_file(), on_health, NULL);
	assert_non_null(store);
}

static inline void open_healthy(void)
{
	open_store();
	assert_string_equal(store_detail(store), "");
	assert_true(store_healthy(store));
}

static inline void stop_store(void)
{
	int closed = 0;

	store_stop(store, on_closed, &closed);
	wait_for(&closed, 1);
	store = NULL;
}

static inline int setup_scratch(void **state)
{
	clock_freeze(1000000, NOON_MS * 1000);
	return scratch_setup(state) != 0 || uv_loop_init(&loop) != 0 ? -1 : 0;
}

static inline int setup_store(void **state)
{
	if (setup_scratch(state) != 0)
		return -1;
	open_healthy();
	return 0;
}

static inline int teardown_store(void **state)
{
	if (store)
		stop_store();
	uv_run(&loop, UV_RUN_DEFAULT);
	clock_thaw();
	return uv_loop_close(&loop) != 0 || scratch_teardown(state) != 0 ? -1 : 0;
}

/* ---- a second connection ---- */

static inline sqlite3 *connect_to(const char *path)
{
	sqlite3 *conn;

	assert_int_equal(
		sqlite3_open_v2(path, &conn, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
		SQLITE_OK);
	return conn;
}

static inline void exec_on(sqlite3 *conn, const char *sql)
{
	char *error = NULL;

	if (sqlite3_exec(conn, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
}

static inline void exec_sql(const char *sql)
{
	sqlite3 *conn = connect_to(store_file());

	exec_on(conn, sql);
	sqlite3_close(conn);
}

/* The first number of the result; -1: no row. */
static inline int64_t ask_sql(const char *sql)
{
	sqlite3 *conn = connect_to(store_file());
	sqlite3_stmt *stmt;
	int64_t value;

	if (sqlite3_prepare_v2(conn, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(conn));
	value = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;
	sqlite3_finalize(stmt);
	sqlite3_close(conn);
	return value;
}

/* Keeps the writer from beginning a transaction, so that what is queued meanwhile comes together
 * in one; it already holds the first operation. */
static sqlite3 *blocker;

static inline void block_writer(void)
{
	blocker = connect_to(store_file());
	exec_on(blocker, "BEGIN IMMEDIATE");
}

static inline void unblock_writer(void)
{
	exec_on(blocker, "ROLLBACK");
	sqlite3_close(blocker);
	blocker = NULL;
}

/* ---- records ---- */

static inline struct hold_record a_hold(int64_t id)
{
	return (struct hold_record){.id = id,
				    .at_ms = NOON_MS,
				    .request_id = "req-1",
				    .project = "demo",
				    .key_id = "k_1",
				    .model = "claude-sonnet",
				    .prompt_tokens = 100,
				    .prompt_micro_usd = 300,
				    .tokens = 1100,
				    .micro_usd = 15300};
}

/* One request of 10 input and 20 output tokens that cost 50 micro-dollars. */
static inline struct ledger_record a_line(const char *project, const char *key_id,
					  const char *model, int64_t at_ms)
{
	struct ledger_record line = {.at_ms = at_ms,
				     .request_id = "req-1",
				     .route = "requested",
				     .outcome = "ok",
				     .used = {.requests = 1,
					      .input_tokens = 10,
					      .output_tokens = 20,
					      .cost_micro_usd = 50},
				     .held_tokens = 1100,
				     .held_micro_usd = 15300,
				     .queue_ms = 1,
				     .first_text_ms = 2,
				     .total_ms = 3};

	strcpy(line.project, project);
	strcpy(line.key_id, key_id);
	strcpy(line.model, model);
	return line;
}

/* Settles without a hold and waits until it is durable. */
static inline void settle(const struct ledger_record *line)
{
	struct answer a = {0};

	assert_int_equal(store_settle(store, 0, line, NULL, on_done, &a), 0);
	wait_for(&a.calls, 1);
	assert_int_equal(a.rc, 0);
}

#endif
