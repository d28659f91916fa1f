/* A line becomes a request, the request finds its verb, the verb's answer goes back.
 *
 * A request outlives its connection when the store still works for it: then the answer is dropped
 * and the log keeps what was done. */
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/str.h"
#include "shared/suggest.h"
#include "shared/verb_value.h"

#include "daemon/control/commands.h"
#include "daemon/control/internal.h"
#include "daemon/observe/metrics.h"
#include "daemon/store/store.h"

/* ---- answering ---- */

static void send_buf(struct conn *conn, struct buf *b)
{
	size_t len = 0;
	char *data = buf_take(b, &len);

	conn_send(conn, data, len);
	buf_done(b);
}

static void send_error(struct conn *conn, const json_t *id, const struct rpc_error *e)
{
	struct buf out;

	buf_init(&out, RPC_REQUEST_MAX);
	rpc_write_error(&out, id, e);
	send_buf(conn, &out);
}

/* What was asked, as it may be logged; free() it. */
static char *loggable(const struct verb_call *r)
{
	json_t *shown = json_copy((json_t *)r->params);
	char *text;

	for (const struct verb_param *p = r->verb->params; p && p->name; p++)
		if ((p->flags & PARAM_PRIVATE) && json_object_get(shown, p->name))
			json_object_set_new(shown, p->name, json_string("(not logged)"));
	text = shown ? json_dumps(shown, JSON_COMPACT) : NULL;
	json_decref(shown);
	return text;
}

/* Every change is told with who made it. */
static void log_change(const struct verb_call *r, const char *outcome)
{
	char *params = loggable(r);
	const struct log_field fields[] = {LOG_INT("uid", r->peer.uid), LOG_INT("pid", r->peer.pid),
					   LOG_STR("params", params), LOG_STR("outcome", outcome)};

	log_event(LOG_LEVEL_INFO, CONTROL_AREA, fields, sizeof fields / sizeof fields[0], "%s",
		  r->verb->method);
	free(params);
}

static void end_request(struct verb_call *r)
{
	struct control *c = r->control;
	struct conn *conn = r->conn;

	DL_DELETE(c->requests, r);
	rpc_request_done(&r->rpc);
	sodium_memzero(r, sizeof *r);
	free(r);
	if (conn) {
		conn->running = NULL;
		conn_pump(conn);
	}
	control_check_closed(c);
}

void verb_call_fail(struct verb_call *r, const struct rpc_error *e)
{
	if (r->verb->changes)
		log_change(r, e->message);
	if (r->conn)
		send_error(r->conn, r->rpc.id, e);
	end_request(r);
}

void verb_call_refuse(struct verb_call *r, enum rpc_code code, const char *field, const char *fmt,
		      ...)
{
	char words[sizeof((struct rpc_error *)0)->message];
	struct rpc_error e;
	va_list args;

	va_start(args, fmt);
	vsnprintf(words, sizeof words, fmt, args);
	va_end(args);
	rpc_error_set(&e, code, field, "%s", words);
	verb_call_fail(r, &e);
}

void verb_call_answer_text(struct verb_call *r, const struct buf *json)
{
	struct buf out;

	buf_init(&out, RPC_RESPONSE_MAX);
	rpc_write_result(&out, r->rpc.id, json->data, json->len);
	if (json->failed || json->len == 0 || out.failed) {
		buf_done(&out);
		verb_call_refuse(r, RPC_INTERNAL, NULL, "the answer could not be built: %s",
				 json->failed || json->len == 0 ? "out of memory"
								: "it is too long");
		return;
	}
	if (r->verb->changes)
		log_change(r, "done");
	if (r->conn)
		send_buf(r->conn, &out);
	buf_done(&out);
	end_request(r);
}

void verb_call_answer(struct verb_call *r, json_t *result)
{
	size_t len = 0;
	struct buf text = {.data = result ? json_dump_exact(result, &len) : NULL};

	json_decref(result);
	text.len = len;
	verb_call_answer_text(r, &text);
	free(text.data);
}

void verb_call_notify(struct verb_call *r, const char *method, json_t *params)
{
	struct buf out;

	if (r->conn && params && conn_waiting(r->conn) < control_limits.out_pause) {
		buf_init(&out, RPC_RESPONSE_MAX);
		rpc_write_notification(&out, method, params);
		send_buf(r->conn, &out);
	}
	json_decref(params);
}

void verb_call_give_up(struct verb_call *r)
{
	struct conn *conn = r->conn;
	struct rpc_error e;

	rpc_error_set(&e, RPC_TIMEOUT, NULL, "%s took too long", r->verb->method);
	if (r->verb->changes)
		snprintf(e.hint, sizeof e.hint, "it may still be done: look before trying again");
	log_warn(CONTROL_AREA, "uid %u, pid %d: %s", (unsigned)r->peer.uid, (int)r->peer.pid,
		 e.message);
	r->conn = NULL;
	conn->running = NULL;
	send_error(conn, r->rpc.id, &e);
}

