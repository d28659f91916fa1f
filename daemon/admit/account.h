/* One budget alive: its record, what was used in its present window, and which thresholds were
 * told.  What is held upon it is its list's (budget.h): all accounts of a list have the same
 * holds. */
#ifndef DAEMON_ADMIT_ACCOUNT_H
#define DAEMON_ADMIT_ACCOUNT_H

#include <stdbool.h>

#include "daemon/admit/budget.h"
#include "daemon/admit/rolling.h"

struct account {
	struct budget_record record;
	int64_t start_ms, end_ms; /* of the window that `used` speaks of; not of rolling ones */
	struct amount used;       /* not of rolling windows */
	struct rolling rolling;   /* of rolling windows alone */
	struct amount base_left;  /* of record.base_*, while loading */
	bool warn_told, limit_told;
	struct account *next;
};

struct account *account_new(const struct budget_record *r, int64_t now_ms); /* NULL: no memory */
void account_free(struct account *a);                                       /* NULL ok */

/* Another limit, warning or hardness for the same window; what was used stays. */
void account_change(struct account *a, const struct budget_record *r);

/* Ends a window that is over.  A clock that is set back within an hour leaves the window as it is:
 * what was used in it must not be forgotten at the next border; after a larger step the window is
 * the present one and has what was used. */
void account_turn(struct account *a, int64_t now_ms);

/* Counts usage of the past if it counts; tells nobody of thresholds, which were passed then. */
void account_load(struct account *a, const struct usage_bucket *b);
/* Counts usage of now, in a window that account_turn() looked at, and tells thresholds. */
void account_charge(struct account *a, struct amount used, int64_t now_ms);

struct amount account_used(const struct account *a);

#endif
