#include "daemon/store/books.h"

#include <errno.h>
#include <string.h>

#include "shared/clock.h"

#include "daemon/store/file.h"
#include "daemon/store/recover.h"

enum {
	ID_BLOCK = 1024, /* ids reserved at a time; a start leaves the rest of its block unused */
	PURGE_EVERY_MS = 60 * 1000,
	PURGE_AGAIN_MS = 100, /* while more have run out than one round deletes */
	PURGE_ROWS = 500,     /* answers deleted at a time: some ms */
	WAL_PAGES = 2000      /* 8 MB; the WAL is written from its begin again after that */
};

/* After each COMMIT. */
static int on_commit(void *ctx, sqlite3 *conn, const char *name, int pages)
{
	struct books *b = ctx;

	(void)conn;
	(void)name;
	if (pages < b->wal_pages)
		b->checkpoint_at = WAL_PAGES; /* it began anew */
	b->wal_pages = pages;
	return SQLITE_OK;
}

static int ask(struct books *b, const char *sql, int64_t *ret_value)
{
	struct query q = query_start(&b->db, sql);
	int rc = query_row(&q);

	if (rc > 0)
		*ret_value = query_get_int(&q, 0);
	query_end(&q);
	return rc < 0 ? rc : 0;
}

static int set_clean(struct books *b, bool clean)
{
	struct query q = query_start(
		&b->db, "INSERT OR REPLACE INTO meta (name, value) VALUES ('clean', ?)");

	query_int(&q, clean);
	return query_run(&q);
}

/* The rows say something only where a file was put together again from what could be read. */
static const char first_free_id[] =
	"SELECT max(coalesce((SELECT value FROM meta WHERE name = 'next_id'), 1), "
	"coalesce((SELECT max(id) + 1 FROM holds), 1), "
	"coalesce((SELECT max(id) + 1 FROM overrides), 1))";

/* In a transaction of its own. */
static int take_over(struct books *b)
{
	int64_t last = 0, closed = 0;
	int rc = books_begin(b);

	if (rc == 0)
		rc = ask(b, "SELECT max(seq) FROM ledger", &last);
	b->first_id = 1;
	if (rc == 0)
		rc = ask(b, first_free_id, &b->first_id);
	b->next_seq = last + 1;
	if (rc == 0)
		rc = recover_holds(b, clock_wall_ms(), &closed);
	if (rc == 0)
		rc = set_clean(b, false);
	if (rc == 0)
		rc = books_commit(b);
	if (rc == 0)
		b->holds_closed = closed;
	else
		books_roll_back(b);
	return rc;
}

int books_open(struct books *b, const char *path, int patience_ms, struct problem *why)
{
	int rc = file_inspect(path, why);

	if (rc == 0)
		rc = file_open(&b->db, path, patience_ms, why);
	if (rc != 0)
		return rc;
	b->wal_pages = 0;
	b->checkpoint_at = WAL_PAGES;
	sqlite3_wal_hook(b->db.conn, on_commit, b);
	rc = take_over(b);
	if (rc != 0) {
		problem_set(why, problem_of_code(rc), path, b->db.error);
		db_close(&b->db);
	}
	return rc;
}

void books_close(struct books *b, bool clean)
{
	/* A mark that cannot be set costs the next start a check, no more. */
	if (b->db.conn && clean)
		(void)set_clean(b, true);
	rollup_forget(&b->rollup);
	db_close(&b->db);
}

int books_relax(struct books *b, bool relaxed)
{
	int rc = relaxed == b->relaxed ? 0
				       : db_exec(&b->db, relaxed ? "PRAGMA synchronous = NORMAL"
								 : "PRAGMA synchronous = FULL");

	if (rc == 0)
		b->relaxed = relaxed;
	return rc;
}

int books_begin(struct books *b)
{
	struct query q = query_start(&b->db, "BEGIN IMMEDIATE");

	return query_run(&q);
}

int books_commit(struct books *b)
{
	int rc = rollup_write(&b->rollup, &b->db);
	struct query q;

	if (rc != 0)
		return rc;
	q = query_start(&b->db, "COMMIT");
	return query_run(&q);
}

