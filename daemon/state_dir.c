#include "daemon/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_dirs(const char *path)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof part)
		return len == 0 ? -ENOENT : -ENAMETOOLONG;
	memcpy(part, path, len + 1);
	for (char *at = part + 1;; at++) {
		char end = *at;

		if (end != '/' && end != '\0')
			continue;
		*at = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return -errno;
		if (end == '\0')
			return 0;
		*at = '/';
	}
}

/* A directory that others may write to could be swapped under us; one of another owner we may not
 * keep secrets in. */
static int check_dir(const char *path, char *why, size_t why_size)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		int rc = -errno;

		snprintf(why, why_size, "state_dir %s: %s", path, strerror(-rc));
		return rc;
	}
	if (!S_ISDIR(st.st_mode)) {
		snprintf(why, why_size, "state_dir %s is not a directory", path);
		return -ENOTDIR;
	}
	if (st.st_uid != geteuid()) {
		snprintf(why, why_size,
			 "state_dir %s belongs to uid %u, not to uid %u that runs ccapid", path,
			 (unsigned)st.st_uid, (unsigned)geteuid());
		return -EPERM;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(why, why_size,
			 "state_dir %s may be written by others (mode %03o): name a directory of "
			 "ccapid's own",
			 path, (unsigned)(st.st_mode & 07777));
		return -EPERM;
	}
	return 0;
}

static long read_pid(int fd)
{
	char text[32];
	ssize_t len = pread(fd, text, sizeof text - 1, 0);

	if (len <= 0)
		return 0;
	text[len] = '\0';
	return strtol(text, NULL, 10);
}

static int lock_dir(const char *path, char *why, size_t why_size)
{
	char file[PATH_MAX], pid[32];
	int fd, len, rc;

	len = snprintf(file, sizeof file, "%s/lock", path);
	if (len < 0 || (size_t)len >= sizeof file)
		return -ENAMETOOLONG;
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		rc = -errno;
		if (rc == -EWOULDBLOCK)
			snprintf(
				why, why_size,
				"another ccapid (pid %ld) uses state_dir %s: stop it, or give this "
				"one its own with -o state_dir=DIR",
				read_pid(fd), path);
		close(fd);
		return rc;
	}
	len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)len, 0) != len) {
		rc = errno ? -errno : -EIO;
		close(fd);
		return rc;
	}
	return fd;
}

int state_dir_open(const char *path, char *why, size_t why_size)
{
	int rc;

	why[0] = '\0';
	rc = make_dirs(path);
	if (rc == 0)
		rc = check_dir(path, why, why_size);
	if (rc == 0)
		rc = lock_dir(path, why, why_size);
	if (rc < 0 && why[0] == '\0')
		snprintf(why, why_size, "state_dir %s: %s", path, strerror(-rc));
	return rc;
}

void state_dir_close(int lock_fd)
{
	if (lock_fd < 0)
		return;
	/* The file stays: unlinking it would let two daemons hold locks on two files of one name.
	 */
	if (ftruncate(lock_fd, 0) < 0) {
		/* Only the pid in it is stale then, and the lock is what counts. */
	}
	close(lock_fd);
}
