/* Whose login the workers use: the daemon's own (a token it was given, a private configuration
 * directory) or the invoking user's.  Nothing is ever copied; the CLI reads and refreshes its own
 * files. */
#ifndef DAEMON_POOL_LOGIN_H
#define DAEMON_POOL_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/conf/conf.h"
#include "daemon/pool/cli_env.h"

struct login {
	struct cli_login cli; /* points into the strings below */
	char *home, *config_dir, *token;
	char *sessions_dir; /* configuration directory in use, for tidying after killed workers */
	char words[256];    /* whose it is, for the log */
	char problem[256];  /* why it cannot work; "" otherwise */
};

/* Decides by claude.login and what is there.  0 or -ENOMEM; a bad token file is a `problem`, not a
 * failure. */
int login_choose(const struct conf *conf, struct login *ret_login);
void login_done(struct login *l);

/* What `claude auth status` printed. */
struct login_status {
	bool known; /* false: the CLI did not answer in time, or not at all */
	bool logged_in, has_email;
	int64_t expires_at_ms; /* wall clock; 0: not told */
	char words[192];       /* "claude.ai, subscription max, owner@example.com" */
};
void login_parse_status(const char *output, struct login_status *ret);

#endif
