#include "daemon/admit/rolling.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/admit/window.h"
#include "daemon/store/records.h"

/* Quarters by which the clock may be set back; even the shortest ring has more. */
enum { BACK_MAX = 4 };
_Static_assert(ROLLING_MIN_MS / BUCKET_MS >= BACK_MAX, "a ring has slots for a clock set back");

/* Times before 1970 are no times. */
static int64_t quarter_of(int64_t at_ms)
{
	return at_ms > 0 ? at_ms / BUCKET_MS : 0;
}

static struct amount *slot_of(struct rolling *r, int64_t quarter)
{
	return &r->slots[quarter % r->count];
}

int rolling_init(struct rolling *r, int64_t length_ms, int64_t now_ms)
{
	int64_t count = length_ms / BUCKET_MS + 1;
	struct amount *slots = calloc((size_t)count, sizeof *slots);

	if (!slots)
		return -ENOMEM;
	*r = (struct rolling){.slots = slots, .count = count, .newest = quarter_of(now_ms)};
	return 0;
}

void rolling_done(struct rolling *r)
{
	free(r->slots);
	*r = (struct rolling){0};
}

static void clear(struct rolling *r)
{
	memset(r->slots, 0, (size_t)r->count * sizeof *r->slots);
	r->sum = (struct amount_sum){0};
}

static void advance(struct rolling *r, int64_t quarter)
{
	if (quarter - r->newest >= r->count)
		clear(r);
	for (int64_t q = r->newest + 1; q <= quarter && r->sum.tokens + r->sum.micro_usd; q++) {
		amount_sum_take(&r->sum, *slot_of(r, q));
		*slot_of(r, q) = (struct amount){0};
	}
	r->newest = quarter;
}

void rolling_turn(struct rolling *r, int64_t now_ms)
{
	int64_t quarter = quarter_of(now_ms);
	struct amount all = rolling_used(r);

	if (quarter > r->newest) {
		advance(r, quarter);
	} else if (quarter < r->newest - BACK_MAX) {
		clear(r);
		r->newest = quarter;
		rolling_add(r, now_ms, all);
	}
}

void rolling_add(struct rolling *r, int64_t at_ms, struct amount a)
{
	int64_t quarter = quarter_of(at_ms);
	struct amount *slot;

	if (quarter <= r->newest - r->count)
		return;
	slot = slot_of(r, quarter < r->newest ? quarter : r->newest);
	amount_sum_take(&r->sum, *slot);
	*slot = amount_add(*slot, a);
	amount_sum_add(&r->sum, *slot);
}

struct amount rolling_used(const struct rolling *r)
{
	return amount_of_sum(&r->sum);
}
