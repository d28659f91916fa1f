/* Who may have a WebSocket.
 *
 * The listener shows the head of an upgrade request before anybody takes the connection
 * (api_stream_accept).  A good one goes to the WebSocket server.  Any other goes to the HTTP server
 * as the request that it is, whose handler (handle_stream) finds the same fault by the same checks
 * and answers it as every route does.  A good head that reaches the handler all the same was too
 * large to be shown. */
#include <string.h>
#include <strings.h>

#include "shared/str.h"

#include "daemon/api/handlers.h"
#include "daemon/api/routes.h"
#include "daemon/api/stream_private.h"

static const char path[] = "/v1/stream", subprotocol[] = "ccapi.v1";

enum { KEY_CHARACTERS = 24 };

static int refuse(struct failure *f, int status, const char *words)
{
	return failure_set_status(f, status, words);
}

/* RFC 6455, 4.2.1: 16 bytes in base64. */
static bool is_nonce(const char *key)
{
	static const char base64[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	return key && strlen(key) == KEY_CHARACTERS && strspn(key, base64) == KEY_CHARACTERS - 2 &&
	       strcmp(key + KEY_CHARACTERS - 2, "==") == 0;
}

/* Names of protocols are told apart by case, unlike the tokens of other headers. */
static bool offers_ours(const char *list)
{
	while (*list) {
		size_t len;

		list += strspn(list, ", \t");
		len = strcspn(list, ", \t");
		if (len == sizeof subprotocol - 1 && strncmp(list, subprotocol, len) == 0)
			return true;
		list += len;
	}
	return false;
}

static int check_protocol(const struct head_view *head, struct failure *f)
{
	const char *version = head->get(head->from, "Sec-WebSocket-Version");
	const char *offered = head->get(head->from, "Sec-WebSocket-Protocol");

	if (!str_has_token(head->get(head->from, "Upgrade"), "websocket") ||
	    !str_has_token(head->get(head->from, "Connection"), "upgrade"))
		return refuse(f, 426, "This route is a WebSocket: Upgrade: websocket.");
	if (!version || strcmp(version, "13") != 0)
		return refuse(f, 426, "Sec-WebSocket-Version must be 13.");
	if (!is_nonce(head->get(head->from, "Sec-WebSocket-Key")))
		return refuse(f, 400, "Sec-WebSocket-Key must be 16 bytes in base64.");
	if (offered && !offers_ours(offered))
		return refuse(f, 400, "Sec-WebSocket-Protocol must have ccapi.v1, or be absent.");
	return 0;
}

static bool is_listed(const struct conf_list *list, const char *origin)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], origin) == 0)
			return true;
	return false;
}

/* A web page can open a WebSocket to any host, and there is no preflight: its origin has to be this
 * very host, or trusted. */
static bool origin_may(const struct api *api, const struct head_view *head, const char *host)
{
	static const char http[] = "http://", https[] = "https://";
	const char *origin = head->get(head->from, "Origin");

	if (!origin || is_listed(&api->deps.conf->http.cors_origins, origin))
		return true;
	if (strncasecmp(origin, http, sizeof http - 1) == 0)
		return strcasecmp(origin + sizeof http - 1, host) == 0;
	return strncasecmp(origin, https, sizeof https - 1) == 0 &&
	       strcasecmp(origin + sizeof https - 1, host) == 0;
}

static int check_place(const struct api *api, const struct head_view *head, struct failure *f)
{
	const char *host = head->get(head->from, "Host");

	if (!host || !api->deps.host_allowed(api->deps.ctx, host))
		return refuse(f, 403, "This Host is not served here.");
	if (!origin_may(api, head, host))
		return failure_set(f, FAULT_PERMISSION, NULL,
				   "Web pages of this Origin may not use this server.");
	return 0;
}

static int check_room(const struct api *api, struct failure *f)
{
	if (api->streams.draining || dispatch_draining(api->deps.dispatch))
		return failure_set(f, FAULT_OVERLOADED, NULL, "The server is shutting down.");
	if (!api->deps.room_for_stream(api->deps.ctx))
		return failure_set(f, FAULT_OVERLOADED, NULL, "Too many WebSockets are open.");
	return 0;
}

/* A key may also come by the first message, because browsers cannot set headers. */
static int check_key(struct request *r, const struct head_view *head, struct failure *f)
{
	const char *secret = auth_presented(head);

	return secret && *secret ? auth_check_secret(r, secret, f) : 0;
}

int stream_check_head(struct request *r, const struct head_view *head, struct failure *f)
{
	int rc = check_protocol(head, f);

	if (rc == 0)
		rc = check_place(r->api, head, f);
	if (rc == 0)
		rc = check_room(r->api, f);
	return rc ? rc : check_key(r, head, f);
}

/* ---- from the listener ---- */

static const char *peeked_header(const void *head, const char *name)
{
	return upgrade_head_header(head, name);
}

static struct stream *stream_new(struct api *api, struct request *r)
{
	struct stream *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->api = api;
	s->req = r;
	s->state = api->deps.conf->auth.required && !r->key ? STREAM_AUTH : STREAM_OPEN;
	return s;
}

void *api_stream_accept(struct api *api, const struct upgrade_head *head, const char *peer)
{
	const struct head_view view = {peeked_header, head};
	struct stream *s = NULL;
	struct request *r;
	struct failure f;
	const char *arg;

	if (strcmp(upgrade_head_path(head), path) != 0)
		return NULL;
	r = request_new_bare(api, "GET", path, peer, peeked_header(head, "x-request-id"));
	if (!r)
		return NULL;
	route_find("GET", path, &r->route, &arg);
	if (stream_check_head(r, &view, &f) == 0)
		s = stream_new(api, r);
	if (!s)
		request_drop(r); /* the HTTP server makes another, and logs that */
	return s;
}

/* ---- from the HTTP server ---- */

static const char *exchange_value(const void *x, const char *name)
{
	return exchange_header(x, name);
}

void handle_stream(struct request *r)
{
	const struct head_view view = {exchange_value, r->x};
	struct failure f;

	if (stream_check_head(r, &view, &f) == 0)
		refuse(&f, 431, "The head of a WebSocket's upgrade may have at most 8192 bytes.");
	if (failure_status(&f) == 426) {
		exchange_add_header(r->x, "Upgrade", "websocket");
		exchange_add_header(r->x, "Connection", "Upgrade");
		exchange_add_header(r->x, "Sec-WebSocket-Version", "13");
	}
	request_fail(r, &f);
}
