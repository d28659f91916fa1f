/* login: a token of the user's subscription, from `claude setup-token` to the daemon.
 *
 * The token is only in the struct that is wiped at the end, in what the terminal or a pipe gives,
 * and in the request; never on a command line, in a message or in a log. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "shared/control_client.h"
#include "shared/json.h"

#include "ctl/connect.h"
#include "ctl/output.h"
#include "ctl/program.h"
#include "ctl/run.h"
#include "ctl/token.h"

extern char **environ;

/* ---- the CLI ---- */

/* The daemon's own CLI if its settings name one, else the one in our $PATH; malloc'ed or NULL. */
static char *cli_path(struct control_client *client)
{
	json_t *params = json_pack("{s:s}", "name", "claude.path"), *result = NULL;
	char words[CLIENT_WORDS_MAX];
	struct rpc_error e;
	const char *path = NULL;
	char *found;

	if (control_client_call(client, "config.show", params, &result, &e, words) == CLIENT_OK)
		path = json_get_str(json_array_get(json_object_get(result, "settings"), 0),
				    "value");
	found = path && path[0] == '/' && access(path, X_OK) == 0 ? strdup(path)
								  : program_find(NULL, "claude");
	json_decref(params);
	json_decref(result);
	return found;
}

/* On the user's terminal, which ^C there ends, not us.  0 or 1. */
static int run_cli(const char *path)
{
	char *argv[] = {"claude", "setup-token", NULL};
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old_int, old_quit;
	posix_spawnattr_t attr;
	struct termios before;
	sigset_t defaults;
	int rc, status = 0;
	bool modes = tcgetattr(STDIN_FILENO, &before) == 0;
	pid_t pid;

	sigemptyset(&defaults);
	sigaddset(&defaults, SIGINT);
	sigaddset(&defaults, SIGQUIT);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	sigaction(SIGINT, &ignore, &old_int);
	sigaction(SIGQUIT, &ignore, &old_quit);
	rc = posix_spawn(&pid, path, NULL, &attr, argv, environ);
	while (rc == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGQUIT, &old_quit, NULL);
	posix_spawnattr_destroy(&attr);
	if (modes) /* whatever it left behind */
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	if (rc == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	fputs("ccapictl: ", stderr);
	output_text(stderr, path, CLEAN_LINE);
	fprintf(stderr, " setup-token %s; nothing was changed\n",
		rc != 0 ? strerror(rc) : "did not end well");
	return 1;
}

/* ---- the token ---- */

static int ask_token(struct token *token)
{
	int number = 0, rc;

	fputs("Paste the token that it showed (sk-ant-oat...; it is not echoed), then Enter: ",
	      stderr);
	rc = token_read_terminal(token, STDIN_FILENO, &number);
	fputc('\n', stderr);
	if (rc == 0)
		return EXIT_DONE;
	token_wipe(token);
	fputs("ccapictl: nothing was changed\n", stderr);
	if (rc == -EINTR)
		raise(number);
	else
		fprintf(stderr, "ccapictl: reading the terminal: %s\n", strerror(-rc));
	return EXIT_FAILED;
}

static int read_token(struct token *token)
{
	int rc;

	if (isatty(STDIN_FILENO))
		return ask_token(token);
	rc = token_read_file(token, STDIN_FILENO);
	if (rc == 0)
		return EXIT_DONE;
	fprintf(stderr, "ccapictl: reading the token: %s\n", strerror(-rc));
	return EXIT_FAILED;
}

static int send_token(const struct command *c, const struct token *token)
{
	struct control_client *client = NULL;
	char words[CLIENT_WORDS_MAX];
	json_t *result = NULL;
	struct rpc_error e;
	const char *path;
	/* Anew: it may have waited longer for the token than the daemon keeps idle connections. */
	enum client_failure failure = connect_open(c, &client);
	int status;

	if (failure != CLIENT_OK)
		return connect_exit(failure);
	failure = control_client_call_secret(client, "login.set", "token", token->text, &result, &e,
					     words);
	path = json_get_str(result, "path");
	if (failure != CLIENT_OK) {
		status = connect_failed(failure, &e, words);
	} else if (c->json) {
		status = output_json(stdout, result) < 0 ? EXIT_FAILED : EXIT_DONE;
	} else {
		status = EXIT_DONE;
		if (!c->quiet) {
			fputs("The token is kept in ", stdout);
			output_text(stdout, path ? path : "?", CLEAN_LINE);
			puts(", mode 0600.  The workers are renewed with it: ccapictl doctor");
		}
	}
	json_decref(result);
	control_client_close(client);
	return status;
}

/* Before anybody logs in for nothing: whether the daemon is there and would take the token. */
static int prepare(const struct command *c, char **ret_cli)
{
	struct control_client *client = NULL;
	enum client_failure failure = connect_open(c, &client);
	int status = connect_exit(failure);

	if (failure == CLIENT_OK && control_client_hello(client)->right < RIGHT_ADMIN) {
		complain("login needs the right 'admin'\n"
			 "run it as root or as the daemon's user, or join control.admin_group");
		status = EXIT_NOT_PERMITTED;
	}
	if (status == EXIT_DONE)
		*ret_cli = cli_path(client);
	control_client_close(client);
	return status;
}

int run_login(const struct command *c)
{
	struct token token = {0};
	const char *fault;
	char *cli = NULL;
	int status = prepare(c, &cli);

	if (status == EXIT_DONE && isatty(STDIN_FILENO)) {
		if (!cli) {
			complain("there is no claude in $PATH\n"
				 "npm install -g @anthropic-ai/claude-code\n"
				 "or elsewhere: claude setup-token, then here: ccapictl login < "
				 "token");
			status = EXIT_FAILED;
		} else if (run_cli(cli) != 0) {
			status = EXIT_FAILED;
		}
	}
	free(cli);
	if (status == EXIT_DONE)
		status = read_token(&token);
	if (status == EXIT_DONE) {
		fault = token_fault(&token);
		if (fault) {
			complain(fault);
			fputs("  nothing was changed\n", stderr);
			status = EXIT_USAGE;
		} else {
			status = send_token(c, &token);
		}
	}
	token_wipe(&token);
	return status;
}
