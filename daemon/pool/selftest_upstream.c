#include "daemon/pool/selftest_upstream.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "shared/buf.h"

enum { BODY_MAX = 1024 * 1024, ROUNDS_MAX = 8 };

struct selftest_upstream {
	struct MHD_Daemon *mhd;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned open_handles, port, requests;
	json_t *body;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static const char answer[] =
	"event: message_start\n"
	"data: "
	"{\"type\":\"message_start\",\"message\":{\"id\":\"msg_selftest\",\"type\":\"message\","
	"\"role\":\"assistant\","
	"\"model\":\"claude-selftest\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
	"\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n"
	"event: content_block_start\n"
	"data: "
	"{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
	"\"text\":\"\"}}\n\n"
	"event: content_block_delta\n"
	"data: "
	"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"
	"\"ok\"}}\n\n"
	"event: content_block_stop\n"
	"data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
	"event: message_delta\n"
	"data: "
	"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":"
	"null},"
	"\"usage\":{\"output_tokens\":1}}\n\n"
	"event: message_stop\n"
	"data: {\"type\":\"message_stop\"}\n\n";

static enum MHD_Result respond(struct MHD_Connection *c, unsigned status, const char *type,
			       const char *text)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result rc;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	rc = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *c, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	struct selftest_upstream *u = cls;
	struct buf *body = *state;

	(void)version;
	if (!body) {
		body = malloc(sizeof *body);
		if (!body)
			return MHD_NO;
		buf_init(body, BODY_MAX);
		*state = body;
		return MHD_YES;
	}
	if (*upload_size) {
		buf_add(body, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (strcmp(method, "POST") != 0 || strcmp(url, "/v1/messages") != 0)
		return respond(c, MHD_HTTP_NOT_FOUND, "application/json", "{}");
	json_decref(u->body);
	u->body = body->failed || !body->data ? NULL : json_loadb(body->data, body->len, 0, NULL);
	u->requests++;
	return respond(c, MHD_HTTP_OK, "text/event-stream", answer);
}

static void completed(void *cls, struct MHD_Connection *c, void **state,
		      enum MHD_RequestTerminationCode code)
{
	struct buf *body = *state;

	(void)cls;
	(void)c;
	(void)code;
	if (body)
		buf_done(body);
	free(body);
	*state = NULL;
}

static void run(struct selftest_upstream *u);

static void timer_fired(uv_timer_t *timer)
{
	run(timer->data);
}

static void readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	run(poll->data);
}

static void run(struct selftest_upstream *u)
{
	MHD_UNSIGNED_LONG_LONG timeout = 0;
	enum MHD_Result rc = MHD_NO;

	for (int i = 0; i < ROUNDS_MAX; i++) {
		MHD_run(u->mhd);
		rc = MHD_get_timeout(u->mhd, &timeout);
		if (rc != MHD_YES || timeout > 0)
			break;
	}
	if (rc == MHD_YES)
		uv_timer_start(&u->timer, timer_fired, timeout, 0);
	else
		uv_timer_stop(&u->timer);
}

static struct MHD_Daemon *start_mhd(struct selftest_upstream *u)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, handle, u, MHD_OPTION_SOCK_ADDR,
				(struct sockaddr *)&addr, MHD_OPTION_CONNECTION_LIMIT, 16u,
				MHD_OPTION_NOTIFY_COMPLETED, completed, u, MHD_OPTION_END);
}

struct selftest_upstream *selftest_upstream_new(uv_loop_t *loop)
{
	struct selftest_upstream *u = calloc(1, sizeof *u);
	const union MHD_DaemonInfo *fd = NULL, *port = NULL;

	if (!u)
		return NULL;
	u->mhd = start_mhd(u);
	if (u->mhd) {
		fd = MHD_get_daemon_info(u->mhd, MHD_DAEMON_INFO_EPOLL_FD);
		port = MHD_get_daemon_info(u->mhd, MHD_DAEMON_INFO_BIND_PORT);
	}
	if (!fd || !port || uv_poll_init(loop, &u->poll, fd->epoll_fd) != 0) {
		if (u->mhd)
			MHD_stop_daemon(u->mhd);
		free(u);
		return NULL;
	}
	u->port = port->port;
	uv_timer_init(loop, &u->timer);
	u->poll.data = u->timer.data = u;
	u->open_handles = 2;
	uv_poll_start(&u->poll, UV_READABLE, readable);
	return u;
}

unsigned selftest_upstream_port(const struct selftest_upstream *u)
{
	return u->port;
}

const json_t *selftest_upstream_body(const struct selftest_upstream *u)
{
	return u->body;
}

unsigned selftest_upstream_requests(const struct selftest_upstream *u)
{
	return u->requests;
}

void selftest_upstream_forget(struct selftest_upstream *u)
{
	json_decref(u->body);
	u->body = NULL;
	u->requests = 0;
}

static void handle_closed(uv_handle_t *handle)
{
	struct selftest_upstream *u = handle->data;

	if (--u->open_handles > 0)
		return;
	MHD_stop_daemon(u->mhd);
	json_decref(u->body);
	u->closed(u->closed_ctx);
	free(u);
}

void selftest_upstream_stop(struct selftest_upstream *u, void (*closed)(void *ctx), void *ctx)
{
	u->closed = closed;
	u->closed_ctx = ctx;
	uv_close((uv_handle_t *)&u->poll, handle_closed);
	uv_close((uv_handle_t *)&u->timer, handle_closed);
}
