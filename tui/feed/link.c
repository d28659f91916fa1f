#include "tui/feed/link.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "shared/buf.h"
#include "shared/jsonrpc.h"

enum { READ_SIZE = 64 * 1024, UNWRITTEN_MAX = 4 * 1024 * 1024 };

struct link {
	uv_pipe_t pipe;
	uv_connect_t connect;
	uv_timer_t soon; /* tells of a failure from the loop */
	struct link_events events;
	void *owner;
	struct buf in;
	size_t seen; /* bytes of `in` in which no newline is */
	int handles, failure;
	bool closed; /* nothing is called any more */
};

static void on_closed(uv_handle_t *handle)
{
	struct link *l = handle->data;

	if (--l->handles > 0)
		return;
	buf_done(&l->in);
	free(l);
}

void link_close(struct link *l)
{
	if (!l || l->closed)
		return;
	l->closed = true;
	uv_close((uv_handle_t *)&l->pipe, on_closed);
	uv_close((uv_handle_t *)&l->soon, on_closed);
}

static void on_soon(uv_timer_t *timer)
{
	struct link *l = timer->data;

	l->events.ended(l->owner, l->failure);
}

static void end(struct link *l, int code)
{
	if (l->closed || l->failure)
		return;
	l->failure = code;
	uv_read_stop((uv_stream_t *)&l->pipe);
	uv_timer_start(&l->soon, on_soon, 0, 0);
}

/* ---- reading ---- */

/* Hands on the whole lines; what is left of a line waits for its end. */
static void take_lines(struct link *l)
{
	size_t used = 0;
	char *end_of_line;

	while (!l->closed && l->seen < l->in.len &&
	       (end_of_line = memchr(l->in.data + l->seen, '\n', l->in.len - l->seen))) {
		char *line = l->in.data + used;

		l->seen = (size_t)(end_of_line - l->in.data) + 1;
		used = l->seen;
		*end_of_line = '\0';
		l->events.line(l->owner, line, (size_t)(end_of_line - line));
	}
	buf_drop_front(&l->in, used);
	l->seen = l->in.len;
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
	struct link *l = handle->data;
	char *to = buf_reserve(&l->in, READ_SIZE);

	(void)size;
	*ret = uv_buf_init(to, to ? READ_SIZE : 0); /* 0: read with UV_ENOBUFS */
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
	struct link *l = stream->data;

	(void)bytes;
	if (n < 0)
		end(l, (int)n);
	if (n <= 0 || l->closed)
		return;
	l->in.len += (size_t)n;
	l->in.data[l->in.len] = '\0';
	take_lines(l);
}

static void on_connect(uv_connect_t *connect, int status)
{
	struct link *l = connect->data;

	if (l->closed)
		return;
	if (status == 0)
		status = uv_read_start((uv_stream_t *)&l->pipe, on_alloc, on_read);
	if (status < 0)
		end(l, status);
	else
		l->events.connected(l->owner);
}

/* ---- writing ---- */

struct write {
	uv_write_t request;
	struct link *link;
	char *bytes;
};

static void on_written(uv_write_t *request, int status)
{
	struct write *w = (struct write *)request;

	if (status < 0)
		end(w->link, status);
	free(w->bytes);
	free(w);
}

int link_write(struct link *l, char *bytes, size_t len)
{
	struct write *w = calloc(1, sizeof *w);
	uv_buf_t buf = uv_buf_init(bytes, (unsigned)len);
	int r = UV_ENOMEM;

	if (w && bytes)
		r = uv_stream_get_write_queue_size((uv_stream_t *)&l->pipe) > UNWRITTEN_MAX
			    ? UV_ENOBUFS
			    : 0;
	if (r == 0) {
		w->link = l;
		w->bytes = bytes;
		r = uv_write(&w->request, (uv_stream_t *)&l->pipe, &buf, 1, on_written);
	}
	if (r < 0) {
		free(bytes);
		free(w);
	}
	return r;
}

/* ---- opening ---- */

struct link *link_open(uv_loop_t *loop, const char *path, const struct link_events *events,
		       void *owner)
{
	struct link *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->events = *events;
	l->owner = owner;
	buf_init(&l->in, RPC_RESPONSE_MAX + READ_SIZE);
	uv_pipe_init(loop, &l->pipe, 0);
	uv_timer_init(loop, &l->soon);
	l->handles = 2;
	l->pipe.data = l->soon.data = l->connect.data = l;
	if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
		end(l, UV_ENAMETOOLONG);
	else
		uv_pipe_connect(&l->connect, &l->pipe, path, on_connect);
	return l;
}
