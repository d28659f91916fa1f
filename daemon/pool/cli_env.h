/* What a worker is started with: the exact arguments, and an environment built from nothing. */
#ifndef DAEMON_POOL_CLI_ENV_H
#define DAEMON_POOL_CLI_ENV_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/conf/conf.h"

/* A NULL-terminated list of strings, all owned. */
struct string_list {
	char **items;
	size_t count;
	bool failed; /* out of memory: the list is not complete */
};

void string_list_add(struct string_list *l, const char *item);
void string_list_addf(struct string_list *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void string_list_done(struct string_list *l);

/* Whose login serves, and from where. */
struct cli_login {
	bool user;              /* the invoking user's own; otherwise the daemon's private one */
	const char *home;       /* HOME */
	const char *config_dir; /* CLAUDE_CONFIG_DIR; NULL: the default below HOME */
	const char *token;      /* CLAUDE_CODE_OAUTH_TOKEN; NULL: none */
};

void cli_argv(struct string_list *l, const char *path, int64_t version);

/* `extra` (NULL ok) comes last and replaces nothing: the loader has refused the names that are set
 * here. */
void cli_env(struct string_list *l, const struct cli_login *login, const struct conf *conf,
	     const struct conf_map *extra);

#endif
