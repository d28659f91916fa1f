#include "daemon/pool/command.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "shared/buf.h"

enum { OUTPUT_MAX = 64 * 1024 };

struct command {
	struct child child;
	uv_timer_t timer;
	bool child_closed, timer_closed, cancelled, overdue, output_ended;
	struct buf output;
	char chunk[4096];
	void (*done)(void *ctx, int status, const char *output);
	void *ctx;
};

static void all_closed(struct command *c)
{
	int status = COMMAND_FAILED;

	if (!c->child_closed || !c->timer_closed)
		return;
	if (c->cancelled)
		status = COMMAND_CANCELLED;
	else if (!c->overdue && !c->child.term_signal && c->child.process.pid > 0)
		status = c->child.exit_status;
	c->done(c->ctx, status, c->output.data ? c->output.data : "");
	buf_done(&c->output);
	free(c);
}

static void child_closed(struct child *child)
{
	struct command *c = child->user;

	c->child_closed = true;
	all_closed(c);
}

static void timer_closed(uv_handle_t *handle)
{
	struct command *c = handle->data;

	c->timer_closed = true;
	all_closed(c);
}

/* Over when the process is reaped and its output read to the end. */
static void close_when_over(struct command *c)
{
	if (!c->child.exited || !c->output_ended)
		return;
	child_close(&c->child);
	if (!uv_is_closing((uv_handle_t *)&c->timer))
		uv_close((uv_handle_t *)&c->timer, timer_closed);
}

static void process_exited(struct child *child)
{
	close_when_over(child->user);
}

static void alloc_chunk(uv_handle_t *handle, size_t suggested, uv_buf_t *to)
{
	struct command *c = ((struct child *)handle->data)->user;

	(void)suggested;
	*to = uv_buf_init(c->chunk, sizeof c->chunk);
}

static void read_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *got)
{
	struct command *c = ((struct child *)stream->data)->user;

	if (n > 0 && c->output.len + (size_t)n <= OUTPUT_MAX)
		buf_add(&c->output, got->base, (size_t)n);
	if (n >= 0)
		return;
	uv_read_stop(stream);
	c->output_ended = true;
	close_when_over(c);
}

static void ignore_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *got)
{
	(void)got;
	if (n < 0)
		uv_read_stop(stream);
}

static void timed_out(uv_timer_t *timer)
{
	struct command *c = timer->data;

	c->overdue = true;
	c->output_ended = true;
	child_signal(&c->child, SIGKILL);
	close_when_over(c);
}

int command_run(uv_loop_t *loop, const struct spawn_spec *spec, int64_t timeout_ms,
		void (*done)(void *ctx, int status, const char *output), void *ctx,
		struct command **ret_command)
{
	struct command *c = calloc(1, sizeof *c);

	if (!c)
		return -ENOMEM;
	buf_init(&c->output, OUTPUT_MAX);
	c->done = done;
	c->ctx = ctx;
	c->child.user = c;
	c->child.on_exit = process_exited;
	c->child.on_closed = child_closed;
	uv_timer_init(loop, &c->timer);
	c->timer.data = c;
	if (child_spawn(&c->child, loop, spec) != 0) {
		c->output_ended = c->overdue = true; /* overdue: its exit status says nothing */
		close_when_over(c);
	} else {
		uv_timer_start(&c->timer, timed_out, (uint64_t)timeout_ms, 0);
		uv_read_start((uv_stream_t *)&c->child.out, alloc_chunk, read_output);
		uv_read_start((uv_stream_t *)&c->child.err, alloc_chunk, ignore_output);
		child_close_input(&c->child);
	}
	*ret_command = c;
	return 0;
}

void command_cancel(struct command *c)
{
	if (!c)
		return;
	c->cancelled = true;
	timed_out(&c->timer);
}
