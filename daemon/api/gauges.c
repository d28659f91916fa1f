/* Gauges, read from the modules when somebody looks, and what is counted of a request when it is
 * over.  Of budgets, of which there may be many, those nearest to their limit are shown. */
#include "daemon/api/gauges.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shared/clock.h"

#include "daemon/admit/window.h"
#include "daemon/api/call.h"
#include "daemon/api/health.h"
#include "daemon/observe/metrics.h"

#include "ccapi_version.h"

enum { BUDGETS_SHOWN = 25, MILLION = 1000000 };

#define LABELS(...) ((const char *const[METRIC_LABELS]){__VA_ARGS__})

/* ---- budgets ---- */

struct shown {
	struct budget_view budgets[BUDGETS_SHOWN]; /* the fullest first */
	double fullness[BUDGETS_SHOWN];
	size_t count;
	int64_t now_ms;
};

static void show(void *ctx, const struct budget_view *b)
{
	struct shown *s = ctx;
	double fullness = budget_fullness(b);
	size_t at = s->count < BUDGETS_SHOWN ? s->count++ : BUDGETS_SHOWN;

	if (at == BUDGETS_SHOWN && fullness <= s->fullness[at - 1])
		return;
	if (at == BUDGETS_SHOWN)
		at--;
	for (; at > 0 && s->fullness[at - 1] < fullness; at--) {
		s->budgets[at] = s->budgets[at - 1];
		s->fullness[at] = s->fullness[at - 1];
	}
	s->budgets[at] = *b;
	s->fullness[at] = fullness;
}

static void show_project(void *ctx, struct project *p)
{
	struct shown *s = ctx;

	if (!p->deleted)
		budget_each(&p->budgets, s->now_ms, show, s);
}

static void show_key(void *ctx, struct key *k)
{
	struct shown *s = ctx;

	budget_each(&k->budgets, s->now_ms, show, s);
}

static int64_t scaled(int64_t n, int64_t factor)
{
	int64_t r;

	return __builtin_mul_overflow(n, factor, &r) ? INT64_MAX : r;
}

static void set_budget(const struct budget_view *b, const char *unit, int64_t limit, int64_t used,
		       int64_t held, int64_t factor)
{
	static const char *const scopes[] = {
		[SCOPE_GLOBAL] = "global", [SCOPE_PROJECT] = "project", [SCOPE_KEY] = "key"};
	char window[WINDOW_TEXT_SIZE];
	int64_t left = limit - used - held;

	if (limit < 0)
		return;
	window_print(b->record.window, b->record.rolling_ms, window);
	const char *const labels[METRIC_LABELS] = {scopes[b->record.scope], b->record.subject,
						   window, unit};

	metric_set_labels(METRIC_BUDGET_LIMIT, scaled(limit, factor), labels);
	metric_set_labels(METRIC_BUDGET_USED, scaled(used, factor), labels);
	metric_set_labels(METRIC_BUDGET_HELD, scaled(held, factor), labels);
	metric_set_labels(METRIC_BUDGET_REMAINING, left > 0 ? scaled(left, factor) : 0, labels);
}

static void read_budgets(struct registry *registry)
{
	struct shown s = {.now_ms = clock_wall_ms()};

	metric_clear(METRIC_BUDGET_LIMIT);
	metric_clear(METRIC_BUDGET_USED);
	metric_clear(METRIC_BUDGET_HELD);
	metric_clear(METRIC_BUDGET_REMAINING);
	if (!registry_loaded(registry))
		return;
	budget_each(registry_global_budgets(registry), s.now_ms, show, &s);
	registry_each_project(registry, show_project, &s);
	registry_each_key(registry, NULL, show_key, &s);
	for (size_t i = 0; i < s.count; i++) {
		const struct budget_view *b = &s.budgets[i];

		set_budget(b, "tokens", b->record.limit_tokens, b->used.tokens, b->held.tokens,
			   MILLION);
		set_budget(b, "usd", b->record.limit_micro_usd, b->used.micro_usd,
			   b->held.micro_usd, 1);
	}
}

/* ---- pool, queue, plan ---- */

static void read_window(const char *name, const struct plan_window *w)
{
	if (w->utilization >= 0)
		metric_set_labels(METRIC_PLAN_USE, (int64_t)(w->utilization * MILLION),
				  LABELS(name));
	if (w->resets_at)
		metric_set_labels(METRIC_PLAN_RESETS, w->resets_at, LABELS(name));
}

static void read_pool(struct api *api)
{
	const struct plan_limits *plan = pool_plan(api->deps.pool);
	struct pool_counts n;

	pool_count(api->deps.pool, &n);
	metric_set_labels(METRIC_WORKERS, n.starting, LABELS("starting"));
	metric_set_labels(METRIC_WORKERS, n.ready, LABELS("ready"));
	metric_set_labels(METRIC_WORKERS, n.busy, LABELS("busy"));
	metric_set_labels(METRIC_WORKERS, n.resetting, LABELS("resetting"));
	metric_set_labels(METRIC_WORKERS, n.draining, LABELS("draining"));
	metric_set(METRIC_QUEUE_DEPTH, dispatch_queued(api->deps.dispatch));
	metric_clear(METRIC_PLAN_USE);
	metric_clear(METRIC_PLAN_RESETS);
	read_window("five_hour", &plan->five_hour);
	read_window("seven_day", &plan->seven_day);
	metric_clear(METRIC_READY);
	metric_set_labels(METRIC_READY, 1, LABELS(health_reason(api)));
}

