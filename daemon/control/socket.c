#include "daemon/control/socket.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/err.h"
#include "shared/paths.h"

enum { SOCKET_MODE = 0660, GROUP_DIR_MODE = 0750 };

static int address_of(const char *path, struct sockaddr_un *ret, char *why, size_t why_size)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof ret->sun_path) {
		snprintf(why, why_size,
			 "control.socket %s: a socket's path may have at most %zu characters: set "
			 "control.socket to a shorter one",
			 path, sizeof ret->sun_path - 1);
		return -ENAMETOOLONG;
	}
	memcpy(ret->sun_path, path, strlen(path) + 1);
	return 0;
}

/* The folder is 0700 when we make it: whoever is let in by control.group must get through. */
static int make_folder(const char *path, gid_t group, char *why, size_t why_size)
{
	char *copy = strdup(path), *dir = copy ? dirname(copy) : NULL;
	struct stat st;
	int rc = copy ? 0 : -ENOMEM;

	if (rc == 0 && stat(dir, &st) < 0) {
		rc = paths_make_dir(dir);
		if (rc == 0 && group != (gid_t)-1 &&
		    (chown(dir, (uid_t)-1, group) < 0 || chmod(dir, GROUP_DIR_MODE) < 0))
			rc = -errno;
	}
	if (rc < 0)
		snprintf(why, why_size, "control.socket: folder %s: %s", dir ? dir : path,
			 strerror(-rc));
	free(copy);
	return rc;
}

/* Whether somebody accepts there. */
static int is_served(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc = 1;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)at, sizeof *at) < 0)
		rc = errno == ECONNREFUSED ? 0 : errno == EAGAIN ? 1 : -errno;
	close(fd);
	return rc;
}

static int remove_dead(const char *path, const struct sockaddr_un *at, char *why, size_t why_size)
{
	struct stat st;
	int rc;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(why, why_size,
			 "control.socket %s is there already and is no socket: move it away, or "
			 "set control.socket to another path",
			 path);
		return -EEXIST;
	}
	rc = is_served(at);
	if (rc > 0) {
		snprintf(why, why_size,
			 "control.socket %s is served by another process: stop the other ccapid, "
			 "or give this one its own with -o control.socket=PATH",
			 path);
		return -EADDRINUSE;
	}
	if (rc == 0 && unlink(path) < 0 && errno != ENOENT)
		rc = -errno;
	return rc;
}

static int give_to_group(const char *path, gid_t group, char *why, size_t why_size)
{
	if (group != (gid_t)-1 && chown(path, (uid_t)-1, group) < 0) {
		int rc = -errno;

		snprintf(why, why_size,
			 "control.socket %s cannot be given to control.group: %s: the daemon's "
			 "user must be a member of it",
			 path, strerror(-rc));
		return rc;
	}
	return chmod(path, SOCKET_MODE) < 0 ? -errno : 0;
}

int control_socket_make(const char *path, gid_t group, char *why, size_t why_size)
{
	struct sockaddr_un at;
	int fd = -1, rc;

	why[0] = '\0';
	rc = address_of(path, &at, why, why_size);
	if (rc == 0)
		rc = make_folder(path, group, why, why_size);
	if (rc == 0)
		rc = remove_dead(path, &at, why, why_size);
	if (rc == 0) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		/* The mode before bind() is the file's from its first moment on. */
		if (fd < 0 || fchmod(fd, 0600) < 0 ||
		    bind(fd, (struct sockaddr *)&at, sizeof at) < 0)
			rc = -errno;
		else
			rc = give_to_group(path, group, why, why_size);
	}
	if (rc == 0)
		return fd;
	if (why[0] == '\0')
		snprintf(why, why_size, "control.socket %s: %s", path, err_str(rc));
	if (fd >= 0)
		close(fd);
	return rc;
}
