#include "daemon/pool/dirs.h"

#include <errno.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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

int dirs_prepare(const char *state_dir)
{
	static const struct {
		const char *name;
		bool clear;
	} dirs[] = {{"claude", false}, {"home", false},    {"empty", true},
		    {"tmp", true},     {"selftest", true}, {"claude/sessions", true}};
	char path[4096];

	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		snprintf(path, sizeof path, "%s/%s", state_dir, dirs[i].name);
		if (mkdir(path, 0700) != 0 && errno != EEXIST) {
			int rc = -errno;

			log_error("pool", "cannot make %s: %s", path, err_str(rc));
			return rc;
		}
		if (dirs[i].clear)
			dirs_clear(path);
	}
	return 0;
}
