/* What goes out to one peer.  Messages are queued whole; when the socket is writable they go to
 * libwebsockets in frames of WS_FRAME_MAX, so that a ping, a pong or the answer to a close never
 * waits for a long message, and that a slow reader's progress is seen.  libwebsockets keeps what
 * the kernel does not take of a frame and calls again only when that is gone. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/clock.h"

#include "daemon/ws/internal.h"

#define FRAMES_AT_ONCE 16
/* A close frame, which the library's enum does not name: its code is the opcode's place there. */
#define WRITE_CLOSE 4

void ws_send_want(struct ws_conn *w)
{
	if (w->wsi && w->state >= WS_OPEN && w->state < WS_ENDING)
		lws_callback_on_writable(w->wsi);
}

size_t ws_queued(const struct ws_conn *w)
{
	return w->queued + w->in_flight;
}

void ws_limit(struct ws_conn *w, size_t most)
{
	w->limit = most;
}

void ws_watch(struct ws_conn *w, size_t high, size_t low)
{
	w->high = high;
	w->low = low;
}

static size_t memory_of(size_t len)
{
	return sizeof(struct ws_chunk) + LWS_PRE + len;
}

bool ws_send(struct ws_conn *w, const char *text, size_t len)
{
	struct ws_chunk *chunk;

	if (w->state != WS_OPEN)
		return false;
	if (len > WS_QUEUE_MAX || memory_of(len) > WS_QUEUE_MAX - w->memory) {
		ws_close(w, WS_CLOSE_POLICY, "You do not read what was sent.");
		return false;
	}
	chunk = malloc(memory_of(len));
	if (!chunk) {
		ws_close(w, WS_CLOSE_INTERNAL, "The server is out of memory.");
		return false;
	}
	*chunk = (struct ws_chunk){.len = len};
	memcpy(chunk->data + LWS_PRE, text, len);
	if (!ws_queued(w))
		w->taken_ms = clock_mono_ms(); /* the wait begins now */
	if (w->last)
		w->last->next = chunk;
	else
		w->first = chunk;
	w->last = chunk;
	w->queued += len;
	w->memory += memory_of(len);
	w->was_high |= w->high && ws_queued(w) > w->high;
	ws_send_want(w);
	return true;
}

static void drop_chunk(struct ws_conn *w, struct ws_chunk *chunk)
{
	w->queued -= chunk->len - chunk->sent;
	w->memory -= memory_of(chunk->len);
	free(chunk);
}

void ws_send_clear(struct ws_conn *w)
{
	struct ws_chunk *chunk, *next;

	LL_FOREACH_SAFE(w->first, chunk, next)
	drop_chunk(w, chunk);
	w->first = w->last = NULL;
}

static int write_frame(struct ws_conn *w, unsigned char *data, size_t len, int kind)
{
	const int n = lws_write(w->wsi, data, len, (enum lws_write_protocol)kind);

	/* less than all is an error; what the kernel has not taken counts as taken here */
	if (n < (int)len)
		return -1;
	w->blocked = lws_partial_buffered(w->wsi);
	w->in_flight = w->blocked ? len : 0;
	return 0;
}

/* The next frame of the first message. */
static int send_data(struct ws_conn *w)
{
	struct ws_chunk *chunk = w->first;
	const size_t left = chunk->len - chunk->sent;
	const size_t len = left < WS_FRAME_MAX ? left : WS_FRAME_MAX;
	int kind = chunk->sent ? LWS_WRITE_CONTINUATION : LWS_WRITE_TEXT;

	if (len < left)
		kind |= LWS_WRITE_NO_FIN;
	if (write_frame(w, chunk->data + LWS_PRE + chunk->sent, len, kind) < 0)
		return -1;
	chunk->sent += len;
	w->queued -= len;
	w->taken_ms = clock_mono_ms();
	if (len < left)
		return 0;
	w->first = chunk->next;
	if (!w->first)
		w->last = NULL;
	drop_chunk(w, chunk);
	return 0;
}

static int send_small(struct ws_conn *w, const void *payload, size_t len, int kind)
{
	unsigned char room[LWS_PRE + FRAMES_CONTROL_MAX];

	memcpy(room + LWS_PRE, payload, len);
	return write_frame(w, room + LWS_PRE, len, kind);
}

static int send_ping(struct ws_conn *w)
{
	w->ping_due = false;
	return send_small(w, "ccapi", 5, LWS_WRITE_PING);
}

static int send_pong(struct ws_conn *w)
{
	w->pong_due = false;
	return send_small(w, w->pong, w->pong_len, LWS_WRITE_PONG);
}

static int send_close(struct ws_conn *w)
{
	unsigned char payload[2 + WS_REASON_MAX];
	const size_t len = strlen(w->reason);

	payload[0] = (unsigned char)(w->close_code >> 8);
	payload[1] = (unsigned char)w->close_code;
	memcpy(payload + 2, w->reason, len);
	w->code = w->close_code;
	ws_conn_enter(w, WS_CLOSING);
	return send_small(w, payload, 2 + len, WRITE_CLOSE);
}

/* What is to be written next, at most one frame.  1: it was, 0: there is nothing. */
static int send_next(struct ws_conn *w)
{
	int rc;

	if (w->state >= WS_CLOSING)
		return 0; /* nothing follows a close frame */
	if (w->pong_due)
		rc = send_pong(w);
	else if (w->ping_due)
		rc = send_ping(w);
	else if (w->first)
		rc = send_data(w);
	else if (w->state == WS_FLUSHING)
		rc = send_close(w);
	else
		return 0;
	return rc < 0 ? rc : 1;
}

static void check_drained(struct ws_conn *w)
{
	if (!w->was_high || ws_queued(w) >= w->low)
		return;
	w->was_high = false;
	if (w->state == WS_OPEN)
		w->server->handlers.drained(w->server->handlers.ctx, w);
}

int ws_send_some(struct ws_conn *w)
{
	int rc = 1, n;

	if (w->blocked)
		ws_conn_progress(w);
	w->blocked = false;
	w->in_flight = 0;
	for (n = 0; rc > 0 && n < FRAMES_AT_ONCE && !w->blocked; n++) {
		if (n > 0 && lws_send_pipe_choked(w->wsi)) {
			w->blocked = true;
			break;
		}
		rc = send_next(w);
	}
	if (rc < 0)
		return rc;
	if (w->state == WS_CLOSING && !w->in_flight)
		ws_conn_close_sent(w);
	if (w->in_flight || rc > 0)
		ws_send_want(w);
	check_drained(w);
	return 0;
}
