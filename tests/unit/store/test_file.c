/* Files that the store must not touch, and those it may. */
#include <sys/wait.h>

#include "daemon/store/migrate.h"

#include "tests/unit/store/store_support.h"

static char *content(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "re");
	char *bytes;

	*ret_len = 0;
	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	*ret_len = (size_t)ftell(f);
	rewind(f);
	bytes = malloc(*ret_len + 1);
	assert_int_equal(fread(bytes, 1, *ret_len, f), *ret_len);
	fclose(f);
	return bytes;
}

/* Opens and stops the store; the file and its WAL must be the same bytes after. */
static void refuses_untouched(const char *words)
{
	char wal[300];
	size_t len, wal_len, len_after, wal_len_after;
	char *bytes = content(store_file(), &len), *wal_bytes, *after, *wal_after;

	snprintf(wal, sizeof wal, "%s-wal", store_file());
	wal_bytes = content(wal, &wal_len);
	open_store();
	assert_false(store_healthy(store));
	if (!strstr(store_detail(store), words))
		fail_msg("%s: %s", words, store_detail(store));
	assert_non_null(strstr(store_detail(store), "to mend it: "));
	assert_int_equal(store_hold(store, &(struct hold_record){.id = 1}, on_done, NULL),
			 ERR_STATE);
	stop_store();
	after = content(store_file(), &len_after);
	wal_after = content(wal, &wal_len_after);
	assert_int_equal(len, len_after);
	assert_memory_equal(bytes, after, len);
	assert_int_equal(wal_len, wal_len_after);
	if (wal_len > 0)
		assert_memory_equal(wal_bytes, wal_after, wal_len);
	free(bytes);
	free(after);
	free(wal_bytes);
	free(wal_after);
}

static void make_store(int lines)
{
	struct ledger_record line = a_line("demo", "k_1", "m", NOON_MS);
	struct answer a = {0};

	open_healthy();
	for (int i = 0; i < lines; i++)
		store_settle(store, 0, &line, NULL, on_done, &a);
	wait_for(&a.calls, lines);
	stop_store();
}

static void overwrite(long from, size_t len)
{
	FILE *f = fopen(store_file(), "r+e");

	assert_non_null(f);
	fseek(f, from, SEEK_SET);
	for (size_t i = 0; i < len; i++)
		fputc(0x5a, f);
	fclose(f);
}

