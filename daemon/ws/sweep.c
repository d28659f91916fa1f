/* What the clock decides about WebSockets, looked at several times in the shortest of its times. */
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/log.h"

#include "daemon/ws/internal.h"

#define HANDSHAKE_MS 5000 /* the request is complete: only a socket that takes nothing needs it */
#define CLOSE_MS 3000     /* for the next step of a close */
#define STOP_MS 5000      /* for all connections, when the server stops */

/* libwebsockets does not tell how much of a frame it still has, but the kernel's own queue moves
 * when the peer takes something. */
static void look_at_queue(struct ws_conn *w)
{
	int unsent = 0;

	if (ioctl(w->fd, SIOCOUTQ, &unsent) < 0 || unsent == w->unsent)
		return;
	w->unsent = unsent;
	if (ws_queued(w))
		ws_conn_progress(w);
}

static void check_stall(struct ws_conn *w, int64_t now)
{
	const struct ws_handlers *h = &w->server->handlers;

	if (w->stall_told || !ws_queued(w) || now - w->taken_ms < w->server->conf.stall_timeout)
		return;
	w->stall_told = true;
	h->stalled(h->ctx, w);
}

static void check_silence(struct ws_conn *w, int64_t now)
{
	const int64_t interval = w->server->conf.ping_interval;

	if (now - w->heard_ms >= 2 * interval) {
		ws_close(w, WS_CLOSE_POLICY, "Nothing was heard from you for two pings.");
		return;
	}
	if (w->pinged_ms || now - w->heard_ms < interval)
		return;
	w->pinged_ms = now;
	w->ping_due = true;
	ws_send_want(w);
}

static void check(struct ws_conn *w, int64_t now)
{
	switch (w->state) {
	case WS_ACCEPTED:
	case WS_DROPPED:
		break;
	case WS_HANDSHAKE:
		if (now - w->since_ms >= HANDSHAKE_MS)
			ws_conn_drop(w);
		break;
	case WS_OPEN:
		look_at_queue(w);
		check_stall(w, now);
		if (w->state == WS_OPEN)
			check_silence(w, now);
		break;
	case WS_FLUSHING:
	case WS_CLOSING:
	case WS_ENDING:
		look_at_queue(w);
		if (now - w->since_ms >= CLOSE_MS)
			ws_conn_drop(w);
		break;
	}
}

void ws_sweep(struct ws_server *s)
{
	const int64_t now = clock_mono_ms();
	const bool late = s->stopping && now - s->stop_ms >= STOP_MS;
	struct ws_conn *w;

	DL_FOREACH(s->conns, w)
	{
		if (late)
			ws_conn_drop(w);
		else
			check(w, now);
	}
}
