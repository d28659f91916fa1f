/* libwebsockets in the daemon's loop.
 *
 * The library answers the upgrade request and sends; the sockets and their handles are its own.
 * What comes in is read by us (receive.c), when an epoll of ours over all sockets says so.  A
 * struct ws_conn is ours from ws_server_adopt to handlers->closed.  The library's version on Debian
 * 12, 4.1.6, needs all of this under libuv:
 *
 *   - sockets are given to it (lws_adopt_socket_vhost_readbuf); it never listens
 *   - the request's head it gets from us (adopt.c)
 *   - no limit of descriptors is set: its look-ups would then walk over all of them
 *   - the prepare handle asks it for what it has left to do
 *   - its own pings are switched off: they end in a hang-up without a close frame
 *   - it sends a frame in one go only up to tx_packet_size, and copies the rest
 *   - teardown: connections first, lws_context_destroy(), some turns of the loop in which its
 *     handles close, lws_context_destroy() again */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/log.h"

#include "daemon/ws/internal.h"

#define SERVER_EVENTS 128
#define SWEEP_MS_MAX 1000
#define SWEEP_MS_MIN 20
#define TURNS_TO_CLOSE 10
#define HANDSHAKE_SECONDS 5

void ws_server_reap(struct ws_conn *w)
{
	struct ws_server *s = w->server;

	ws_conn_unwatch(w);
	if (s->adopting == w)
		s->adopting = NULL;
	DL_DELETE(s->conns, w);
	s->count--;
	s->handlers.closed(s->handlers.ctx, w, w->code ? w->code : WS_CODE_NONE);
	ws_send_clear(w);
	buf_done(&w->message);
	free(w);
}

/* The library's callbacks of one connection; non-zero: it is to close that. */
static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
		    size_t len)
{
	struct ws_conn *w = lws_get_opaque_user_data(wsi);

	(void)user;
	(void)in;
	(void)len;
	if (!w)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		return ws_conn_opened(w);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return w->state < WS_ENDING ? ws_send_some(w) : 0;
	case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
	case LWS_CALLBACK_CLOSED:
		ws_conn_unwatch(w); /* the socket is still open */
		if (w->state != WS_DROPPED)
			ws_conn_enter(w, WS_DROPPED);
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		lws_set_opaque_user_data(wsi, NULL);
		ws_server_reap(w);
		return 0;
	default:
		return 0;
	}
}

/* While the library takes a socket it calls before it has told what it calls the connection. */
static int on_any_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
			size_t len)
{
	struct ws_server *s;

	if (!wsi)
		return 0;
	s = lws_context_user(lws_get_context(wsi));
	if (s->adopting && !lws_get_opaque_user_data(wsi) &&
	    lws_get_socket_fd(wsi) == s->adopting->fd) {
		s->adopting->wsi = wsi;
		lws_set_opaque_user_data(wsi, s->adopting);
	}
	return on_event(wsi, reason, user, in, len);
}

/* The protocol of a client that asks for none is the first. */
static const struct lws_protocols protocols[] = {
	{.name = WS_SUBPROTOCOL,
	 .callback = on_any_event,
	 .rx_buffer_size = FRAMES_CONTROL_MAX, /* never used */
	 .tx_packet_size = WS_FRAME_MAX + LWS_PRE},
	{.name = NULL},
};

static void log_line(int level, const char *line)
{
	(void)level;
	log_debug(WS_AREA, "libwebsockets: %.*s", (int)strcspn(line, "\n"), line);
}

/* ---- connections ---- */

bool ws_server_has_room(const struct ws_server *s)
{
	return !s->stopping && s->count < s->conf.max_connections;
}

unsigned ws_server_connections(const struct ws_server *s)
{
	return s->count;
}

/* ---- the loop ---- */

static void on_prepare(uv_prepare_t *prepare)
{
	struct ws_server *s = prepare->data;

	if (!lws_service_adjust_timeout(s->lws, 1, 0))
		lws_cancel_service(s->lws);
}

static void on_input(uv_poll_t *poll, int status, int events)
{
	struct ws_server *s = poll->data;
	struct epoll_event found[SERVER_EVENTS];
	const int n = epoll_wait(s->input_fd, found, SERVER_EVENTS, 0);

	(void)status;
	(void)events;
	/* No connection is freed on the way: only the library's callbacks do that. */
	for (int i = 0; i < n; i++)
		ws_receive(found[i].data.ptr);
}

static void destroy(struct ws_server *s);

static void on_sweep(uv_timer_t *timer)
{
	struct ws_server *s = timer->data;

	if (s->destroying) {
		if (++s->turns >= TURNS_TO_CLOSE)
			destroy(s);
		return;
	}
	ws_sweep(s);
	if (s->stopping && !s->count)
		destroy(s);
}