static void a_new_file_is_private(void **state)
{
	static const char *const names[] = {"ccapi.db", "ccapi.db-wal", "ccapi.db-shm"};
	struct stat st;

	(void)state;
	umask(0);
	open_healthy();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(stat(in_scratch(names[i]), &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	umask(022);
}

static void a_file_that_others_may_read_is_closed_to_them(void **state)
{
	struct stat st;

	(void)state;
	make_store(1);
	chmod(store_file(), 0644);
	open_healthy();
	assert_int_equal(stat(store_file(), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void an_orderly_end_leaves_one_file(void **state)
{
	(void)state;
	make_store(3);
	assert_false(scratch_has("ccapi.db-wal"));
	assert_false(scratch_has("ccapi.db-shm"));
	assert_int_equal(ask_sql("SELECT value FROM meta WHERE name = 'clean'"), 1);
	open_healthy();
	assert_int_equal(ask_sql("SELECT value FROM meta WHERE name = 'clean'"), 0);
}

static void names_with_signs_of_uris_are_only_names(void **state)
{
	struct answer a = {0};
	struct ledger_record line = a_line("demo", "k_1", "m", NOON_MS);

	(void)state;
	for (int i = 0; i < 2; i++) {
		store = store_new(&loop, in_scratch("a?b#c%41.db"), NULL, NULL);
		assert_true(store_healthy(store));
		store_settle(store, 0, &line, NULL, on_done, &a);
		stop_store();
	}
	assert_int_equal(a.calls, 2);
	assert_true(scratch_has("a?b#c%41.db"));
}

static void text_is_not_a_database(void **state)
{
	(void)state;
	scratch_file("ccapi.db", "this is not a database, whatever its name says", 0600);
	refuses_untouched("is not a database");
}

static void zeros_are_not_a_database(void **state)
{
	(void)state;
	scratch_file("ccapi.db", "", 0600);
	assert_int_equal(truncate(store_file(), 8192), 0);
	refuses_untouched("is not a database");
}

static void a_directory_is_not_a_database(void **state)
{
	(void)state;
	mkdir(store_file(), 0700);
	open_store();
	assert_non_null(strstr(store_detail(store), "not a regular file"));
}

static void an_empty_file_is_a_new_one(void **state)
{
	(void)state;
	scratch_file("ccapi.db", "", 0600);
	open_healthy();
}

static void the_database_of_another_program_is_left_alone(void **state)
{
	(void)state;
	exec_sql("CREATE TABLE songs (title)");
	refuses_untouched("belongs to another program");
}

static void a_newer_schema_is_left_alone(void **state)
{
	(void)state;
	make_store(1);
	exec_sql("PRAGMA user_version = 9999; PRAGMA wal_checkpoint(TRUNCATE)");
	refuses_untouched("written by a newer version");
}

/* In a child that dies, so that the WAL stays. */
static void leave_in_wal(const char *sql)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		exec_on(connect_to(store_file()), sql);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(scratch_has("ccapi.db-wal"));
}

static void a_newer_schema_that_is_still_in_the_wal_is_left_alone(void **state)
{
	(void)state;
	make_store(1);
	leave_in_wal("PRAGMA user_version = 9999");
	refuses_untouched("written by a newer version");
}

static void a_damaged_page_is_found(void **state)
{
	(void)state;
	make_store(200);
	overwrite(3 * 4096, 3 * 4096);
	refuses_untouched("is corrupt");
}

static void a_file_cut_short_is_found(void **state)
{
	struct stat st;

	(void)state;
	make_store(200);
	assert_int_equal(stat(store_file(), &st), 0);
	assert_int_equal(truncate(store_file(), st.st_size / 2), 0);
	refuses_untouched("is corrupt");
}

static void a_damaged_page_under_a_wal_is_found(void **state)
{
	(void)state;
	make_store(200);
	leave_in_wal("UPDATE meta SET value = 0 WHERE name = 'clean'");
	overwrite(5 * 4096, 8 * 4096);
	refuses_untouched("is corrupt");
}

static void a_corrupt_file_says_how_to_save_it(void **state)
{
	(void)state;
	make_store(200);
	overwrite(3 * 4096, 3 * 4096);
	open_store();
	assert_non_null(strstr(store_detail(store), ".recover"));
	assert_non_null(strstr(store_detail(store), store_file()));
}

static void a_missing_directory_is_told(void **state)
{
	(void)state;
	store = store_new(&loop, in_scratch("nowhere/ccapi.db"), NULL, NULL);
	assert_false(store_healthy(store));
	assert_non_null(strstr(store_detail(store), "cannot be opened"));
	assert_false(scratch_has("nowhere"));
}

static void a_directory_that_comes_later_is_taken(void **state)
{
	(void)state;
	health_changes = 0;
	store = store_new(&loop, in_scratch("nowhere/ccapi.db"), on_health, NULL);
	assert_false(store_healthy(store));
	assert_int_equal(mkdir(in_scratch("nowhere"), 0700), 0);
	wait_for(&health_changes, 1);
	assert_true(store_healthy(store));
	assert_true(store_next_id(store) > 0);
}

/* Root may write everything, so a child that is nobody looks at a file of nobody's. */
static void a_file_that_may_not_be_written_is_told(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	make_store(1);
	chmod(store_file(), 0400);
	chmod(scratch, 0500);
	if (getuid() == 0)
		assert_true(chown(store_file(), 65534, 65534) == 0 &&
			    chown(scratch, 65534, 65534) == 0);
	pid = fork();
	if (pid == 0) {
		uv_loop_t own;
		struct store *s;

		if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(3);
		uv_loop_init(&own);
		s = store_new(&own, store_file(), NULL, NULL);
		_exit(s && !store_healthy(s) && strstr(store_detail(s), "chmod 600") ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	chmod(scratch, 0700);
	assert_int_equal(status, 0);
}

static void a_lock_at_the_start_passes(void **state)
{
	struct ledger_record line = a_line("demo", "k_1", "m", NOON_MS);

	(void)state;
	make_store(1);
	block_writer();
	open_store();
	assert_false(store_healthy(store));
	assert_non_null(strstr(store_detail(store), "is locked"));
	unblock_writer();
	wait_for(&health_changes, 1);
	assert_true(store_healthy(store));
	settle(&line);
	assert_int_equal(ask_sql("SELECT count(*) FROM ledger"), 2);
}

static void an_exclusive_lock_at_the_start_is_told(void **state)
{
	sqlite3 *conn;

	(void)state;
	make_store(1);
	conn = connect_to(store_file());
	exec_on(conn, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE t (x)");
	open_store();
	assert_non_null(strstr(store_detail(store), "is locked"));
	exec_on(conn, "ROLLBACK");
	sqlite3_close(conn);
	wait_for(&health_changes, 1);
	assert_true(store_healthy(store));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup_scratch, teardown_store)
		T(a_new_file_is_private),
		T(a_file_that_others_may_read_is_closed_to_them),
		T(an_orderly_end_leaves_one_file),
		T(names_with_signs_of_uris_are_only_names),
		T(text_is_not_a_database),
		T(zeros_are_not_a_database),
		T(a_directory_is_not_a_database),
		T(an_empty_file_is_a_new_one),
		T(the_database_of_another_program_is_left_alone),
		T(a_newer_schema_is_left_alone),
		T(a_newer_schema_that_is_still_in_the_wal_is_left_alone),
		T(a_damaged_page_is_found),
		T(a_file_cut_short_is_found),
		T(a_damaged_page_under_a_wal_is_found),
		T(a_corrupt_file_says_how_to_save_it),
		T(a_missing_directory_is_told),
		T(a_directory_that_comes_later_is_taken),
		T(a_file_that_may_not_be_written_is_told),
		T(a_lock_at_the_start_passes),
		T(an_exclusive_lock_at_the_start_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
