/* The CLI's program file: where it is, whether it is still the one that was tested, which version
 * it is. */
#ifndef DAEMON_POOL_CLI_BINARY_H
#define DAEMON_POOL_CLI_BINARY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cli_binary {
	char *path; /* absolute; symbolic links are kept, so an update behind them is seen */
	dev_t device;
	ino_t inode;
	int64_t mtime_ns, size;
};

/* Looks at `configured` if it is not empty, else in PATH and the places that npm, nvm and the
 * native installer use below `home` (NULL ok).  0, -ENOENT when there is none, or another -errno
 * for a configured one that cannot be run. */
int cli_binary_find(const char *configured, const char *home, struct cli_binary *ret_binary);
void cli_binary_done(struct cli_binary *b);

/* Whether the file at the path is the same as when it was found. */
bool cli_binary_unchanged(const struct cli_binary *b);

/* The first a.b.c of `text` as one number that compares; -1: there is none. */
int64_t cli_version_number(const char *text);

enum { CLI_OLDEST_MAJOR = 2, CLI_OLDEST_MINOR = 1, CLI_OLDEST_PATCH = 257 };
bool cli_version_serves(int64_t version); /* at least 2.1.257 */
/* From 2.1.259 on there is --permission-prompts. */
bool cli_version_has_permission_prompts(int64_t version);

#endif
