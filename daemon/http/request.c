/* The request, from its first line to the handler's answer, as libmicrohttpd brings it:
 *
 * - request_line: the first line is here; the target is taken apart.
 * - request_access, first call: the head is complete: framing, Host and size are checked, then
 *   handlers->head.
 * - request_access, more calls: the body, piece by piece, into x->body.
 * - request_access, without a piece: the body is complete: handlers->request, then the connection
 *   waits suspended; when it was resumed, once more, to fetch the answer.
 * - request_completed: the answer is sent, or nobody is there to take it.
 *
 * In mid-upload libmicrohttpd accepts no answer: a refusal that comes up there waits for the end of
 * the body, and when the body is endless the answer is written past libmicrohttpd and the
 * connection dropped. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/clock.h"
#include "shared/log.h"

#include "daemon/http/bare.h"
#include "daemon/http/internal.h"

#define SWALLOW_MAX ((size_t)8 * 1024 * 1024)
#define METHOD_MAX 32
/* Libmicrohttpd's bookkeeping for a header line or a cookie. */
#define RECORD_SIZE 64

/* Libmicrohttpd 0.9.75 goes on with memory that it has freed when it finds no room for its records
 * of the arguments.  It parses them where they stand and after it has called us, and head.c has
 * them: so an end is put in front of the first one.  Only arguments behind a NUL escape that; such
 * a target is refused, and MHD_queue_response() in reply.c keeps the memory alive. */
static void hide_arguments(const char *uri)
{
	char *query = strchr((char *)(uintptr_t)uri, '?');

	if (query)
		query[1] = '\0';
}

void *request_line(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	struct connection *c = connection_of(mhd);
	struct exchange *x = c && uri ? exchange_new(c) : NULL;

	(void)cls;
	if (x) {
		x->raw_target = uri;
		x->raw_len = strlen(uri);
		/* no path: refused with the head */
		(void)head_target_parse(uri, x->raw_len, &x->target);
	}
	if (uri)
		hide_arguments(uri);
	if (!x)
		return NULL;
	c->x = x;
	return x;
}

static void announce(struct exchange *x)
{
	if (x->announced)
		return;
	x->announced = true;
	x->server->exchange_count++;
}

static enum MHD_Result refuse(struct exchange *x, int status, const char *message)
{
	const struct http_handlers *h = &x->server->handlers;

	x->close = true;
	x->conn->linger = true;
	announce(x);
	exchange_drop_body(x);
	if (!x->answered && h->refuse)
		h->refuse(h->ctx, x, status, message);
	if (!x->answered) {
		char text[BARE_SIZE];
		const size_t len = bare_body(text, status, message);
		struct buf body;

		buf_init(&body, sizeof text);
		buf_add(&body, text, len);
		exchange_reply(x, status, "application/json", &body);
	}
	return reply_queue(x);
}

/* The walk over the header lines.  libmicrohttpd leaves them where they were received, in order,
 * and loses what it does not understand: a folded line grows the name before it, a NUL cuts a value
 * short, a line without a name vanishes.  So the lines that it shows must account for every byte of
 * the head; what lies between them may be blank only. */
struct walk {
	struct head_fields *fields;
	const char *at, *end; /* behind the last line's value; behind the head */
	size_t cost; /* what the lines take of the connection's memory, apart from their bytes */
	bool lost;
};

static bool is_blank(const char *from, const char *to)
{
	for (; from < to; from++)
		if (*from && !strchr("\r\n\t ", *from))
			return false;
	return true;
}

static size_t count(const char *s, size_t len, const char *set)
{
	size_t n = 1, i;

	for (i = 0; i < len; i++)
		n += s[i] && strchr(set, s[i]);
	return n;
}

static enum MHD_Result note_field(void *cls, enum MHD_ValueKind kind, const char *name,
				  size_t name_len, const char *value, size_t value_len)
{
	struct walk *w = cls;

	(void)kind;
	if (!value || name < w->at || value < name + name_len || value + value_len > w->end ||
	    !is_blank(w->at, name) || name[name_len] != '\0' || !is_blank(name + name_len, value)) {
		w->lost = true;
		return MHD_NO;
	}
	head_note(w->fields, name, name_len, value, value_len);
	w->cost += RECORD_SIZE;
	if (name_len == 6 && strncasecmp(name, "cookie", 6) == 0)
		w->cost += value_len + count(value, value_len, ";,") * RECORD_SIZE;
	w->at = value + value_len;
	return MHD_YES;
}

