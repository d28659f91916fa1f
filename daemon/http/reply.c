/* Handing answers to libmicrohttpd, and replacing the ones it makes itself.
 *
 * libmicrohttpd answers what it cannot parse (400, 413, 414, 431, 505) on its own, with a page of
 * HTML, and has no option to change that.  It queues those pages through its own public
 * MHD_queue_response, and calls that through the dynamic linker's table; so the definition here, in
 * the program, is the one it gets, and every answer that did not come from reply_queue() is
 * exchanged for the JSON that our clients can read. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "shared/clock.h"
#include "shared/log.h"

#include "daemon/http/bare.h"
#include "daemon/http/internal.h"

typedef enum MHD_Result queue_fn(struct MHD_Connection *, unsigned int, struct MHD_Response *);

static queue_fn *library_queue(void)
{
	static queue_fn *fn;

	if (!fn) {
		void *symbol = dlsym(RTLD_NEXT, "MHD_queue_response");

		memcpy(&fn, &symbol, sizeof fn);
	}
	return fn;
}

void reply_check_interposed(void)
{
	queue_fn *const ours = MHD_queue_response;
	void *const symbol = dlsym(RTLD_DEFAULT, "MHD_queue_response");

	if (!library_queue() || memcmp(&symbol, &ours, sizeof ours) != 0)
		log_warn("http", "malformed requests will be answered with libmicrohttpd's HTML");
}

static const char *status_words(unsigned int status)
{
	switch (status) {
	case 413:
		return "the request body is too large";
	case 414:
		return "the request target is too long";
	case 431:
		return "the request head is too large";
	case 505:
		return "this HTTP version is not supported";
	default:
		return status >= 500 ? "internal error" : "malformed HTTP request";
	}
}

/* Called by libmicrohttpd about requests that it cannot parse.  The answer is written past it: for
 * a bad Content-Length it would queue its own one's head twice.  It still gets its page queued, to
 * fail in sending it and to close then: MHD_NO would free the connection's memory at once, and the
 * parser goes on with that memory after too many cookies. */
enum MHD_Result MHD_queue_response(struct MHD_Connection *mhd, unsigned int status,
				   struct MHD_Response *page)
{
	struct connection *c = connection_of(mhd);

	if (!c) /* not one of ours: the self-test's upstream is a libmicrohttpd of its own */
		return library_queue() ? library_queue()(mhd, status, page) : MHD_NO;
	bare_reply(c->fd, (int)status, status_words(status));
	c->linger = true;
	shutdown(c->fd, SHUT_WR);
	return library_queue() ? library_queue()(mhd, status, page) : MHD_NO;
}

static struct MHD_Response *whole_response(struct exchange *x)
{
	struct MHD_Response *r;

	if (!x->reply_len)
		return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	if (x->fixed) /* only read, whatever its type says */
		return MHD_create_response_from_buffer(x->reply_len, (void *)(uintptr_t)x->fixed,
						       MHD_RESPMEM_PERSISTENT);
	r = MHD_create_response_from_buffer_with_free_callback(x->reply_len, x->reply, free);
	if (r)
		x->reply = NULL; /* the response's now */
	return r;
}

static void add_headers(struct exchange *x, struct MHD_Response *r)
{
	const char *at = x->headers.data, *const end = at + x->headers.len;

	while (at < end) {
		const char *value = at + strlen(at) + 1;

		MHD_add_response_header(r, at, value);
		at = value + strlen(value) + 1;
	}
	if (x->close || x->server->draining)
		MHD_add_response_header(r, "Connection", "close");
}

enum MHD_Result reply_queue(struct exchange *x)
{
	struct MHD_Response *r;
	enum MHD_Result rc;

	if ((x->cut && !x->streaming) || !library_queue())
		return MHD_NO;
	/* libmicrohttpd 0.9.75 sends a chunked body's end in answer to HEAD as well. */
	if (x->streaming && strcmp(x->method, "HEAD") != 0)
		r = stream_response(x);
	else
		r = whole_response(x);
	if (!r)
		return MHD_NO;
	add_headers(x, r);
	x->phase = PHASE_ANSWER;
	x->since = clock_mono_ms();
	rc = library_queue()(x->conn->mhd, (unsigned)x->status, r);
	MHD_destroy_response(r);
	return rc;
}