void books_roll_back(struct books *b)
{
	rollup_forget(&b->rollup);
	b->covered_id = 0; /* a reservation may have been rolled back too */
	/* SQLite has rolled back already after the worst errors. */
	if (b->db.conn && !sqlite3_get_autocommit(b->db.conn))
		sqlite3_exec(b->db.conn, "ROLLBACK", NULL, NULL, NULL);
}

static const char append[] = "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
			     "?, ?, ?, ?, ?, ?, ?, ?) "
			     "ON CONFLICT DO NOTHING";

int books_append(struct books *b, const struct ledger_record *line, int64_t *seq)
{
	const struct usage_amounts *used = &line->used;
	struct query q = query_start(&b->db, append);
	int rc;

	if (*seq == 0)
		*seq = b->next_seq++;
	query_int(&q, *seq);
	query_int(&q, line->at_ms);
	query_text(&q, line->request_id);
	query_text(&q, line->project);
	query_text(&q, line->key_id);
	query_text(&q, line->model);
	query_text(&q, line->route);
	query_text(&q, line->outcome);
	query_int(&q, used->requests);
	query_int(&q, used->errors);
	query_int(&q, used->cache_hits);
	query_int(&q, used->input_tokens);
	query_int(&q, used->output_tokens);
	query_int(&q, used->cache_read_tokens);
	query_int(&q, used->cache_creation_tokens);
	query_int(&q, used->thinking_tokens);
	query_int(&q, used->cost_micro_usd);
	query_int(&q, line->held_tokens);
	query_int(&q, line->held_micro_usd);
	query_int(&q, line->queue_ms);
	query_int(&q, line->first_text_ms);
	query_int(&q, line->total_ms);
	rc = query_run(&q);
	if (rc != 0 || sqlite3_changes(b->db.conn) == 0)
		return rc;
	rc = rollup_add(&b->rollup, line);
	return rc == 0 ? 0 : db_fail_memory(&b->db);
}

int books_cover_id(struct books *b, int64_t id)
{
	struct query q;
	int rc;

	if (id < b->covered_id)
		return 0;
	q = query_start(&b->db, "INSERT INTO meta (name, value) VALUES ('next_id', ?) ON CONFLICT "
				"DO UPDATE SET value = max(value, excluded.value)");
	query_int(&q, id + ID_BLOCK);
	rc = query_run(&q);
	if (rc == 0)
		b->covered_id = id + ID_BLOCK;
	return rc;
}

int books_checkpoint(struct books *b)
{
	int rc;

	if (b->wal_pages < b->checkpoint_at)
		return 0;
	b->checkpoint_at = b->wal_pages + WAL_PAGES;
	rc = sqlite3_wal_checkpoint_v2(b->db.conn, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (rc == SQLITE_OK || rc == SQLITE_BUSY)
		return 0;
	b->checkpoint_at = 0; /* what failed is tried again */
	return db_fail(&b->db, rc);
}

bool books_purge_due(const struct books *b)
{
	return clock_mono_ms() >= b->purge_at;
}

uint64_t books_rest_ms(const struct books *b)
{
	return b->purge_again ? PURGE_AGAIN_MS : PURGE_EVERY_MS;
}

int books_purge_answers(struct books *b, int64_t now_ms)
{
	struct query q = query_start(
		&b->db, "DELETE FROM kept_answers WHERE rowid IN (SELECT rowid FROM kept_answers "
			"WHERE at_ms <= ?1 ORDER BY at_ms LIMIT ?2)");
	int rc;

	query_int(&q, now_ms - DAY_MS);
	query_int(&q, PURGE_ROWS);
	rc = query_run(&q);
	if (rc == 0) {
		b->purge_again = sqlite3_changes(b->db.conn) == PURGE_ROWS;
		b->purge_at = clock_mono_ms() + (int64_t)books_rest_ms(b);
	}
	return rc;
}

bool books_moved(struct books *b)
{
	int moved = 0;

	return sqlite3_file_control(b->db.conn, "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
		       SQLITE_OK &&
	       moved != 0;
}
