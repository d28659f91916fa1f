/* Connections whose protocol is not known yet.  The head is peeked, never taken: whoever gets the
 * socket reads it from its first byte.  Most heads are there when accept returns and never come to
 * stay here.
 *
 * A peeked head stays readable, so a level-triggered poll would spin: SO_RCVLOWAT asks the kernel
 * to speak up only when there is one byte more.  It goes back to 1 before the hand-over.  The time
 * to live counts from accept, whatever trickles in; at its end a silent connection is closed and
 * half a head is answered 408.  When the room is full the oldest goes.
 *
 * What must never happen: touching the socket after the hand-over, or handing it over with our poll
 * handle still on it. */
#include "daemon/http/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/log.h"

#include "daemon/http/bare.h"
#include "daemon/http/upgrade.h"

#define PEEK_MAX 8192

struct pending {
	uv_poll_t poll;
	struct pendings *room;
	int fd;
	struct sockaddr_storage addr;
	socklen_t addr_len;
	size_t peeked;
	int64_t until; /* monotonic ms */
	struct pending *prev, *next;
};

/* What was peeked at last: one connection is looked at at a time. */
static char sight[PEEK_MAX];

static void on_deadline(uv_timer_t *timer);

static void set_lowat(int fd, size_t bytes)
{
	const int value = (int)bytes;

	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value);
}

static void handle_gone(struct pendings *ps)
{
	if (--ps->handles == 0 && ps->closed)
		ps->closed(ps->ctx);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct pending *p = handle->data;
	struct pendings *ps = p->room;

	free(p);
	handle_gone(ps);
}

static void on_timer_closed(uv_handle_t *handle)
{
	handle_gone(handle->data);
}

static void arm(struct pendings *ps)
{
	int64_t left;

	if (!ps->list) {
		uv_timer_stop(&ps->deadline);
		return;
	}
	left = ps->list->until - clock_mono_ms();
	uv_timer_start(&ps->deadline, on_deadline, left > 0 ? (uint64_t)left : 0, 0);
}

/* Takes p off the room; the socket is the caller's, p lives on until its handle is closed. */
static void leave(struct pending *p)
{
	struct pendings *ps = p->room;
	const bool first = ps->list == p;

	DL_DELETE(ps->list, p);
	ps->count--;
	uv_poll_stop(&p->poll);
	uv_close((uv_handle_t *)&p->poll, on_poll_closed);
	if (first && !ps->closed)
		arm(ps);
}

/* The end of a connection that has not decided in time, or that was here longest when room was
 * needed. */
static void expire(struct pending *p)
{
	leave(p);
	if (p->peeked)
		bare_reply(p->fd, 408, "the request head did not arrive in time");
	close(p->fd);
}

static void on_deadline(uv_timer_t *timer)
{
	struct pendings *ps = timer->data;
	const int64_t now = clock_mono_ms();

	while (ps->list && ps->list->until <= now)
		expire(ps->list);
	arm(ps);
}

static void refuse_garbage(int fd)
{
	bare_reply(fd, 400, "this is not an HTTP request; TLS is the reverse proxy's");
	close(fd);
}

/* len: of what was seen. */
static void dispatch(const struct pendings *ps, enum peek_verdict verdict, size_t len, int fd,
		     const struct sockaddr *addr, socklen_t addr_len)
{
	const struct listener_targets *t = &ps->targets;
	void *user = NULL;

	if (verdict == PEEK_WEBSOCKET && t->upgrade)
		user = t->upgrade(t->ctx, sight, upgrade_head_size(sight, len), addr, addr_len);
	if (user)
		t->websocket(t->ctx, fd, user);
	else
		t->http(t->ctx, fd, addr, addr_len);
}

/* Looks without waiting.  Returns how many bytes are there (0: end of file, -errno) and the verdict
 * on them. */
