/* What handlers ask of an exchange and say to it.  Nothing here calls a handler back or enters
 * libmicrohttpd: an answer is written down and the connection resumed; the loop does the rest. */
#include "daemon/http/exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"

#include "daemon/http/bare.h"
#include "daemon/http/internal.h"

#define HEADERS_MAX 3072 /* fits ANSWER_ROOM of server.c */
#define HEADER_MAX 1024

struct exchange *exchange_new(struct connection *c)
{
	struct exchange *x = calloc(1, sizeof *x);

	if (!x)
		return NULL;
	x->conn = c;
	x->server = c->server;
	x->since = clock_mono_ms();
	buf_init(&x->headers, HEADERS_MAX);
	buf_init(&x->body, 0);
	return x;
}

void exchange_drop_body(struct exchange *x)
{
	buf_done(&x->body);
	x->server->body_bytes -= x->body_account;
	x->body_account = 0;
}

void exchange_free(struct exchange *x)
{
	if (!x)
		return;
	exchange_drop_body(x);
	stream_clear(x);
	buf_done(&x->headers);
	head_target_done(&x->target);
	free(x->reply);
	free(x);
}

void exchange_abort(struct exchange *x)
{
	x->aborted = true;
	if (x->ended || x->told)
		return;
	x->told = true;
	if (x->announced && x->on_abort)
		x->on_abort(x->user, x);
}

const char *exchange_method(const struct exchange *x)
{
	return x->method ? x->method : "";
}

const char *exchange_path(const struct exchange *x)
{
	return x->target.path ? x->target.path : "";
}

const char *exchange_query(const struct exchange *x)
{
	return x->target.query ? x->target.query : "";
}

const char *exchange_arg(const struct exchange *x, const char *name)
{
	return head_target_arg(&x->target, name);
}

const char *exchange_header(const struct exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->conn->mhd, MHD_HEADER_KIND, name);
}

const char *exchange_body(const struct exchange *x, size_t *ret_len)
{
	if (ret_len)
		*ret_len = x->body.len;
	return x->body.data ? x->body.data : "";
}

int64_t exchange_started_us(const struct exchange *x)
{
	return x->started_us;
}

const char *exchange_peer(const struct exchange *x)
{
	return x->conn->peer;
}

void exchange_set_user(struct exchange *x, void *user)
{
	x->user = user;
}

void *exchange_user(const struct exchange *x)
{
	return x->user;
}

void exchange_on_abort(struct exchange *x, void (*fn)(void *user, struct exchange *x))
{
	x->on_abort = fn;
}

static bool is_clean(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
			return false;
	return true;
}

void exchange_add_header(struct exchange *x, const char *name, const char *value)
{
	if (x->answered || !head_is_token(name, strlen(name)) || !is_clean(value) ||
	    strlen(value) > HEADER_MAX)
		return;
	if (x->headers.len + strlen(name) + strlen(value) + 2 > HEADERS_MAX)
		return;
	buf_add(&x->headers, name, strlen(name) + 1);
	buf_add(&x->headers, value, strlen(value) + 1);
}

void exchange_add_headerf(struct exchange *x, const char *name, const char *fmt, ...)
{
	char value[HEADER_MAX + 1];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(value, sizeof value, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof value)
		exchange_add_header(x, name, value);
}

static void begin(struct exchange *x, int status, const char *content_type)
{
	if (content_type)
		exchange_add_header(x, "Content-Type", content_type);
	x->status = status;
	x->answered = true;
}

/* The handler's body outgrew its buffer or memory ran out. */
static void answer_incomplete(struct exchange *x)
{
	x->status = 500;
	x->reply = malloc(BARE_SIZE);
	if (x->reply)
		x->reply_len = bare_body(x->reply, 500, "the answer could not be built");
}

void exchange_reply(struct exchange *x, int status, const char *content_type, struct buf *body)
{
	if (x->answered || x->aborted) {
		buf_done(body);
		return;
	}
	begin(x, status, content_type);
	x->reply = buf_take(body, &x->reply_len);
	if (!x->reply)
		answer_incomplete(x);
	x->ended = true;
	exchange_drop_body(x);
	connection_resume(x->conn);
}

void exchange_reply_static(struct exchange *x, int status, const char *content_type,
			   const void *data, size_t len)
{
	if (x->answered || x->aborted)
		return;
	begin(x, status, content_type);
	x->fixed = data;
	x->reply_len = len;
	x->ended = true;
	exchange_drop_body(x);
	connection_resume(x->conn);
}

void exchange_stream_begin(struct exchange *x, int status, const char *content_type)
{
	if (x->answered || x->aborted)
		return;
	begin(x, status, content_type);
	x->streaming = true;
	connection_resume(x->conn);
}
