/* Usage as clients and operators see it: the JSON of GET /v1/usage and of `ccapictl usage`. */
#ifndef DAEMON_ADMIT_REPORT_H
#define DAEMON_ADMIT_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "shared/buf.h"

#include "daemon/admit/refusal.h"
#include "daemon/admit/registry.h"
#include "daemon/store/usage.h"

struct report_query {
	struct usage_query usage;
	char period[16]; /* "month", or "custom" when from/to were given */
};

/* period: hour, day, week, month (the present calendar window), all; NULL: month.  from/to: RFC
 * 3339 ("2026-11-24T00:00:00Z"), a date ("2026-11-24", UTC midnight) or Unix seconds, NULL: the
 * period's; group_by: model, day, key, project, NULL: model.  project: "" for all.  0, or -EINVAL
 * and why names the field (period, from, to, group_by). */
int report_parse(struct report_query *q, const char *project, const char *period, const char *from,
		 const char *to, const char *group_by, int64_t now_ms, struct refusal *why);

enum report_format { REPORT_JSON, REPORT_CSV };

/* Asks the store and writes the report.  names: turns a model's full id into the short name used in
 * by_model ("haiku"), returns its argument if it knows none; may be NULL.  by_model is always
 * there; with another grouping also "by_day", "by_key" or "by_project".  CSV has a header line and
 * one line per group.  `done`: text is valid during the call; rc 0 or the store's code.  0,
 * ERR_STATE, -ENOMEM. */
int report_run(struct registry *registry, struct store *store, const struct report_query *q,
	       enum report_format format, const char *(*names)(void *ctx, const char *model_id),
	       void (*done)(void *ctx, int rc, const struct buf *text), void *ctx);

/* {"limit_tokens","used_tokens","reserved_tokens","remaining_tokens","limit_usd","used_usd",
 * "reserved_usd","remaining_usd","window","resets_at"} of the hard budget of the subject that is
 * closest to its limit; null when there is none. */
void report_write_budget(struct account_list *list, int64_t now_ms, struct buf *to);

#endif
