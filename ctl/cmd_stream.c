/* Commands that go on until they are interrupted: events, requests tail, logs -f.
 *
 * A stream ends well (exit 0) by SIGINT, SIGTERM or when nobody reads it any more, and with exit 3
 * when the daemon goes: whoever wants to go on asks again. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shared/control_client.h"
#include "shared/json.h"

#include "ctl/connect.h"
#include "ctl/output.h"
#include "ctl/present.h"
#include "ctl/run.h"
#include "ctl/stop.h"

struct stream {
	const struct command *c;
	struct control_client *client;
	int stop_fd;
	/* One notification: an event, or a snapshot in place of those that were lost. */
	void (*event)(struct stream *s, const json_t *params);
	void (*snapshot)(struct stream *s, const json_t *params);
	json_t *shown; /* of logs: lines that may come again as events */
};

static int subscribe(struct stream *s, const json_t *topics)
{
	json_t *params = json_object(), *result = NULL;
	char words[CLIENT_WORDS_MAX];
	struct rpc_error e;
	enum client_failure failure;

	if (topics)
		json_object_set(params, "topics", (json_t *)topics);
	failure = control_client_call(s->client, "subscribe", params, &result, &e, words);
	json_decref(params);
	json_decref(result);
	return failure == CLIENT_OK ? EXIT_DONE : (int)connect_failed(failure, &e, words);
}

static bool begin(struct stream *s, int *ret_status)
{
	enum client_failure failure;

	s->stop_fd = stop_watch();
	if (s->stop_fd < 0) {
		perror("ccapictl");
		*ret_status = EXIT_FAILED;
		return false;
	}
	failure = connect_open(s->c, &s->client);
	*ret_status = connect_exit(failure);
	return failure == CLIENT_OK;
}

static void take(struct stream *s, const struct rpc_message *m)
{
	if (strcmp(m->method, "event") == 0 && m->params)
		s->event(s, m->params);
	else if (strcmp(m->method, "snapshot") == 0 && m->params)
		s->snapshot(s, m->params);
}

/* Whether the reader is still there. */
static bool written(int *ret_status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	*ret_status = EXIT_DONE;
	if (!stop_signal() && !stop_output_closed()) {
		perror("ccapictl: cannot write");
		*ret_status = EXIT_FAILED;
	}
	stop_forget_output();
	return false;
}

static int follow(struct stream *s)
{
	char words[CLIENT_WORDS_MAX];
	struct rpc_message m;
	int status = EXIT_DONE;

	while (written(&status)) {
		enum client_failure failure = control_client_next(s->client, s->stop_fd, &m, words);

		if (failure == CLIENT_INTERRUPTED)
			return EXIT_DONE;
		if (failure != CLIENT_OK) {
			complain(words);
			return connect_exit(failure);
		}
		if (m.method)
			take(s, &m);
		rpc_message_done(&m);
	}
	return status;
}

/* To stderr, so that stdout has nothing but what was asked for. */
static void tell_lost(const json_t *params)
{
	int64_t lost = json_get_int(params, "lost", 0);

	fprintf(stderr, "ccapictl: the daemon was faster than this: %lld events were lost\n",
		(long long)lost);
}

/* ---- events ---- */

static void print_event(struct stream *s, const json_t *params)
{
	(void)s;
	output_json(stdout, params);
}

static void print_snapshot(struct stream *s, const json_t *params)
{
	json_t *line = json_pack("{s:O}", "snapshot", params);

	(void)s;
	if (line)
		output_json(stdout, line);
	json_decref(line);
}

int run_events(const struct command *c)
{
	struct stream s = {.c = c, .event = print_event, .snapshot = print_snapshot};
	int status;

	if (begin(&s, &status))
		status = subscribe(&s, json_object_get(c->params, "topics"));
	if (status == EXIT_DONE)
		status = follow(&s);
	control_client_close(s.client);
	return status;
}

/* ---- requests tail ---- */

