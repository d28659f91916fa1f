/* One HTTP request and its answer, as the layers above see it.
 *
 * Life: the server makes an exchange when a request's head is complete, calls handlers->head, reads
 * the body, calls handlers->request; the handler answers at once or later, whole (exchange_reply)
 * or as a stream (exchange_stream_*). The exchange is the server's: it is valid until the handler
 * has ended its answer or on_abort was called, whichever comes first; after either the handler must
 * forget it.  All on the loop thread; no callback runs inside a call that the handler makes. */
#ifndef DAEMON_HTTP_EXCHANGE_H
#define DAEMON_HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buf.h"

struct exchange;

struct http_handlers {
	/* The head is complete, no body was read yet.  The handler may answer already (then
	 * `request` is not called). */
	void (*head)(void *ctx, struct exchange *x);
	/* The whole request is here. */
	void (*request)(void *ctx, struct exchange *x);
	/* The server itself refuses (bad framing, foreign Host, too large, too slow): answer with
	 * this status at once. */
	void (*refuse)(void *ctx, struct exchange *x, int status, const char *message);
	/* An answer has been sent, or the client is gone (`status` is then the answer's so far, or
	 * 0). */
	void (*finished)(void *ctx, struct exchange *x, int status);
	void *ctx;
};

const char *exchange_method(const struct exchange *x);
const char *exchange_path(const struct exchange *x);  /* decoded, without the query */
const char *exchange_query(const struct exchange *x); /* as sent, without '?'; "" if none */
const char *exchange_arg(const struct exchange *x,
			 const char *name); /* from the query, decoded; NULL: none */
const char *exchange_header(const struct exchange *x,
			    const char *name); /* NULL: not sent; name in any case */
const char *exchange_body(const struct exchange *x,
			  size_t *ret_len); /* NUL-terminated; valid in the exchange's life */
int64_t exchange_started_us(const struct exchange *x); /* monotonic, when the head was complete */
const char *exchange_peer(const struct exchange *x);   /* "127.0.0.1:51234" */

/* A pointer of the handler's own, NULL at first. */
void exchange_set_user(struct exchange *x, void *user);
void *exchange_user(const struct exchange *x);

/* Called once if the client goes away before the answer is complete; the handler forgets x. */
void exchange_on_abort(struct exchange *x, void (*fn)(void *user, struct exchange *x));

/* Adds a header to the answer; before exchange_reply or exchange_stream_begin.  The value is
 * copied; values with control characters are dropped. */
void exchange_add_header(struct exchange *x, const char *name, const char *value);
void exchange_add_headerf(struct exchange *x, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Answers whole.  Takes the buffer's content, which may be empty. */
void exchange_reply(struct exchange *x, int status, const char *content_type, struct buf *body);

/* The same from memory that stays as it is until `finished`: nothing is copied, however many read
 * it.
 */
void exchange_reply_static(struct exchange *x, int status, const char *content_type,
			   const void *data, size_t len);

/* Answers as a stream: begin, write as often as there is something, end.  Writes are queued;
 * exchange_stream_queued() tells how many bytes the client has not taken yet, and on_drain is
 * called when that falls below `low` after having been above `high`.  A client that takes nothing
 * for http.stall_timeout while bytes are queued is cut (on_abort is called). */
void exchange_stream_begin(struct exchange *x, int status, const char *content_type);
void exchange_stream_write(struct exchange *x, const void *data, size_t len);
size_t exchange_stream_queued(const struct exchange *x);
void exchange_stream_watch(struct exchange *x, size_t high, size_t low,
			   void (*on_drain)(void *user, struct exchange *x));
void exchange_stream_end(struct exchange *x);
/* Ends a stream that cannot be completed: what is queued is sent, then the connection is closed
 * without a proper end. */
void exchange_stream_cut(struct exchange *x);

#endif