/* Fills the fields; returns what the head takes of the connection's memory. */
static size_t read_fields(const struct exchange *x, const char *version, size_t head_size,
			  struct head_fields *ret_fields)
{
	struct walk w = {.fields = ret_fields,
			 .at = version + strlen(version),
			 .end = x->method + head_size};

	MHD_get_connection_values_n(x->conn->mhd, MHD_HEADER_KIND, note_field, &w);
	if (w.lost || w.at > w.end || !is_blank(w.at, w.end))
		ret_fields->malformed = true;
	return head_size + w.cost;
}

/* A WebSocket upgrade on a connection that has served requests: a proxy reuses its upstream
 * connections.  Closed without a byte, the proxy repeats it on a fresh connection, where the
 * listener sees it. */
static bool is_stray_upgrade(const struct exchange *x)
{
	const char *upgrade = exchange_header(x, "Upgrade");

	return x->conn->requests > 1 && upgrade && strcasecmp(upgrade, "websocket") == 0;
}

/* The version follows the target in the same line; if it does not, a NUL has cut the target short.
 */
static bool target_is_whole(const struct exchange *x, const char *version)
{
	return version == x->raw_target + x->raw_len + 1;
}

static int check_head(const struct exchange *x, const char *version, struct head_fields *fields,
		      const char **ret_message)
{
	const struct http_server *s = x->server;
	const struct head_rules rules = {.hosts = s->conf.hosts,
					 .max_body = s->conf.max_body,
					 .host_required = !x->http10,
					 .chunked_known = !x->http10};
	const size_t method_len = strlen(x->method);

	if (method_len > METHOD_MAX || !head_is_token(x->method, method_len) ||
	    !target_is_whole(x, version)) {
		*ret_message = "malformed request line";
		return 400;
	}
	return head_check(fields, &x->target, &rules, ret_message);
}

/* Libmicrohttpd keeps an answer's head in the same memory as the request's; where that is used up
 * there is no answer at all.  So a head is as large as what it takes there, and one that is too
 * large is answered past libmicrohttpd. */
