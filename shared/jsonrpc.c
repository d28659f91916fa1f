#include "shared/jsonrpc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/err.h"
#include "shared/json.h"
#include "shared/str.h"

/* A request is small; a response may be a long list. */
static const struct json_bounds request_bounds = {.max_values = 4096, .max_depth = 16};
static const struct json_bounds message_bounds = {.max_values = 4000000, .max_depth = 64};

void rpc_error_set(struct rpc_error *e, enum rpc_code code, const char *field, const char *fmt, ...)
{
	va_list args;

	*e = (struct rpc_error){.code = code};
	va_start(args, fmt);
	vsnprintf(e->message, sizeof e->message, fmt, args);
	va_end(args);
	if (field)
		str_copy_clean(e->field, sizeof e->field, field);
}

/* ---- requests ---- */

static bool is_id(const json_t *id)
{
	return json_is_integer(id) || (json_is_string(id) && json_string_length(id) <= RPC_ID_MAX);
}

static int invalid(struct rpc_error *e, const char *words, const char *hint)
{
	rpc_error_set(e, RPC_INVALID_REQUEST, NULL, "%s", words);
	snprintf(e->hint, sizeof e->hint, "%s", hint);
	return -EINVAL;
}

static int check_request(struct rpc_request *r, struct rpc_error *e)
{
	static const char shape[] = "one line is {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
				    "\"status\",\"params\":{}}";
	const json_t *id = json_object_get(r->message, "id");
	const json_t *params = json_object_get(r->message, "params");
	const char *version = json_get_str(r->message, "jsonrpc");

	if (!json_is_object(r->message))
		return invalid(e, "a request must be one object; there are no batches", shape);
	if (id && !is_id(id))
		return invalid(e, "id must be an integer or a text of at most 64 bytes", shape);
	r->id = (json_t *)id;
	if (!version || strcmp(version, "2.0") != 0)
		return invalid(e, "jsonrpc must be \"2.0\"", shape);
	if (!id)
		return invalid(e, "id is missing", shape);
	r->method = json_get_str(r->message, "method");
	if (!r->method)
		return invalid(e, "method must be a text", shape);
	if (params && !json_is_object(params)) {
		rpc_error_set(e, RPC_INVALID_PARAMS, "params", "params must be an object");
		return -EINVAL;
	}
	r->params = params;
	return 0;
}

int rpc_request_parse(struct rpc_request *r, const char *line, size_t len,
		      struct rpc_error *ret_error)
{
	char why[160];

	*r = (struct rpc_request){0};
	r->message = json_parse(line, len, &request_bounds, why, sizeof why);
	if (!r->message) {
		rpc_error_set(ret_error, RPC_PARSE_ERROR, NULL, "not a line of JSON: %s", why);
		return -EINVAL;
	}
	return check_request(r, ret_error);
}

void rpc_request_done(struct rpc_request *r)
{
	json_decref(r->message);
	*r = (struct rpc_request){0};
}

/* ---- writing ---- */

static void add_json(struct buf *to, const json_t *value)
{
	size_t len;
	char *text = value ? json_dump_exact(value, &len) : NULL;

	if (text)
		buf_add(to, text, len);
	else if (value)
		to->failed = true;
	else
		buf_add_str(to, "null");
	free(text);
}

static void add_member(struct buf *to, const char *name, const char *text)
{
	buf_printf(to, ",\"%s\":", name);
	json_add_string_lossy(to, text);
}

void rpc_write_request(struct buf *to, int id, const char *method, const json_t *params)
{
	buf_printf(to, "{\"jsonrpc\":\"2.0\",\"id\":%d", id);
	add_member(to, "method", method);
	if (params) {
		buf_add_str(to, ",\"params\":");
		add_json(to, params);
	}
	buf_add_str(to, "}\n");
}

void rpc_write_result(struct buf *to, const json_t *id, const char *result, size_t len)
{
	buf_add_str(to, "{\"jsonrpc\":\"2.0\",\"id\":");
	add_json(to, id);
	buf_add_str(to, ",\"result\":");
	buf_add(to, result, len);
	buf_add_str(to, "}\n");
}

void rpc_write_error(struct buf *to, const json_t *id, const struct rpc_error *e)
{
	buf_add_str(to, "{\"jsonrpc\":\"2.0\",\"id\":");
	add_json(to, id);
	buf_printf(to, ",\"error\":{\"code\":%d", e->code);
	add_member(to, "message", e->message);
	if (e->field[0] || e->hint[0]) {
		buf_add_str(to, ",\"data\":{\"field\":");
		if (e->field[0])
			json_add_string_lossy(to, e->field);
		else
			buf_add_str(to, "null");
		if (e->hint[0])
			add_member(to, "hint", e->hint);
		buf_add_char(to, '}');
	}
	buf_add_str(to, "}}\n");
}

void rpc_write_notification(struct buf *to, const char *method, const json_t *params)
{
	buf_add_str(to, "{\"jsonrpc\":\"2.0\"");
	add_member(to, "method", method);
	buf_add_str(to, ",\"params\":");
	add_json(to, params);
	buf_add_str(to, "}\n");
}

/* ---- what a server sent ---- */

static void read_error(struct rpc_error *e, const json_t *error)
{
	const json_t *data = json_object_get(error, "data");
	const char *message = json_get_str(error, "message"), *field = json_get_str(data, "field");
	const char *hint = json_get_str(data, "hint");
	int64_t code = json_get_int(error, "code", RPC_INTERNAL);

	rpc_error_set(e, RPC_INTERNAL, field, "%s", message ? message : "no reason was given");
	e->code = code < INT32_MIN || code > INT32_MAX ? RPC_INTERNAL : (int)code;
	snprintf(e->hint, sizeof e->hint, "%s", hint ? hint : "");
}

int rpc_message_parse(struct rpc_message *m, const char *line, size_t len, char *why,
		      size_t why_size)
{
	const json_t *error, *params;
	int64_t id;

	*m = (struct rpc_message){0};
	m->message = json_parse(line, len, &message_bounds, why, why_size);
	if (!m->message)
		return ERR_SYNTAX;
	params = json_object_get(m->message, "params");
	m->method = json_get_str(m->message, "method");
	m->params = json_is_object(params) ? params : NULL;
	m->result = json_object_get(m->message, "result");
	error = json_object_get(m->message, "error");
	m->failed = error != NULL;
	if ((m->method != NULL) + (m->result != NULL) + m->failed != 1) {
		snprintf(why, why_size, "neither a response nor a notification");
		rpc_message_done(m);
		return ERR_SYNTAX;
	}
	if (m->failed)
		read_error(&m->error, error);
	id = json_get_int(m->message, "id", 0);
	m->id = id > 0 && id <= INT32_MAX ? (int)id : 0;
	return 0;
}

void rpc_message_done(struct rpc_message *m)
{
	json_decref(m->message);
	m->message = NULL;
}
