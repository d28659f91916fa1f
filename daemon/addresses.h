/* Which names the daemon goes by: the Host check's list, and what counts as the machine itself. */
#ifndef DAEMON_ADDRESSES_H
#define DAEMON_ADDRESSES_H

#include <stdbool.h>

#include "daemon/conf/conf.h"

/* The allowed Host values: http.allowed_hosts, the hosts of `listen`, and localhost by name and
 * number; lower case, without port, NULL-terminated.  NULL: out of memory. */
char **addresses_allowed_hosts(const struct conf *conf);
void addresses_free_hosts(char **hosts); /* NULL ok */

/* Whether a bound socket can be reached from this machine only. */
bool addresses_socket_is_local(int fd);

#endif
