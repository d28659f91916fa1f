/* A directory of the test's own, and files in it. */
#ifndef TESTS_UNIT_POOL_SCRATCH_H
#define TESTS_UNIT_POOL_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/test.h"

static char scratch[64];

static inline int scratch_setup(void **state)
{
	(void)state;
	strcpy(scratch, "/tmp/ccapi-unit-XXXXXX");
	return mkdtemp(scratch) ? 0 : -1;
}

static inline int scratch_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline int scratch_teardown(void **state)
{
	(void)state;
	return nftw(scratch, scratch_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* Paths below the scratch directory; four results live at a time. */
static inline const char *in_scratch(const char *name)
{
	static char paths[4][256];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
	return path;
}

/* Makes the directories on the way too. */
static inline const char *scratch_file(const char *name, const char *text, mode_t mode)
{
	const char *path = in_scratch(name);
	char dir[256];
	FILE *f;

	strcpy(dir, path);
	for (char *slash = strchr(dir + strlen(scratch) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(dir, 0700);
		*slash = '/';
	}
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static inline bool scratch_has(const char *name)
{
	return access(in_scratch(name), F_OK) == 0;
}

#endif
