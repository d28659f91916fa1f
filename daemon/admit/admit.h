/* Admission of one request: who asks, rate limits, the hold before the work and the settlement
 * after it.  This is the face that the request path sees; the parts are registry, ratelimit and
 * budget.
 *
 *   admit_begin -> admit_limit -> admit_hold -> (work) -> admit_settle -> admit_end
 *
 * admit_end alone is enough after a failure before the hold.  All on the loop thread. */
#ifndef DAEMON_ADMIT_ADMIT_H
#define DAEMON_ADMIT_ADMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/admit/budget.h"
#include "daemon/admit/ratelimit.h"
#include "daemon/admit/refusal.h"
#include "daemon/admit/registry.h"
#include "daemon/store/ledger.h"

/* What one request has taken.  Zero before admit_begin and after admit_end. */
struct admission {
	struct registry *registry;
	struct store *store;
	struct project *project; /* references */
	struct key *key;         /* NULL: a request without a key */
	bool limited;            /* counts in the rate limits */
	int64_t charged_tokens;  /* taken from the token buckets so far */
	struct budget_hold hold;
	int64_t hold_id; /* in the ledger; 0: none */
	struct amount estimate;
	void (*held)(void *ctx, int rc); /* admit_hold's done, while the hold is being written */
	void *held_ctx;
};

/* Takes references to who asks; key may be NULL.  registry and store outlive the admission. */
void admit_begin(struct admission *a, struct registry *registry, struct store *store,
		 struct project *project, struct key *key);

/* Key, project and everybody's rate limits in one step: all or none.  tokens: the estimate.  0, or
 * -EINVAL and why (FAULT_LIMIT_REQUESTS, FAULT_LIMIT_TOKENS with the time to wait). */
int admit_limit(struct admission *a, int64_t tokens, struct refusal *why);

/* The tightest of the limits, for the headers. */
void admit_look(const struct admission *a, struct rate_view *ret_view);

/* What the budgets leave for this request at most; INT64_MAX: no budget. */
struct amount admit_left(const struct admission *a);

struct hold_request {
	const char *request_id, *model;
	struct amount prompt; /* estimates */
	struct amount whole;  /* prompt and the longest answer */
};
enum { ADMIT_HELD = 1 };
/* Holds in memory at once, then in the ledger.  0: `done` comes when the hold is durable (or with
 * the store's code: the hold is released then), and the admission is not to be ended before.
 * ADMIT_HELD: no budget speaks of the request; the hold is queued, so that a crash does not hide
 * the request, and there is nothing to wait for: `done` does not come.  -EINVAL and why: nothing is
 * held. */
int admit_hold(struct admission *a, const struct hold_request *h, void (*done)(void *ctx, int rc),
	       void *ctx, struct refusal *why);
/* Before a second attempt: false if the budgets do not let it. */
bool admit_hold_again(struct admission *a);

/* After every admit_hold whose done said 0, also when nothing was used.  Charges what was really
 * used, corrects the token buckets, appends the ledger's line (at_ms, project, key and holds are
 * filled in here: what is charged now counts in the quarter of an hour that it is now) and ends the
 * hold.  `done` comes when it is durable; not to be ended before.  0, or the store's code: charged
 * in memory, not in the ledger, logged; `done` does not come. */
int admit_settle(struct admission *a, struct ledger_record *line,
		 const struct idempotency_record *kept, void (*done)(void *ctx, int rc), void *ctx);

/* A cache hit: costs nothing, is in the ledger. */
int admit_settle_hit(struct admission *a, const char *model, void (*done)(void *ctx, int rc),
		     void *ctx);

/* Gives back what is still taken and the references. */
void admit_end(struct admission *a);

#endif
