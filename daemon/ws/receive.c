/* What comes from one peer.  The bytes are read here and not by libwebsockets, whose reading is
 * switched off once a connection is open: version 4.1.6 takes frames without a mask, and drops the
 * connection without a close frame after several other violations (frames.c has them all).  The
 * bounds of ws_conf are kept here: a message's size while it comes, and how many come. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "shared/clock.h"
#include "shared/str.h"

#include "daemon/ws/internal.h"

#define READS_AT_ONCE 4 /* then it is another connection's turn */
#define BURST_SECONDS 2

/* One more message: is it within the rate? */
static bool may_come(struct ws_conn *w)
{
	const int64_t rate = w->server->conf.max_rate, most = rate * BURST_SECONDS * 1000;
	const int64_t now = clock_mono_ms(), passed = now - w->allowance_ms;

	w->allowance_ms = now;
	/* messages a second are thousandths of a message a millisecond */
	if (passed >= BURST_SECONDS * 1000 || w->allowance > most - passed * rate)
		w->allowance = most;
	else
		w->allowance += passed * rate;
	if (w->allowance < 1000)
		return false;
	w->allowance -= 1000;
	return true;
}

static void take_message(struct ws_conn *w)
{
	const struct ws_handlers *h = &w->server->handlers;
	struct buf message = w->message;
	const char *text = message.data ? message.data : "";

	buf_init(&w->message, 0); /* none is coming */
	if (str_is_utf8(text, message.len))
		h->message(h->ctx, w, text, message.len);
	else
		ws_conn_violates(w, WS_CLOSE_NOT_UTF8, "The message is not UTF-8.");
	buf_done(&message);
}

static void take_data(struct ws_conn *w, const struct frames_piece *piece)
{
	struct buf *message = &w->message;
	size_t room;

	if (piece->binary) {
		ws_conn_violates(w, WS_CLOSE_UNSUPPORTED, "Only text messages are understood.");
		return;
	}
	if (!message->max) {
		if (!may_come(w)) {
			ws_conn_violates(w, WS_CLOSE_POLICY, "Too many messages a second.");
			return;
		}
		buf_init(message, w->limit ? w->limit : w->server->conf.max_message);
	}
	/* The bound is that of the message's beginning.  What a frame has announced counts at once:
	 * nobody has to send it in vain. */
	room = message->max - message->len;
	if (piece->len > room || piece->to_come > room - piece->len) {
		ws_conn_violates(w, WS_CLOSE_TOO_LARGE, "The message is too large.");
		return;
	}
	buf_add(message, piece->data, piece->len);
	if (message->failed)
		ws_conn_violates(w, WS_CLOSE_INTERNAL, "The server is out of memory.");
	else if (piece->last)
		take_message(w);
}

/* Only the newest ping is answered, when several come before we can write. */
static void take_ping(struct ws_conn *w, const struct frames_piece *piece)
{
	memcpy(w->pong, piece->data, piece->len);
	w->pong_len = piece->len;
	w->pong_due = true;
	ws_send_want(w);
}

static void take_piece(struct ws_conn *w, const struct frames_piece *piece)
{
	switch (piece->kind) {
	case FRAMES_DATA:
		if (w->state == WS_OPEN)
			take_data(w, piece);
		break;
	case FRAMES_PING:
		if (w->state == WS_OPEN)
			take_ping(w, piece);
		break;
	case FRAMES_PONG:
		break;
	case FRAMES_CLOSE:
		ws_conn_peer_closes(w, piece->data, piece->len);
		break;
	}
}

static void take_bytes(struct ws_conn *w, unsigned char *bytes, size_t len)
{
	struct frames_piece piece;
	size_t used;
	int rc = 1;

	ws_conn_heard(w);
	while (rc > 0 && !w->deaf) {
		rc = frames_take(&w->frames, bytes, len, &used, &piece);
		bytes += used;
		len -= used;
		if (rc > 0)
			take_piece(w, &piece);
		else if (rc < 0)
			ws_conn_violates(w, WS_CLOSE_PROTOCOL, w->frames.violation);
	}
}

void ws_receive(struct ws_conn *w)
{
	static unsigned char bytes[64 * 1024];
	ssize_t n = sizeof bytes;
	int i;

	for (i = 0; i < READS_AT_ONCE && n == sizeof bytes && w->state != WS_DROPPED; i++) {
		n = recv(w->fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (n > 0)
			take_bytes(w, bytes, (size_t)n);
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			ws_conn_drop(w);
	}
}
