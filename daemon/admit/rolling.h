/* What was used in the last so-and-so-long, by quarters of an hour: a ring with one slot for each
 * quarter that may still count.  The oldest quarter counts whole until all of it is too long ago,
 * so the sum is never less than what was used within the length.
 *
 * A clock that is set back by up to an hour changes nothing; after a larger step what was counted
 * counts as used now, so that it neither stays for ever nor goes early. */
#ifndef DAEMON_ADMIT_ROLLING_H
#define DAEMON_ADMIT_ROLLING_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/admit/amount.h"

struct rolling {
	struct amount *slots;
	int64_t count;
	int64_t newest; /* number of the newest quarter since 1970 */
	struct amount_sum sum;
};

/* length_ms: window.h's bounds.  0, -ENOMEM. */
int rolling_init(struct rolling *r, int64_t length_ms, int64_t now_ms);
void rolling_done(struct rolling *r); /* one that is zero is fine */

void rolling_turn(struct rolling *r, int64_t now_ms); /* lets go what no longer counts */
/* Usage at this time: too long ago does not count, the future counts as now. */
void rolling_add(struct rolling *r, int64_t at_ms, struct amount a);
struct amount rolling_used(const struct rolling *r);

#endif
