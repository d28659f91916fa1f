#include "daemon/api/cors.h"

#include <string.h>

#include "shared/buf.h"

#include "daemon/api/fields.h"

enum { EXPOSED_MAX = 1024 };

/* All that we send besides what browsers show anyway. */
const char *const cors_exposed_headers[] = {
	"x-request-id",
	"openai-processing-ms",
	"retry-after",
	"retry-after-ms",
	"x-should-retry",
	"x-ccapi-model",
	"x-ccapi-route",
	"x-ccapi-cache",
	"x-ccapi-cost-usd",
	"x-ccapi-queue-ms",
	"x-ccapi-overhead-ms",
	"x-ccapi-ignored-params",
	"x-ccapi-session-id",
	"x-ccapi-session",
	"x-ccapi-idempotent-replay",
	"x-ratelimit-limit-requests",
	"x-ratelimit-remaining-requests",
	"x-ratelimit-reset-requests",
	"x-ratelimit-limit-tokens",
	"x-ratelimit-remaining-tokens",
	"x-ratelimit-reset-tokens",
	"etag",
	NULL,
};

static const char fallback_headers[] = "authorization, content-type, x-api-key, x-request-id, "
				       "x-ccapi-strict, idempotency-key";

static const char *listed_origin(const struct conf *conf, const struct exchange *x)
{
	const struct conf_list *list = &conf->http.cors_origins;
	const char *origin = list->count ? exchange_header(x, "Origin") : NULL;

	for (size_t i = 0; origin && i < list->count; i++)
		if (strcmp(list->items[i], origin) == 0)
			return origin;
	return NULL;
}

bool cors_add_headers(const struct conf *conf, struct exchange *x)
{
	const char *origin = listed_origin(conf, x);
	struct buf exposed;

	if (!origin)
		return false;
	buf_init(&exposed, EXPOSED_MAX);
	for (size_t i = 0; cors_exposed_headers[i]; i++) {
		buf_add_str(&exposed, i ? ", " : "");
		buf_add_str(&exposed, cors_exposed_headers[i]);
	}
	exchange_add_header(x, "Access-Control-Allow-Origin", origin);
	exchange_add_header(x, "Vary", "Origin");
	exchange_add_header(x, "Access-Control-Expose-Headers", exposed.failed ? "" : exposed.data);
	buf_done(&exposed);
	return true;
}

/* SDKs send headers of their own (x-stainless-*), so the list asked for is the list granted: the
 * origin is trusted. */
void cors_add_preflight(const struct conf *conf, struct exchange *x, const char *allow)
{
	const char *asked = exchange_header(x, "Access-Control-Request-Headers");

	if (!listed_origin(conf, x) || !exchange_header(x, "Access-Control-Request-Method"))
		return;
	exchange_add_header(x, "Access-Control-Allow-Methods", allow);
	exchange_add_header(x, "Access-Control-Allow-Headers", asked ? asked : fallback_headers);
	exchange_add_header(x, "Access-Control-Max-Age", "600");
}
