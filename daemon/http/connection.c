/* One client's socket: what libmicrohttpd does not watch.
 *
 * A suspended connection is out of libmicrohttpd's epoll set, so a client that goes away while its
 * request waits would go unseen.  Every connection is therefore registered, once, in an epoll of
 * ours that reports hang-ups only.  FIN and half-close look alike there, and both cancel what is
 * not answered yet.
 *
 * libmicrohttpd reads edge-triggered and stops at a short read, so a FIN that came together with
 * the last bytes is lost on it.  It is nudged: shutdown(SHUT_RD) on a socket whose peer has closed
 * changes nothing but makes an edge.
 *
 * Deadlines are absolute and checked by one sweep over all connections: libmicrohttpd's own timeout
 * measures inactivity, which a byte a second defeats.  The sweep ends a connection with shutdown();
 * libmicrohttpd then closes it itself.
 *
 * What must never happen: a connection closed, or an exchange freed, from here.  Both die in
 * MHD_run only. */
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/log.h"

#include "daemon/http/bare.h"
#include "daemon/http/internal.h"

#define EVENTS 128
#define SWEEP_MAX_MS 1000
#define SWEEP_MIN_MS 20

struct connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static struct connection *connection_new(struct http_server *s, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info;
	struct connection *c = calloc(1, sizeof *c);
	struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = c};

	if (!c)
		return NULL;
	c->server = s;
	c->mhd = mhd;
	c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	c->since = clock_mono_ms();
	info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	address_format(c->peer, info ? info->client_addr : NULL, sizeof(struct sockaddr_in6));
	if (epoll_ctl(s->disconnects_fd, EPOLL_CTL_ADD, c->fd, &event) < 0) {
		free(c);
		return NULL;
	}
	DL_APPEND(s->connections, c);
	s->connection_count++;
	return c;
}

static void connection_free(struct connection *c)
{
	struct http_server *s = c->server;
	void *unfinished = c->x;

	/* Of a request whose first line it could not take libmicrohttpd may not tell the end. */
	if (unfinished)
		request_completed(s, c->mhd, &unfinished, MHD_REQUEST_TERMINATED_WITH_ERROR);
	epoll_ctl(s->disconnects_fd, EPOLL_CTL_DEL, c->fd, NULL);
	if (c->to_nudge)
		DL_DELETE2(s->to_nudge, c, nudge_prev, nudge_next);
	if (c->linger && !c->gone)
		linger_start(s, c->fd);
	DL_DELETE(s->connections, c);
	s->connection_count--;
	free(c);
}

void connection_notify(void *cls, struct MHD_Connection *mhd, void **socket_context,
		       enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket_context = connection_new(cls, mhd);
	} else if (*socket_context) {
		connection_free(*socket_context);
		*socket_context = NULL;
	}
}

void connection_suspend(struct connection *c)
{
	if (c->suspended)
		return;
	c->suspended = true;
	MHD_suspend_connection(c->mhd);
}

void connection_resume(struct connection *c)
{
	if (!c->suspended)
		return;
	c->suspended = false;
	MHD_resume_connection(c->mhd);
	server_wake(c->server);
}

void connection_nudge(struct connection *c)
{
	if (!c->gone || c->to_nudge)
		return;
	c->to_nudge = true;
	DL_APPEND2(c->server->to_nudge, c, nudge_prev, nudge_next);
}

void connections_nudge(struct http_server *s)
{
	struct connection *c;

	while ((c = s->to_nudge)) {
		DL_DELETE2(s->to_nudge, c, nudge_prev, nudge_next);
		c->to_nudge = false;
		shutdown(c->fd, SHUT_RD);
	}
}

/* The client has closed at least its sending side. */
static void disconnected(struct connection *c)
{
	struct exchange *x = c->x;

	if (c->gone)
		return; /* our own nudge */
	c->gone = true;
	if (!x || x->phase < PHASE_WAIT) {
		/* What is still there is read first: a whole request, perhaps. */
		connection_nudge(c);
		return;
	}
	if (x->ended)
		return;
	exchange_abort(x);
	if (c->suspended)
		connection_resume(c);
	else
		shutdown(c->fd, SHUT_RDWR);
}

