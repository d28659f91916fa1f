/* The directory that holds the daemon's state: made if missing, and held by one daemon at a time.
 */
#ifndef DAEMON_STATE_DIR_H
#define DAEMON_STATE_DIR_H

#include <stddef.h>

/* Makes `path` (parents too, 0700) and locks it.  Returns the descriptor that holds the lock, or
 * -errno, and then `why` says what is wrong and how to mend it. */
int state_dir_open(const char *path, char *why, size_t why_size);
void state_dir_close(int lock_fd);

#endif
