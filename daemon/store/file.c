#include "daemon/store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/err.h"
#include "shared/log.h"

#include "daemon/store/migrate.h"

/* Smaller files are checked at every start; larger ones only after a crash. */
#define ALWAYS_CHECKED_BYTES (INT64_C(16) << 20)

static int fail(struct problem *why, enum problem_kind kind, const char *path, const char *what)
{
	problem_set(why, kind, path, what);
	return ERR_STATE;
}

static int fail_code(struct problem *why, const char *path, const struct db *db, int code)
{
	problem_set(why, problem_of_code(code), path, db->error);
	return code;
}

static int fail_errno(struct problem *why, const char *path, int err)
{
	bool full = err == ENOSPC || err == EDQUOT;

	problem_set(why,
		    full           ? PROBLEM_FULL
		    : err == EROFS ? PROBLEM_READ_ONLY
				   : PROBLEM_NO_ACCESS,
		    path, err_str(-err));
	return -err;
}

static int64_t size_of(const char *path, const char *suffix)
{
	char name[PATH_MAX];
	struct stat st;

	snprintf(name, sizeof name, "%s%s", path, suffix);
	return stat(name, &st) == 0 ? (int64_t)st.st_size : 0;
}

/* One number from a query without parameters; 0 when it has no row. */
static int ask(struct db *db, const char *sql, int64_t *ret_value)
{
	struct query q = query_start(db, sql);
	int rc = query_row(&q);

	*ret_value = rc > 0 ? query_get_int(&q, 0) : 0;
	query_end(&q);
	return rc < 0 ? rc : 0;
}

static int check_whole(struct db *db, const char *path, int64_t bytes, struct problem *why)
{
	struct query q;
	char words[160] = "";
	int rc;

	if (bytes >= ALWAYS_CHECKED_BYTES)
		log_info("store", "%s was not closed in order: checking its %lld MB", path,
			 (long long)(bytes >> 20));
	q = query_start(db, "PRAGMA quick_check(1)");
	rc = query_row(&q);
	if (rc > 0)
		query_get_text(&q, 0, words, sizeof words);
	query_end(&q);
	if (rc < 0)
		return fail_code(why, path, db, rc);
	return strcmp(words, "ok") == 0 ? 0 : fail(why, PROBLEM_CORRUPT, path, words);
}

static int judge(struct db *db, const char *path, int64_t bytes, struct problem *why)
{
	char words[96];
	int64_t id, objects, clean = 0;
	int version = 0, rc;

	rc = ask(db, "PRAGMA application_id", &id);
	if (rc == 0)
		rc = ask(db, "SELECT count(*) FROM sqlite_schema", &objects);
	if (rc == 0)
		rc = migrate_read_version(db, &version);
	if (rc != 0)
		return fail_code(why, path, db, rc);
	if (id == 0 && objects == 0 && version == 0)
		return 0; /* a start that died before its first step */
	if (id != STORE_APPLICATION_ID)
		return fail(why, PROBLEM_FOREIGN, path, "");
	if (version > migrate_newest()) {
		snprintf(words, sizeof words, "its schema is %d, this version knows up to %d",
			 version, migrate_newest());
		return fail(why, PROBLEM_NEWER, path, words);
	}
	rc = ask(db, "SELECT value FROM meta WHERE name = 'clean'", &clean);
	if (rc != 0)
		return fail(why, PROBLEM_CORRUPT, path, db->error);
	return bytes < ALWAYS_CHECKED_BYTES || !clean ? check_whole(db, path, bytes, why) : 0;
}

int file_inspect(const char *path, struct problem *why)
{
	struct db db = {0};
	struct stat st;
	int rc;

	if (stat(path, &st) != 0)
		return errno == ENOENT ? 0 : fail_errno(why, path, errno);
	if (!S_ISREG(st.st_mode))
		return fail(why, PROBLEM_NOT_A_DATABASE, path, "not a regular file");
	if (st.st_size == 0)
		return 0;
	/* Without a WAL the file is all there is, and can be read without even a lock.  With one,
	 * reading makes or uses -shm, which holds nothing that lasts. */
	rc = db_open(&db, path, size_of(path, "-wal") > 0 ? DB_READ : DB_LOOK);
	if (rc != 0)
		return fail_code(why, path, &db, rc);
	rc = judge(&db, path, (int64_t)st.st_size + size_of(path, "-wal"), why);
	db_close(&db);
	return rc;
}

/* SQLite gives -wal and -shm the mode of the file itself. */
static int make_private(const char *path, struct problem *why)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	else if (errno != EEXIST)
		return fail_errno(why, path, errno);
	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		char name[PATH_MAX];
		struct stat st;

		snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
		if (stat(name, &st) == 0 && (st.st_mode & 077) != 0 && chmod(name, 0600) != 0)
			return fail_errno(why, name, errno);
	}
	return 0;
}

static int set_up(struct db *db, const char *path, struct problem *why)
{
	struct query q;
	char mode[16] = "";
	int rc;

	if (sqlite3_db_readonly(db->conn, "main") != 0)
		return fail(why, PROBLEM_READ_ONLY, path, "");
	q = query_start(db, "PRAGMA journal_mode = WAL");
	rc = query_row(&q);
	if (rc > 0)
		query_get_text(&q, 0, mode, sizeof mode);
	query_end(&q);
	if (rc >= 0 && strcmp(mode, "wal") != 0)
		return fail(why, PROBLEM_IO, path, "its file system cannot share memory");
	/* The writer moves the WAL into the file itself, when nobody waits for it. */
	if (rc >= 0)
		rc = db_exec(db, "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; "
				 "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; "
				 "PRAGMA cache_size = -4000");
	if (rc == 0)
		rc = migrate_run(db, migrate_newest());
	return rc == 0 ? 0 : fail_code(why, path, db, rc);
}

int file_open(struct db *db, const char *path, int patience_ms, struct problem *why)
{
	int rc = make_private(path, why);

	if (rc != 0)
		return rc;
	rc = db_open(db, path, DB_WRITE);
	if (rc != 0)
		return fail_code(why, path, db, rc);
	db_set_patience(db, patience_ms);
	rc = set_up(db, path, why);
	if (rc != 0)
		db_close(db);
	return rc;
}
