/* libmicrohttpd in our loop.
 *
 * libmicrohttpd runs in external epoll mode: its epoll descriptor is polled by the loop, and
 * MHD_run is called from one place only, a prepare handle, whenever something has set `dirty`: its
 * descriptor became readable, a connection was added, a connection was resumed.  The last one is
 * needed because MHD_get_timeout does not know of pending resumes.  The rounds are bounded; what is
 * left over keeps a zero timer running, so that the loop comes back without waiting.
 *
 * Stopping: everything suspended is resumed with its exchange marked aborted, because
 * MHD_stop_daemon ends the process when it finds a suspended connection; then libmicrohttpd closes
 * its sockets, then our handles go. */
#include "daemon/http/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/log.h"

#include "daemon/http/bare.h"
#include "daemon/http/internal.h"

#define ROUNDS 4
#define STOP_ROUNDS 64
/* Libmicrohttpd's limit, fixed at start; ours is below and may change. */
#define CONNECTIONS_EVER (1u << 20)
/* Of a connection's memory, on top of the head: the answer's own head. */
#define ANSWER_ROOM 4096

/* The words alone: the values are pieces of requests, and there may be a key or a prompt in them.
 */
static void log_library(void *cls, const char *words, va_list values)
{
	(void)cls;
	(void)values;
	log_debug("mhd", "%.*s", (int)strcspn(words, "\n"), words);
}

/* Targets are decoded by head.c, strictly; the library shall leave them alone. */
static size_t keep_escapes(void *cls, struct MHD_Connection *mhd, char *text)
{
	(void)cls;
	(void)mhd;
	return strlen(text);
}

static void on_mhd_timer(uv_timer_t *timer)
{
	((struct http_server *)timer->data)->dirty = true;
}

void server_wake(struct http_server *s)
{
	if (s->dirty)
		return;
	s->dirty = true;
	uv_timer_start(&s->mhd_timer, on_mhd_timer, 0, 0);
}

static void on_mhd_readable(uv_poll_t *handle, int status, int events)
{
	(void)status;
	(void)events;
	((struct http_server *)handle->data)->dirty = true;
}

/* Runs right before the loop waits. */
static void on_prepare(uv_prepare_t *handle)
{
	struct http_server *s = handle->data;
	MHD_UNSIGNED_LONG_LONG ms = 0;
	int round;

	for (round = 0; s->dirty && round < ROUNDS; round++) {
		s->dirty = false;
		MHD_run(s->mhd);
		streams_run_drains(s);
		connections_nudge(s);
		if (MHD_get_timeout(s->mhd, &ms) == MHD_YES && ms == 0)
			s->dirty = true;
	}
	if (s->dirty)
		uv_timer_start(&s->mhd_timer, on_mhd_timer, 0, 0);
	else
		uv_timer_stop(&s->mhd_timer);
}

static void free_hosts(const char *const *hosts)
{
	const char *const *h;

	for (h = hosts; h && *h; h++)
		free((void *)(uintptr_t)*h);
	free((void *)(uintptr_t)hosts);
}

static const char *const *copy_hosts(const char *const *hosts)
{
	const char **copy;
	size_t n = 0, i;

	while (hosts && hosts[n])
		n++;
	copy = calloc(n + 1, sizeof *copy);
	for (i = 0; copy && i < n; i++) {
		copy[i] = strdup(hosts[i]);
		if (!copy[i]) {
			free_hosts(copy);
			return NULL;
		}
	}
	return copy;
}

bool http_server_allows_host(const struct http_server *s, const char *host)
{
	return head_host_allowed(s->conf.hosts, host, strlen(host));
}

int http_server_configure(struct http_server *s, const struct http_conf *conf)
{
	const char *const *hosts = copy_hosts(conf->hosts);

	if (!hosts)
		return -ENOMEM;
	free_hosts(s->conf.hosts);
	s->conf = *conf;
	s->conf.hosts = hosts;
	connections_sweep_start(s);
	return 0;
}

static struct MHD_Daemon *start_library(struct http_server *s)
{
	const size_t memory = s->max_head + ANSWER_ROOM;

	/* The logger comes first: it is to see what the others cause. */
	return MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
			MHD_USE_ERROR_LOG,
		0, NULL, NULL, request_access, s, MHD_OPTION_EXTERNAL_LOGGER, log_library, s,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_EVER, MHD_OPTION_CONNECTION_TIMEOUT, 0u,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory, MHD_OPTION_STRICT_FOR_CLIENT, 0,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes,
		NULL, MHD_OPTION_URI_LOG_CALLBACK, request_line, s, MHD_OPTION_NOTIFY_COMPLETED,
		request_completed, s, MHD_OPTION_NOTIFY_CONNECTION, connection_notify, s,
		MHD_OPTION_END);
}

