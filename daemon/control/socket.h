/* The listening Unix socket of the control plane. */
#ifndef DAEMON_CONTROL_SOCKET_H
#define DAEMON_CONTROL_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

/* Makes the socket at `path`, mode 0660, given to the group unless it is (gid_t)-1; its folder is
 * made if it is missing.  A socket that nobody serves any more is replaced; one that is served, or
 * anything that is no socket, is left alone.  Returns the descriptor, not listening yet, or a
 * negative code and why with what to do about it. */
int control_socket_make(const char *path, gid_t group, char *why, size_t why_size);

#endif
