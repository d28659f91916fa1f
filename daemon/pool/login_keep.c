#include "daemon/pool/login_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/err.h"

/* What comes before the token, so that it would be kept and not used: the user's own login, and the
 * service manager's credential before the state directory's file. */
static bool is_hidden(const struct conf *conf, char *why, size_t size)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char *path = NULL;
	bool hidden;

	if (conf->claude.login == CONF_LOGIN_USER) {
		snprintf(why, size,
			 "claude.login = \"user\": the login of the user who runs the daemon "
			 "serves, no token: log in there with claude and /login, or take "
			 "claude.login out of the settings and restart ccapid first");
		return true;
	}
	if (conf->claude.token_file[0] || !dir || asprintf(&path, "%s/claude-token", dir) < 0)
		return false;
	hidden = access(path, F_OK) == 0;
	if (hidden)
		snprintf(why, size,
			 "the service manager's credential %s is used: take it out of the unit "
			 "first, or change it there",
			 path);
	free(path);
	return hidden;
}

static int write_whole(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The name's own directory must know of it too, or the old token is back after a power cut. */
static int sync_dir(const char *path)
{
	char *dir = strdup(path), *slash = dir ? strrchr(dir, '/') : NULL;
	int fd, rc = 0;

	if (!slash) {
		free(dir);
		return dir ? 0 : -ENOMEM;
	}
	*(slash == dir ? slash + 1 : slash) = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	free(dir);
	return rc;
}

static int replace_file(const char *path, const char *token)
{
	char *fresh = NULL;
	int fd, rc;

	if (asprintf(&fresh, "%s.new", path) < 0)
		return -ENOMEM;
	unlink(fresh); /* of an earlier try; whatever its mode was */
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	rc = fd < 0 ? -errno : write_whole(fd, token, strlen(token));
	if (rc == 0)
		rc = write_whole(fd, "\n", 1);
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	if (rc == 0 && rename(fresh, path) < 0)
		rc = -errno;
	if (rc == 0)
		rc = sync_dir(path);
	else if (fd >= 0)
		unlink(fresh);
	free(fresh);
	return rc;
}

int login_keep(const struct conf *conf, const char *token, char **ret_path, char *why, size_t size)
{
	char *path = NULL;
	int rc;

	if (is_hidden(conf, why, size))
		return ERR_STATE;
	if (conf->claude.token_file[0])
		path = strdup(conf->claude.token_file);
	else if (asprintf(&path, "%s/claude-token", conf->state_dir) < 0)
		path = NULL;
	rc = path ? replace_file(path, token) : -ENOMEM;
	if (rc < 0) {
		snprintf(why, size, "the token could not be written to %s: %s", path ? path : "",
			 err_str(rc));
		free(path);
		return rc;
	}
	*ret_path = path;
	return 0;
}
