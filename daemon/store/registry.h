/* Rows of projects, keys, budgets, overrides and limits: loading at the start, and the writes.
 * What they mean is daemon/admit's; here they are only kept.  Every `done` comes once, from the
 * loop; every function returns 0, ERR_STATE (the store does not work) or -ENOMEM, and then `done`
 * does not come.  Records are copied. */
#ifndef DAEMON_STORE_REGISTRY_H
#define DAEMON_STORE_REGISTRY_H

#include "daemon/store/records.h"
#include "daemon/store/store.h"
#include "daemon/store/usage.h"

/* For the start; each record is valid during the call.  0 or a negative code. */
int store_load_projects(struct store *s, void (*each)(void *ctx, const struct project_record *r),
			void *ctx);
int store_load_keys(struct store *s, void (*each)(void *ctx, const struct key_record *r),
		    void *ctx);
int store_load_budgets(struct store *s, void (*each)(void *ctx, const struct budget_record *r),
		       void *ctx);
int store_load_overrides(struct store *s, void (*each)(void *ctx, const struct override_record *r),
			 void *ctx);
int store_load_global_limits(struct store *s, bool *ret_set, struct rate_limits *ret_limits);

/* Inserts or replaces by name or id. */
int store_put_project(struct store *s, const struct project_record *r,
		      void (*done)(void *ctx, int rc), void *ctx);
int store_put_key(struct store *s, const struct key_record *r, void (*done)(void *ctx, int rc),
		  void *ctx);
int store_put_override(struct store *s, const struct override_record *r,
		       void (*done)(void *ctx, int rc), void *ctx);
int store_put_global_limits(struct store *s, const struct rate_limits *limits,
			    void (*done)(void *ctx, int rc), void *ctx); /* NULL: no own ones */

/* Inserts or replaces the budget, and in the same place of the order of writes sums what its
 * subject has used since from_ms: settlements queued earlier are in the sum, later ones are not.
 * Days that are over are one bucket, but quarters for WINDOW_ROLLING.  The buckets rise and are
 * valid during the call. */
int store_put_budget(struct store *s, const struct budget_record *r, int64_t from_ms,
		     void (*done)(void *ctx, int rc, const struct usage_bucket *buckets,
				  size_t count),
		     void *ctx);

/* The same sum for a budget that stays as it is. */
int store_sum_budget(struct store *s, const struct budget_record *r, int64_t from_ms,
		     void (*done)(void *ctx, int rc, const struct usage_bucket *buckets,
				  size_t count),
		     void *ctx);

/* ERR_LIMIT: no name is that long.  Also revokes the project's keys and removes its budgets and
 * overrides, and those of its keys; ledger and usage stay. */
int store_delete_project(struct store *s, const char *name, int64_t now_ms,
			 void (*done)(void *ctx, int rc), void *ctx);
int store_delete_budget(struct store *s, const struct budget_record *which,
			void (*done)(void *ctx, int rc), void *ctx);
int store_delete_override(struct store *s, int64_t id, void (*done)(void *ctx, int rc), void *ctx);

/* Many at once, in one write; lost ones are no harm. */
struct key_use {
	char id[KEY_ID_SIZE];
	int64_t at_ms;
};
int store_touch_keys(struct store *s, const struct key_use *uses, size_t count);

#endif
