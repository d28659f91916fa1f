#include "daemon/observe/metrics.h"

#include <string.h>

struct metric_row {
	const char *name, *help;
};

static const struct metric_row rows[METRICS] = {
	[METRIC_REQUESTS] = {"ccapi_requests_total",
			     "Requests answered with a model's answer, cache hits included."},
	[METRIC_ERRORS] = {"ccapi_request_errors_total", "Requests for an answer that failed."},
	[METRIC_REFUSED_AUTH] = {"ccapi_refused_auth_total",
				 "Requests refused for want of a good key."},
	[METRIC_REFUSED_LIMIT] = {"ccapi_refused_limit_total", "Requests refused by a rate limit."},
	[METRIC_REFUSED_BUDGET] = {"ccapi_refused_budget_total", "Requests refused by a budget."},
	[METRIC_CACHE_HITS] = {"ccapi_cache_hits_total", "Answers from the cache."},
	[METRIC_CACHE_MISSES] = {"ccapi_cache_misses_total",
				 "Requests that the cache was asked for in vain."},
	[METRIC_TOKENS_INPUT] = {"ccapi_tokens_input_total",
				 "Prompt tokens, those read from and written to the "
				 "prompt cache included."},
	[METRIC_TOKENS_OUTPUT] = {"ccapi_tokens_output_total",
				  "Tokens of answers, thinking included."},
	[METRIC_COST_MICRO_USD] = {"ccapi_cost_micro_usd_total",
				   "Cost at list price, in millionths of a dollar."},
	[METRIC_BUDGET_THRESHOLDS] = {"ccapi_budget_thresholds_total",
				      "Warnings given for budgets."},
	[METRIC_BUDGET_OVERRUN_TOKENS] = {"ccapi_budget_overrun_tokens_total",
					  "Tokens used beyond what was held for them."},
	[METRIC_BUDGET_OVERRUN_MICRO_USD] = {"ccapi_budget_overrun_micro_usd_total",
					     "Cost beyond what was held for it, in millionths of "
					     "a dollar."},
	[METRIC_HOLDS_INTERRUPTED] = {"ccapi_holds_interrupted_total",
				      "Holds of a daemon that died, charged at the start."},
	[METRIC_WEBHOOK_SENT] = {"ccapi_webhook_sent_total", "Events delivered to the webhook."},
	[METRIC_WEBHOOK_FAILED] = {"ccapi_webhook_failed_total",
				   "Events that the webhook did not take."},
	[METRIC_STORE_FAILURES] = {"ccapi_store_failures_total",
				   "Transactions that could not be written."},
	[METRIC_CONTROL_REQUESTS] = {"ccapi_control_requests_total",
				     "Requests on the control socket."},
};

static int64_t values[METRICS];

void metric_add(enum metric m, int64_t n)
{
	if (n < 0)
		return;
	if (__builtin_add_overflow(values[m], n, &values[m]))
		values[m] = INT64_MAX;
}

int64_t metric_value(enum metric m)
{
	return values[m];
}

const char *metric_name(enum metric m)
{
	return rows[m].name;
}

void metrics_write(struct buf *to)
{
	for (size_t i = 0; i < METRICS; i++)
		buf_printf(to, "# HELP %s %s\n# TYPE %s counter\n%s %lld\n", rows[i].name,
			   rows[i].help, rows[i].name, rows[i].name, (long long)values[i]);
}

void metrics_reset(void)
{
	memset(values, 0, sizeof values);
}
