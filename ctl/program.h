/* Other programs: where they are, what they say. */
#ifndef CTL_PROGRAM_H
#define CTL_PROGRAM_H

#include "shared/buf.h"

/* The folder that our own binary lies in, malloc'ed; NULL: not known. */
char *program_own_dir(void);

/* An executable of that name in `first` (NULL: none), then in $PATH, then in /usr/local/sbin and
 * /usr/sbin; malloc'ed, NULL: there is none.  Relative entries of $PATH are passed over. */
char *program_find(const char *first, const char *name);

/* Runs it without input in a small environment of its own and appends what it writes to stdout, as
 * far as there is room.  Its exit code (128 and more: ended by a signal); or -errno: it cannot be
 * run, -ETIMEDOUT: it took too long and was killed with all that it started. */
int program_output(const char *const argv[], int timeout_ms, struct buf *to);

#endif
