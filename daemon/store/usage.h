/* Usage from the rollups: by quarter of an hour and by day, so that no question depends on the
 * ledger's length.  Times are rounded down to BUCKET_MS. */
#ifndef DAEMON_STORE_USAGE_H
#define DAEMON_STORE_USAGE_H

#include <stddef.h>

#include "daemon/store/records.h"
#include "daemon/store/store.h"

enum usage_group { USAGE_BY_NOTHING, USAGE_BY_MODEL, USAGE_BY_DAY, USAGE_BY_KEY, USAGE_BY_PROJECT };

struct usage_query {
	char project[PROJECT_NAME_SIZE]; /* "": all */
	char key_id[KEY_ID_SIZE];        /* "": all */
	int64_t from_ms, to_ms;          /* [from, to) */
	enum usage_group group;
};

struct usage_row {
	char name[MODEL_NAME_SIZE]; /* model, "2026-11-24" (UTC), key id, project; "" for one sum */
	struct usage_amounts sum;
};

/* At least one row for USAGE_BY_NOTHING; else one per name that has usage, in the order of names.
 * Rows are valid during the call.  0: done will come; ERR_STATE, -ENOMEM. */
int store_usage(struct store *s, const struct usage_query *q,
		void (*done)(void *ctx, int rc, const struct usage_row *rows, size_t count),
		void *ctx);

/* What counts against a budget: tokens of every kind, and cost. */
struct usage_bucket {
	int64_t bucket_ms;
	int64_t tokens, micro_usd;
};

/* For the start: calls `each` for every subject of the scope and every bucket since from_ms, in the
 * order of subjects and times.  by_day: days that are over are one bucket each; the rest of the
 * first day and today stay quarters.  Reads on the calling thread.  0 or a negative code. */
int store_usage_load(struct store *s, enum scope scope, int64_t from_ms, bool by_day,
		     void (*each)(void *ctx, const char *subject, const struct usage_bucket *b),
		     void *ctx);

#endif
