/* requests.*, logs, chat: what is served, and a prompt of the operator's own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "daemon/control/commands.h"
#include "daemon/control/internal.h"
#include "daemon/observe/activity.h"

enum { LINES_DEFAULT = 20, LOG_LINES_DEFAULT = 50 };

/* ---- requests ---- */

void command_requests_list(struct verb_call *r)
{
	const char *state = json_get_str(r->params, "state");
	const struct activity_query q = {
		.live = !state || strcmp(state, "ended") != 0,
		.ended = !state || strcmp(state, "live") != 0,
		.project = json_get_str(r->params, "project"),
		.count = (size_t)json_get_int(r->params, "lines", LINES_DEFAULT),
	};

	verb_call_answer(r, json_pack("{so}", "requests", activity_list(&q)));
}

static void not_found(struct verb_call *r)
{
	struct rpc_error e;

	rpc_error_set(&e, RPC_NOT_FOUND, "id", "there is no such request");
	snprintf(e.hint, sizeof e.hint,
		 "those under way and the last 1,000 are known: ccapictl requests list; older ones "
		 "are in the ledger: ccapictl ledger tail");
	verb_call_fail(r, &e);
}

/* Ids are the clients', and several requests may have the same; 0: not asked for. */
static uint64_t number_of(const struct verb_call *r)
{
	return (uint64_t)json_get_int(r->params, "number", 0);
}

void command_requests_show(struct verb_call *r)
{
	json_t *row = activity_find(json_get_str(r->params, "id"), number_of(r));

	if (row)
		verb_call_answer(r, row);
	else
		not_found(r);
}

void command_requests_cancel(struct verb_call *r)
{
	const char *id = json_get_str(r->params, "id");
	uint64_t cancelled = activity_cancel(id, number_of(r));
	json_t *row = activity_find(id, cancelled ? cancelled : number_of(r));

	if (!row) {
		not_found(r);
	} else if (!cancelled) {
		json_decref(row);
		verb_call_refuse(r, RPC_REFUSED, "id",
				 "the request has ended already, or is about to");
	} else {
		verb_call_answer(r, row);
	}
}

/* ---- log ---- */

void command_logs(struct verb_call *r)
{
	const char *named = json_get_str(r->params, "level");
	size_t count = (size_t)json_get_int(r->params, "lines", LOG_LINES_DEFAULT);
	enum log_level level = LOG_LEVEL_DEBUG;

	for (int l = LOG_LEVEL_ERROR; named && l <= LOG_LEVEL_DEBUG; l++)
		if (strcmp(named, log_level_name((enum log_level)l)) == 0)
			level = (enum log_level)l;
	verb_call_answer(
		r, json_pack("{so}", "logs", log_ring_lines(r->control->deps.log, count, level)));
}

/* ---- chat ---- */

/* What an operator's test has said so far.  The answer's text is given out as it comes and whole at
 * the end, so that a slow terminal loses nothing. */
struct chat_work {
	struct operator_chat *chat;
	struct buf text;
};

static void work_free(struct verb_call *r)
{
	struct chat_work *w = r->work;

	r->work = NULL;
	buf_done(&w->text);
	free(w);
}

static void chat_text(void *ctx, const char *text, size_t len)
{
	struct verb_call *r = ctx;
	struct chat_work *w = r->work;

	buf_add(&w->text, text, len);
	verb_call_notify(r, "chat.text", json_pack("{ss%}", "text", text, len));
}

static void chat_end(void *ctx, const char *error, const char *finish_reason, const json_t *request)
{
	struct verb_call *r = ctx;
	struct chat_work *w = r->work;
	json_t *result = NULL;

	if (!error && !w->text.failed)
		result = json_pack("{so ss sO}", "text",
				   json_stringn(w->text.data ? w->text.data : "", w->text.len),
				   "finish_reason", finish_reason, "request",
				   request ? (json_t *)request : json_null());
	work_free(r);
	if (error)
		verb_call_refuse(r, RPC_REFUSED, NULL, "%s", error);
	else
		verb_call_answer(r, result);
}

/* Nobody waits for it any more: it costs no further tokens. */
static void chat_left(struct verb_call *r)
{
	struct chat_work *w = r->work;

	operator_chat_abandon(w->chat);
	work_free(r);
	verb_call_refuse(r, RPC_REFUSED, NULL, "the peer has left");
}

void command_chat(struct verb_call *r)
{
	const struct operator_chat_events events = {.text = chat_text, .end = chat_end, .ctx = r};
	struct chat_work *w = calloc(1, sizeof *w);
	char peer[48];
	const struct operator_prompt prompt = {
		.text = json_get_str(r->params, "text"),
		.model = json_get_str(r->params, "model"),
		.project = json_get_str(r->params, "project"),
		.max_tokens = json_get_int(r->params, "max_tokens", 0),
		.peer = peer,
	};

	if (!w) {
		verb_call_refuse(r, RPC_INTERNAL, NULL, "out of memory");
		return;
	}
	snprintf(peer, sizeof peer, "uid %u, pid %d", (unsigned)r->peer.uid, (int)r->peer.pid);
	buf_init(&w->text, (size_t)r->control->deps.conf->pool.max_answer);
	r->work = w;
	r->patient = true;
	r->left = chat_left;
	if (operator_chat_begin(r->control->deps.api, &prompt, &events, &w->chat) < 0) {
		work_free(r);
		verb_call_refuse(r, RPC_INTERNAL, NULL, "out of memory");
	}
}
