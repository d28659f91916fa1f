/* One connection: bytes in, lines out of them, bytes out.
 *
 * Bounds: a line of RPC_REQUEST_MAX bytes that must be whole within line_ms; one request at a time,
 * further ones only while little output waits; a reader that takes nothing for stall_ms is cut, and
 * so is one that is idle.  Reading stops while a request runs, so pipelined ones wait in the
 * socket.
 *
 * The other side may have closed its writing half: what it asked is still answered, then we close;
 * a subscription ends there, for a peer that went away looks the same. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

#include "daemon/control/internal.h"

#include "ccapi_version.h"

enum {
	READ_SIZE = 8 * 1024,
	LINES_PER_TURN = 32 /* then the loop serves others */
};

struct output {
	uv_write_t request;
	char *data;                 /* its own, or */
	struct shared_text *shared; /* a reference */
};

static void on_closed(uv_handle_t *handle)
{
	struct conn *conn = handle->data;
	struct control *c = conn->control;

	DL_DELETE(c->conns, conn);
	buf_done(&conn->in);
	free(conn);
	control_check_closed(c);
}

static void leave(struct verb_call *r)
{
	r->conn = NULL;
	if (r->left)
		r->left(r);
}

void conn_close(struct conn *conn)
{
	struct control *c = conn->control;

	if (conn->closing)
		return;
	conn->closing = true;
	if (conn->counted) {
		c->conn_count--;
		c->reader_count -= conn->peer.right == RIGHT_READ;
	}
	if (conn->running)
		leave(conn->running);
	conn->running = NULL;
	feed_end(conn);
	uv_close((uv_handle_t *)&conn->pipe, on_closed);
}

size_t conn_waiting(const struct conn *conn)
{
	return uv_stream_get_write_queue_size((const uv_stream_t *)&conn->pipe);
}

void shared_text_unref(struct shared_text *text)
{
	if (--text->refs > 0)
		return;
	buf_done(&text->text);
	free(text);
}

static void output_free(struct output *out)
{
	free(out->data);
	if (out->shared)
		shared_text_unref(out->shared);
	free(out);
}

static void on_written(uv_write_t *request, int status)
{
	struct conn *conn = request->data;

	output_free((struct output *)request);
	conn->writes--;
	if (conn->closing)
		return;
	if (status < 0) {
		conn_close(conn);
		return;
	}
	conn->active_ms = clock_mono_ms();
	feed_drained(conn);
	conn_pump(conn);
}

/* Whether the peer has taken some of its output since this was last looked at. */
static void note_progress(struct conn *conn)
{
	size_t waiting = conn_waiting(conn);

	if (waiting < conn->waiting || waiting == 0)
		conn->progress_ms = clock_mono_ms();
	conn->waiting = waiting;
}

/* Takes `out`; NULL: there was no memory for it. */
static void send_output(struct conn *conn, struct output *out, char *data, size_t len)
{
	uv_buf_t piece = uv_buf_init(data, (unsigned)len);
	int rc = -ENOMEM;

	note_progress(conn); /* before there is more again */
	if (out && !conn->closing) {
		out->request.data = conn;
		rc = uv_write(&out->request, (uv_stream_t *)&conn->pipe, &piece, 1, on_written);
	}
	if (rc < 0) {
		if (out)
			output_free(out);
		if (conn->closing)
			return;
		log_warn(CONTROL_AREA, "uid %u, pid %d: an answer could not be sent: %s",
			 (unsigned)conn->peer.uid, (int)conn->peer.pid, err_str(rc));
		conn_close(conn);
		return;
	}
	conn->writes++;
	conn->waiting = conn_waiting(conn);
}

void conn_send(struct conn *conn, char *data, size_t len)
{
	struct output *out = data ? calloc(1, sizeof *out) : NULL;

	if (out)
		out->data = data;
	else
		free(data);
	send_output(conn, out, data, len);
}

void conn_send_shared(struct conn *conn, struct shared_text *text)
{
	struct output *out = calloc(1, sizeof *out);

	if (out) {
		out->shared = text;
		text->refs++;
	}
	send_output(conn, out, text->text.data, text->text.len);
}

