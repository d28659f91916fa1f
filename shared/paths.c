#include "shared/paths.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *join(const char *dir, const char *rest)
{
	char *path;

	return asprintf(&path, "%s/%s", dir, rest) < 0 ? NULL : path;
}

/* The XDG specification: a relative path in such a variable is to be ignored. */
static const char *absolute_or_null(const char *path)
{
	return path && path[0] == '/' ? path : NULL;
}

void paths_env_read(struct paths_env *env)
{
	const char *home = absolute_or_null(getenv("HOME"));

	if (!home) {
		const struct passwd *pw = getpwuid(geteuid());

		home = pw ? absolute_or_null(pw->pw_dir) : NULL;
	}
	*env = (struct paths_env){
		.root = geteuid() == 0,
		.home = home,
		.xdg_config_home = getenv("XDG_CONFIG_HOME"),
		.xdg_state_home = getenv("XDG_STATE_HOME"),
		.xdg_runtime_dir = getenv("XDG_RUNTIME_DIR"),
		.system_config = "/etc/ccapi",
	};
}

/* `xdg`, or `under_home` below the home, with "ccapi" behind it. */
static char *user_place(const struct paths_env *env, const char *xdg, const char *under_home)
{
	char *base, *path;

	if (absolute_or_null(xdg))
		return join(xdg, "ccapi");
	if (!env->home)
		return NULL;
	base = join(env->home, under_home);
	path = base ? join(base, "ccapi") : NULL;
	free(base);
	return path;
}

char *paths_state_dir(const struct paths_env *env)
{
	if (env->root)
		return strdup("/var/lib/ccapi");
	return user_place(env, env->xdg_state_home, ".local/state");
}

char *paths_runtime_dir(const struct paths_env *env)
{
	char *state, *path;

	if (env->root)
		return strdup("/run/ccapi");
	if (absolute_or_null(env->xdg_runtime_dir))
		return join(env->xdg_runtime_dir, "ccapi");
	/* No session: below the state directory, which is the user's alone; a name in /tmp could be
	 * taken. */
	state = paths_state_dir(env);
	path = state ? join(state, "run") : NULL;
	free(state);
	return path;
}

const char paths_system_control_socket[] = "/run/ccapi/control.sock";

char *paths_beside_program(const char *name)
{
	char program[4096], *path;
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);

	if (n <= 0)
		return NULL;
	program[n] = '\0';
	for (int up = 0; up < 2; up++) {
		char *slash = strrchr(program, '/');

		if (slash)
			*slash = '\0';
	}
	return asprintf(&path, "%s/share/ccapi/%s", program, name) < 0 ? NULL : path;
}

char *paths_control_socket(const struct paths_env *env)
{
	char *dir = paths_runtime_dir(env);
	char *path = dir ? join(dir, "control.sock") : NULL;

	free(dir);
	return path;
}

int paths_config_file(const struct paths_env *env, const char *given, char **ret_path)
{
	char *folders[2], *path = NULL;
	struct stat st;

	if (given) {
		path = strdup(given);
		if (!path)
			return -ENOMEM;
		*ret_path = path;
		return 0;
	}
	folders[0] = user_place(env, env->xdg_config_home, ".config");
	folders[1] = env->system_config ? strdup(env->system_config) : NULL;
	for (size_t i = 0; i < 2 && !path; i++) {
		path = folders[i] ? join(folders[i], "ccapid.conf") : NULL;
		if (path && stat(path, &st) != 0) {
			free(path);
			path = NULL;
		}
	}
	free(folders[0]);
	free(folders[1]);
	*ret_path = path;
	return 0;
}

char *paths_absolute(const struct paths_env *env, const char *path)
{
	char *here, *whole;

	if (path[0] == '/' || path[0] == '\0')
		return strdup(path);
	if (path[0] == '~' && (path[1] == '/' || path[1] == '\0')) {
		if (!env->home) {
			errno = ENOENT;
			return NULL;
		}
		return path[1] ? join(env->home, path + 2) : strdup(env->home);
	}
	here = getcwd(NULL, 0);
	whole = here ? join(here, path) : NULL;
	free(here);
	return whole;
}

static int make_one(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st) != 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int paths_make_dir(const char *path)
{
	size_t len = strlen(path);
	char *copy;
	int r = 0;

	if (!len)
		return -ENOENT;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = '\0';
	for (char *p = copy + 1; *p && !r; p++) {
		if (*p != '/' || p[-1] == '/')
			continue;
		*p = '\0';
		r = make_one(copy, 0755);
		*p = '/';
	}
	if (!r)
		r = make_one(copy, 0700);
	free(copy);
	return r;
}
