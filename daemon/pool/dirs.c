#include "daemon/pool/dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/err.h"
#include "shared/log.h"

static int remove_below(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	if (ftw->level > 0 && remove(path) != 0 && errno != ENOENT)
		log_warn("pool", "cannot remove %s: %s", path, err_str(-errno));
	return 0;
}

void dirs_clear(const char *path)
{
	nftw(path, remove_below, 16, FTW_DEPTH | FTW_PHYS);
}

/* A directory that was there already may belong to somebody else or be open to others. */
static int make_private_dir(const char *path)
{
	int fd, rc = 0;

	if (mkdir(path, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0700) != 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc;
}

static const struct {
	const char *name;
	bool clear;
} dirs[] = {{"claude", false}, {"home", false},    {"empty", true},
	    {"tmp", true},     {"selftest", true}, {"claude/sessions", true}};

static int make_all(const char *state_dir, bool clear)
{
	char path[4096];
	int rc;

	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		snprintf(path, sizeof path, "%s/%s", state_dir, dirs[i].name);
		rc = make_private_dir(path);
		if (rc != 0) {
			log_error("pool", "cannot make %s: %s", path, err_str(rc));
			return rc;
		}
		if (clear && dirs[i].clear)
			dirs_clear(path);
	}
	return 0;
}

int dirs_prepare(const char *state_dir)
{
	return make_all(state_dir, true);
}

int dirs_mend(const char *state_dir)
{
	return make_all(state_dir, false);
}