static void send_buf(struct conn *conn, struct buf *b)
{
	size_t len = 0;
	char *data = buf_take(b, &len);

	conn_send(conn, data, len);
	buf_done(b);
}

void conn_end(struct conn *conn)
{
	conn->ending = true;
	feed_end(conn); /* its events would keep it open */
}

/* The last words: nothing more is read. */
static void end_with(struct conn *conn, enum rpc_code code, const char *words)
{
	struct rpc_error e;
	struct buf out;

	rpc_error_set(&e, code, NULL, "%s", words);
	buf_init(&out, RPC_REQUEST_MAX);
	rpc_write_error(&out, NULL, &e);
	conn_end(conn);
	send_buf(conn, &out);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct conn *conn = handle->data;
	char *to;

	(void)suggested;
	buf_drop_front(&conn->in, conn->at);
	conn->at = 0;
	to = buf_reserve(&conn->in, READ_SIZE);
	*ret = uv_buf_init(to, to ? READ_SIZE : 0);
}

/* Whether the peer has gone, and not only said all it has to say. */
static bool has_hung_up(const struct conn *conn)
{
	struct pollfd fd = {.fd = -1};

	return uv_fileno((const uv_handle_t *)&conn->pipe, &fd.fd) == 0 && poll(&fd, 1, 0) == 1 &&
	       (fd.revents & POLLHUP);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *into)
{
	struct conn *conn = stream->data;

	(void)into;
	if (n == UV_EOF && conn->running && has_hung_up(conn)) {
		conn_close(conn);
		return;
	}
	if (n == UV_EOF) {
		conn->eof = true;
		feed_end(conn);
	} else if (n < 0) {
		conn_close(conn);
		return;
	} else {
		conn->in.len += (size_t)n;
		conn->active_ms = clock_mono_ms();
	}
	conn_pump(conn);
}

/* While a request runs the next ones wait in the socket; while a long one does, reading tells
 * whether the peer is still there. */
static void set_reading(struct conn *conn)
{
	bool wanted = !conn->eof && !conn->ending && (!conn->running || conn->running->patient) &&
		      conn_waiting(conn) <= control_limits.out_pause &&
		      conn->in.len - conn->at <= RPC_REQUEST_MAX;

	if (wanted == conn->reading)
		return;
	conn->reading = wanted;
	if (!wanted) {
		uv_read_stop((uv_stream_t *)&conn->pipe);
	} else if (uv_read_start((uv_stream_t *)&conn->pipe, on_alloc, on_read) < 0) {
		conn_close(conn);
	}
}

/* The next whole line is looked at.  False: there is none. */
static bool take_line(struct conn *conn)
{
	const char *from = conn->in.data + conn->at;
	size_t left = conn->in.len - conn->at;
	const char *end = left ? memchr(from, '\n', left) : NULL;

	if (left > RPC_REQUEST_MAX && (!end || end - from > RPC_REQUEST_MAX)) {
		end_with(conn, RPC_PARSE_ERROR, "a request must be a line of at most 65536 bytes");
		return false;
	}
	if (!end) {
		if (left == 0)
			conn->line_ms = 0;
		else if (conn->line_ms == 0)
			conn->line_ms = clock_mono_ms();
		return false;
	}
	conn->line_ms = 0;
	conn->at += (size_t)(end - from) + 1;
	verb_call_begin(conn, from, (size_t)(end - from));
	if (conn->bad_requests >= control_limits.bad_requests && !conn->ending)
		end_with(conn, RPC_INVALID_REQUEST, "too many lines that are no requests");
	return true;
}

/* Every line is answered, and the end of that write comes back here: a turn that stopped early goes
 * on then. */
void conn_pump(struct conn *conn)
{
	unsigned lines = 0;

	if (conn->pumping || conn->closing)
		return;
	conn->pumping = true;
	while (!conn->closing && !conn->ending && !conn->running && lines++ < LINES_PER_TURN &&
	       conn_waiting(conn) <= control_limits.out_pause && take_line(conn))
		;
	conn->pumping = false;
	if (conn->closing)
		return;
	if (conn->writes == 0 && !conn->running && (conn->ending || conn->eof))
		conn_close(conn); /* a half line is nobody's request */
	else
		set_reading(conn);
}

