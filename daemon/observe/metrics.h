/* Counters of the whole process, from one table: name, help, value.  For the loop thread.  They are
 * the lines of GET /metrics and the numbers of `ccapictl status`. */
#ifndef DAEMON_OBSERVE_METRICS_H
#define DAEMON_OBSERVE_METRICS_H

#include <stdint.h>

#include "shared/buf.h"

enum metric {
	METRIC_REQUESTS, /* answered with a model's answer, cache hits included */
	METRIC_ERRORS,   /* requests for an answer that failed */
	METRIC_REFUSED_AUTH,
	METRIC_REFUSED_LIMIT,
	METRIC_REFUSED_BUDGET,
	METRIC_CACHE_HITS,
	METRIC_CACHE_MISSES,
	METRIC_TOKENS_INPUT, /* cache reads and writes included */
	METRIC_TOKENS_OUTPUT,
	METRIC_COST_MICRO_USD,
	METRIC_BUDGET_THRESHOLDS,     /* warnings given */
	METRIC_BUDGET_OVERRUN_TOKENS, /* used beyond what was held */
	METRIC_BUDGET_OVERRUN_MICRO_USD,
	METRIC_HOLDS_INTERRUPTED, /* of a daemon that died, closed at the start */
	METRIC_WEBHOOK_SENT,
	METRIC_WEBHOOK_FAILED, /* given up */
	METRIC_STORE_FAILURES,
	METRIC_CONTROL_REQUESTS,
	METRICS
};

void metric_add(enum metric m, int64_t n); /* counters only rise: below 0 is passed over */
int64_t metric_value(enum metric m);
const char *metric_name(enum metric m); /* "ccapi_requests_total" */
void metrics_write(struct buf *to);     /* Prometheus text, version 0.0.4 */
void metrics_reset(void);               /* for tests */

#endif
