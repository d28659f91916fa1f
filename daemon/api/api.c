/* The API's front door: what happens to a request before its route's handler runs.
 *
 * Everything that the head alone decides is decided before a large body is read: unknown routes,
 * wrong methods, preflights, media type, wrong keys.  A request is counted twice: the exchange
 * holds one reference until `finished`, a call (pipeline.c) another until its job has ended;
 * whoever is last writes the access log line. */
#include "daemon/api/api.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/clock.h"
#include "shared/str.h"

#include "daemon/api/auth.h"
#include "daemon/api/call.h"
#include "daemon/api/cors.h"
#include "daemon/api/docs.h"
#include "daemon/api/pipeline.h"
#include "daemon/api/request.h"
#include "daemon/api/routes.h"
#include "daemon/api/stream_private.h"

enum { ALLOW_MAX = 256, STATUS_CLIENT_GONE = 499, SMALL_BODY_DIGITS = 5 };

static void on_abort(void *user, struct exchange *x)
{
	struct request *r = user;

	(void)x;
	r->x = NULL;
	if (r->call)
		pipeline_abort(r->call);
	else if (r->gone)
		r->gone(r);
}

/* Without memory there is no request, no id and no log line, but still an answer. */
static struct request *request_of(struct api *api, struct exchange *x)
{
	struct request *r = exchange_user(x);
	struct buf body;

	if (r)
		return r;
	r = request_new(api, x);
	if (r) {
		exchange_set_user(x, r);
		exchange_on_abort(x, on_abort);
		return r;
	}
	buf_init(&body, 256);
	buf_add_str(&body,
		    "{\"error\":{\"message\":\"The server is out of memory.\","
		    "\"type\":\"server_error\",\"param\":null,\"code\":\"internal_error\"}}");
	exchange_reply(x, 500, "application/json", &body);
	buf_done(&body);
	return NULL;
}

/* The type must be the first thing in the value: web pages may send "text/plain;
 * x=,application/json" to other origins without a preflight. */
static bool is_json(const struct exchange *x)
{
	static const char type[] = "application/json";
	const char *value = exchange_header(x, "Content-Type");

	if (!value || strncasecmp(value, type, sizeof type - 1) != 0)
		return false;
	value += sizeof type - 1;
	value += strspn(value, " \t");
	return !*value || *value == ';';
}

static void answer_options(struct request *r, const char *allow)
{
	struct buf empty;

	exchange_add_header(r->x, "Allow", allow);
	cors_add_preflight(r->api->deps.conf, r->x, allow);
	buf_init(&empty, 0);
	request_reply(r, 204, NULL, &empty);
	buf_done(&empty);
}

static void fail(struct request *r, enum fault fault, const char *message)
{
	struct failure f;

	failure_set(&f, fault, NULL, "%s", message);
	request_fail(r, &f);
}

static void no_such_method(struct request *r)
{
	struct buf allow;

	buf_init(&allow, ALLOW_MAX);
	route_write_allow(exchange_path(r->x), &allow);
	if (strcmp(exchange_method(r->x), "OPTIONS") == 0) {
		answer_options(r, allow.data);
	} else {
		exchange_add_header(r->x, "Allow", allow.data);
		fail(r, FAULT_METHOD, "");
	}
	buf_done(&allow);
}

/* What the head decides: protocol, route, content type, key.  Answers and returns false when the
 * request goes no further. */
static bool check_head(struct request *r)
{
	struct exchange *x = r->x;
	struct failure f;

	switch (route_find(exchange_method(x), exchange_path(x), &r->route, &r->arg)) {
	case ROUTE_NO_PATH:
		fail(r, FAULT_NOT_FOUND, "");
		return false;
	case ROUTE_NO_METHOD:
		no_such_method(r);
		return false;
	case ROUTE_FOUND:
		break;
	}
	if (r->route->json_body && !is_json(x)) {
		fail(r, FAULT_MEDIA_TYPE, "");
		return false;
	}
	if (!r->route->open && auth_check_key(r, &f)) {
		request_fail(r, &f);
		return false;
	}
	return true;
}

/* An answer before the body has come costs the connection, because the body is still on its way; a
 * small body is worth waiting for. */
static bool body_is_small(const struct exchange *x)
{
	const char *length = exchange_header(x, "Content-Length");

	return length && strlen(length) <= SMALL_BODY_DIGITS &&
	       !exchange_header(x, "Transfer-Encoding");
}

static void on_head(void *ctx, struct exchange *x)
{
	struct request *r = request_of(ctx, x);

	if (r && !body_is_small(x))
		r->head_checked = check_head(r);
}

static void on_request(void *ctx, struct exchange *x)
{
	struct request *r = exchange_user(x);

	(void)ctx;
	if (r && r->x && (r->head_checked || check_head(r)))
		r->route->handle(r);
}

static void on_refuse(void *ctx, struct exchange *x, int status, const char *message)
{
	struct request *r = request_of(ctx, x);
	struct failure f;

	if (!r || !r->x)
		return;
	failure_set_status(&f, status, message);
	request_fail(r, &f);
}

static void on_finished(void *ctx, struct exchange *x, int status)
{
	struct request *r = exchange_user(x);

	(void)ctx;
	if (!r)
		return;
	if (r->x)
		on_abort(r, x);
	exchange_set_user(x, NULL);
	r->entry.status = status ? status : STATUS_CLIENT_GONE;
	r->entry.duration_ms = (clock_mono_us() - r->started_us) / 1000;
	request_count(r);
	request_unref(r);
}

static void on_timer(uv_timer_t *timer)
{
	pipeline_tick(timer->data);
}

struct api *api_new(const struct api_deps *deps)
{
	struct api *api = calloc(1, sizeof *api);

	if (!api)
		return NULL;
	api->docs = docs_new(deps->conf);
	if (!api->docs) {
		free(api);
		return NULL;
	}
	api->deps = *deps;
	api->started_us = clock_mono_us();
	api->started_wall_s = clock_wall_ms() / 1000;
	api->refs = 2;       /* one for each timer */
	json_object_seed(0); /* before the thread pool parses */
	uv_timer_init(deps->loop, &api->timer);
	api->timer.data = api;
	streams_init(api);
	return api;
}

struct http_handlers api_handlers(struct api *api)
{
	return (struct http_handlers){
		.head = on_head,
		.request = on_request,
		.refuse = on_refuse,
		.finished = on_finished,
		.ctx = api,
	};
}

bool api_has_calls(const struct api *api)
{
	return api->calls != NULL || api->batches > 0;
}

void api_ref(struct api *api)
{
	api->refs++;
}

void api_unref(struct api *api)
{
	if (--api->refs)
		return;
	docs_free(api->docs);
	free(api);
}

static void on_closed(uv_handle_t *handle)
{
	api_unref(handle->data);
}

void api_free(struct api *api)
{
	if (!api)
		return;
	uv_close((uv_handle_t *)&api->timer, on_closed);
	uv_close((uv_handle_t *)&api->streams.timer, on_closed);
}

void api_run_timer(struct api *api)
{
	uint64_t every = api->waiting ? TICK_WAITING_MS : TICK_OPEN_MS;

	if (!api->calls || uv_is_closing((uv_handle_t *)&api->timer))
		uv_timer_stop(&api->timer);
	else if (!uv_is_active((uv_handle_t *)&api->timer) ||
		 uv_timer_get_repeat(&api->timer) != every)
		uv_timer_start(&api->timer, on_timer, every, every);
}