/* ---- time ---- */

static void sweep_output(struct conn *conn, int64_t now_ms)
{
	note_progress(conn);
	if (conn->waiting > 0 && now_ms - conn->progress_ms > control_limits.stall_ms) {
		log_warn(CONTROL_AREA, "uid %u, pid %d: cut: it does not read its answers",
			 (unsigned)conn->peer.uid, (int)conn->peer.pid);
		conn_close(conn);
	}
}

void conn_sweep(struct conn *conn, int64_t now_ms)
{
	if (conn->closing)
		return;
	sweep_output(conn, now_ms);
	if (conn->closing || conn->ending)
		return;
	feed_drained(conn); /* it may be behind without any output: there was no memory */
	if (conn->feed.behind && now_ms - conn->feed.behind_ms > control_limits.behind_ms) {
		log_warn(CONTROL_AREA, "uid %u, pid %d: cut: it reads the events too slowly",
			 (unsigned)conn->peer.uid, (int)conn->peer.pid);
		conn_close(conn);
		return;
	}
	if (conn->running) {
		if (!conn->running->patient &&
		    now_ms - conn->running->began_ms > control_limits.request_ms)
			verb_call_give_up(conn->running);
	} else if (conn->line_ms && now_ms - conn->line_ms > control_limits.line_ms) {
		end_with(conn, RPC_TIMEOUT, "a request's line took too long to arrive");
	} else if (!conn->feed.open && now_ms - conn->active_ms > control_limits.idle_ms) {
		conn_close(conn);
	}
}

/* ---- the beginning ---- */

static void say_hello(struct conn *conn)
{
	struct buf out;
	json_t *params = json_pack("{si ss ss sI ss}", "protocol", CONTROL_PROTOCOL, "name",
				   "ccapid", "version", CCAPI_VERSION, "pid", (json_int_t)getpid(),
				   "right", verb_right_name(conn->peer.right));

	buf_init(&out, RPC_REQUEST_MAX);
	rpc_write_notification(&out, "hello", params);
	json_decref(params);
	send_buf(conn, &out);
}

/* Those who may only look do not get the last places. */
static bool is_full(const struct control *c, const struct peer *peer)
{
	return c->conn_count >= control_limits.connections ||
	       (peer->right == RIGHT_READ && c->reader_count >= control_limits.readers);
}

static void welcome(struct control *c, struct conn *conn)
{
	uv_os_fd_t fd;
	int rc = uv_fileno((uv_handle_t *)&conn->pipe, &fd);

	if (rc == 0)
		rc = peer_identify(fd, &c->rights, &conn->peer);
	if (rc < 0) {
		log_warn(CONTROL_AREA, "a peer could not be identified: %s", err_str(rc));
		conn_close(conn);
	} else if (is_full(c, &conn->peer)) {
		log_warn(CONTROL_AREA, "uid %u, pid %d: turned away: too many connections",
			 (unsigned)conn->peer.uid, (int)conn->peer.pid);
		end_with(conn, RPC_TOO_MANY, "too many control connections are open");
	} else {
		conn->counted = true;
		c->conn_count++;
		c->reader_count += conn->peer.right == RIGHT_READ;
		say_hello(conn);
		conn_pump(conn);
	}
}

void conn_accept(struct control *c)
{
	struct conn *conn = calloc(1, sizeof *conn);

	/* The connection waits in the listener, which stands still until it is taken. */
	c->accept_later = !conn;
	if (!conn) {
		log_error(CONTROL_AREA, "no memory for a connection");
		return;
	}
	conn->control = c;
	conn->active_ms = clock_mono_ms();
	buf_init(&conn->in, RPC_REQUEST_MAX + 2 * READ_SIZE);
	uv_pipe_init(c->deps.loop, &conn->pipe, 0);
	conn->pipe.data = conn;
	DL_APPEND(c->conns, conn);
	if (uv_accept((uv_stream_t *)&c->listener, (uv_stream_t *)&conn->pipe) < 0)
		conn_close(conn);
	else
		welcome(c, conn);
}
