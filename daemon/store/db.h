/* A connection to the store's file: opening, statements that are prepared once and kept, and
 * SQLite's results as negative codes.  A connection is used by one thread at a time. */
#ifndef DAEMON_STORE_DB_H
#define DAEMON_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct statement;

struct db {
	sqlite3 *conn;                /* NULL: not open */
	struct statement *statements; /* by the address of their text */
	char error[256];              /* words for the last code that was returned */
};

enum db_access {
	DB_WRITE, /* the file must exist */
	DB_READ,  /* beside a writer */
	DB_LOOK,  /* takes no lock and makes no file: only for one that has no WAL */
};

/* Zeroed before the first use.  0 or a negative code, and then it is not open. */
int db_open(struct db *db, const char *path, enum db_access access);
void db_close(struct db *db);                /* also one that is not open */
void db_set_patience(struct db *db, int ms); /* how long to wait for a lock */

/* Any number of statements without parameters. */
int db_exec(struct db *db, const char *sql);

/* Takes down SQLite's words and gives the code for its result (not SQLITE_OK, _ROW or _DONE):
 *   -EBUSY locked, -ENOSPC disk full, -EROFS, -EACCES, -ENOMEM, -EUCLEAN corrupt, -EBADF not a
 *   database; -EEXIST, -EFBIG, -EINVAL: what was asked does not fit, see db_is_refusal();
 *   -EIO anything else. */
int db_fail(struct db *db, int rc);
int db_fail_memory(struct db *db); /* -ENOMEM of our own */

/* Whether the code speaks of this one statement's values and not of the file. */
bool db_is_refusal(int code);

/* One run of a statement:
 *
 *	struct query q = query_start(db, sql);   text with static storage: it is the statement's
 *name query_text(&q, name);                    ?1, ?2, ... in this order rc = query_run(&q); or
 *	while ((rc = query_row(&q)) > 0)
 *		... query_get_int(&q, 0) ...
 *	query_end(&q);
 *
 * A failure in between is kept and returned by query_run() or query_row().  Bound text and bytes
 * must stay until then. */
struct query {
	struct db *db;
	sqlite3_stmt *stmt; /* NULL: failed */
	int next, code;
};

struct query query_start(struct db *db, const char *sql);
void query_int(struct query *q, int64_t value);
void query_text(struct query *q, const char *value); /* NULL: SQL's NULL */
void query_bytes(struct query *q, const void *value, size_t len);

int query_run(struct query *q); /* 0 or a negative code; ends it */
int query_row(struct query *q); /* 1: a row; 0: no more; negative code */
void query_end(struct query *q);

int64_t query_get_int(struct query *q, int column);
/* Cuts what is too long; NULL is "". */
void query_get_text(struct query *q, int column, char *to, size_t size);
/* Exactly `size` bytes; what is shorter is filled up with zeros. */
void query_get_bytes(struct query *q, int column, void *to, size_t size);
/* NULL for NULL; valid until the next row. */
const char *query_peek_text(struct query *q, int column);

#endif
