#include "daemon/pool/cli_binary.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/err.h"

static int look_at(const char *path, struct cli_binary *b)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	if (access(path, X_OK) != 0)
		return -errno;
	b->device = st.st_dev;
	b->inode = st.st_ino;
	b->size = st.st_size;
	b->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	return 0;
}

static int take_path(const char *path, struct cli_binary *ret)
{
	struct cli_binary b = {0};
	int rc = look_at(path, &b);

	if (rc != 0)
		return rc;
	b.path = path[0] == '/' ? strdup(path) : realpath(path, NULL);
	if (!b.path)
		return -ENOMEM;
	*ret = b;
	return 0;
}

static int search_path_variable(struct cli_binary *ret)
{
	const char *at = getenv("PATH");
	char path[PATH_MAX];

	while (at && *at) {
		size_t len = strcspn(at, ":");

		/* An empty or relative entry would run whatever lies in the working directory. */
		if (len > 0 && at[0] == '/' && len < sizeof path - sizeof "/claude") {
			snprintf(path, sizeof path, "%.*s/claude", (int)len, at);
			if (take_path(path, ret) == 0)
				return 0;
		}
		at += len + (at[len] == ':');
	}
	return -ENOENT;
}

/* The match with the highest version in its path (v22 after v9). */
static int search_pattern(const char *pattern, struct cli_binary *ret)
{
	const char *best = NULL;
	glob_t found;
	int rc = -ENOENT;

	if (glob(pattern, 0, NULL, &found) != 0)
		return -ENOENT;
	for (size_t i = 0; i < found.gl_pathc; i++)
		if ((!best || strverscmp(found.gl_pathv[i], best) > 0) &&
		    access(found.gl_pathv[i], X_OK) == 0)
			best = found.gl_pathv[i];
	if (best)
		rc = take_path(best, ret);
	globfree(&found);
	return rc;
}

int cli_binary_find(const char *configured, const char *home, struct cli_binary *ret_binary)
{
	static const char *const below_home[] = {
		".local/bin/claude",
		".claude/local/claude",
		".npm-global/bin/claude",
		".npm/bin/claude",
		".nvm/versions/node/*/bin/claude",
		"node_modules/.bin/claude",
	};
	static const char *const system_wide[] = {"/usr/local/bin/claude", "/usr/bin/claude",
						  "/opt/claude/bin/claude"};
	char path[PATH_MAX];

	if (configured && configured[0])
		return take_path(configured, ret_binary);
	if (search_path_variable(ret_binary) == 0)
		return 0;
	for (size_t i = 0; home && i < sizeof below_home / sizeof *below_home; i++) {
		snprintf(path, sizeof path, "%s/%s", home, below_home[i]);
		if (search_pattern(path, ret_binary) == 0)
			return 0;
	}
	for (size_t i = 0; i < sizeof system_wide / sizeof *system_wide; i++)
		if (take_path(system_wide[i], ret_binary) == 0)
			return 0;
	return -ENOENT;
}

void cli_binary_done(struct cli_binary *b)
{
	free(b->path);
	*b = (struct cli_binary){0};
}

bool cli_binary_unchanged(const struct cli_binary *b)
{
	struct cli_binary now = {0};

	return look_at(b->path, &now) == 0 && now.device == b->device && now.inode == b->inode &&
	       now.size == b->size && now.mtime_ns == b->mtime_ns;
}

static int64_t number(int major, int minor, int patch)
{
	return ((int64_t)major * 100000 + minor) * 100000 + patch;
}

int64_t cli_version_number(const char *text)
{
	int major, minor, patch;

	for (; *text; text++)
		if (sscanf(text, "%5d.%5d.%5d", &major, &minor, &patch) == 3 && major >= 0 &&
		    minor >= 0 && patch >= 0)
			return number(major, minor, patch);
	return -1;
}

bool cli_version_serves(int64_t version)
{
	return version >= number(CLI_OLDEST_MAJOR, CLI_OLDEST_MINOR, CLI_OLDEST_PATCH);
}

bool cli_version_has_permission_prompts(int64_t version)
{
	return version >= number(2, 1, 259);
}
