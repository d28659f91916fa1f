/* The terminal as it was, whatever ends the program.  Armed while the terminal is ours: exit() and
 * every fatal signal then write the prepared bytes, set the saved modes, and the signal goes its
 * way.  One terminal a process. */
#ifndef TUI_TERM_RESTORE_H
#define TUI_TERM_RESTORE_H

#include <stddef.h>
#include <termios.h>

#define RESTORE_MAX 256

/* What restore_now() will write and set; may be called again with other bytes.  Installs the
 * handlers at the first call.  0, -ERR_LIMIT: more than RESTORE_MAX bytes. */
int restore_arm(int fd, const struct termios *modes, const char *bytes, size_t len);

/* Puts the terminal back if armed, and disarms.  Safe in a signal handler. */
void restore_now(void);

/* The terminal has been put back by other means. */
void restore_disarm(void);

#endif
