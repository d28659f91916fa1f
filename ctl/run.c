#include "ctl/run.h"

#include <stdio.h>
#include <string.h>

#include "shared/control_client.h"

#include "ctl/connect.h"
#include "ctl/present.h"

static const struct {
	const char *words; /* as in the table of verbs */
	int (*run)(const struct command *c);
} own[] = {
	{"events", run_events}, {"requests tail", run_tail},    {"logs", run_logs},
	{"chat", run_chat},     {"doctor", run_doctor},         {"login", run_login},
	{"top", run_top},       {"completion", run_completion},
};

/* One call. */
static int ask(const struct command *c)
{
	struct control_client *client = NULL;
	char words[CLIENT_WORDS_MAX];
	struct rpc_error e;
	json_t *result = NULL;
	enum client_failure failure = connect_open(c, &client);
	int status;

	if (failure != CLIENT_OK)
		return connect_exit(failure);
	failure = control_client_call(client, c->verb->method, c->params, &result, &e, words);
	if (failure == CLIENT_OK)
		status = present(c, result);
	else
		status = connect_failed(failure, &e, words);
	json_decref(result);
	control_client_close(client);
	return status;
}

int run(const struct command *c)
{
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		if (strcmp(own[i].words, c->verb->words) == 0)
			return own[i].run(c);
	return ask(c);
}
