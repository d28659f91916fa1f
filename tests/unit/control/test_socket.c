#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/control/socket.h"

#include "tests/unit/test.h"

static char dir[64], path[128], why[512];

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/ccapi-test-XXXXXX");
	why[0] = '\0';
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/below/control.sock", dir);
	return 0;
}

static int tear_down(void **state)
{
	char command[160];

	(void)state;
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	return system(command);
}

static int make(void)
{
	return control_socket_make(path, (gid_t)-1, why, sizeof why);
}

static mode_t mode_of(const char *what)
{
	struct stat st;

	assert_int_equal(lstat(what, &st), 0);
	return st.st_mode & 07777;
}

static void the_socket_and_its_folder_are_made(void **state)
{
	char folder[128];
	int fd = make();

	(void)state;
	assert_true(fd >= 0);
	snprintf(folder, sizeof folder, "%s/below", dir);
	assert_int_equal(mode_of(path), 0660);
	assert_int_equal(mode_of(folder), 0700);
	close(fd);
}

static void a_dead_socket_is_replaced(void **state)
{
	int fd = make();

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd);
	fd = make();
	assert_true(fd >= 0);
	close(fd);
}

static void a_live_socket_is_left_alone(void **state)
{
	struct stat before, after;
	int fd = make();

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(make(), -EADDRINUSE);
	assert_non_null(strstr(why, "served by another"));
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	close(fd);
}

static void what_is_no_socket_is_left_alone(void **state)
{
	int fd = make();

	(void)state;
	close(fd);
	assert_int_equal(unlink(path), 0);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(make(), -EEXIST);
	assert_non_null(strstr(why, "no socket"));
	assert_int_equal(access(path, F_OK), 0);
}

static void a_path_that_is_too_long_is_told(void **state)
{
	(void)state;
	memset(path, 'x', sizeof path - 1);
	path[0] = '/';
	path[sizeof path - 1] = '\0';
	assert_int_equal(make(), -ENAMETOOLONG);
	assert_non_null(strstr(why, "shorter"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_socket_and_its_folder_are_made, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_dead_socket_is_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_live_socket_is_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_socket_is_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_path_that_is_too_long_is_told, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
