/* Sockets that are read to their end after a refusal.  Closing a socket with unread bytes resets
 * the connection, and the reset overtakes the answer: a client that is still sending its 20 MB
 * would see "connection reset" in place of 413.  So a copy of the descriptor keeps the connection
 * for two seconds more, swallowing what comes: as much as a body may have, and SWALLOW_MAX beyond.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

#include "shared/clock.h"

#include "daemon/http/internal.h"

#define LINGER_MS 2000
#define LINGER_MAX 256
#define SWALLOW_MAX ((uint64_t)16 * 1024 * 1024)
#define READS_PER_WAKE 16

struct lingerer {
	uv_poll_t poll;
	struct http_server *server;
	int fd;
	int64_t until;
	uint64_t swallowed;
	struct lingerer *prev, *next;
};

static void on_closed(uv_handle_t *handle)
{
	struct lingerer *l = handle->data;

	handle->data = l->server;
	server_handle_closed(handle);
	free(l);
}

static void stop(struct lingerer *l)
{
	DL_DELETE(l->server->lingering, l);
	l->server->lingering_count--;
	uv_poll_stop(&l->poll);
	uv_close((uv_handle_t *)&l->poll, on_closed);
	close(l->fd);
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
	static char scratch[65536];
	struct lingerer *l = handle->data;
	ssize_t n = 1;
	int i;

	(void)events;
	for (i = 0; i < READS_PER_WAKE && n > 0; i++) {
		n = recv(l->fd, scratch, sizeof scratch, MSG_DONTWAIT);
		l->swallowed += n > 0 ? (uint64_t)n : 0;
	}
	if (status < 0 || n == 0 || l->swallowed > l->server->conf.max_body + SWALLOW_MAX ||
	    (n < 0 && errno != EAGAIN && errno != EINTR))
		stop(l);
}

void linger_start(struct http_server *s, int fd)
{
	struct lingerer *l;

	if (s->stopping || s->lingering_count >= LINGER_MAX)
		return;
	l = calloc(1, sizeof *l);
	if (!l)
		return;
	l->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (l->fd < 0 || uv_poll_init(s->loop, &l->poll, l->fd) < 0) {
		if (l->fd >= 0)
			close(l->fd);
		free(l);
		return;
	}
	shutdown(l->fd, SHUT_WR);
	l->poll.data = l;
	l->server = s;
	l->until = clock_mono_ms() + LINGER_MS;
	s->handles++;
	s->lingering_count++;
	DL_APPEND(s->lingering, l);
	uv_poll_start(&l->poll, UV_READABLE, on_readable);
}

void linger_sweep(struct http_server *s, int64_t now)
{
	while (s->lingering && s->lingering->until <= now)
		stop(s->lingering);
}

void linger_stop_all(struct http_server *s)
{
	while (s->lingering)
		stop(s->lingering);
}
