#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>

#include "daemon/pool/cli_binary.h"

#include "tests/unit/pool/scratch.h"

static struct cli_binary binary;

static int setup(void **state)
{
	setenv("PATH", "", 1);
	binary = (struct cli_binary){0};
	return scratch_setup(state);
}

static int teardown(void **state)
{
	cli_binary_done(&binary);
	return scratch_teardown(state);
}

static void put(const char *name)
{
	scratch_file(name, "#!/bin/sh\n", 0755);
}

static void expect_found(const char *configured, const char *home, const char *name)
{
	cli_binary_done(&binary);
	assert_int_equal(cli_binary_find(configured, home, &binary), 0);
	assert_string_equal(binary.path, in_scratch(name));
}

static void a_configured_program_is_the_only_one_looked_at(void **state)
{
	(void)state;
	put("home/.local/bin/claude");
	put("cli");
	expect_found(in_scratch("cli"), in_scratch("home"), "cli");
	cli_binary_done(&binary);
	assert_int_equal(cli_binary_find(in_scratch("none"), in_scratch("home"), &binary), -ENOENT);
	scratch_file("text", "x", 0644);
	assert_int_equal(cli_binary_find(in_scratch("text"), in_scratch("home"), &binary), -EACCES);
	assert_int_equal(cli_binary_find(scratch, in_scratch("home"), &binary), -EACCES);
	assert_int_equal(cli_binary_find(in_scratch("text/x"), NULL, &binary), -ENOTDIR);
	assert_null(binary.path);
}

static void path_comes_before_home(void **state)
{
	char path[256];

	(void)state;
	put("home/.local/bin/claude");
	put("second/claude");
	snprintf(path, sizeof path, "%s:%s", in_scratch("first"), in_scratch("second"));
	setenv("PATH", path, 1);
	expect_found("", in_scratch("home"), "second/claude");
	put("first/claude");
	expect_found(NULL, in_scratch("home"), "first/claude");
}

static void entries_of_path_that_are_not_absolute_are_skipped(void **state)
{
	char path[256], cwd[256];

	(void)state;
	assert_non_null(getcwd(cwd, sizeof cwd));
	put("claude");
	put("bin/claude");
	put("last/claude");
	assert_int_equal(chdir(scratch), 0);
	snprintf(path, sizeof path, ":.:bin::%s:", in_scratch("last"));
	setenv("PATH", path, 1);
	expect_found("", NULL, "last/claude");
	assert_int_equal(chdir(cwd), 0);
}

static void the_usual_places_below_home_are_searched_in_order(void **state)
{
	static const char *const places[] = {
		"home/node_modules/.bin/claude", "home/.nvm/versions/node/v20.1.0/bin/claude",
		"home/.npm/bin/claude",          "home/.npm-global/bin/claude",
		"home/.claude/local/claude",     "home/.local/bin/claude",
	};

	(void)state;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		put(places[i]);
		expect_found("", in_scratch("home"), places[i]);
	}
	put("home/.nvm/versions/node/v22.0.0/bin/claude");
	for (size_t i = 2; i < sizeof places / sizeof *places; i++)
		unlink(in_scratch(places[i]));
	expect_found("", in_scratch("home"), "home/.nvm/versions/node/v22.0.0/bin/claude");
}

static void what_cannot_be_run_is_passed_over(void **state)
{
	(void)state;
	scratch_file("home/.local/bin/claude", "x", 0644);
	put("home/.npm/bin/claude");
	expect_found("", in_scratch("home"), "home/.npm/bin/claude");
}

static void links_are_kept_and_followed(void **state)
{
	struct cli_binary target = {0};

	(void)state;
	put("v1/claude");
	assert_int_equal(symlink(in_scratch("v1/claude"), in_scratch("claude")), 0);
	expect_found(in_scratch("claude"), NULL, "claude");
	assert_int_equal(cli_binary_find(in_scratch("v1/claude"), NULL, &target), 0);
	assert_int_equal(binary.inode, target.inode);
	cli_binary_done(&target);
	assert_true(cli_binary_unchanged(&binary));
	put("v2/claude");
	unlink(in_scratch("claude"));
	assert_int_equal(symlink(in_scratch("v2/claude"), in_scratch("claude")), 0);
	assert_false(cli_binary_unchanged(&binary));
}

static void any_change_of_the_file_is_seen(void **state)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000, .tv_nsec = 5}};

	(void)state;
	put("cli");
	expect_found(in_scratch("cli"), NULL, "cli");
	assert_true(cli_binary_unchanged(&binary));
	assert_int_equal(utimensat(AT_FDCWD, in_scratch("cli"), times, 0), 0);
	assert_false(cli_binary_unchanged(&binary));
	expect_found(in_scratch("cli"), NULL, "cli");
	assert_int_equal(truncate(in_scratch("cli"), 3), 0);
	assert_int_equal(utimensat(AT_FDCWD, in_scratch("cli"), times, 0), 0);
	assert_false(cli_binary_unchanged(&binary)); /* the size */
	expect_found(in_scratch("cli"), NULL, "cli");
	put("new");
	assert_int_equal(truncate(in_scratch("new"), 3), 0);
	assert_int_equal(utimensat(AT_FDCWD, in_scratch("new"), times, 0), 0);
	assert_int_equal(rename(in_scratch("new"), in_scratch("cli")), 0);
	assert_false(cli_binary_unchanged(&binary)); /* the inode */
	expect_found(in_scratch("cli"), NULL, "cli");
	chmod(in_scratch("cli"), 0644);
	assert_false(cli_binary_unchanged(&binary));
	unlink(in_scratch("cli"));
	assert_false(cli_binary_unchanged(&binary));
}

static void versions_are_found_in_text_and_compare(void **state)
{
	(void)state;
	assert_true(cli_version_number("2.1.330 (Claude Code)") ==
		    cli_version_number("claude v2.1.330\n"));
	assert_true(cli_version_number("2.1.330") > cli_version_number("2.1.257"));
	assert_true(cli_version_number("2.2.0") > cli_version_number("2.1.99999"));
	assert_true(cli_version_number("10.0.0") > cli_version_number("9.99.999"));
	assert_true(cli_version_number("2.1.9") < cli_version_number("2.1.10"));
	assert_int_equal(cli_version_number(""), -1);
	assert_int_equal(cli_version_number("2.1"), -1);
	assert_int_equal(cli_version_number("2.1.x"), -1);
	assert_int_equal(cli_version_number("command not found"), -1);
}

static void versions_that_serve_begin_at_the_oldest_tested(void **state)
{
	(void)state;
	assert_false(cli_version_serves(cli_version_number("2.1.256")));
	assert_true(cli_version_serves(cli_version_number("2.1.257")));
	assert_true(cli_version_serves(cli_version_number("3.0.0")));
	assert_false(cli_version_serves(cli_version_number("1.9.999")));
	assert_false(cli_version_serves(-1));
	assert_false(cli_version_has_permission_prompts(cli_version_number("2.1.258")));
	assert_true(cli_version_has_permission_prompts(cli_version_number("2.1.259")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_configured_program_is_the_only_one_looked_at),
		TEST(path_comes_before_home),
		TEST(entries_of_path_that_are_not_absolute_are_skipped),
		TEST(the_usual_places_below_home_are_searched_in_order),
		TEST(what_cannot_be_run_is_passed_over),
		TEST(links_are_kept_and_followed),
		TEST(any_change_of_the_file_is_seen),
		TEST(versions_are_found_in_text_and_compare),
		TEST(versions_that_serve_begin_at_the_oldest_tested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