static ssize_t look(int fd, enum peek_verdict *ret_verdict, bool *ret_garbage)
{
	ssize_t n;

	do
		n = recv(fd, sight, sizeof sight, MSG_PEEK | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	*ret_garbage = peek_is_garbage(sight, (size_t)n);
	*ret_verdict = peek_classify(sight, (size_t)n);
	if (n == sizeof sight && *ret_verdict == PEEK_MORE)
		*ret_verdict = PEEK_HTTP;
	return n;
}

static void hand_over(struct pending *p, enum peek_verdict verdict, size_t len)
{
	const int fd = p->fd;

	leave(p);
	set_lowat(fd, 1);
	dispatch(p->room, verdict, len, fd, (struct sockaddr *)&p->addr, p->addr_len);
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
	struct pending *p = handle->data;
	enum peek_verdict verdict = PEEK_MORE;
	bool garbage = false;
	ssize_t n = look(p->fd, &verdict, &garbage);

	(void)events;
	if (n == -EAGAIN && status == 0)
		return;
	if (n <= 0 || garbage) {
		leave(p);
		if (n <= 0)
			close(p->fd);
		else
			refuse_garbage(p->fd);
		return;
	}
	if (verdict == PEEK_MORE && (size_t)n > p->peeked && status == 0) {
		p->peeked = (size_t)n;
		set_lowat(p->fd, p->peeked + 1);
		return;
	}
	/* Decided; or nothing new although the kernel called, so the client has closed its side. */
	hand_over(p, verdict, (size_t)n);
}

static void keep(struct pendings *ps, int fd, const struct sockaddr *addr, socklen_t addr_len,
		 size_t peeked)
{
	struct pending *p = calloc(1, sizeof *p);

	if (!p || addr_len > sizeof p->addr || uv_poll_init(ps->loop, &p->poll, fd) < 0) {
		log_warn("listener", "out of memory for a connection, closed it");
		free(p);
		close(fd);
		return;
	}
	if (ps->count >= ps->max && ps->list)
		expire(ps->list);
	p->room = ps;
	p->fd = fd;
	p->poll.data = p;
	p->peeked = peeked;
	memcpy(&p->addr, addr, addr_len);
	p->addr_len = addr_len;
	p->until = clock_mono_ms() + ps->head_timeout;
	set_lowat(fd, peeked + 1);
	DL_APPEND(ps->list, p);
	ps->count++;
	ps->handles++;
	uv_poll_start(&p->poll, UV_READABLE, on_readable);
	if (ps->list == p)
		arm(ps);
}

void pendings_take(struct pendings *ps, int fd, const struct sockaddr *addr, socklen_t addr_len)
{
	enum peek_verdict verdict = PEEK_MORE;
	bool garbage = false;
	ssize_t n = look(fd, &verdict, &garbage);

	if (n == 0 || (n < 0 && n != -EAGAIN))
		close(fd);
	else if (garbage)
		refuse_garbage(fd);
	else if (n > 0 && verdict != PEEK_MORE)
		dispatch(ps, verdict, (size_t)n, fd, addr, addr_len);
	else
		keep(ps, fd, addr, addr_len, n > 0 ? (size_t)n : 0);
}

int pendings_init(struct pendings *ps, uv_loop_t *loop, const struct listener_conf *conf,
		  const struct listener_targets *targets)
{
	*ps = (struct pendings){.loop = loop,
				.targets = *targets,
				.head_timeout = conf->head_timeout,
				.max = conf->max_pending ? conf->max_pending : 1};
	ps->deadline.data = ps;
	ps->handles = 1;
	return uv_timer_init(loop, &ps->deadline);
}

void pendings_done(struct pendings *ps, void (*closed)(void *ctx), void *ctx)
{
	struct pending *p, *next;

	ps->closed = closed;
	ps->ctx = ctx;
	DL_FOREACH_SAFE(ps->list, p, next)
	{
		leave(p);
		close(p->fd);
	}
	uv_timer_stop(&ps->deadline);
	uv_close((uv_handle_t *)&ps->deadline, on_timer_closed);
}
