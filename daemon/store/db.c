#include "daemon/store/db.h"

#define HASH_NONFATAL_OOM 1
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "shared/money.h"

/* SUM() fails where the sum does not fit, `+` turns into a float. */
static void capped_step(sqlite3_context *ctx, int count, sqlite3_value **values)
{
	int64_t *sum = sqlite3_aggregate_context(ctx, sizeof *sum);

	if (!sum)
		return sqlite3_result_error_nomem(ctx);
	for (int i = 0; i < count; i++)
		*sum = sum_saturating(*sum, sqlite3_value_int64(values[i]));
}

static void capped_final(sqlite3_context *ctx)
{
	const int64_t *sum = sqlite3_aggregate_context(ctx, 0);

	sqlite3_result_int64(ctx, sum ? *sum : 0);
}

struct statement {
	const char *sql;
	sqlite3_stmt *stmt;
	UT_hash_handle hh;
};

/* full: the system said so. */
static int code_of(int rc, bool full)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CANTOPEN:
		return full ? -ENOSPC : -EACCES;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
		return -EUCLEAN;
	case SQLITE_NOTADB:
		return -EBADF;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_TOOBIG:
		return -EFBIG;
	case SQLITE_MISMATCH:
	case SQLITE_RANGE:
		return -EINVAL;
	default:
		return full ? -ENOSPC : -EIO;
	}
}

bool db_is_refusal(int code)
{
	return code == -EEXIST || code == -EFBIG || code == -EINVAL;
}

static bool means_full(int system)
{
	return system == ENOSPC || system == EDQUOT || system == EFBIG;
}

/* What the system said about the file or its WAL: sqlite3_system_errno() does not know it after a
 * failed step. */
static int system_error(struct db *db)
{
	static const int files[] = {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER};
	int found = sqlite3_system_errno(db->conn);

	for (size_t i = 0; i < 2 && !means_full(found); i++) {
		sqlite3_file *file = NULL;
		int last = 0;

		sqlite3_file_control(db->conn, "main", files[i], &file);
		if (file && file->pMethods)
			file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &last);
		if (means_full(last))
			found = last;
	}
	return found;
}

int db_fail(struct db *db, int rc)
{
	bool asked_system = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN;
	int system = db->conn && asked_system ? system_error(db) : 0;
	const char *words = system ? strerrordesc_np(system) : NULL;

	snprintf(db->error, sizeof db->error, "%s%s%s",
		 db->conn && sqlite3_errcode(db->conn) == rc ? sqlite3_errmsg(db->conn)
							     : sqlite3_errstr(rc),
		 words ? ": " : "", words ? words : "");
	return code_of(rc, means_full(system));
}

int db_fail_memory(struct db *db)
{
	snprintf(db->error, sizeof db->error, "out of memory");
	return -ENOMEM;
}

/* The path as a URI that says that nobody else writes the file; malloc'ed. */
static char *uri_of(const char *path)
{
	static const char before[] = "file:", after[] = "?immutable=1";
	char *uri = malloc(sizeof before + 3 * strlen(path) + sizeof after), *end;

	if (!uri)
		return NULL;
	end = stpcpy(uri, before);
	for (; *path; path++)
		if (strchr("%?#", *path))
			end += sprintf(end, "%%%02x", (unsigned char)*path);
		else
			*end++ = *path;
	strcpy(end, after);
	return uri;
}

static int open_connection(struct db *db, const char *path, enum db_access access)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
		    (access == DB_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
	char *uri;
	int rc;

	if (access != DB_LOOK)
		return sqlite3_open_v2(path, &db->conn, flags, NULL);
	uri = uri_of(path);
	if (!uri)
		return SQLITE_NOMEM;
	rc = sqlite3_open_v2(uri, &db->conn, flags | SQLITE_OPEN_URI, NULL);
	free(uri);
	return rc;
}

