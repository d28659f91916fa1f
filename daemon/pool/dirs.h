/* The directories below state_dir that workers run in, made and tidied at start, and mended when
 * one is missing later. */
#ifndef DAEMON_POOL_DIRS_H
#define DAEMON_POOL_DIRS_H

/* Makes claude, home, empty, tmp and selftest below `state_dir` (0700) and removes what a killed
 * daemon left in tmp, selftest and claude/sessions.  `empty` must be empty: it is what workers see
 * of the disk.  0 or -errno, logged. */
int dirs_prepare(const char *state_dir);

/* Makes again what somebody removed under the running daemon; removes nothing.  0 or -errno,
 * logged.
 */
int dirs_mend(const char *state_dir);

/* Removes everything in a directory, not the directory. */
void dirs_clear(const char *path);

#endif
