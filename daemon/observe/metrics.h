/* Metrics of the whole process, from one table (metrics_table.c): name, type, labels, meaning. They
 * are what GET /metrics shows, the numbers of `ccapictl status`, and docs/metrics.md.  For the loop
 * thread.
 *
 * Counters and histograms are added to where the thing happens; gauges are mostly set when somebody
 * looks (daemon/api/gauges.c).  Labels cannot grow without bound: past a family's number of series
 * everything is counted as "other". */
#ifndef DAEMON_OBSERVE_METRICS_H
#define DAEMON_OBSERVE_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buf.h"

enum metric {
	/* Requests. */
	METRIC_REQUESTS,      /* answered with a model's answer, cache hits included */
	METRIC_ERRORS,        /* requests for an answer that failed */
	METRIC_HTTP_REQUESTS, /* route, method, status */
	METRIC_COMPLETIONS,   /* model, outcome, cache, stream */
	METRIC_HTTP_CONNECTIONS,
	METRIC_HTTP_EXCHANGES,
	METRIC_REFUSED_AUTH,
	METRIC_REFUSED_LIMIT,
	METRIC_REFUSED_BUDGET,
	METRIC_REQUEST_SECONDS,
	METRIC_FIRST_TOKEN_SECONDS,
	METRIC_OVERHEAD_SECONDS,
	/* Tokens and money. */
	METRIC_TOKENS_INPUT, /* cache reads and writes included */
	METRIC_TOKENS_OUTPUT,
	METRIC_COST_MICRO_USD,
	METRIC_MODEL_TOKENS, /* model, kind */
	METRIC_MODEL_COST,   /* model */
	METRIC_BUDGET_LIMIT, /* scope, name, window, unit */
	METRIC_BUDGET_USED,
	METRIC_BUDGET_HELD,
	METRIC_BUDGET_REMAINING,
	METRIC_BUDGET_THRESHOLDS,     /* warnings given */
	METRIC_BUDGET_OVERRUN_TOKENS, /* used beyond what was held */
	METRIC_BUDGET_OVERRUN_MICRO_USD,
	METRIC_HOLDS_INTERRUPTED, /* of a daemon that died, closed at the start */
	/* Cache, sessions, Redis. */
	METRIC_CACHE_HITS,
	METRIC_CACHE_MISSES,
	METRIC_CACHE_BYPASSES, /* Redis could not be asked */
	METRIC_CACHE_STORES,
	METRIC_CACHE_EVICTIONS,
	METRIC_CACHE_ENTRIES,
	METRIC_CACHE_BYTES,
	METRIC_REPLAYS, /* answers given again for an Idempotency-Key */
	METRIC_SESSIONS,
	METRIC_SESSION_BYTES,
	METRIC_SESSION_TURNS,
	METRIC_SESSION_CONFLICTS,
	METRIC_REDIS_UP,
	METRIC_REDIS_CONNECTS,
	METRIC_REDIS_COMMANDS,
	METRIC_REDIS_FAILURES, /* reason */
	/* WebSocket. */
	METRIC_WS_CONNECTIONS, /* open now */
	METRIC_WS_OPENED,
	METRIC_WS_CLOSED,   /* code */
	METRIC_WS_MESSAGES, /* type */
	METRIC_WS_STALLS,   /* readers that stood still for too long */
	/* Workers and queue. */
	METRIC_READY,   /* reason */
	METRIC_WORKERS, /* state */
	METRIC_WORKER_STARTS,
	METRIC_WORKER_START_FAILURES,
	METRIC_WORKER_REPLACED,
	METRIC_DISPATCHES, /* worker: cold, warm */
	METRIC_RETRIES,
	METRIC_QUEUE_DEPTH,
	METRIC_QUEUE_SECONDS,
	METRIC_PLAN_USE,    /* window */
	METRIC_PLAN_RESETS, /* window */
	/* Store, events, control socket. */
	METRIC_STORE_UP,
	METRIC_STORE_QUEUE,
	METRIC_STORE_WRITES,
	METRIC_STORE_COMMITS,
	METRIC_STORE_BYTES,
	METRIC_STORE_FAILURES,
	METRIC_EVENTS, /* topic */
	METRIC_WEBHOOK_SENT,
	METRIC_WEBHOOK_FAILED, /* given up */
	METRIC_CONTROL_REQUESTS,
	/* The process. */
	METRIC_BUILD_INFO, /* version */
	METRIC_PROCESS_START,
	METRIC_PROCESS_RSS,
	METRIC_PROCESS_FDS,
	METRIC_PROCESS_CPU,
	METRICS
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum { METRIC_LABELS = 4 };

struct metric_family {
	const char *name; /* "ccapi_requests_total" */
	enum metric_type type;
	const char *labels[METRIC_LABELS]; /* names; NULL: no more */
	bool micro;       /* values are millionths of the unit: micro-dollars, microseconds */
	bool copied;      /* a module keeps it: it is set when somebody looks at /metrics */
	unsigned series;  /* at most so many; 0: one, or as many as METRIC_SERIES with labels */
	const char *help; /* one sentence */
};

enum { METRIC_SERIES = 64 };

extern const struct metric_family metric_families[METRICS];

/* Counters only rise: below 0 is passed over, and they stop at INT64_MAX. */
void metric_add(enum metric m, int64_t n);
void metric_add_as(enum metric m, int64_t n, const char *label); /* of a family with one label */
void metric_add_labels(enum metric m, int64_t n, const char *const labels[METRIC_LABELS]);

/* Gauges, and counters that a module keeps itself. */
void metric_set(enum metric m, int64_t value);
void metric_set_labels(enum metric m, int64_t value, const char *const labels[METRIC_LABELS]);
void metric_clear(enum metric m); /* forgets its series, before they are set anew */

void metric_observe(enum metric m, int64_t us); /* histograms; below 0 is passed over */

int64_t metric_value(enum metric m);    /* the sum of its series; of a histogram: how many */
const char *metric_name(enum metric m); /* "ccapi_requests_total" */
void metrics_write(struct buf *to);     /* Prometheus text, version 0.0.4 */
void metrics_reset(void);               /* for tests */

#endif
