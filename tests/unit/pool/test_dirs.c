#include <errno.h>

#include "shared/log.h"

#include "daemon/pool/dirs.h"

#include "tests/unit/pool/scratch.h"

static int setup(void **state)
{
	umask(022);
	log_set_level(LOG_LEVEL_ERROR);
	return scratch_setup(state);
}

static const char *const names[] = {"claude", "home",     "empty",
				    "tmp",    "selftest", "claude/sessions"};

static void the_directories_are_made_for_us_alone(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(dirs_prepare(scratch), 0);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		assert_int_equal(stat(in_scratch(names[i]), &st), 0);
		assert_int_equal(st.st_mode, S_IFDIR | 0700);
	}
}

static void what_a_killed_daemon_left_is_removed(void **state)
{
	(void)state;
	scratch_file("tmp/3/claude-0/probe/x", "x", 0400);
	scratch_file("selftest/home/.claude.json", "x", 0600);
	scratch_file("empty/CLAUDE.md", "x", 0600);
	scratch_file("claude/sessions/12.json", "x", 0600);
	assert_int_equal(dirs_prepare(scratch), 0);
	assert_false(scratch_has("tmp/3"));
	assert_false(scratch_has("selftest/home"));
	assert_false(scratch_has("empty/CLAUDE.md"));
	assert_false(scratch_has("claude/sessions/12.json"));
	assert_true(scratch_has("tmp"));
}

static void what_the_cli_keeps_stays(void **state)
{
	(void)state;
	scratch_file("claude/.credentials.json", "x", 0600);
	scratch_file("home/.x", "x", 0600);
	assert_int_equal(dirs_prepare(scratch), 0);
	assert_true(scratch_has("claude/.credentials.json"));
	assert_true(scratch_has("home/.x"));
}

static void links_are_removed_not_followed(void **state)
{
	(void)state;
	scratch_file("precious/file", "x", 0600);
	mkdir(in_scratch("tmp"), 0700);
	assert_int_equal(symlink(in_scratch("precious"), in_scratch("tmp/link")), 0);
	assert_int_equal(dirs_prepare(scratch), 0);
	assert_false(scratch_has("tmp/link"));
	assert_true(scratch_has("precious/file"));
}

static void a_state_directory_that_is_missing_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(dirs_prepare(in_scratch("none")), -ENOENT);
	scratch_file("file", "x", 0600);
	assert_int_equal(dirs_prepare(in_scratch("file")), -ENOTDIR);
}

/* Workers would fail one after another later; the start is where it can be told. */
static void a_file_in_the_place_of_a_directory_is_an_error(void **state)
{
	(void)state;
	scratch_file("empty", "x", 0600);
	assert_int_equal(dirs_prepare(scratch), -ENOTDIR);
}

static void a_directory_that_was_open_to_others_is_closed(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(mkdir(in_scratch("claude"), 0755), 0);
	assert_int_equal(dirs_prepare(scratch), 0);
	assert_int_equal(stat(in_scratch("claude"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

/* Somebody tidied up under the running daemon: what live workers have in there stays. */
static void what_was_removed_later_is_made_again_and_nothing_else_touched(void **state)
{
	(void)state;
	assert_int_equal(dirs_prepare(scratch), 0);
	assert_int_equal(rmdir(in_scratch("empty")), 0);
	scratch_file("tmp/3/x", "x", 0600);
	assert_int_equal(dirs_mend(scratch), 0);
	assert_true(scratch_has("empty"));
	assert_true(scratch_has("tmp/3/x"));
	assert_int_equal(dirs_mend(in_scratch("none")), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_directories_are_made_for_us_alone),
		TEST(what_a_killed_daemon_left_is_removed),
		TEST(what_the_cli_keeps_stays),
		TEST(links_are_removed_not_followed),
		TEST(a_state_directory_that_is_missing_is_an_error),
		TEST(a_file_in_the_place_of_a_directory_is_an_error),
		TEST(a_directory_that_was_open_to_others_is_closed),
		TEST(what_was_removed_later_is_made_again_and_nothing_else_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
