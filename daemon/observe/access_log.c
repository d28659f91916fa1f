#include "daemon/observe/access_log.h"

#include <stddef.h>

#include "shared/log.h"

enum { MAX_FIELDS = 24 };

static const char *or_absent(const char *s)
{
	return s && *s ? s : NULL;
}

static size_t add_completion(struct log_field *f, const struct access_entry *e)
{
	size_t n = 0;

	f[n++] = LOG_STR("project", or_absent(e->project));
	f[n++] = LOG_STR("model", or_absent(e->model));
	f[n++] = LOG_STR("key", or_absent(e->key_id));
	f[n++] = LOG_STR("route", or_absent(e->route));
	f[n++] = LOG_STR("cache", or_absent(e->cache));
	if (e->queue_ms >= 0)
		f[n++] = LOG_INT("queue_ms", e->queue_ms);
	if (e->ttft_ms >= 0)
		f[n++] = LOG_INT("ttft_ms", e->ttft_ms);
	if (e->overhead_ms >= 0)
		f[n++] = LOG_INT("overhead_ms", e->overhead_ms);
	f[n++] = LOG_INT("input_tokens", e->input_tokens);
	if (e->cache_read_tokens)
		f[n++] = LOG_INT("cache_read_tokens", e->cache_read_tokens);
	if (e->cache_creation_tokens)
		f[n++] = LOG_INT("cache_creation_tokens", e->cache_creation_tokens);
	f[n++] = LOG_INT("output_tokens", e->output_tokens);
	f[n++] = LOG_MICRO("cost_usd", e->cost_micro_usd);
	f[n++] = LOG_STR("fault", or_absent(e->fault));
	if (e->worker_id)
		f[n++] = LOG_INT("worker", e->worker_id);
	return n;
}

void access_log_write(const struct access_entry *e)
{
	struct log_field f[MAX_FIELDS];
	size_t n = 0;

	if (!log_enabled(LOG_LEVEL_INFO))
		return;
	f[n++] = LOG_STR("request_id", e->request_id);
	f[n++] = LOG_STR("peer", or_absent(e->peer));
	f[n++] = LOG_STR("method", or_absent(e->method));
	f[n++] = LOG_STR("path", or_absent(e->path));
	f[n++] = LOG_INT("status", e->status);
	f[n++] = LOG_INT("ms", e->duration_ms);
	if (e->completion)
		n += add_completion(f + n, e);
	log_event(LOG_LEVEL_INFO, "access", f, n, "request");
}