static void print_ended(struct stream *s, const json_t *params)
{
	const json_t *data = json_object_get(params, "data");
	const json_t *request = json_object_get(data, "request");
	const char *change = json_get_str(data, "change");
	const char *wanted = json_get_str(s->c->params, "project");
	const char *project = json_get_str(request, "project");

	if (!change || strcmp(change, "ended") != 0)
		return;
	if (wanted && (!project || strcmp(wanted, project) != 0))
		return;
	if (s->c->json)
		output_json(stdout, request);
	else
		present_request_line(request, s->c->quiet);
}

static void tail_snapshot(struct stream *s, const json_t *params)
{
	(void)s;
	tell_lost(params);
}

int run_tail(const struct command *c)
{
	struct stream s = {.c = c, .event = print_ended, .snapshot = tail_snapshot};
	json_t *topics = json_pack("[s]", "request");
	int status;

	if (begin(&s, &status))
		status = subscribe(&s, topics);
	json_decref(topics);
	if (status == EXIT_DONE && !c->json && !c->quiet)
		present_request_line(NULL, false);
	if (status == EXIT_DONE)
		status = follow(&s);
	control_client_close(s.client);
	return status;
}

/* ---- logs ---- */

/* Whether a level is at least as important as the one that was asked for. */
static bool is_wanted(const struct command *c, const json_t *line)
{
	static const char *const levels[] = {"error", "warn", "info", "debug"};
	const char *least = json_get_str(c->params, "level"), *level = json_get_str(line, "level");

	for (size_t i = 0; least && level && i < sizeof levels / sizeof levels[0]; i++) {
		if (strcmp(level, levels[i]) == 0)
			return true;
		if (strcmp(least, levels[i]) == 0)
			return false;
	}
	return true;
}

static void print_log(const struct command *c, const json_t *line)
{
	if (c->json)
		output_json(stdout, line);
	else
		present_log_line(line);
}

/* The lines that `logs` answered may come as events behind its answer, and so may older ones that
 * were too many for it. */
static bool shown_before(struct stream *s, const json_t *line)
{
	size_t count = json_array_size(s->shown), i;
	const char *at = json_get_str(line, "at");
	const char *newest =
		count > 0 ? json_get_str(json_array_get(s->shown, count - 1), "at") : NULL;
	json_t *item;

	json_array_foreach(s->shown, i, item)
	{
		if (json_equal(item, (json_t *)line))
			return true;
	}
	if (at && newest && strcmp(at, newest) < 0)
		return true;
	json_decref(s->shown);
	s->shown = NULL;
	return false;
}

static void print_log_event(struct stream *s, const json_t *params)
{
	const json_t *data = json_object_get(params, "data");
	int64_t lost = json_get_int(data, "lost", 0);

	if (lost > 0) {
		fprintf(stderr, "ccapictl: %lld lines of the log were lost\n", (long long)lost);
		return;
	}
	if (!json_is_object(data) || !is_wanted(s->c, data))
		return;
	if (!s->shown || !shown_before(s, data))
		print_log(s->c, data);
}

static int print_newest(struct stream *s)
{
	json_t *params = json_copy(s->c->params), *result = NULL, *item;
	char words[CLIENT_WORDS_MAX];
	struct rpc_error e;
	enum client_failure failure;
	size_t i;

	json_object_del(params, "follow");
	failure = control_client_call(s->client, "logs", params, &result, &e, words);
	json_decref(params);
	if (failure != CLIENT_OK)
		return connect_failed(failure, &e, words);
	json_array_foreach(json_object_get(result, "logs"), i, item)
	{
		print_log(s->c, item);
	}
	s->shown = json_incref(json_object_get(result, "logs"));
	json_decref(result);
	return EXIT_DONE;
}

/* Events first, then the newest lines: nothing is lost in between. */
int run_logs(const struct command *c)
{
	struct stream s = {.c = c, .event = print_log_event, .snapshot = tail_snapshot};
	bool going_on = json_is_true(json_object_get(c->params, "follow"));
	json_t *topics = json_pack("[s]", "log");
	int status;

	if (begin(&s, &status) && going_on)
		status = subscribe(&s, topics);
	json_decref(topics);
	if (status == EXIT_DONE)
		status = print_newest(&s);
	if (status == EXIT_DONE && going_on)
		status = follow(&s);
	else if (status == EXIT_DONE)
		written(&status);
	json_decref(s.shown);
	control_client_close(s.client);
	return status;
}
