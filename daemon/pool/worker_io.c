#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/log.h"

#include "daemon/pool/worker_private.h"

enum {
	READ_CHUNK = 64 * 1024,
	STDERR_KEPT = 2048,
	KEEP_CAPACITY = 1024 * 1024,
	EXIT_AWAITED_MS = 200
};

static void alloc_stdout(uv_handle_t *handle, size_t suggested, uv_buf_t *to)
{
	struct worker *w = ((struct child *)handle->data)->user;
	char *space = buf_reserve(&w->in, READ_CHUNK);

	(void)suggested;
	*to = uv_buf_init(space, space ? READ_CHUNK : 0);
}

/* Hands over every whole line.  A line may end the worker or start the next request, so the state
 * is asked each time. */
static void take_lines(struct worker *w)
{
	size_t from = 0;

	for (;;) {
		char *start = w->in.data + from, *newline;

		newline = memchr(start + w->scanned, '\n', w->in.len - from - w->scanned);
		if (!newline)
			break;
		w->scanned = 0;
		from += (size_t)(newline - start) + 1;
		if (newline > start)
			worker_take_line(w, start, (size_t)(newline - start));
		if (w->state >= WORKER_DRAINING) {
			buf_clear(&w->in);
			return;
		}
	}
	buf_drop_front(&w->in, from);
	w->scanned = w->in.len;
	if (w->in.len == 0 && w->in.cap > KEEP_CAPACITY)
		buf_done(&w->in);
}

/* A process that ends closes its pipes first: how it ended is worth waiting for. */
static void pipe_closed(struct worker *w)
{
	if (w->state >= WORKER_DRAINING)
		return;
	w->retire = true;
	worker_set_timer(w, TIMER_PIPE_CLOSED, EXIT_AWAITED_MS);
}

static void read_stdout(uv_stream_t *stream, ssize_t n, const uv_buf_t *got)
{
	struct worker *w = ((struct child *)stream->data)->user;

	(void)got;
	if (n == 0)
		return;
	if (n == UV_ENOBUFS) {
		worker_distrust(w, "printed a line longer than pool.max_line");
		return;
	}
	if (n < 0) {
		uv_read_stop(stream);
		w->reading = false;
		pipe_closed(w);
		return;
	}
	w->last_output_us = clock_mono_us();
	w->in.len += (size_t)n;
	if (w->state >= WORKER_DRAINING)
		buf_clear(&w->in); /* drained to the end, looked at no more */
	else
		take_lines(w);
}

static void alloc_stderr(uv_handle_t *handle, size_t suggested, uv_buf_t *to)
{
	static char space[4096]; /* the loop reads one pipe at a time */

	(void)handle;
	(void)suggested;
	*to = uv_buf_init(space, sizeof space);
}

static void read_stderr(uv_stream_t *stream, ssize_t n, const uv_buf_t *got)
{
	struct worker *w = ((struct child *)stream->data)->user;

	if (n < 0)
		uv_read_stop(stream);
	if (n <= 0)
		return;
	if (w->err.len + (size_t)n > STDERR_KEPT)
		buf_drop_front(&w->err, w->err.len + (size_t)n - STDERR_KEPT);
	if (n > STDERR_KEPT)
		buf_add(&w->err, got->base + n - STDERR_KEPT, STDERR_KEPT);
	else
		buf_add(&w->err, got->base, (size_t)n);
}

int worker_read_begin(struct worker *w)
{
	int rc;

	buf_init(&w->in, w->spec->max_line + READ_CHUNK);
	buf_init(&w->err, STDERR_KEPT * 2);
	rc = uv_read_start((uv_stream_t *)&w->child.out, alloc_stdout, read_stdout);
	if (rc == 0)
		rc = uv_read_start((uv_stream_t *)&w->child.err, alloc_stderr, read_stderr);
	w->reading = rc == 0;
	return rc;
}

void worker_read_pause(struct worker *w, bool paused)
{
	if (w->paused == paused)
		return;
	w->paused = paused;
	if (paused)
		uv_read_stop((uv_stream_t *)&w->child.out);
	else if (w->reading)
		uv_read_start((uv_stream_t *)&w->child.out, alloc_stdout, read_stdout);
	w->last_output_us = clock_mono_us();
}

struct write {
	uv_write_t req;
	char *data;
	struct worker *w;
};

static void written(uv_write_t *req, int status)
{
	struct write *wr = (struct write *)req;
	struct worker *w = wr->w;

	free(wr->data);
	free(wr);
	if (status < 0 && status != UV_ECANCELED)
		pipe_closed(w);
}

void worker_write(struct worker *w, struct buf *lines)
{
	struct write *wr = calloc(1, sizeof *wr);
	size_t len = 0;
	uv_buf_t out;

	if (wr) {
		wr->w = w;
		wr->data = buf_take(lines, &len);
	}
	buf_done(lines);
	if (wr && wr->data && len <= UINT32_MAX) {
		out = uv_buf_init(wr->data, (unsigned)len);
		if (uv_write(&wr->req, (uv_stream_t *)&w->child.in, &out, 1, written) == 0)
			return;
	}
	if (wr)
		free(wr->data);
	free(wr);
	log_error("worker", "%u cannot be written to, out of memory: killed", w->id);
	child_signal(&w->child, SIGKILL); /* the rest follows when it is reaped */
}

void worker_read_rest(struct worker *w)
{
	uv_os_fd_t fd;

	if (!w->reading || uv_fileno((uv_handle_t *)&w->child.out, &fd) != 0)
		return;
	while (w->state == WORKER_BUSY && buf_reserve(&w->in, READ_CHUNK)) {
		ssize_t n = read(fd, w->in.data + w->in.len, READ_CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		w->in.len += (size_t)n;
		take_lines(w);
	}
}
