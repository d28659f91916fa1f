/* What budgets ask: tokens and cost per bucket, of one subject or of all. */
#include "daemon/store/usage_span.h"

#include <errno.h>
#include <stdlib.h>

#include "shared/clock.h"

#include "daemon/store/rollup.h"
#include "daemon/store/store_private.h"

/* The year 275760, far from any overflow. */
#define LAST_MS (INT64_C(100000000) * DAY_MS)

static int64_t clamp(int64_t ms)
{
	return ms < 0 ? 0 : ms > LAST_MS ? LAST_MS : ms;
}

static struct usage_span cut(int64_t from, int64_t last_day, int64_t to)
{
	int64_t first_day = bucket_start(from + DAY_MS - 1, DAY_MS);

	if (first_day >= last_day)
		return (struct usage_span){from, from, from, to};
	return (struct usage_span){from, first_day, last_day, to};
}

struct usage_span usage_span(int64_t from_ms, int64_t to_ms)
{
	int64_t from = bucket_start(clamp(from_ms), BUCKET_MS),
		to = bucket_start(clamp(to_ms), BUCKET_MS);

	return cut(from, bucket_start(to, DAY_MS), to);
}

struct usage_span usage_span_since(int64_t from_ms, bool by_day, int64_t now_ms)
{
	int64_t from = bucket_start(clamp(from_ms), BUCKET_MS);

	return cut(from, by_day ? bucket_start(clamp(now_ms), DAY_MS) : 0, INT64_MAX);
}

void usage_span_bind(struct query *q, const struct usage_span *span)
{
	query_int(q, span->from);
	query_int(q, span->days);
	query_int(q, span->rest);
	query_int(q, span->to);
}

/* ?1 to ?4 the span's borders, ?5 the subject.  Grouped within each part, since no bucket is in
 * two. */
#define PART(table, subject, where, from, to)                                                      \
	"SELECT " subject ", at, sum_capped(input_tokens, output_tokens, cache_read_tokens, "      \
	"cache_creation_tokens), sum_capped(cost_micro_usd) FROM " table " WHERE " where           \
	" AND at >= " from " AND at < " to " GROUP BY " subject ", at"
#define BUCKETS(subject, where)                                                                    \
	PART("usage_quarter", subject, where, "?1", "?2")                                          \
	" UNION ALL " PART("usage_day", subject, where, "?2", "?3") " UNION ALL " PART(            \
		"usage_quarter", subject, where, "?3", "?4") " ORDER BY 1, 2"

static const char *const of_one[SCOPES] = {[SCOPE_GLOBAL] = BUCKETS("project", "project = ''"),
					   [SCOPE_PROJECT] = BUCKETS("project", "project = ?5"),
					   [SCOPE_KEY] = BUCKETS("key_id", "key_id = ?5")};
static const char *const of_all[SCOPES] = {[SCOPE_GLOBAL] = BUCKETS("project", "project = ''"),
					   [SCOPE_PROJECT] = BUCKETS("project", "project <> ''"),
					   [SCOPE_KEY] = BUCKETS("key_id", "key_id <> ''")};

static struct usage_bucket read_bucket(struct query *q)
{
	return (struct usage_bucket){.bucket_ms = query_get_int(q, 1),
				     .tokens = query_get_int(q, 2),
				     .micro_usd = query_get_int(q, 3)};
}

int usage_sum_buckets(struct db *db, enum scope scope, const char *subject,
		      const struct usage_span *span, struct usage_bucket **ret_buckets,
		      size_t *ret_count)
{
	struct query q = query_start(db, of_one[scope]);
	struct usage_bucket *buckets = NULL, *more;
	size_t count = 0, room = 0;
	int rc;

	usage_span_bind(&q, span);
	if (scope != SCOPE_GLOBAL)
		query_text(&q, subject);
	while ((rc = query_row(&q)) > 0) {
		if (count == room) {
			room = room ? 2 * room : 32;
			more = reallocarray(buckets, room, sizeof *buckets);
			if (!more) {
				rc = db_fail_memory(db);
				break;
			}
			buckets = more;
		}
		buckets[count++] = read_bucket(&q);
	}
	query_end(&q);
	if (rc < 0) {
		free(buckets);
		return rc;
	}
	*ret_buckets = buckets;
	*ret_count = count;
	return 0;
}

int store_usage_load(struct store *s, enum scope scope, int64_t from_ms, bool by_day,
		     void (*each)(void *ctx, const char *subject, const struct usage_bucket *b),
		     void *ctx)
{
	struct usage_span span = usage_span_since(from_ms, by_day, clock_wall_ms());
	struct usage_bucket bucket;
	struct reader *reader;
	struct query q;
	int rc;

	reader = store_reader(s, &rc);
	if (!reader)
		return rc;
	q = query_start(&reader->db, of_all[scope]);
	usage_span_bind(&q, &span);
	while ((rc = query_row(&q)) > 0) {
		bucket = read_bucket(&q);
		each(ctx, query_peek_text(&q, 0), &bucket);
	}
	query_end(&q);
	readers_put(&s->readers, reader, rc);
	return rc;
}
