#include "daemon/api/health.h"

#include <ccapi_version.h>

#include "shared/clock.h"
#include "shared/json.h"

#include "daemon/api/gauges.h"
#include "daemon/api/handlers.h"
#include "daemon/api/request.h"
#include "daemon/api/routes.h"
#include "daemon/observe/metrics.h"

enum { BODY_MAX = 16384, METRICS_MAX = 4 * 1024 * 1024 };

void handle_index(struct request *r)
{
	const struct route *route;
	struct buf b;

	buf_init(&b, BODY_MAX);
	buf_add_str(&b, "{\"name\":\"ccapi\",\"version\":\"" CCAPI_VERSION "\",\"routes\":[");
	for (size_t i = 0; (route = route_at(i)); i++)
		buf_printf(&b, "%s{\"method\":\"%s\",\"path\":\"%s\",\"about\":\"%s\"}",
			   i ? "," : "", route->method, route->path, route->about);
	buf_add_str(&b, "],\"openapi\":\"/openapi.json\",\"docs\":\"Give an OpenAI SDK this "
			"server's address with /v1 as its base "
			"URL and any API key.\"}");
	request_reply(r, 200, "application/json", &b);
	buf_done(&b);
}

void handle_health(struct request *r)
{
	struct buf b;

	buf_init(&b, BODY_MAX);
	buf_printf(&b, "{\"status\":\"ok\",\"version\":\"" CCAPI_VERSION "\",\"uptime_s\":%lld}",
		   (long long)((clock_mono_us() - r->api->started_us) / 1000000));
	request_reply(r, 200, "application/json", &b);
	buf_done(&b);
}

void handle_metrics(struct request *r)
{
	struct buf b;

	gauges_read(r->api);
	buf_init(&b, METRICS_MAX);
	metrics_write(&b);
	request_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", &b);
	buf_done(&b);
}

/* NULL: work can be taken. */
static const char *not_ready_reason(const struct api_deps *deps, int64_t plan_wait_ms)
{
	enum pool_health health = pool_health(deps->pool);

	if (dispatch_draining(deps->dispatch))
		return "draining";
	if (!store_healthy(deps->store) || !registry_loaded(deps->registry))
		return "store_failed";
	if (health != POOL_READY)
		return pool_health_name(health);
	return plan_wait_ms > 0 ? "plan_limit" : NULL;
}

const char *health_reason(const struct api *api)
{
	const char *reason = not_ready_reason(
		&api->deps, plan_limits_wait_ms(pool_plan(api->deps.pool), clock_wall_ms()));

	return reason ? reason : "ready";
}

void handle_ready(struct request *r)
{
	const struct api_deps *deps = &r->api->deps;
	int64_t wait_ms = plan_limits_wait_ms(pool_plan(deps->pool), clock_wall_ms());
	const char *reason = not_ready_reason(deps, wait_ms);
	struct buf b;

	buf_init(&b, BODY_MAX);
	if (reason)
		buf_printf(&b, "{\"status\":\"unavailable\",\"reason\":\"%s\"}", reason);
	else
		buf_add_str(&b, "{\"status\":\"ready\"}");
	if (reason && wait_ms > 0)
		exchange_add_headerf(r->x, "Retry-After", "%lld",
				     (long long)((wait_ms + 999) / 1000));
	request_reply(r, reason ? 503 : 200, "application/json", &b);
	buf_done(&b);
}