/* ---- changes ---- */

static enum rpc_code code_of(enum fault fault)
{
	switch (fault) {
	case FAULT_NOT_FOUND:
		return RPC_NOT_FOUND;
	case FAULT_CONFLICT:
		return RPC_CONFLICT;
	case FAULT_STORE:
		return RPC_STORE_FAILED;
	case FAULT_INVALID_REQUEST:
	case FAULT_MODEL_NOT_FOUND:
		return RPC_INVALID_PARAMS;
	default:
		return RPC_REFUSED;
	}
}

static void store_failed(struct verb_call *r, int rc)
{
	const char *detail = store_detail(r->control->deps.store);
	struct rpc_error e;

	rpc_error_set(&e, RPC_STORE_FAILED, NULL, "the store did not take it: %s", err_str(rc));
	snprintf(e.hint, sizeof e.hint, "%s", detail);
	verb_call_fail(r, &e);
}

void verb_call_started(struct verb_call *r, int rc, const struct refusal *why)
{
	if (rc == -EINVAL)
		verb_call_refuse(r, code_of(why->fault), why->param[0] ? why->param : NULL, "%s",
				 why->message);
	else if (rc < 0)
		store_failed(r, rc);
}

void verb_call_done(void *ctx, int rc)
{
	struct verb_call *r = ctx;

	if (rc < 0)
		store_failed(r, rc);
	else
		r->then(r);
}

/* ---- beginning ---- */

static void unknown_method(const char *method, struct rpc_error *e)
{
	struct suggestion near = {0};
	char clean[64];

	for (size_t i = 0; i < verb_count; i++)
		if (verbs[i].method)
			suggest_offer(&near, method, verbs[i].method);
	str_copy_clean(clean, sizeof clean, method);
	rpc_error_set(e, RPC_METHOD_NOT_FOUND, NULL, "there is no method '%s'", clean);
	if (near.best)
		snprintf(e->hint, sizeof e->hint, "did you mean '%s'?", near.best);
}

/* What the settings call those who have this right. */
static void not_permitted(const struct verb *v, const struct peer *peer, struct rpc_error *e)
{
	rpc_error_set(e, RPC_NOT_PERMITTED, NULL, "%s needs the right '%s', and uid %u has '%s'",
		      v->method, verb_right_name(v->right), (unsigned)peer->uid,
		      verb_right_name(peer->right));
	snprintf(e->hint, sizeof e->hint, "run it as root or as the daemon's user, or join %s",
		 v->right == RIGHT_OPERATE ? "control.operator_group or control.admin_group"
					   : "control.admin_group");
	log_warn(CONTROL_AREA, "uid %u, pid %d: %s refused: %s only", (unsigned)peer->uid,
		 (int)peer->pid, v->method, verb_right_name(v->right));
}

static int look_up(struct verb_call *r, struct rpc_error *e)
{
	int rc = 0;

	r->verb = verb_find(r->rpc.method);
	if (!r->verb) {
		unknown_method(r->rpc.method, e);
		return -EINVAL;
	}
	if (r->verb->right > r->peer.right) {
		not_permitted(r->verb, &r->peer, e);
		return -EPERM;
	}
	rc = verb_params_check(r->verb, r->rpc.params, e);
	r->params = r->rpc.params;
	return rc;
}

static bool is_bad(const struct rpc_error *e)
{
	return e->code == RPC_PARSE_ERROR || e->code == RPC_INVALID_REQUEST;
}

void verb_call_begin(struct conn *conn, const char *line, size_t len)
{
	struct control *c = conn->control;
	struct verb_call *r = calloc(1, sizeof *r);
	struct rpc_error e;
	int rc;

	metric_add(METRIC_CONTROL_REQUESTS, 1);
	if (!r) {
		rpc_error_set(&e, RPC_INTERNAL, NULL, "out of memory");
		send_error(conn, NULL, &e);
		return;
	}
	r->control = c;
	r->conn = conn;
	r->peer = conn->peer;
	r->began_ms = clock_mono_ms();
	rc = rpc_request_parse(&r->rpc, line, len, &e);
	if (rc == 0)
		rc = look_up(r, &e);
	if (rc < 0) {
		conn->bad_requests += is_bad(&e);
		send_error(conn, r->rpc.id, &e);
		rpc_request_done(&r->rpc);
		free(r);
		return;
	}
	DL_APPEND(c->requests, r);
	conn->running = r;
	command_find(r->verb->method)(r);
}
