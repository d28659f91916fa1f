/* From ccapictl to a daemon: where to look, and what is said when that fails. */
#ifndef CTL_CONNECT_H
#define CTL_CONNECT_H

#include <stddef.h>
#include <stdint.h>

#include "shared/control_client.h"

#include "ctl/command.h"

enum {
	CONNECT_TRIES = 2,
	CONNECT_TIMEOUT_MS = 60 * 1000 /* longer than the daemon gives any request */
};

/* "ccapictl: words" on stderr; further lines are indented. */
void complain(const char *words);

/* The places to look for the socket, the first one first; malloc'ed.  Returns how many. */
size_t connect_places(const struct command *c, char *paths[CONNECT_TRIES]);

/* Opens the first that answers.  A failure has been told. */
enum client_failure connect_open(const struct command *c, struct control_client **ret_client);

/* The exit code of a failure; CLIENT_REFUSED is what connect_refused() says. */
enum exit_code connect_exit(enum client_failure failure);

/* Tells the daemon's error and returns the exit code. */
enum exit_code connect_refused(const struct rpc_error *e);

/* Tells whatever ended a call, and returns the exit code. */
enum exit_code connect_failed(enum client_failure failure, const struct rpc_error *e,
			      const char words[CLIENT_WORDS_MAX]);

#endif
