/* Budgets in memory: what each has used in its window, and the holds upon it.
 *
 * Invariant of every hard budget: used + held <= limit, for tokens and for money, under any order
 * of holds, settlements and window changes.  Settling may pass it only by what a request cost more
 * than its hold (the error of the prompt's estimate); that is counted (METRIC_BUDGET_OVERRUN_*).
 * The store's rollups are the truth that `used` is loaded from; nothing here is written anywhere.
 *
 * An account is one budget_record alive.  Holders (key, project, everybody) each have a list of
 * them; a hold touches every account of up to three lists at once, or none.  Accounts may be put,
 * replaced and removed while holds are open: an account that comes later has them upon it too.
 *
 * Amounts below 0 count as 0.  Times are wall-clock milliseconds; a window that is over is left
 * behind by any call with a later now_ms.  For the loop thread. */
#ifndef DAEMON_ADMIT_BUDGET_H
#define DAEMON_ADMIT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/admit/amount.h"
#include "daemon/admit/refusal.h"
#include "daemon/store/records.h"
#include "daemon/store/usage.h"

struct account; /* one budget with its counters */

/* Zero: empty.  Its place must not change, nor may it be freed, while a hold upon it is open. */
struct account_list {
	struct account *first;
	struct amount_sum held; /* by open holds: the same for all accounts of the list */
};

enum { HOLD_LISTS = 3 }; /* key, project, everybody; NULL ones are passed over */

/* What one request holds.  Zero: nothing. */
struct budget_hold {
	struct account_list *lists[HOLD_LISTS];
	struct amount held; /* 0 unless open */
	bool open;
};

/* Told when a settlement makes use reach warn_percent or the limit (percent 100) of a budget's
 * window, in tokens or in money; once per window each, and again after use has fallen below it (a
 * new window, a quarter that left a rolling one, a reset, a raised limit).  Not told of what
 * buckets say when a budget is first put: that was passed before.  Must not change lists. */
struct budget_events {
	void (*threshold)(void *ctx, const struct budget_record *r, int percent,
			  const struct amount *used);
	void *ctx;
};
/* Process-wide, set once at the start; a NULL function: nobody is told. */
void budget_listen(const struct budget_events *events);

/* Puts a budget into the list or replaces the one of the same window and length; the new one counts
 * what `buckets` say.  buckets NULL: what the replaced one has counted stays (another limit),
 * unless from_ms or base_* are others (a reset): then, or if there was none, it counts from 0.
 *
 * A bucket counts by its beginning: if that is in the present window and not before from_ms; a
 * rolling window has no end, usage of the future counts as now.  So buckets of whole days are for
 * WINDOW_TOTAL alone and for the days after from_ms's.  0; ERR_LIMIT (no such window) or
 * -ENOMEM: the list is as it was. */
int budget_put(struct account_list *list, const struct budget_record *r,
	       const struct usage_bucket *buckets, size_t count, int64_t now_ms);
void budget_add_used(struct account_list *list, const struct budget_record *which,
		     const struct usage_bucket *bucket, int64_t now_ms); /* while loading */
/* false: there was none. */
bool budget_remove(struct account_list *list, const struct budget_record *which);
void budget_clear(struct account_list *list); /* frees the accounts */

/* Takes the amount in every account of the lists, or in none: then -EINVAL and `why` names the
 * budget (FAULT_BUDGET, "The monthly token budget of project demo is used up: ...").  Soft
 * budgets never refuse. */
int budget_hold_take(struct budget_hold *hold, struct account_list *const lists[HOLD_LISTS],
		     const struct amount *amount, int64_t now_ms, struct refusal *why);
/* Holds as much again, for a second attempt; -EINVAL: it does not fit. */
int budget_hold_extend(struct budget_hold *hold, const struct amount *more, int64_t now_ms);
/* Ends the hold (it is zero then) and adds what was really used; one that is not open only adds to
 * its lists. */
void budget_hold_settle(struct budget_hold *hold, const struct amount *used, int64_t now_ms);

/* The least that is left over all hard accounts of the lists, holds taken off, not below 0;
 * INT64_MAX where no budget speaks of it. */
struct amount budget_left(struct account_list *const lists[HOLD_LISTS], int64_t now_ms);
bool budget_any(struct account_list *const lists[HOLD_LISTS]); /* whether there is any account */

/* Charges what no hold of this list was for. */
void budget_charge(struct account_list *list, const struct amount *used, int64_t now_ms);

struct budget_view {
	struct budget_record record;
	struct amount used, held;
	int64_t window_start_ms, window_end_ms; /* end INT64_MAX: never */
};
/* How much of it is used and held, 1: all of it; of tokens or money what is nearer to its limit. */
double budget_fullness(const struct budget_view *view);
/* Calls `each` for the accounts of a list in the order of windows; it must not change the list. */
void budget_each(struct account_list *list, int64_t now_ms,
		 void (*each)(void *ctx, const struct budget_view *view), void *ctx);

#endif
