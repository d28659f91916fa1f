/* metric-doc: writes docs/metrics.md from the table of metrics. */
#include <stdio.h>

#include "daemon/observe/metrics.h"

static const char introduction[] =
	"# Metrics\n"
	"\n"
	"<!-- Written by metric-doc from daemon/observe/metrics_table.c; change it there. -->\n"
	"\n"
	"`GET /metrics` shows them in Prometheus' text form, version 0.0.4; no key is needed. "
	"Scrape it with\n"
	"\n"
	"```yaml\n"
	"scrape_configs:\n"
	"  - job_name: ccapi\n"
	"    static_configs: [{targets: [\"127.0.0.1:8080\"]}]\n"
	"```\n"
	"\n"
	"Counters begin at 0 with the process. The ledger, not these, is what is charged: see `GET "
	"/v1/usage`.\n"
	"Times are in seconds, money in dollars at list price. No label is made of what a client "
	"may choose\n"
	"freely, and each family has a bounded number of series: what comes on top is counted as "
	"`other`.\n"
	"\n"
	"## Worth an alert\n"
	"\n"
	"```\n"
	"ccapi_ready{reason=\"ready\"} != 1                                   # no work can be "
	"taken\n"
	"ccapi_store_up == 0                                                # nothing can be "
	"accounted for\n"
	"ccapi_budget_remaining / ccapi_budget_limit < 0.1                  # nearly used up\n"
	"ccapi_plan_use_ratio > 0.9                                         # the subscription's "
	"limit is near\n"
	"rate(ccapi_request_errors_total[5m]) / (rate(ccapi_requests_total[5m]) + "
	"rate(ccapi_request_errors_total[5m])) > 0.05\n"
	"histogram_quantile(0.95, rate(ccapi_queue_seconds_bucket[5m])) > 5 # more workers are "
	"needed\n"
	"ccapi_redis_up == 0                                                # where redis.url is "
	"set\n"
	"```\n"
	"\n"
	"## All\n"
	"\n"
	"| name | type | labels | meaning |\n"
	"|---|---|---|---|\n";

int main(void)
{
	static const char *const types[] = {[METRIC_COUNTER] = "counter",
					    [METRIC_GAUGE] = "gauge",
					    [METRIC_HISTOGRAM] = "histogram"};

	fputs(introduction, stdout);
	for (int m = 0; m < METRICS; m++) {
		const struct metric_family *f = &metric_families[m];

		printf("| `%s` | %s | ", f->name, types[f->type]);
		for (unsigned i = 0; i < METRIC_LABELS && f->labels[i]; i++)
			printf("%s`%s`", i ? ", " : "", f->labels[i]);
		printf(" | %s |\n", f->help);
	}
	return 0;
}
