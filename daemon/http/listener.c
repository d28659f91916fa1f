/* The port: our own listening sockets or systemd's, and accept.  Every accepted connection goes to
 * the waiting room (pending.c), which looks at its head and hands it over.
 *
 * Accepting is bounded per wake-up, so that a flood of connections does not starve the requests
 * that are open.  Out of descriptors, a listening socket stays readable and would spin: a
 * descriptor kept in reserve accepts the connection to refuse it, and the sockets rest for a
 * moment. */
#include "daemon/http/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

#include "daemon/http/address.h"
#include "daemon/http/bare.h"
#include "daemon/http/pending.h"

#define BACKLOG 1024
#define ACCEPTS_PER_WAKE 64
#define REST_MS 50
#define LOG_EVERY_MS 5000
/* What the kernel may hold unsent for a connection: a stream's queue stays ours, where its length
 * is known. */
#define NOT_SENT_MAX (128 * 1024)

struct port {
	uv_poll_t poll;
	struct listener *listener;
	int fd; /* -1: closed */
	char address[ADDRESS_SIZE];
	struct port *prev, *next;
};

struct listener {
	uv_loop_t *loop;
	struct pendings pendings;
	struct port *ports;
	uv_timer_t rest;
	int reserve;    /* a descriptor to accept with when there is no other; -1: none */
	int64_t logged; /* when trouble was last logged, monotonic ms; 0: never */
	unsigned handles;
	bool stopping;
	void (*closed)(void *ctx);
	void *ctx;
};

static void on_connection(uv_poll_t *handle, int status, int events);

static void free_when_closed(struct listener *l)
{
	struct port *p, *next;

	if (l->handles || !l->stopping)
		return;
	DL_FOREACH_SAFE(l->ports, p, next)
	free(p);
	if (l->closed)
		l->closed(l->ctx);
	free(l);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct listener *l = handle->data;

	l->handles--;
	free_when_closed(l);
}

static void on_port_closed(uv_handle_t *handle)
{
	struct listener *l = ((struct port *)handle->data)->listener;

	l->handles--;
	free_when_closed(l);
}

static void on_pendings_closed(void *ctx)
{
	struct listener *l = ctx;

	l->handles--;
	free_when_closed(l);
}

static void watch_ports(struct listener *l)
{
	struct port *p;

	DL_FOREACH(l->ports, p)
	if (p->fd >= 0)
		uv_poll_start(&p->poll, UV_READABLE, on_connection);
}

static void on_rest_over(uv_timer_t *timer)
{
	struct listener *l = timer->data;

	if (l->reserve < 0)
		l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	watch_ports(l);
}

static void rest(struct listener *l)
{
	struct port *p;

	DL_FOREACH(l->ports, p)
	if (p->fd >= 0)
		uv_poll_stop(&p->poll);
	uv_timer_start(&l->rest, on_rest_over, REST_MS, 0);
}

