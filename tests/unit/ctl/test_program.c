#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/program.h"
#include "tests/unit/test.h"

static struct buf out;

static int run(const char *script, int timeout_ms)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};

	buf_done(&out);
	return program_output(argv, timeout_ms, &out);
}

static int setup(void **state)
{
	(void)state;
	buf_init(&out, 4096);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_done(&out);
	return 0;
}

static void output_and_exit_code_come_back(void **state)
{
	(void)state;
	assert_int_equal(run("echo one; echo two >&2; exit 7", 20000), 7);
	assert_string_equal(out.data, "one\n");
	assert_int_equal(run("kill -9 $$", 20000), 128 + 9);
	assert_int_equal(run("cat", 20000), 0); /* there is no input */
	assert_null(out.data);
}

static void the_environment_is_not_ours(void **state)
{
	(void)state;
	setenv("ANTHROPIC_API_KEY", "secret", 1);
	assert_int_equal(run("echo \"$ANTHROPIC_API_KEY$HOME$LC_ALL\"", 20000), 0);
	assert_null(strstr(out.data, "secret"));
	assert_non_null(strstr(out.data, getenv("HOME") ? getenv("HOME") : "/"));
	assert_non_null(strstr(out.data, "C.UTF-8"));
	unsetenv("ANTHROPIC_API_KEY");
}

static void more_than_there_is_room_for_does_no_harm(void **state)
{
	(void)state;
	assert_int_equal(run("head -c 100000 /dev/zero | tr '\\0' x", 20000), 0);
	assert_true(out.len <= 4096 && out.failed);
}

/* It and what it started are ended; a pipe that stayed open would keep us waiting. */
static void what_does_not_end_is_killed(void **state)
{
	(void)state;
	assert_int_equal(run("sleep 1000 & sleep 1000", 50), -ETIMEDOUT);
	assert_int_equal(run("exec >&-; exec sleep 1000", 50), -ETIMEDOUT);
}

static void what_is_not_there_cannot_be_run(void **state)
{
	const char *const argv[] = {"/nonexistent/x", NULL};

	(void)state;
	assert_int_equal(program_output(argv, 1000, &out), -ENOENT);
}

static void programs_are_found_in_order(void **state)
{
	char *path;

	(void)state;
	setenv("PATH", "relative::/nonexistent:/bin", 1);
	path = program_find("/usr/bin", "sh");
	assert_string_equal(path, "/usr/bin/sh");
	free(path);
	path = program_find("/nonexistent", "sh");
	assert_string_equal(path, "/bin/sh");
	free(path);
	path = program_find("", "sh");
	assert_string_equal(path, "/bin/sh");
	free(path);
	assert_null(program_find("/etc", "os-release")); /* not to be run */
	assert_null(program_find("/usr", "bin"));        /* a folder */
	assert_null(program_find(NULL, "no such program"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(output_and_exit_code_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(the_environment_is_not_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(more_than_there_is_room_for_does_no_harm, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_does_not_end_is_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_there_cannot_be_run, setup, teardown),
		cmocka_unit_test(programs_are_found_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
