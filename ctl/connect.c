#include "ctl/connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/paths.h"

#include "ctl/output.h"

/* Line by line, each behind its indent; the first one behind `first`. */
static void print_lines(const char *first, const char *words)
{
	fputs(first, stderr);
	for (const char *at = words; *at;) {
		size_t len = strcspn(at, "\n");
		char *line = strndup(at, len);

		if (at != words)
			fputs("  ", stderr);
		output_text(stderr, line ? line : "out of memory", CLEAN_LINE);
		fputc('\n', stderr);
		free(line);
		at += len + (at[len] == '\n');
	}
}

void complain(const char *words)
{
	print_lines("ccapictl: ", words);
}

enum exit_code connect_exit(enum client_failure failure)
{
	switch (failure) {
	case CLIENT_OK:
		return EXIT_DONE;
	case CLIENT_UNREACHABLE:
		return EXIT_UNREACHABLE;
	case CLIENT_FORBIDDEN:
		return EXIT_NOT_PERMITTED;
	case CLIENT_MISMATCH:
	case CLIENT_REFUSED:
	case CLIENT_INTERRUPTED:
	case CLIENT_NO_MEMORY:
		break;
	}
	return EXIT_FAILED;
}

enum exit_code connect_refused(const struct rpc_error *e)
{
	complain(e->message);
	if (e->hint[0])
		print_lines("  ", e->hint);
	if (e->code == RPC_NOT_PERMITTED)
		return EXIT_NOT_PERMITTED;
	return e->code == RPC_INVALID_PARAMS ? EXIT_USAGE : EXIT_FAILED;
}

enum exit_code connect_failed(enum client_failure failure, const struct rpc_error *e,
			      const char words[CLIENT_WORDS_MAX])
{
	if (failure == CLIENT_REFUSED)
		return connect_refused(e);
	complain(words);
	return connect_exit(failure);
}

size_t connect_places(const struct command *c, char *paths[CONNECT_TRIES])
{
	const char *given = c->socket ? c->socket : getenv("CCAPI_SOCKET");
	struct paths_env env;
	size_t count = 0;
	char *own;

	if (given && *given) {
		paths[0] = strdup(given);
		return paths[0] ? 1 : 0;
	}
	paths_env_read(&env);
	own = paths_control_socket(&env);
	if (own)
		paths[count++] = own;
	if (!own || strcmp(own, paths_system_control_socket) != 0) {
		paths[count] = strdup(paths_system_control_socket);
		count += paths[count] != NULL;
	}
	return count;
}

enum client_failure connect_open(const struct command *c, struct control_client **ret_client)
{
	enum client_failure failure = CLIENT_NO_MEMORY;
	char words[CONNECT_TRIES][CLIENT_WORDS_MAX] = {"out of memory"};
	char *paths[CONNECT_TRIES];
	size_t count = connect_places(c, paths), tried = 0;

	do {
		if (tried < count)
			failure = control_client_open(paths[tried], "ccapictl", CONNECT_TIMEOUT_MS,
						      ret_client, words[tried]);
		tried++;
	} while (failure == CLIENT_UNREACHABLE && tried < count);
	for (size_t i = 0; failure != CLIENT_OK && i < tried; i++)
		complain(words[i]);
	if (failure == CLIENT_UNREACHABLE)
		fputs("  is ccapid running?  systemctl status ccapid, or make run; another socket: "
		      "--socket PATH; more: ccapictl doctor\n",
		      stderr);
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
	return failure;
}
