#include "daemon/redis/adapter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/redis/reply_bounds.h"

struct adapter {
	uv_poll_t poll;
	redisAsyncContext *ac; /* NULL: freed */
	int watched;
	struct reply_bounds bounds;
	struct adapter_events events;
};

enum { LINE_MAX_BYTES = 64 * 1024 };

static const char unasked[] = "it answers what was not asked";

bool adapter_has_surplus(const redisAsyncContext *ac)
{
	return !ac->replies.head && ac->c.reader->pos < ac->c.reader->len;
}

/* An error is all that may come unasked: that there are too many clients, say.  The library takes
 * that for the end of the connection. */
static bool speaks_unasked(const redisAsyncContext *ac)
{
	char first;

	return !ac->replies.head && recv(ac->c.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1 &&
	       first != '-';
}

/* What is left after a read is the beginning of one item.  A text whose length is announced may be
 * long; all else is a line, which the library searches anew for its end with each read. */
static bool is_endless(const redisReader *reader)
{
	const char *rest = reader->buf + reader->pos;
	size_t len = reader->len - reader->pos;

	if (len <= LINE_MAX_BYTES || reader->ridx < 0)
		return false;
	if (reader->rstack[reader->ridx].type != REDIS_REPLY_STRING ||
	    !memchr(rest, '\n', LINE_MAX_BYTES))
		return true;
	return len > REPLY_MAX;
}

static void on_readable(struct adapter *a)
{
	redisAsyncContext *ac = a->ac;

	if (!(ac->c.flags & REDIS_CONNECTED)) {
		redisAsyncHandleWrite(ac); /* connected; what there is to read waits */
		return;
	}
	if (speaks_unasked(ac)) {
		a->events.broken(a->events.ctx, true, unasked);
		return;
	}
	redisAsyncHandleRead(ac);
	if (a->ac && is_endless(ac->c.reader))
		a->events.broken(a->events.ctx, true, "its answer has no end");
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct adapter *a = poll->data;

	if (status < 0)
		events = a->watched; /* the read or write finds out what is wrong */
	if (a->ac && (events & UV_READABLE))
		on_readable(a);
	if (a->ac && (events & UV_WRITABLE))
		redisAsyncHandleWrite(a->ac);
	if (a->ac && status < 0) /* and libuv has stopped watching */
		a->events.broken(a->events.ctx, false, "its connection is broken");
}

static void watch(struct adapter *a, int events)
{
	if (events == a->watched)
		return;
	a->watched = events;
	if (events)
		uv_poll_start(&a->poll, events, on_poll);
	else
		uv_poll_stop(&a->poll);
}

static void add_read(void *data)
{
	struct adapter *a = data;

	watch(a, a->watched | UV_READABLE);
}

static void del_read(void *data)
{
	struct adapter *a = data;

	watch(a, a->watched & ~UV_READABLE);
}

static void add_write(void *data)
{
	struct adapter *a = data;

	watch(a, a->watched | UV_WRITABLE);
}

static void del_write(void *data)
{
	struct adapter *a = data;

	watch(a, a->watched & ~UV_WRITABLE);
}

static void on_closed(uv_handle_t *handle)
{
	struct adapter *a = handle->data;

	a->events.closed(a->events.ctx);
	free(a);
}

static void cleanup(void *data)
{
	struct adapter *a = data;

	a->ac = NULL;
	uv_poll_stop(&a->poll); /* before the library closes the socket */
	uv_close((uv_handle_t *)&a->poll, on_closed);
}

int adapter_attach(redisAsyncContext *ac, uv_loop_t *loop, const struct adapter_events *events)
{
	struct adapter *a = calloc(1, sizeof *a);
	int rc = a ? uv_poll_init(loop, &a->poll, ac->c.fd) : -ENOMEM;

	if (rc < 0) {
		free(a);
		return rc;
	}
	fcntl(ac->c.fd, F_SETFD, FD_CLOEXEC); /* the library does not; no child shall have it */
	reply_bounds_attach(&a->bounds, ac->c.reader);
	a->ac = ac;
	a->events = *events;
	a->poll.data = a;
	ac->ev.data = a;
	ac->ev.addRead = add_read;
	ac->ev.delRead = del_read;
	ac->ev.addWrite = add_write;
	ac->ev.delWrite = del_write;
	ac->ev.cleanup = cleanup;
	return 0;
}
