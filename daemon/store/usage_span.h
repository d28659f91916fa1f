/* A range of time over the two rollups: quarters [from, days), whole days [days, rest), quarters
 * [rest, to). */
#ifndef DAEMON_STORE_USAGE_SPAN_H
#define DAEMON_STORE_USAGE_SPAN_H

#include <stdint.h>

#include "daemon/store/db.h"
#include "daemon/store/records.h"
#include "daemon/store/usage.h"

struct usage_span {
	int64_t from, days, rest, to;
};

/* Both ends rounded down to BUCKET_MS; empty if from_ms >= to_ms. */
struct usage_span usage_span(int64_t from_ms, int64_t to_ms);
/* From from_ms on without end; days that were over at now_ms are taken whole if by_day. */
struct usage_span usage_span_since(int64_t from_ms, bool by_day, int64_t now_ms);
void usage_span_bind(struct query *q, const struct usage_span *span); /* four numbers */

/* What `subject` used in the span, bucket by bucket in the order of time; to be freed.  0 or a
 * negative code. */
int usage_sum_buckets(struct db *db, enum scope scope, const char *subject,
		      const struct usage_span *span, struct usage_bucket **ret_buckets,
		      size_t *ret_count);

#endif
