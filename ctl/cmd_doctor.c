#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "ctl/connect.h"
#include "ctl/doctor.h"
#include "ctl/output.h"
#include "ctl/run.h"

/* Whether the first `count` items, our own, look at the same thing: from here it shows more. */
static bool is_own(const json_t *checks, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		const char *own = json_get_str(json_array_get(checks, i), "name");

		if (name && own && strcmp(name, own) == 0)
			return true;
	}
	return false;
}

/* What the daemon itself finds.  It tries things out, which takes a while. */
static void ask_daemon(json_t *checks, struct control_client *client)
{
	char words[CLIENT_WORDS_MAX];
	json_t *result = NULL, *item;
	struct rpc_error e;
	enum client_failure failure =
		control_client_call(client, "doctor", NULL, &result, &e, words);
	size_t own = json_array_size(checks), i;

	json_array_foreach(json_object_get(result, "checks"), i, item)
	{
		if (json_is_object(item) && !is_own(checks, own, json_get_str(item, "name")))
			json_array_append(checks, item);
	}
	if (failure == CLIENT_REFUSED)
		doctor_add(checks, "daemon", "The daemon's checks", "fail",
			   e.hint[0] ? e.hint : "systemctl restart ccapid", "%s", e.message);
	else if (failure != CLIENT_OK)
		doctor_add(checks, "daemon", "The daemon's checks", "fail",
			   "journalctl -u ccapid -n 50", "%s", words);
	json_decref(result);
}

/* One that speaks, but not our protocol: what is wrong, and in the second line what mends it. */
static void add_mismatch(json_t *checks, const char *words)
{
	const char *mend = strchr(words, '\n');

	doctor_add(checks, "protocol", "Protocol", "fail", mend ? mend + 1 : NULL, "%.*s",
		   (int)strcspn(words, "\n"), words);
}

/* Looks at the places in turn until one answers. */
static enum client_failure look(const struct command *c, json_t *checks)
{
	char *paths[CONNECT_TRIES], words[CLIENT_WORDS_MAX];
	enum client_failure failure = CLIENT_UNREACHABLE;
	size_t count = connect_places(c, paths);

	for (size_t i = 0; i < count; i++) {
		struct control_client *client = NULL;

		if (failure != CLIENT_UNREACHABLE)
			break;
		failure = control_client_open(paths[i], "ccapictl", CONNECT_TIMEOUT_MS, &client,
					      words);
		/* Where another place answers, that nobody is at the first one is no news. */
		if (failure == CLIENT_OK)
			json_array_clear(checks);
		doctor_socket(checks, paths[i], failure);
		if (failure == CLIENT_OK) {
			doctor_hello(checks, control_client_hello(client));
			ask_daemon(checks, client);
		} else if (failure == CLIENT_MISMATCH) {
			add_mismatch(checks, words);
		}
		control_client_close(client);
	}
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
	return failure;
}

int run_doctor(const struct command *c)
{
	json_t *checks = json_array(), *result;
	enum client_failure failure = look(c, checks);
	int status;

	if (failure != CLIENT_OK)
		doctor_local(checks);
	status = connect_exit(failure);
	if (status == EXIT_DONE && !doctor_is_well(checks))
		status = EXIT_FAILED;
	if (c->json) {
		result = json_pack("{s:b,s:O}", "ok", status == EXIT_DONE, "checks", checks);
		if (!result || output_json(stdout, result) < 0)
			status = EXIT_FAILED;
		json_decref(result);
	} else {
		doctor_print(checks, c->quiet);
	}
	json_decref(checks);
	return status;
}
