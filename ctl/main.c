/* ccapictl: one verb of the control socket per run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/control_client.h"
#include "shared/paths.h"

#include "ccapi_version.h"
#include "ctl/command.h"
#include "ctl/help.h"
#include "ctl/output.h"
#include "ctl/present.h"

enum {
	CONNECT_TRIES = 2,
	TIMEOUT_MS = 60 * 1000 /* longer than the daemon gives any request */
};

/* "ccapictl: words", further lines indented. */
static void complain(const char *words)
{
	fputs("ccapictl: ", stderr);
	for (const char *at = words; *at;) {
		size_t len = strcspn(at, "\n");
		char *line = strndup(at, len);

		if (line) {
			if (at != words)
				fputs("  ", stderr);
			output_text(stderr, line, CLEAN_LINE);
			fputc('\n', stderr);
		}
		free(line);
		at += len + (at[len] == '\n');
	}
}

/* ---- asking first ---- */

/* True: go on. */
static bool confirmed(const struct command *c)
{
	const char *question = c->verb->confirm, *place;
	char answer[16];

	if (!question || c->yes)
		return true;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		fprintf(stderr, "ccapictl: %s needs --yes where nobody can be asked\n",
			c->verb->words);
		return false;
	}
	place = strstr(question, "%s");
	fwrite(question, 1, (size_t)(place - question), stderr);
	output_text(stderr, command_subject(c), CLEAN_LINE);
	fprintf(stderr, "%s [y/N] ", place + 2);
	if (fgets(answer, sizeof answer, stdin) &&
	    (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0))
		return true;
	fputs("ccapictl: nothing was done\n", stderr);
	return false;
}

/* ---- finding the daemon ---- */

static int exit_of(enum client_failure failure)
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
	case CLIENT_NO_MEMORY:
		break;
	}
	return EXIT_FAILED;
}

/* The places to look, the first one first; malloc'ed. */
static size_t find_sockets(const struct command *c, char *paths[CONNECT_TRIES])
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

static enum client_failure find_daemon(const struct command *c, struct control_client **ret_client)
{
	enum client_failure failure = CLIENT_NO_MEMORY;
	char words[CONNECT_TRIES][CLIENT_WORDS_MAX] = {"out of memory"};
	char *paths[CONNECT_TRIES];
	size_t count = find_sockets(c, paths), tried = 0;

	do {
		if (tried < count)
			failure = control_client_open(paths[tried], TIMEOUT_MS, ret_client,
						      words[tried]);
		tried++;
	} while (failure == CLIENT_UNREACHABLE && tried < count);
	for (size_t i = 0; failure != CLIENT_OK && i < tried; i++)
		complain(words[i]);
	if (failure == CLIENT_UNREACHABLE)
		fputs("  is ccapid running?  systemctl status ccapid, or make run; another socket: "
		      "--socket PATH\n",
		      stderr);
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
	return failure;
}

/* ---- one call ---- */

static int refused(const struct rpc_error *e)
{
	complain(e->message);
	for (const char *at = e->hint; *at;) {
		size_t len = strcspn(at, "\n");
		char *line = strndup(at, len);

		fputs("  ", stderr);
		output_text(stderr, line ? line : "", CLEAN_LINE);
		fputc('\n', stderr);
		free(line);
		at += len + (at[len] == '\n');
	}
	if (e->code == RPC_NOT_PERMITTED)
		return EXIT_NOT_PERMITTED;
	return e->code == RPC_INVALID_PARAMS ? EXIT_USAGE : EXIT_FAILED;
}

static int run(const struct command *c)
{
	struct control_client *client = NULL;
	char words[CLIENT_WORDS_MAX];
	struct rpc_error e;
	json_t *result = NULL;
	enum client_failure failure = find_daemon(c, &client);
	int status;

	if (failure != CLIENT_OK)
		return exit_of(failure);
	failure = control_client_call(client, c->verb->method, c->params, &result, &e, words);
	if (failure == CLIENT_OK) {
		status = present(c, result);
	} else if (failure == CLIENT_REFUSED) {
		status = refused(&e);
	} else {
		complain(words);
		status = exit_of(failure);
	}
	json_decref(result);
	control_client_close(client);
	return status;
}

static int usage_error(const struct command *c, const char *why)
{
	complain(why);
	if (c->verb) {
		fputs("usage: ", stderr);
		help_usage(stderr, c->verb, output_width(stderr));
	} else {
		fputs("Try 'ccapictl --help'.\n", stderr);
	}
	return EXIT_USAGE;
}

/* What could not be written is a failure too. */
static int flushed(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	perror("ccapictl: cannot write");
	return status == EXIT_DONE ? EXIT_FAILED : status;
}

int main(int argc, char **argv)
{
	char why[COMMAND_WHY_MAX];
	struct command c;
	int status = EXIT_DONE;

	output_init();
	if (command_parse(&c, argc, argv, why) < 0)
		status = usage_error(&c, why);
	else if (c.version)
		puts("ccapictl " CCAPI_VERSION);
	else if (c.help)
		help_print(stdout, &c);
	else if (!confirmed(&c))
		status = EXIT_USAGE;
	else
		status = run(&c);
	command_done(&c);
	return flushed(status);
}