/* No descriptor left: takes the first connection in the queue with the reserve, and refuses it. */
static void refuse_one(struct listener *l, int listening)
{
	int fd;

	if (l->reserve < 0)
		return;
	close(l->reserve);
	fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		bare_reply(fd, 503, "too many open connections");
		close(fd);
	}
	l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void prepare_socket(int fd, const struct sockaddr *addr)
{
	const int one = 1, unsent = NOT_SENT_MAX;

	if (addr->sa_family == AF_UNIX)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

/* Was it the connection's own fault, or a passing one, that accept failed? */
static bool is_passing(int error)
{
	return error == EINTR || error == ECONNABORTED || error == EPROTO || error == EPERM ||
	       error == ENETDOWN || error == EHOSTUNREACH || error == ENETUNREACH;
}

static void log_trouble(struct listener *l, const struct port *p, int error)
{
	const int64_t now = clock_mono_ms();

	if (l->logged && now - l->logged < LOG_EVERY_MS)
		return;
	l->logged = now;
	log_warn("listener", "cannot accept on %s: %s; resting for %d ms at a time", p->address,
		 err_str(-error), REST_MS);
}

static void on_connection(uv_poll_t *handle, int status, int events)
{
	struct port *p = handle->data;
	struct listener *l = p->listener;
	struct sockaddr_storage addr;
	struct sockaddr *const sa = (struct sockaddr *)&addr;
	socklen_t len;
	int fd, i, error;

	(void)status;
	(void)events;
	for (i = 0; i < ACCEPTS_PER_WAKE && p->fd >= 0 && !l->stopping; i++) {
		len = sizeof addr;
		addr.ss_family = AF_UNSPEC;
		fd = accept4(p->fd, sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			prepare_socket(fd, sa);
			pendings_take(&l->pendings, fd, sa, len);
			continue;
		}
		error = errno;
		if (error == EAGAIN)
			return;
		if (is_passing(error))
			continue;
		log_trouble(l, p, error);
		if (error == EMFILE || error == ENFILE)
			refuse_one(l, p->fd);
		rest(l);
		return;
	}
}

struct listener *listener_new(uv_loop_t *loop, const struct listener_conf *conf,
			      const struct listener_targets *targets)
{
	struct listener *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->loop = loop;
	l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pendings_init(&l->pendings, loop, conf, targets);
	uv_timer_init(loop, &l->rest);
	l->rest.data = l;
	l->handles = 2;
	return l;
}

static int add_port(struct listener *l, int fd)
{
	struct port *p = calloc(1, sizeof *p);
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;
	int rc;

	if (!p)
		return -ENOMEM;
	if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0) {
		rc = -errno;
		goto fail;
	}
	address_format(p->address, (struct sockaddr *)&addr, len);
	rc = uv_poll_init(l->loop, &p->poll, fd);
	if (rc < 0)
		goto fail;
	p->poll.data = p;
	p->listener = l;
	p->fd = fd;
	l->handles++;
	DL_APPEND(l->ports, p);
	uv_poll_start(&p->poll, UV_READABLE, on_connection);
	log_info("listener", "listening on %s", p->address);
	return 0;
fail:
	free(p);
	return rc;
}

static int listen_on(struct listener *l, const struct addrinfo *ai)
{
	const int one = 1;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		rc = -errno;
	else
		rc = add_port(l, fd);
	if (rc < 0)
		close(fd);
	return rc;
}

int listener_add(struct listener *l, const char *address)
{
	struct addrinfo *list = NULL, *ai;
	int rc = address_resolve(address, &list), bound = 0;

	if (rc < 0)
		return rc;
	for (ai = list; ai; ai = ai->ai_next) {
		rc = listen_on(l, ai);
		if (rc == 0)
			bound++;
		else if (rc != -EADDRNOTAVAIL && rc != -EAFNOSUPPORT)
			break; /* only a family that this machine lacks may be passed over */
	}
	freeaddrinfo(list);
	if (rc == -EADDRNOTAVAIL || rc == -EAFNOSUPPORT)
		return bound ? 0 : rc;
	return rc;
}

int listener_add_fd(struct listener *l, int fd)
{
	int listening = 0, flags = fcntl(fd, F_GETFL);
	socklen_t len = sizeof listening;

	if (flags < 0 || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0)
		return -errno;
	if (!listening)
		return -EINVAL;
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return add_port(l, fd);
}

const char *listener_address(const struct listener *l, size_t i)
{
	const struct port *p;

	DL_FOREACH(l->ports, p)
	if (i-- == 0)
		return p->address;
	return NULL;
}

void listener_close_sockets(struct listener *l)
{
	struct port *p;

	uv_timer_stop(&l->rest);
	DL_FOREACH(l->ports, p)
	{
		if (p->fd < 0)
			continue;
		uv_poll_stop(&p->poll);
		uv_close((uv_handle_t *)&p->poll, on_port_closed);
		close(p->fd);
		p->fd = -1;
	}
}

void listener_stop(struct listener *l, void (*closed)(void *ctx), void *ctx)
{
	l->stopping = true;
	l->closed = closed;
	l->ctx = ctx;
	listener_close_sockets(l);
	if (l->reserve >= 0)
		close(l->reserve);
	uv_close((uv_handle_t *)&l->rest, on_handle_closed);
	pendings_done(&l->pendings, on_pendings_closed, l);
}