static void init_handles(struct http_server *s, int mhd_fd)
{
	uv_prepare_init(s->loop, &s->prepare);
	uv_timer_init(s->loop, &s->mhd_timer);
	uv_timer_init(s->loop, &s->sweep);
	uv_timer_init(s->loop, &s->stop_soon);
	uv_poll_init(s->loop, &s->mhd_poll, mhd_fd);
	uv_poll_init(s->loop, &s->disconnects, s->disconnects_fd);
	s->handles = 6;
	s->prepare.data = s->mhd_timer.data = s->sweep.data = s->stop_soon.data = s;
	s->mhd_poll.data = s->disconnects.data = s;
	uv_prepare_start(&s->prepare, on_prepare);
	uv_poll_start(&s->mhd_poll, UV_READABLE, on_mhd_readable);
}

struct http_server *http_server_new(uv_loop_t *loop, const struct http_conf *conf,
				    const struct http_handlers *handlers)
{
	struct http_server *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->loop = loop;
	s->handlers = *handlers;
	s->conf = *conf;
	s->conf.hosts = copy_hosts(conf->hosts);
	s->max_head = conf->max_head;
	if (connections_init(s) < 0)
		goto fail;
	s->mhd = s->conf.hosts ? start_library(s) : NULL;
	if (!s->mhd)
		goto fail_epoll;
	reply_check_interposed();
	init_handles(s, MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	connections_watch(s);
	return s;
fail_epoll:
	close(s->disconnects_fd);
fail:
	free_hosts(s->conf.hosts);
	free(s);
	return NULL;
}

void http_server_adopt(struct http_server *s, int fd, const struct sockaddr *addr,
		       socklen_t addr_len)
{
	if (s->stopping) {
		close(fd);
		return;
	}
	if (s->connection_count >= s->conf.max_connections) {
		if (!s->limit_logged)
			log_warn("http", "refusing connections: %u are open", s->connection_count);
		s->limit_logged = true;
		bare_reply(fd, 503, "too many open connections");
		close(fd);
		return;
	}
	/* closes the socket itself when it fails */
	if (MHD_add_connection(s->mhd, fd, addr, addr_len) != MHD_YES)
		log_warn("http", "cannot take a connection: %s", strerror(errno));
	server_wake(s);
}

unsigned http_server_connections(const struct http_server *s)
{
	return s->connection_count;
}

unsigned http_server_exchanges(const struct http_server *s)
{
	return s->exchange_count;
}

void http_server_drain(struct http_server *s)
{
	s->draining = true;
	connections_close_idle(s);
}

void server_handle_closed(uv_handle_t *handle)
{
	struct http_server *s = handle->data;

	if (--s->handles > 0)
		return;
	close(s->disconnects_fd);
	free_hosts(s->conf.hosts);
	if (s->closed)
		s->closed(s->closed_ctx);
	free(s);
}

static bool abort_all(struct http_server *s)
{
	struct connection *c;
	bool any = false;

	for (c = s->connections; c; c = c->next) {
		if (c->x)
			exchange_abort(c->x);
		any = any || c->suspended;
		connection_resume(c);
	}
	return any;
}

static void on_stop(uv_timer_t *timer)
{
	struct http_server *s = timer->data;
	int round;

	for (round = 0; round < STOP_ROUNDS && (abort_all(s) || round == 0); round++)
		MHD_run(s->mhd);
	uv_prepare_stop(&s->prepare);
	uv_poll_stop(&s->mhd_poll);
	uv_poll_stop(&s->disconnects);
	MHD_stop_daemon(s->mhd);
	linger_stop_all(s);
	uv_close((uv_handle_t *)&s->prepare, server_handle_closed);
	uv_close((uv_handle_t *)&s->mhd_timer, server_handle_closed);
	uv_close((uv_handle_t *)&s->sweep, server_handle_closed);
	uv_close((uv_handle_t *)&s->stop_soon, server_handle_closed);
	uv_close((uv_handle_t *)&s->mhd_poll, server_handle_closed);
	uv_close((uv_handle_t *)&s->disconnects, server_handle_closed);
}

void http_server_stop(struct http_server *s, void (*closed)(void *ctx), void *ctx)
{
	if (s->stopping)
		return;
	s->stopping = true;
	s->closed = closed;
	s->closed_ctx = ctx;
	uv_timer_start(&s->stop_soon, on_stop, 0, 0);
}
