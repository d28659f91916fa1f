/* How a socket comes to libwebsockets.  Its upgrade request is read and checked here, and the
 * library gets a request of ours that says the same: from the socket it would read frames behind
 * the head as well, which are receive.c's, and it refuses heads that are right (a list in Upgrade,
 * say).  Adoption happens in the loop, so that no callback runs inside ws_server_adopt. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/str.h"

#include "daemon/http/upgrade.h"
#include "daemon/ws/internal.h"

#define HEAD_MAX 8192 /* the listener shows no larger ones */
#define KEY_MAX 64

/* Takes the request's head out of the socket. */
static int read_head(int fd, struct upgrade_head **ret_head)
{
	char head[HEAD_MAX];
	ssize_t n = recv(fd, head, sizeof head, MSG_PEEK | MSG_DONTWAIT);
	size_t size;

	if (n <= 0)
		return n < 0 ? -errno : -ECONNRESET;
	size = upgrade_head_size(head, (size_t)n);
	if (!size || recv(fd, head, size, MSG_DONTWAIT) != (ssize_t)size)
		return -EPROTO;
	return upgrade_head_parse(head, size, ret_head);
}

/* The request as the library is to see it: what is not in here cannot confuse it.  Its length, or a
 * negative code. */
static int write_request(char to[WS_REQUEST_MAX], const struct upgrade_head *h)
{
	const char *key = upgrade_head_header(h, "Sec-WebSocket-Key");
	const char *version = upgrade_head_header(h, "Sec-WebSocket-Version");
	const char *offered = upgrade_head_header(h, "Sec-WebSocket-Protocol");

	if (!key || strlen(key) > KEY_MAX || !version || strcmp(version, "13") != 0)
		return -EPROTO;
	return snprintf(to, WS_REQUEST_MAX,
			"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
			"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
			"Sec-WebSocket-Key: %s\r\n%s\r\n",
			key,
			str_has_token(offered, WS_SUBPROTOCOL)
				? "Sec-WebSocket-Protocol: " WS_SUBPROTOCOL "\r\n"
				: "");
}

static int prepare(struct ws_conn *w, char request[WS_REQUEST_MAX])
{
	struct upgrade_head *h;
	int rc;

	if (w->state != WS_ACCEPTED)
		return -ECONNABORTED;
	rc = read_head(w->fd, &h);
	if (rc < 0)
		return rc;
	rc = write_request(request, h);
	upgrade_head_free(h);
	return rc;
}

static void adopt(struct ws_conn *w)
{
	struct ws_server *s = w->server;
	char request[WS_REQUEST_MAX];
	const int len = prepare(w, request);
	struct lws *wsi;

	if (len < 0) {
		close(w->fd);
		ws_server_reap(w);
		return;
	}
	ws_conn_enter(w, WS_HANDSHAKE);
	s->adopting = w;
	wsi = lws_adopt_socket_vhost_readbuf(s->vhost, w->fd, request, (size_t)len);
	if (s->adopting != w)
		return; /* it is over already */
	s->adopting = NULL;
	if (wsi && !w->wsi) {
		w->wsi = wsi;
		lws_set_opaque_user_data(wsi, w);
	} else if (!w->wsi) {
		ws_server_reap(w); /* the library has closed the socket */
	}
}

static void on_soon(uv_timer_t *timer)
{
	struct ws_server *s = timer->data;
	struct ws_conn *w, *next;

	/* Only these are freed on the way: what the library has, it frees in its own time. */
	for (w = s->fresh, s->fresh = NULL; w; w = next) {
		next = w->next;
		adopt(w);
	}
}

void ws_server_adopt(struct ws_server *s, int fd, void *user)
{
	struct ws_conn *w = calloc(1, sizeof *w);

	if (!w) {
		struct ws_conn none = {.server = s, .user = user};

		close(fd);
		s->handlers.closed(s->handlers.ctx, &none, WS_CODE_NONE);
		return;
	}
	w->server = s;
	w->user = user;
	w->fd = fd;
	w->since_ms = clock_mono_ms();
	DL_APPEND(s->conns, w);
	s->count++;
	if (!s->fresh)
		s->fresh = w; /* and all behind it */
	uv_timer_start(&s->soon, on_soon, 0, 0);
}
