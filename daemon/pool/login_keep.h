/* Keeping a token of the CLI's for the daemon's own login. */
#ifndef DAEMON_POOL_LOGIN_KEEP_H
#define DAEMON_POOL_LOGIN_KEEP_H

#include <stddef.h>

#include "daemon/conf/conf.h"

/* Writes it, mode 0600 and whole or not at all, to where login_choose() looks for it:
 * claude.token_file, else claude-token in the state directory.  0 and the path (malloc'ed); or a
 * negative code and why.  A token that another place hides, as the service manager's credential,
 * is ERR_STATE. */
int login_keep(const struct conf *conf, const char *token, char **ret_path, char *why, size_t size);

#endif