/* ---- what is kept ---- */

static void read_kept(struct api *api)
{
	struct sessions_count sessions;
	struct cache_counts cache;
	struct store_counts store;

	cache_count(api->deps.cache, &cache);
	metric_set(METRIC_CACHE_STORES, cache.stores);
	metric_set(METRIC_CACHE_EVICTIONS, cache.evictions);
	metric_set(METRIC_CACHE_ENTRIES, (int64_t)cache.entries);
	metric_set(METRIC_CACHE_BYTES, (int64_t)cache.bytes);
	sessions_count(api->deps.sessions, &sessions);
	metric_set(METRIC_SESSIONS, (int64_t)sessions.entries);
	metric_set(METRIC_SESSION_BYTES, (int64_t)sessions.bytes);
	store_count(api->deps.store, &store);
	metric_set(METRIC_STORE_UP, store_healthy(api->deps.store));
	metric_set(METRIC_STORE_QUEUE, store.queued);
	metric_set(METRIC_STORE_WRITES, store.writes);
	metric_set(METRIC_STORE_COMMITS, store.commits);
	metric_set(METRIC_STORE_BYTES, store.file_bytes);
}

/* ---- the process ---- */

static int64_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%*s %ld", &pages) != 1)
		pages = 0;
	fclose(f);
	return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static int64_t open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int64_t n = -3; /* ".", ".." and the folder's own */

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n > 0 ? n : 0;
}

static int64_t cpu_us(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return ((int64_t)r.ru_utime.tv_sec + r.ru_stime.tv_sec) * MILLION + r.ru_utime.tv_usec +
	       r.ru_stime.tv_usec;
}

static void read_process(const struct api *api)
{
	metric_set_labels(METRIC_BUILD_INFO, 1, LABELS(CCAPI_VERSION));
	metric_set(METRIC_PROCESS_START, api->started_wall_s);
	metric_set(METRIC_PROCESS_RSS, resident_bytes());
	metric_set(METRIC_PROCESS_FDS, open_descriptors());
	metric_set(METRIC_PROCESS_CPU, cpu_us());
}

void gauges_read(struct api *api)
{
	unsigned connections = 0, exchanges = 0;

	if (api->deps.http_count)
		api->deps.http_count(api->deps.ctx, &connections, &exchanges);
	metric_set(METRIC_HTTP_CONNECTIONS, connections);
	metric_set(METRIC_HTTP_EXCHANGES, exchanges);
	read_budgets(api->deps.registry);
	read_pool(api);
	read_kept(api);
	read_process(api);
}

/* ---- requests ---- */

static void count_tokens(const char *model, const struct job_usage *u)
{
	metric_add_labels(METRIC_MODEL_TOKENS, u->input_tokens, LABELS(model, "input"));
	metric_add_labels(METRIC_MODEL_TOKENS, u->output_tokens, LABELS(model, "output"));
	if (u->cache_read_tokens)
		metric_add_labels(METRIC_MODEL_TOKENS, u->cache_read_tokens,
				  LABELS(model, "cache_read"));
	if (u->cache_creation_tokens)
		metric_add_labels(METRIC_MODEL_TOKENS, u->cache_creation_tokens,
				  LABELS(model, "cache_creation"));
	metric_add_as(METRIC_MODEL_COST, u->cost_micro_usd, model);
}

static void count_times(const struct call *c)
{
	const struct job_times *t = &c->job->times;
	int64_t whole = clock_mono_us() - c->req->started_us;

	metric_observe(METRIC_REQUEST_SECONDS, whole);
	if (t->dispatched && t->ended > t->dispatched)
		whole -= t->ended - t->dispatched;
	metric_observe(METRIC_OVERHEAD_SECONDS, whole);
	if (t->first_text)
		metric_observe(METRIC_FIRST_TOKEN_SECONDS, t->first_text - c->req->started_us);
}

void gauges_count_call(const struct call *c)
{
	static const char *const caches[] = {[CACHE_STATE_BYPASS] = "bypass",
					     [CACHE_STATE_MISS] = "miss",
					     [CACHE_STATE_HIT] = "hit"};
	const struct job_result *result = &c->job->result;
	const char *model = result->model_id[0] ? result->model_id : c->model_id;
	bool failed = call_failed(c);

	metric_add(failed ? METRIC_ERRORS : METRIC_REQUESTS, 1);
	metric_add_labels(METRIC_COMPLETIONS, 1,
			  LABELS(model, failed ? failure_name(&c->failure) : "ok",
				 caches[c->cache_state], c->encoder->streams ? "yes" : "no"));
	if (c->recall.replayed)
		metric_add(METRIC_REPLAYS, 1);
	if (c->job->times.dispatched) {
		count_tokens(model, &result->usage);
		metric_observe(METRIC_QUEUE_SECONDS,
			       c->job->times.dispatched - c->job->times.submitted);
	}
	if (result->attempts > 1)
		metric_add(METRIC_RETRIES, 1);
	if (!failed)
		count_times(c);
}
