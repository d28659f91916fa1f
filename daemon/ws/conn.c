/* One WebSocket from its handshake to its end.
 *
 * Closing.  Either side sends a close frame, the other answers with one, and the server closes the
 * TCP connection.  libwebsockets's own way there (lws_close_reason, then -1 from a callback) loses
 * the frame under libuv, so the frame is written like any other (send.c).  Then our half of the
 * connection is shut and, where the peer may still be sending, what comes is thrown away until it
 * shuts its half: a socket that is closed with unread bytes in it resets the connection, and the
 * reset overtakes the close frame.  Every wait on the way has an end, in sweep.c.
 *
 * What must never happen: a connection freed by anything but libwebsockets's last callback, or a
 * callback of the handlers from inside one of the handlers' own calls. */
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "shared/clock.h"
#include "shared/log.h"
#include "shared/str.h"

#include "daemon/ws/internal.h"

void ws_conn_enter(struct ws_conn *w, enum ws_state state)
{
	static const char *const names[] = {"accepted", "handshake", "open",   "flushing",
					    "closing",  "ending",    "dropped"};

	log_debug(WS_AREA, "connection %d: %s", w->fd, names[state]);
	w->state = state;
	w->since_ms = clock_mono_ms();
}

void *ws_user(const struct ws_conn *w)
{
	return w->user;
}

void ws_conn_heard(struct ws_conn *w)
{
	w->heard_ms = clock_mono_ms();
	w->pinged_ms = 0;
}

void ws_conn_progress(struct ws_conn *w)
{
	ws_conn_heard(w);
	w->taken_ms = w->heard_ms;
	w->stall_told = false;
	if (w->state == WS_FLUSHING || w->state == WS_CLOSING)
		w->since_ms = w->heard_ms;
}

int ws_conn_opened(struct ws_conn *w)
{
	struct ws_server *s = w->server;
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = w};

	if (w->state != WS_HANDSHAKE)
		return -1;
	if (lws_rx_flow_control(w->wsi, LWS_RXFLOW_REASON_APPLIES | LWS_RXFLOW_REASON_USER_BOOL |
						LWS_RXFLOW_REASON_FLAG_PROCESS_NOW) < 0 ||
	    epoll_ctl(s->input_fd, EPOLL_CTL_ADD, w->fd, &event) < 0) {
		log_warn(WS_AREA, "cannot watch a connection, dropped it");
		return -1;
	}
	w->watched = true;
	ws_conn_enter(w, WS_OPEN);
	ws_conn_heard(w);
	w->taken_ms = w->allowance_ms = w->heard_ms;
	w->allowance = s->conf.max_rate * 2000;
	s->handlers.open(s->handlers.ctx, w);
	return 0;
}

void ws_conn_unwatch(struct ws_conn *w)
{
	if (w->watched)
		epoll_ctl(w->server->input_fd, EPOLL_CTL_DEL, w->fd, NULL);
	w->watched = false;
}

void ws_conn_drop(struct ws_conn *w)
{
	ws_conn_unwatch(w);
	if (w->state == WS_DROPPED)
		return;
	ws_conn_enter(w, WS_DROPPED);
	if (!w->wsi)
		return; /* server.c has it yet */
	/* A timeout that is over: the one way that waits for nothing.  Set from outside its own
	 * callbacks the library has to be woken for it. */
	lws_set_timeout(w->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
	lws_cancel_service(w->server->lws);
}

/* At most WS_REASON_MAX bytes, not cut in the middle of a character. */
static void copy_reason(char *to, const char *from)
{
	size_t len = strlen(from);

	if (len > WS_REASON_MAX) {
		len = WS_REASON_MAX;
		while (len && ((unsigned char)from[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(to, from, len);
	to[len] = '\0';
}

static void start_closing(struct ws_conn *w, int code, const char *reason)
{
	w->close_code = code;
	copy_reason(w->reason, reason);
	buf_done(&w->message);
	ws_conn_enter(w, WS_FLUSHING);
	ws_send_want(w);
}

void ws_close(struct ws_conn *w, enum ws_close_code code, const char *reason)
{
	if (w->state == WS_OPEN)
		start_closing(w, (int)code, reason ? reason : "");
}

void ws_conn_violates(struct ws_conn *w, int code, const char *why)
{
	/* a violation of the framing: the bytes that follow mean nothing */
	w->deaf = w->deaf || code == WS_CLOSE_PROTOCOL;
	if (w->state == WS_OPEN)
		start_closing(w, code, why);
	else if (w->state == WS_CLOSING && !w->in_flight)
		ws_conn_close_sent(w);
}

static bool is_code(int code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
	       (code >= 3000 && code <= 4999);
}

/* What a close frame's payload says; the code of our own frame when it says something that may not
 * be said. */
static int close_code_of(const unsigned char *payload, size_t len)
{
	const int code = len >= 2 ? payload[0] << 8 | payload[1] : 0;

	if (len == 0)
		return WS_CLOSE_NORMAL;
	if (!is_code(code))
		return WS_CLOSE_PROTOCOL;
	return str_is_utf8((const char *)payload + 2, len - 2) ? code : WS_CLOSE_NOT_UTF8;
}

void ws_conn_peer_closes(struct ws_conn *w, const unsigned char *payload, size_t len)
{
	w->peer_closed = w->deaf = true;
	if (w->state == WS_OPEN || w->state == WS_FLUSHING) {
		ws_send_clear(w);
		start_closing(w, close_code_of(payload, len), "");
		w->code = w->close_code;
	} else if (w->state == WS_CLOSING && !w->in_flight) {
		ws_conn_close_sent(w);
	}
}

static bool has_unread(const struct ws_conn *w)
{
	int bytes = 0;

	return ioctl(w->fd, FIONREAD, &bytes) < 0 || bytes > 0;
}

/* The close frame is with the kernel: where no answer is to come, the connection ends. */
void ws_conn_close_sent(struct ws_conn *w)
{
	if (!w->deaf)
		return;
	if (w->peer_closed && !has_unread(w)) {
		ws_conn_drop(w);
		return;
	}
	ws_conn_enter(w, WS_ENDING);
	shutdown(w->fd, SHUT_WR);
}