static bool fits(struct exchange *x, const char *version, struct head_fields *fields)
{
	const union MHD_ConnectionInfo *size =
		MHD_get_connection_info(x->conn->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	if (size && read_fields(x, version, size->header_size, fields) <= x->server->max_head)
		return true;
	bare_reply(x->conn->fd, 431, "the request head is too large");
	x->conn->linger = true;
	return false;
}

static bool bodies_full(const struct http_server *s, size_t more)
{
	size_t max = s->conf.max_bodies;

	if (max == 0)
		max = s->conf.max_body > SIZE_MAX / 16 ? SIZE_MAX : s->conf.max_body * 16;
	if (s->conf.max_bodies == 0 && max < (size_t)64 * 1024 * 1024)
		max = (size_t)64 * 1024 * 1024;
	return more > max || s->body_bytes > max - more;
}

static enum MHD_Result head_complete(struct exchange *x, const char *method, const char *version)
{
	struct connection *c = x->conn;
	const struct http_handlers *h = &x->server->handlers;
	struct head_fields fields = {0};
	const char *message = NULL;
	int status;

	x->method = method;
	x->http10 = strcmp(version, "HTTP/1.0") == 0;
	x->started_us = clock_mono_us();
	x->since = x->started_us / 1000;
	x->phase = PHASE_BODY;
	c->requests++;
	connection_nudge(c);
	if (x->server->stopping || is_stray_upgrade(x) || !fits(x, version, &fields))
		return MHD_NO;
	status = check_head(x, version, &fields, &message);
	if (status)
		return refuse(x, status, message);
	buf_init(&x->body, x->server->conf.max_body);
	x->has_body = fields.encodings || (fields.length && strcmp(fields.length, "0") != 0);
	if (x->has_body &&
	    bodies_full(x->server, fields.length ? strtoull(fields.length, NULL, 10) : 0))
		return refuse(x, 503, "too many large requests at once");
	announce(x);
	if (h->head)
		h->head(h->ctx, x);
	/* An answer queued now makes libmicrohttpd close the connection: right only when a body is
	 * still to come. */
	if (!x->answered || !x->has_body)
		return MHD_YES;
	x->close = true;
	c->linger = true;
	return reply_queue(x);
}

static void refuse_later(struct exchange *x, int status, const char *message)
{
	x->refusal = status;
	x->refusal_message = message;
	exchange_drop_body(x);
}

static void keep_body(struct exchange *x, const char *data, size_t len)
{
	struct http_server *s = x->server;

	if (len > x->body.max - x->body.len) {
		refuse_later(x, 413, "the request body is too large");
		return;
	}
	if (x->body.len + len >= x->body.cap &&
	    bodies_full(s, x->body.len + len + 1 - x->body.cap)) {
		refuse_later(x, 503, "too many large requests at once");
		return;
	}
	buf_add(&x->body, data, len);
	if (x->body.failed) {
		refuse_later(x, 503, "out of memory for the request body");
		return;
	}
	s->body_bytes += x->body.cap - x->body_account;
	x->body_account = x->body.cap;
}

static enum MHD_Result body_data(struct exchange *x, const char *data, size_t len)
{
	connection_nudge(x->conn);
	if (!x->refusal && !x->answered)
		keep_body(x, data, len);
	if (!x->refusal && !x->answered)
		return MHD_YES;
	x->swallowed += len;
	if (x->swallowed <= SWALLOW_MAX)
		return MHD_YES;
	x->status = x->refusal ? x->refusal : 413;
	bare_reply(x->conn->fd, x->status,
		   x->refusal ? x->refusal_message : "the request body is too large");
	x->conn->linger = true;
	return MHD_NO;
}

/* The handler has had its turn: fetch its answer, or wait for it. */
static enum MHD_Result answer_or_wait(struct exchange *x)
{
	if (x->answered)
		return reply_queue(x);
	if (x->aborted || x->conn->gone || x->server->stopping) {
		exchange_abort(x);
		return MHD_NO;
	}
	connection_suspend(x->conn);
	return MHD_YES;
}

static enum MHD_Result body_complete(struct exchange *x)
{
	const struct http_handlers *h = &x->server->handlers;

	x->phase = PHASE_WAIT;
	if (x->refusal && !x->answered)
		return refuse(x, x->refusal, x->refusal_message);
	if (!x->answered)
		h->request(h->ctx, x);
	return answer_or_wait(x);
}

enum MHD_Result request_access(void *cls, struct MHD_Connection *mhd, const char *url,
			       const char *method, const char *version, const char *data,
			       size_t *data_len, void **con_cls)
{
	struct exchange *x = *con_cls;
	enum MHD_Result rc = MHD_YES;

	(void)cls;
	(void)mhd;
	(void)url;
	if (!x || x->aborted)
		return MHD_NO;
	switch (x->phase) {
	case PHASE_HEAD:
		return head_complete(x, method, version);
	case PHASE_BODY:
		if (*data_len == 0)
			return body_complete(x);
		rc = body_data(x, data, *data_len);
		*data_len = 0;
		return rc;
	case PHASE_WAIT:
		return answer_or_wait(x);
	case PHASE_ANSWER:
		break;
	}
	return MHD_YES;
}

void request_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
		       enum MHD_RequestTerminationCode code)
{
	struct http_server *s = cls;
	struct exchange *x = *con_cls;

	(void)mhd;
	(void)code;
	*con_cls = NULL;
	if (!x)
		return;
	x->conn->x = NULL;
	x->conn->since = clock_mono_ms();
	connection_nudge(x->conn);
	if (x->announced) {
		if (!x->ended)
			exchange_abort(x);
		s->exchange_count--;
		if (s->handlers.finished)
			s->handlers.finished(s->handlers.ctx, x, x->status);
	}
	exchange_free(x);
}