static void set_sweep(struct ws_server *s)
{
	const int64_t shortest = s->conf.ping_interval < s->conf.stall_timeout
					 ? s->conf.ping_interval
					 : s->conf.stall_timeout;
	uint64_t every = (uint64_t)(shortest / 4);

	if (every > SWEEP_MS_MAX)
		every = SWEEP_MS_MAX;
	if (every < SWEEP_MS_MIN || s->stopping)
		every = SWEEP_MS_MIN;
	uv_timer_start(&s->sweep, on_sweep, every, every);
}

/* ---- start ---- */

static int start_library(struct ws_server *s)
{
	static const lws_retry_bo_t no_pings = {.secs_since_valid_ping = 0};
	void *loops[] = {s->loop};
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
		.foreign_loops = loops,
		.gid = -1,
		.uid = -1,
		.user = s,
		.max_http_header_data = 2 * WS_REQUEST_MAX,
		.retry_and_idle_policy = &no_pings,
	};
	struct lws_context_creation_info vhost = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.vhost_name = "ccapi",
		.timeout_secs = HANDSHAKE_SECONDS,
		.retry_and_idle_policy = &no_pings,
	};

	lws_set_log_level(LLL_ERR | LLL_WARN, log_line);
	s->lws = lws_create_context(&info);
	if (!s->lws)
		return -1;
	s->vhost = lws_create_vhost(s->lws, &vhost);
	if (s->vhost)
		return 0;
	lws_context_destroy(s->lws);
	return -1;
}

static void start_handles(struct ws_server *s)
{
	uv_timer_init(s->loop, &s->sweep);
	uv_timer_init(s->loop, &s->soon);
	uv_prepare_init(s->loop, &s->prepare);
	uv_poll_init(s->loop, &s->input, s->input_fd);
	s->sweep.data = s->soon.data = s->prepare.data = s->input.data = s;
	s->open_handles = 4;
	uv_prepare_start(&s->prepare, on_prepare);
	uv_poll_start(&s->input, UV_READABLE, on_input);
	set_sweep(s);
}

struct ws_server *ws_server_new(uv_loop_t *loop, const struct ws_conf *conf,
				const struct ws_handlers *handlers)
{
	struct ws_server *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->loop = loop;
	s->conf = *conf;
	s->handlers = *handlers;
	s->input_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->input_fd < 0) {
		log_error(WS_AREA, "cannot watch sockets: %s", strerror(errno));
		goto fail;
	}
	if (start_library(s) < 0) {
		log_error(WS_AREA, "libwebsockets does not start; its libuv plug-in is the package "
				   "libwebsockets-evlib-uv");
		goto fail_epoll;
	}
	start_handles(s);
	return s;
fail_epoll:
	close(s->input_fd);
fail:
	free(s);
	return NULL;
}

void ws_server_configure(struct ws_server *s, const struct ws_conf *conf)
{
	s->conf = *conf;
	set_sweep(s);
}

/* ---- stop ---- */

static void on_handle_closed(uv_handle_t *handle)
{
	struct ws_server *s = handle->data;

	if (--s->open_handles)
		return;
	close(s->input_fd);
	s->closed(s->closed_ctx);
	free(s);
}

/* Called twice: the library's handles close in the turns between. */
static void destroy(struct ws_server *s)
{
	if (!s->destroying) {
		s->destroying = true;
		uv_prepare_stop(&s->prepare);
		uv_poll_stop(&s->input);
		lws_context_destroy(s->lws);
		uv_timer_start(&s->sweep, on_sweep, 1, 1);
		return;
	}
	lws_context_destroy(s->lws);
	s->lws = NULL;
	while (s->conns)
		ws_server_reap(s->conns);
	uv_close((uv_handle_t *)&s->sweep, on_handle_closed);
	uv_close((uv_handle_t *)&s->soon, on_handle_closed);
	uv_close((uv_handle_t *)&s->prepare, on_handle_closed);
	uv_close((uv_handle_t *)&s->input, on_handle_closed);
}

void ws_server_stop(struct ws_server *s, void (*closed)(void *ctx), void *ctx)
{
	struct ws_conn *w;

	if (s->stopping)
		return;
	s->stopping = true;
	s->stop_ms = clock_mono_ms();
	s->closed = closed;
	s->closed_ctx = ctx;
	DL_FOREACH(s->conns, w)
	{
		if (w->state < WS_OPEN)
			ws_conn_drop(w);
		else
			ws_close(w, WS_CLOSE_GOING_AWAY, "The server is shutting down.");
	}
	set_sweep(s);
}
