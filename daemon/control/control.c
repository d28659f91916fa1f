/* The control socket as a whole: its start, the clock that looks after connections, its end.
 *
 *   accept -> hello -> (line -> request -> verb -> answer)...
 *
 * conn.c moves bytes, verb_call.c takes a line to its verb and the answer back, commands_*.c do
 * what the verbs say, feed.c tells subscribers.  A connection has one request at a time: what it
 * sends meanwhile waits in the socket, so that nothing a peer does makes the daemon grow. */
#include "daemon/control/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

#include "daemon/control/commands.h"
#include "daemon/control/internal.h"
#include "daemon/control/socket.h"

enum {
	BACKLOG = 64,
	ACCEPTS_PER_TURN = 16 /* then the loop serves others: who connects without end is no end */
};

struct control_limits control_limits = {
	.connections = 64,
	.readers = 48,
	.line_ms = 10 * 1000,
	.request_ms = 30 * 1000,
	.idle_ms = 300 * 1000,
	.stall_ms = 20 * 1000,
	.sweep_ms = 1000,
	.out_pause = 256 * 1024,
	.feed_max = 1024 * 1024,
	.behind_ms = 60 * 1000,
	.flush_ms = 20,
	.bad_requests = 16,
};

static void on_turn(uv_timer_t *timer)
{
	struct control *c = timer->data;

	c->accepted = 0;
	if (c->accept_later)
		conn_accept(c); /* the listener goes on with those behind it */
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct control *c = listener->data;

	if (status < 0) {
		log_warn(CONTROL_AREA, "a connection was not accepted: %s", err_str(status));
		return;
	}
	if (c->accepted == 0)
		uv_timer_start(&c->turn, on_turn, 0, 0);
	if (c->accepted++ < ACCEPTS_PER_TURN)
		conn_accept(c);
	else
		c->accept_later = true;
}

static void on_sweep(uv_timer_t *timer)
{
	struct control *c = timer->data;
	int64_t now_ms = clock_mono_ms();
	struct conn *conn, *next;

	if (c->accept_later)
		conn_accept(c);
	feed_second(c);
	DL_FOREACH_SAFE(c->conns, conn, next)
	{
		conn_sweep(conn, now_ms);
	}
}

/* Remembers which file is ours, so that the end does not remove somebody else's. */
static int note_socket(struct control *c)
{
	struct stat st;

	if (lstat(c->deps.conf->control.socket, &st) < 0)
		return -errno;
	c->socket.dev = st.st_dev;
	c->socket.ino = st.st_ino;
	return 0;
}

static void remove_socket(const struct control *c)
{
	const char *path = c->deps.conf->control.socket;
	struct stat st;

	if (lstat(path, &st) == 0 && st.st_dev == c->socket.dev && st.st_ino == c->socket.ino &&
	    unlink(path) < 0)
		log_warn(CONTROL_AREA, "%s could not be removed: %s", path, strerror(errno));
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct control *c = handle->data;

	c->open_handles--;
	control_check_closed(c);
}

static int listen_on(struct control *c)
{
	int rc;

	uv_pipe_init(c->deps.loop, &c->listener, 0);
	uv_timer_init(c->deps.loop, &c->sweep);
	uv_timer_init(c->deps.loop, &c->turn);
	c->listener.data = c->sweep.data = c->turn.data = c;
	c->open_handles = 3;
	c->open_handles += feed_start(c);
	rc = uv_pipe_open(&c->listener, c->socket.fd);
	if (rc < 0) {
		close(c->socket.fd);
		return rc;
	}
	rc = uv_listen((uv_stream_t *)&c->listener, BACKLOG, on_connection);
	if (rc < 0)
		return rc;
	uv_timer_start(&c->sweep, on_sweep, (uint64_t)control_limits.sweep_ms,
		       (uint64_t)control_limits.sweep_ms);
	return 0;
}

struct control *control_new(const struct control_deps *deps, char *why, size_t why_size)
{
	struct control *c = calloc(1, sizeof *c);
	const char *path = deps->conf->control.socket;
	int rc;

	if (!c) {
		snprintf(why, why_size, "no memory for the control socket");
		return NULL;
	}
	c->deps = *deps;
	c->began_ms = clock_mono_ms();
	rc = control_rights_load(&c->rights, deps->conf, why, why_size);
	if (rc < 0)
		goto fail;
	c->socket.fd = control_socket_make(path, c->rights.has_group ? c->rights.group : (gid_t)-1,
					   why, why_size);
	if (c->socket.fd < 0)
		goto fail;
	rc = note_socket(c);
	if (rc == 0)
		rc = listen_on(c);
	else
		close(c->socket.fd);
	if (rc < 0) {
		snprintf(why, why_size, "control.socket %s: %s", path, err_str(rc));
		if (c->open_handles > 0) {
			control_stop(c, NULL, NULL); /* frees once the loop has closed them */
			return NULL;
		}
		goto fail;
	}
	c->events = (struct event_listener){.event = feed_event, .ctx = c};
	events_listen(&c->events);
	log_info(CONTROL_AREA, "control socket at %s", path);
	return c;
fail:
	free(c);
	return NULL;
}

void control_drain(struct control *c)
{
	c->draining = true;
}

void control_check_closed(struct control *c)
{
	if (!c->stopping || c->open_handles > 0 || c->conns || c->requests)
		return;
	if (c->closed)
		c->closed(c->closed_ctx);
	free(c);
}

/* What was asked of the store is still answered by it: requests are waited for, though nobody hears
 * the answer. */
void control_stop(struct control *c, void (*closed)(void *ctx), void *ctx)
{
	struct conn *conn, *next;

	c->stopping = true;
	c->closed = closed;
	c->closed_ctx = ctx;
	if (c->events.event)
		events_unlisten(&c->events);
	feed_stop(c, on_handle_closed);
	remove_socket(c);
	DL_FOREACH_SAFE(c->conns, conn, next)
	{
		conn_close(conn);
	}
	uv_close((uv_handle_t *)&c->listener, on_handle_closed);
	uv_close((uv_handle_t *)&c->sweep, on_handle_closed);
	uv_close((uv_handle_t *)&c->turn, on_handle_closed);
}