static void on_disconnects(uv_poll_t *handle, int status, int events)
{
	struct http_server *s = handle->data;
	struct epoll_event found[EVENTS];
	int n, i;

	(void)status;
	(void)events;
	do {
		n = epoll_wait(s->disconnects_fd, found, EVENTS, 0);
		for (i = 0; i < n; i++)
			disconnected(found[i].data.ptr);
	} while (n == EVENTS);
}

static void end(struct connection *c, const char *why)
{
	log_debug("http", "closing %s: %s", c->peer, why);
	shutdown(c->fd, SHUT_RDWR);
}

static void end_with_408(struct connection *c, const char *why)
{
	if (c->x)
		c->x->status = 408;
	bare_reply(c->fd, 408, why);
	end(c, why);
}

/* Has the client taken anything since the last look?  What the kernel still holds tells. */
static void check_stall(struct connection *c, int64_t now)
{
	struct exchange *x = c->x;
	int unsent = 0;

	if (x->streaming && !x->queued && !x->ended)
		return; /* waits for the handler */
	if (ioctl(c->fd, SIOCOUTQ, &unsent) == 0 && unsent != x->unsent) {
		x->unsent = unsent;
		x->since = now;
	} else if (now - x->since >= c->server->conf.stall_timeout) {
		end(c, "it takes nothing of its answer");
	}
}

static void check_deadline(struct connection *c, int64_t now)
{
	const struct http_conf *conf = &c->server->conf;
	const struct exchange *x = c->x;

	if (c->suspended)
		return;
	if (!x || x->phase < PHASE_WAIT)
		connection_nudge(c);
	if (!x) {
		if (c->requests && now - c->since >= conf->idle_timeout)
			end(c, "idle");
		else if (!c->requests && now - c->since >= conf->head_timeout)
			end_with_408(c, "the request head did not arrive in time");
		return;
	}
	switch (x->phase) {
	case PHASE_HEAD:
		if (now - x->since >= conf->head_timeout)
			end_with_408(c, "the request head did not arrive in time");
		break;
	case PHASE_BODY:
		if (now - x->since >= conf->body_timeout)
			end_with_408(c, "the request body did not arrive in time");
		break;
	case PHASE_WAIT:
		break;
	case PHASE_ANSWER:
		check_stall(c, now);
		break;
	}
}

static void on_sweep(uv_timer_t *timer)
{
	struct http_server *s = timer->data;
	const int64_t now = clock_mono_ms();
	struct connection *c;

	DL_FOREACH(s->connections, c)
	check_deadline(c, now);
	connections_nudge(s);
	linger_sweep(s, now);
	s->limit_logged = false;
}

void connections_close_idle(struct http_server *s)
{
	struct connection *c;
	char byte;

	DL_FOREACH(s->connections, c)
	if (!c->x && c->requests && recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
		end(c, "draining");
}

void connections_sweep_start(struct http_server *s)
{
	const int64_t times[] = {s->conf.head_timeout, s->conf.body_timeout, s->conf.idle_timeout,
				 s->conf.stall_timeout};
	int64_t period = SWEEP_MAX_MS;
	size_t i;

	for (i = 0; i < sizeof times / sizeof *times; i++)
		if (times[i] / 8 < period)
			period = times[i] / 8;
	if (period < SWEEP_MIN_MS)
		period = SWEEP_MIN_MS;
	uv_timer_start(&s->sweep, on_sweep, (uint64_t)period, (uint64_t)period);
}

int connections_init(struct http_server *s)
{
	s->disconnects_fd = epoll_create1(EPOLL_CLOEXEC);
	return s->disconnects_fd < 0 ? -errno : 0;
}

void connections_watch(struct http_server *s)
{
	uv_poll_start(&s->disconnects, UV_READABLE, on_disconnects);
	connections_sweep_start(s);
}
