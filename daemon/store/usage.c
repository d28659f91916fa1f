/* Usage as reports ask for it.  A range of time is at most three scans: quarters of the first part
 * of a day, whole days, quarters of the last one. */
#include "daemon/store/usage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/err.h"

#include "daemon/store/rollup.h"
#include "daemon/store/store_private.h"
#include "daemon/store/usage_span.h"

struct usage_job {
	struct read_job job;
	struct usage_query query;
	struct usage_row *rows;
	size_t count, room;
	void (*done)(void *ctx, int rc, const struct usage_row *rows, size_t count);
	void *ctx;
};

/* ?1 project, ?2 key, ?3 to ?6 the span's borders. */
#define PART(table, where, from, to)                                                               \
	"SELECT * FROM " table " WHERE " where " AND at >= " from " AND at < " to
#define SUMS(name, where)                                                                          \
	"SELECT " name ", sum_capped(requests), sum_capped(errors), sum_capped(cache_hits), "      \
	"sum_capped(input_tokens), sum_capped(output_tokens), sum_capped(cache_read_tokens), "     \
	"sum_capped(cache_creation_tokens), sum_capped(thinking_tokens), "                         \
	"sum_capped(cost_micro_usd) FROM (" PART(                                                  \
		"usage_quarter", where, "?3",                                                      \
		"?4") " UNION ALL " PART("usage_day", where, "?4",                                 \
					 "?5") " UNION ALL " PART("usage_quarter", where, "?5",    \
								  "?6") ") GROUP BY 1 ORDER BY 1"

/* One query per grouping, over the rows that `where` finds. */
#define GROUPINGS(where)                                                                           \
	{                                                                                          \
		[USAGE_BY_NOTHING] = SUMS("''", where), [USAGE_BY_MODEL] = SUMS("model", where),   \
		[USAGE_BY_DAY] = SUMS("at / 86400000", where),                                     \
		[USAGE_BY_KEY] = SUMS("key_id", where),                                            \
		[USAGE_BY_PROJECT] = SUMS("project", where)                                        \
	}

/* Which rows are gone through, by what the question names.  Everybody's sums ('') know neither
 * keys nor projects: those who ask for these go through the rows of all projects. */
enum rows { ROWS_OF_PROJECT, ROWS_OF_KEY, ROWS_OF_TIME };
static const char *const queries[][USAGE_BY_PROJECT + 1] = {
	[ROWS_OF_PROJECT] = GROUPINGS("project = ?1"),
	[ROWS_OF_KEY] = GROUPINGS("key_id = ?2 AND project <> '' AND ?1 IN ('', project)"),
	[ROWS_OF_TIME] = GROUPINGS("project <> ''")};

static const char *choose(const struct usage_query *q)
{
	enum rows rows = ROWS_OF_PROJECT;

	if (q->key_id[0])
		rows = ROWS_OF_KEY;
	else if (!q->project[0] && (q->group == USAGE_BY_KEY || q->group == USAGE_BY_PROJECT))
		rows = ROWS_OF_TIME;
	return queries[rows][q->group];
}

static struct usage_row *next_row(struct usage_job *usage)
{
	size_t room = usage->room ? 2 * usage->room : 8;
	struct usage_row *rows;

	if (usage->count == usage->room) {
		rows = reallocarray(usage->rows, room, sizeof *rows);
		if (!rows)
			return NULL;
		usage->rows = rows;
		usage->room = room;
	}
	usage->rows[usage->count] = (struct usage_row){0};
	return &usage->rows[usage->count++];
}

static void print_day(int64_t day, char *to, size_t size)
{
	time_t seconds = (time_t)(day * (DAY_MS / 1000));
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(to, size, "%Y-%m-%d", &tm);
}

static void read_row(struct query *q, enum usage_group group, struct usage_row *row)
{
	if (group == USAGE_BY_DAY)
		print_day(query_get_int(q, 0), row->name, sizeof row->name);
	else
		query_get_text(q, 0, row->name, sizeof row->name);
	row->sum = (struct usage_amounts){.requests = query_get_int(q, 1),
					  .errors = query_get_int(q, 2),
					  .cache_hits = query_get_int(q, 3),
					  .input_tokens = query_get_int(q, 4),
					  .output_tokens = query_get_int(q, 5),
					  .cache_read_tokens = query_get_int(q, 6),
					  .cache_creation_tokens = query_get_int(q, 7),
					  .thinking_tokens = query_get_int(q, 8),
					  .cost_micro_usd = query_get_int(q, 9)};
}

static int run_usage(struct read_job *job, struct db *db)
{
	struct usage_job *usage = (struct usage_job *)job;
	const struct usage_query *asked = &usage->query;
	struct usage_span span = usage_span(asked->from_ms, asked->to_ms);
	struct query q = query_start(db, choose(asked));
	struct usage_row *row = NULL;
	int rc;

	query_text(&q, asked->project);
	query_text(&q, asked->key_id);
	usage_span_bind(&q, &span);
	while ((rc = query_row(&q)) > 0) {
		row = next_row(usage);
		if (!row) {
			rc = -ENOMEM;
			break;
		}
		read_row(&q, asked->group, row);
	}
	query_end(&q);
	if (rc == 0 && usage->count == 0 && asked->group == USAGE_BY_NOTHING && !next_row(usage))
		rc = -ENOMEM;
	return rc;
}

static void tell_usage(struct read_job *job, int rc)
{
	struct usage_job *usage = (struct usage_job *)job;

	usage->done(usage->ctx, rc, usage->rows, rc == 0 ? usage->count : 0);
	free(usage->rows);
	free(usage);
}

int store_usage(struct store *s, const struct usage_query *q,
		void (*done)(void *ctx, int rc, const struct usage_row *rows, size_t count),
		void *ctx)
{
	struct usage_job *usage = calloc(1, sizeof *usage);
	int rc;

	if (!usage)
		return -ENOMEM;
	usage->job.run = run_usage;
	usage->job.tell = tell_usage;
	usage->query = *q;
	usage->done = done;
	usage->ctx = ctx;
	rc = store_read(s, &usage->job);
	if (rc != 0)
		free(usage);
	return rc;
}
