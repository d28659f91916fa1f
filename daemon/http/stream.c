/* Answers written piece by piece.  What the handler writes is queued in chunks; libmicrohttpd's
 * content reader takes from the front as fast as the socket allows and suspends the connection when
 * there is nothing to take.  A reader that returned 0 without suspending would spin.
 *
 * The handler is told to go on (on_drain) from the loop, after libmicrohttpd has returned, never
 * out of the reader. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/log.h"

#include "daemon/http/internal.h"

#define CHUNK_SIZE 16384
/* Of an HTTP/1.0 answer; chunked ones go through the connection's own memory. */
#define READER_BLOCK 16384

struct chunk {
	struct chunk *prev, *next;
	size_t from, to, size;
	char data[];
};

static struct chunk *chunk_new(size_t size)
{
	struct chunk *c = malloc(sizeof *c + size);

	if (c)
		*c = (struct chunk){.size = size};
	return c;
}

void stream_clear(struct exchange *x)
{
	struct chunk *c, *next;

	DL_FOREACH_SAFE(x->chunks, c, next)
	free(c);
	x->chunks = NULL;
	x->queued = 0;
	if (x->drain_due)
		DL_DELETE2(x->server->drained, x, drain_prev, drain_next);
	x->drain_due = false;
}

/* Nothing of the stream can be delivered any more; libmicrohttpd finds out when it next touches the
 * socket. */
static void give_up(struct exchange *x, const char *why)
{
	log_warn("http", "cut a stream to %s: %s", x->conn->peer, why);
	x->cut = true;
	shutdown(x->conn->fd, SHUT_RDWR);
}

void exchange_stream_write(struct exchange *x, const void *data, size_t len)
{
	struct chunk *last = x->chunks ? x->chunks->prev : NULL;
	const char *from = data;
	size_t room = last ? last->size - last->to : 0;

	if (!x->streaming || x->ended || x->aborted || x->cut || len == 0)
		return;
	if (len > STREAM_QUEUE_MAX || x->queued > STREAM_QUEUE_MAX - len) {
		give_up(x, "its queue is full");
		connection_resume(x->conn);
		return;
	}
	if (room > len)
		room = len;
	if (room)
		memcpy(last->data + last->to, from, room);
	if (len > room) {
		struct chunk *c = chunk_new(len - room > CHUNK_SIZE ? len - room : CHUNK_SIZE);

		if (!c) {
			give_up(x, "out of memory");
			connection_resume(x->conn);
			return;
		}
		memcpy(c->data, from + room, len - room);
		c->to = len - room;
		DL_APPEND(x->chunks, c);
	}
	if (last)
		last->to += room;
	if (x->queued == 0)
		x->since = clock_mono_ms();
	x->queued += len;
	if (x->high && x->queued > x->high)
		x->was_high = true;
	connection_resume(x->conn);
}

size_t exchange_stream_queued(const struct exchange *x)
{
	return x->queued;
}

void exchange_stream_watch(struct exchange *x, size_t high, size_t low,
			   void (*on_drain)(void *user, struct exchange *x))
{
	x->high = high;
	x->low = low;
	x->on_drain = on_drain;
	x->was_high = high && x->queued > high;
}

static void end(struct exchange *x)
{
	x->ended = true;
	x->since = clock_mono_ms();
	exchange_drop_body(x);
	connection_resume(x->conn);
}

void exchange_stream_end(struct exchange *x)
{
	if (x->streaming && !x->ended)
		end(x);
}

void exchange_stream_cut(struct exchange *x)
{
	if (!x->streaming || x->ended)
		return;
	x->cut = true;
	end(x);
}

static size_t take(struct exchange *x, char *to, size_t max)
{
	size_t done = 0;

	while (x->chunks && done < max) {
		struct chunk *c = x->chunks;
		size_t n = c->to - c->from;

		if (n > max - done)
			n = max - done;
		memcpy(to + done, c->data + c->from, n);
		c->from += n;
		done += n;
		if (c->from == c->to) {
			DL_DELETE(x->chunks, c);
			free(c);
		}
	}
	x->queued -= done;
	return done;
}

static void note_drain(struct exchange *x)
{
	if (!x->was_high || x->queued >= x->low || x->drain_due || x->ended)
		return;
	x->was_high = false;
	x->drain_due = true;
	DL_APPEND2(x->server->drained, x, drain_prev, drain_next);
}

void streams_run_drains(struct http_server *s)
{
	struct exchange *x;

	while ((x = s->drained)) {
		DL_DELETE2(s->drained, x, drain_prev, drain_next);
		x->drain_due = false;
		if (!x->ended && !x->aborted && x->on_drain)
			x->on_drain(x->user, x);
	}
}

static ssize_t read_stream(void *cls, uint64_t pos, char *to, size_t max)
{
	struct exchange *x = cls;
	size_t n;

	(void)pos;
	if (x->aborted || (x->cut && !x->ended))
		return MHD_CONTENT_READER_END_WITH_ERROR;
	n = take(x, to, max);
	if (n) {
		x->since = clock_mono_ms();
		note_drain(x);
		return (ssize_t)n;
	}
	if (x->ended)
		return x->cut ? MHD_CONTENT_READER_END_WITH_ERROR
			      : MHD_CONTENT_READER_END_OF_STREAM;
	if (x->conn->gone) {
		exchange_abort(x);
		return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	connection_suspend(x->conn);
	return 0;
}

struct MHD_Response *stream_response(struct exchange *x)
{
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, READER_BLOCK, read_stream, x,
						 NULL);
}
