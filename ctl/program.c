#include "ctl/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"

enum { ENV_SIZE = PATH_MAX + 64, PIECE = 4096 };

char *program_own_dir(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	char *slash;

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	return strdup(path);
}

static char *look_in(const char *dir, size_t len, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof path, "%.*s/%s", (int)len, dir, name);

	if (len == 0 || dir[0] != '/' || n < 0 || (size_t)n >= sizeof path)
		return NULL;
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || access(path, X_OK) != 0)
		return NULL;
	return strdup(path);
}

char *program_find(const char *first, const char *name)
{
	static const char *const more[] = {"/usr/local/sbin", "/usr/sbin"};
	char *path = first ? look_in(first, strlen(first), name) : NULL;

	for (const char *at = getenv("PATH"); !path && at && *at;) {
		size_t len = strcspn(at, ":");

		path = look_in(at, len, name);
		at += len + (at[len] == ':');
	}
	for (size_t i = 0; !path && i < sizeof more / sizeof more[0]; i++)
		path = look_in(more[i], strlen(more[i]), name);
	return path;
}

/* ---- running ---- */

static int start(const char *const argv[], int out, pid_t *ret_pid)
{
	const char *path = getenv("PATH"), *home = getenv("HOME");
	char path_env[ENV_SIZE], home_env[ENV_SIZE];
	char *const env[] = {path_env, home_env, "LC_ALL=C.UTF-8", "NO_COLOR=1", NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int rc;

	snprintf(path_env, sizeof path_env, "PATH=%s", path ? path : "/usr/bin:/bin");
	snprintf(home_env, sizeof home_env, "HOME=%s", home ? home : "/");
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_setpgroup(&attr, 0); /* so that all of it can be ended */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	rc = posix_spawn(ret_pid, argv[0], &files, &attr, (char *const *)argv, env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return -rc;
}

/* Until the other end is closed: 0, or -ETIMEDOUT. */
static int read_all(int fd, int64_t until_ms, struct buf *to)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = until_ms - clock_mono_ms();
		char piece[PIECE];
		ssize_t n;
		int rc = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (rc == 0)
			return -ETIMEDOUT;
		if (rc < 0 && errno != EINTR)
			return -errno;
		if (rc < 0)
			continue;
		n = read(fd, piece, sizeof piece);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			buf_add(to, piece, (size_t)n);
	}
}

/* It may have closed its output and go on. */
static int wait_for_end(pid_t pid, int64_t until_ms, int *ret_status)
{
	const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};

	for (;;) {
		pid_t done = waitpid(pid, ret_status, WNOHANG);

		if (done == pid)
			return 0;
		if (done < 0 && errno != EINTR)
			return -errno;
		if (clock_mono_ms() >= until_ms)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
}

int program_output(const char *const argv[], int timeout_ms, struct buf *to)
{
	int64_t until_ms = clock_mono_ms() + timeout_ms;
	int fds[2], rc, status = 0;
	pid_t pid = 0;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	rc = start(argv, fds[1], &pid);
	close(fds[1]);
	if (rc == 0) {
		rc = read_all(fds[0], until_ms, to);
		if (rc == 0)
			rc = wait_for_end(pid, until_ms, &status);
		if (rc < 0) {
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
		} else {
			rc = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
	}
	close(fds[0]);
	return rc;
}