int db_open(struct db *db, const char *path, enum db_access access)
{
	int rc = open_connection(db, path, access);

	if (rc == SQLITE_OK)
		rc = sqlite3_create_function(db->conn, "sum_capped", -1,
					     SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, NULL,
					     capped_step, capped_final);
	/* Only the writer's orderly end may carry the WAL over into the file. */
	if (rc == SQLITE_OK && access != DB_WRITE)
		rc = sqlite3_db_config(db->conn, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(db->conn, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (rc == SQLITE_OK)
		return 0;
	rc = db_fail(db, rc);
	db_close(db);
	return rc;
}

void db_close(struct db *db)
{
	struct statement *s, *next;

	HASH_ITER(hh, db->statements, s, next)
	{
		HASH_DEL(db->statements, s);
		sqlite3_finalize(s->stmt);
		free(s);
	}
	sqlite3_close(db->conn);
	db->conn = NULL;
}

void db_set_patience(struct db *db, int ms)
{
	sqlite3_busy_timeout(db->conn, ms);
}

int db_exec(struct db *db, const char *sql)
{
	int rc = sqlite3_exec(db->conn, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : db_fail(db, rc);
}

static int prepare(struct db *db, const char *sql, sqlite3_stmt **ret_stmt)
{
	struct statement *s;
	int rc;

	HASH_FIND_PTR(db->statements, &sql, s);
	if (s) {
		*ret_stmt = s->stmt;
		return 0;
	}
	s = calloc(1, sizeof *s);
	if (!s)
		return db_fail_memory(db);
	s->sql = sql;
	rc = sqlite3_prepare_v3(db->conn, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, NULL);
	if (rc != SQLITE_OK) {
		free(s);
		return db_fail(db, rc);
	}
	HASH_ADD_PTR(db->statements, sql, s);
	if (!s->hh.tbl) {
		sqlite3_finalize(s->stmt);
		free(s);
		return db_fail_memory(db);
	}
	*ret_stmt = s->stmt;
	return 0;
}

struct query query_start(struct db *db, const char *sql)
{
	struct query q = {.db = db};

	q.code = prepare(db, sql, &q.stmt);
	return q;
}

static void bound(struct query *q, int rc)
{
	if (rc != SQLITE_OK && q->code == 0)
		q->code = db_fail(q->db, rc);
}

void query_int(struct query *q, int64_t value)
{
	if (q->stmt)
		bound(q, sqlite3_bind_int64(q->stmt, ++q->next, value));
}

void query_text(struct query *q, const char *value)
{
	if (q->stmt)
		bound(q, sqlite3_bind_text64(q->stmt, ++q->next, value, value ? strlen(value) : 0,
					     SQLITE_STATIC, SQLITE_UTF8));
}

void query_bytes(struct query *q, const void *value, size_t len)
{
	if (q->stmt)
		bound(q, sqlite3_bind_blob64(q->stmt, ++q->next, value, len, SQLITE_STATIC));
}

int query_row(struct query *q)
{
	int rc;

	if (q->code != 0)
		return q->code;
	rc = sqlite3_step(q->stmt);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		q->code = db_fail(q->db, rc);
	return q->code;
}

void query_end(struct query *q)
{
	if (!q->stmt)
		return;
	/* Its result is that of the last step, which was looked at. */
	(void)sqlite3_reset(q->stmt);
	sqlite3_clear_bindings(q->stmt);
}

int query_run(struct query *q)
{
	int rc = query_row(q);

	query_end(q);
	return rc < 0 ? rc : 0;
}

int64_t query_get_int(struct query *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

const char *query_peek_text(struct query *q, int column)
{
	return (const char *)sqlite3_column_text(q->stmt, column);
}

void query_get_text(struct query *q, int column, char *to, size_t size)
{
	const char *text = query_peek_text(q, column);
	size_t len = text ? strlen(text) : 0;

	if (len >= size)
		len = size - 1;
	if (len > 0)
		memcpy(to, text, len);
	to[len] = '\0';
}

void query_get_bytes(struct query *q, int column, void *to, size_t size)
{
	const void *bytes = sqlite3_column_blob(q->stmt, column);
	size_t len = (size_t)sqlite3_column_bytes(q->stmt, column);

	memset(to, 0, size);
	if (bytes && len > 0)
		memcpy(to, bytes, len < size ? len : size);
}
