#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/paths.h"

#include "tests/unit/test.h"

/* A fresh folder per test, removed with all below it. */
static int make_place(void **state)
{
	char *dir = strdup("/tmp/ccapi-test-XXXXXX");

	umask(022);
	*state = dir;
	return dir && mkdtemp(dir) ? 0 : -1;
}

static int remove_place(void **state)
{
	char command[128];
	int r;

	snprintf(command, sizeof command, "rm -rf '%s'", (char *)*state);
	r = system(command);
	free(*state);
	return r;
}

static char *below(void **state, const char *rest)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", (char *)*state, rest) > 0);
	return path;
}

static void assert_path(char *path, const char *expected)
{
	assert_non_null(path);
	assert_string_equal(path, expected);
	free(path);
}

static void root_gets_the_system_places(void **state)
{
	struct paths_env env = {
		.root = true, .home = "/root", .xdg_state_home = "/x", .xdg_runtime_dir = "/y"};

	(void)state;
	assert_path(paths_state_dir(&env), "/var/lib/ccapi");
	assert_path(paths_runtime_dir(&env), "/run/ccapi");
}

static void users_get_the_xdg_places(void **state)
{
	struct paths_env env = {
		.home = "/home/u", .xdg_state_home = "/s", .xdg_runtime_dir = "/run/user/7"};

	(void)state;
	assert_path(paths_state_dir(&env), "/s/ccapi");
	assert_path(paths_runtime_dir(&env), "/run/user/7/ccapi");
}

static void unset_or_relative_variables_fall_back_to_the_home(void **state)
{
	struct paths_env env = {
		.home = "/home/u", .xdg_state_home = "relative", .xdg_runtime_dir = ""};

	(void)state;
	assert_path(paths_state_dir(&env), "/home/u/.local/state/ccapi");
	assert_path(paths_runtime_dir(&env), "/home/u/.local/state/ccapi/run");
	env.home = NULL;
	assert_null(paths_state_dir(&env));
	assert_null(paths_runtime_dir(&env));
}

static void touch(void **state, const char *rest)
{
	char *path = below(state, rest);
	char *slash = strrchr(path, '/');
	FILE *f;

	*slash = '\0';
	assert_int_equal(paths_make_dir(path), 0);
	*slash = '/';
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	free(path);
}

static void config_file_is_the_given_else_the_users_else_the_systems(void **state)
{
	char *home = below(state, "home"), *system_config = below(state, "etc");
	char *users = below(state, "home/.config/ccapi/ccapid.conf"),
	     *systems = below(state, "etc/ccapid.conf");
	struct paths_env env = {.home = home, .system_config = system_config};
	char *path = home;

	assert_int_equal(paths_config_file(&env, NULL, &path), 0);
	assert_null(path);
	touch(state, "etc/ccapid.conf");
	assert_int_equal(paths_config_file(&env, NULL, &path), 0);
	assert_path(path, systems);
	touch(state, "home/.config/ccapi/ccapid.conf");
	assert_int_equal(paths_config_file(&env, NULL, &path), 0);
	assert_path(path, users);
	env.xdg_config_home = system_config; /* has no ccapi/ccapid.conf */
	assert_int_equal(paths_config_file(&env, NULL, &path), 0);
	assert_path(path, systems);
	assert_int_equal(paths_config_file(&env, "/not/there", &path), 0);
	assert_path(path, "/not/there");
	free(home);
	free(system_config);
	free(users);
	free(systems);
}

static void make_dir_makes_parents_and_keeps_the_last_private(void **state)
{
	char *path = below(state, "a//b/c/"), *parent = below(state, "a/b");
	struct stat st;

	assert_int_equal(paths_make_dir(path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(parent, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
	free(path);
	free(parent);
}

static void make_dir_leaves_what_exists_and_refuses_files(void **state)
{
	char *file = below(state, "f"), *inside = below(state, "f/x");
	struct stat st;

	chmod(*state, 0750);
	assert_int_equal(paths_make_dir(*state), 0);
	assert_int_equal(stat(*state, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
	touch(state, "f");
	assert_int_equal(paths_make_dir(file), -ENOTDIR);
	assert_int_equal(paths_make_dir(inside), -ENOTDIR);
	assert_int_equal(paths_make_dir(""), -ENOENT);
	assert_int_equal(paths_make_dir("/"), 0);
	free(file);
	free(inside);
}

static void absolute_expands_the_home_and_the_working_directory(void **state)
{
	struct paths_env env = {.home = "/home/u"};
	char *here = getcwd(NULL, 0), *expected;

	(void)state;
	assert_path(paths_absolute(&env, "/a/b"), "/a/b");
	assert_path(paths_absolute(&env, ""), "");
	assert_path(paths_absolute(&env, "~/x"), "/home/u/x");
	assert_path(paths_absolute(&env, "~"), "/home/u");
	assert_true(asprintf(&expected, "%s/x", here) > 0);
	assert_path(paths_absolute(&env, "x"), expected);
	env.home = NULL;
	assert_null(paths_absolute(&env, "~/x"));
	free(here);
	free(expected);
}

static void env_read_ignores_a_relative_home(void **state)
{
	struct paths_env env;

	(void)state;
	setenv("HOME", "relative", 1);
	paths_env_read(&env);
	assert_true(!env.home || env.home[0] == '/');
	setenv("HOME", "/somewhere", 1);
	paths_env_read(&env);
	assert_string_equal(env.home, "/somewhere");
	assert_string_equal(env.system_config, "/etc/ccapi");
}

static void what_comes_with_the_program_is_beside_its_folder(void **state)
{
	char *expected, *path = paths_beside_program("docs-ui"), self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	(void)state;
	assert_true(n > 0);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	*strrchr(self, '/') = '\0';
	assert_true(asprintf(&expected, "%s/share/ccapi/docs-ui", self) > 0);
	assert_string_equal(path, expected);
	free(expected);
	free(path);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_gets_the_system_places),
		cmocka_unit_test(users_get_the_xdg_places),
		cmocka_unit_test(unset_or_relative_variables_fall_back_to_the_home),
		WITH_PLACE(config_file_is_the_given_else_the_users_else_the_systems),
		WITH_PLACE(make_dir_makes_parents_and_keeps_the_last_private),
		WITH_PLACE(make_dir_leaves_what_exists_and_refuses_files),
		cmocka_unit_test(absolute_expands_the_home_and_the_working_directory),
		cmocka_unit_test(env_read_ignores_a_relative_home),
		cmocka_unit_test(what_comes_with_the_program_is_beside_its_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
