/* A slow and simple model of budgets for test_budget_property.c: it keeps open holds in one array
 * and sums them all up, knows windows by dividing, and rolling windows by adding up everything
 * again. */
#ifndef TESTS_UNIT_ADMIT_BUDGET_MODEL_H
#define TESTS_UNIT_ADMIT_BUDGET_MODEL_H

#include <time.h>

#include "tests/unit/admit/budgets.h"

enum {
	PROJECTS = 4,
	KEYS = 10,
	LISTS = 1 + PROJECTS + KEYS,
	KINDS = 7,
	HOLDS = 400,
	QUARTERS = 200
};
enum { TOKENS, MONEY, SIDES };

struct model_budget {
	bool there, warn_told, limit_told;
	struct budget_record r;
	int64_t period;        /* of calendar windows: which one `used` speaks of */
	int64_t used[SIDES];   /* of calendar windows */
	int64_t before[SIDES]; /* used + held when last looked at */
	struct {
		int64_t quarter, used[SIDES];
	} uses[QUARTERS]; /* of rolling windows, rising */
	int count;
};

struct model_hold {
	struct budget_hold hold;
	bool open;
	int lists[HOLD_LISTS];
	int64_t held[SIDES];
};

static struct model_budget model[LISTS][KINDS];
static struct model_hold holds[HOLDS];

static int64_t now;
static int64_t events;                      /* thresholds that should have been told */
static int64_t over[SIDES], overrun[SIDES]; /* beyond the hold: the last settlement, all of them */

static int64_t cut(__int128 n)
{
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

static __int128 held_sums[LISTS][SIDES];

/* Before a step, and before it is looked at. */
static void model_sum_holds(void)
{
	memset(held_sums, 0, sizeof held_sums);
	for (int h = 0; h < HOLDS; h++)
		for (int i = 0; holds[h].open && i < HOLD_LISTS; i++)
			for (int side = 0; holds[h].lists[i] >= 0 && side < SIDES; side++)
				held_sums[holds[h].lists[i]][side] += holds[h].held[side];
}

static int64_t model_held(int list, int side)
{
	return cut(held_sums[list][side]);
}

static int64_t period_of(enum budget_window w, int64_t at_ms)
{
	time_t s = at_ms / 1000;
	struct tm tm;

	switch (w) {
	case WINDOW_HOUR:
		return at_ms / HOUR_MS;
	case WINDOW_DAY:
		return at_ms / DAY_MS;
	case WINDOW_WEEK:
		return (at_ms / DAY_MS + 3) / 7;
	case WINDOW_MONTH:
		gmtime_r(&s, &tm);
		return tm.tm_year * 12 + tm.tm_mon;
	default:
		return 0;
	}
}

static int64_t limit_of(const struct model_budget *b, int side)
{
	return side == TOKENS ? b->r.limit_tokens : b->r.limit_micro_usd;
}

static int64_t model_used(const struct model_budget *b, int side)
{
	__int128 sum = b->used[side];

	for (int i = 0; i < b->count; i++)
		if (b->uses[i].quarter >= (now - b->r.rolling_ms) / BUCKET_MS)
			sum += b->uses[i].used[side];
	return cut(sum);
}

static bool model_reached(const struct model_budget *b, int percent)
{
	bool yes = false;

	for (int side = 0; side < SIDES; side++) {
		__int128 used = model_used(b, side), limit = limit_of(b, side);

		yes = yes || (limit >= 0 && used > 0 && used * 100 >= limit * percent);
	}
	return yes;
}

static bool model_warns(const struct model_budget *b)
{
	return b->r.warn_percent > 0 && b->r.warn_percent < 100 &&
	       model_reached(b, b->r.warn_percent);
}

static void model_fell(struct model_budget *b)
{
	b->warn_told = b->warn_told && model_warns(b);
	b->limit_told = b->limit_told && model_reached(b, 100);
}

static void model_turn(struct model_budget *b)
{
	if (b->there && period_of(b->r.window, now) != b->period) {
		b->period = period_of(b->r.window, now);
		memset(b->used, 0, sizeof b->used);
	}
	if (b->there)
		model_fell(b);
}

static void model_add(struct model_budget *b, int64_t at_ms, const int64_t used[SIDES])
{
	int64_t quarter = at_ms / BUCKET_MS, *to = b->used;

	if (b->r.window == WINDOW_ROLLING) {
		if (b->count == 0 || b->uses[b->count - 1].quarter != quarter) {
			if (b->count == QUARTERS) {
				b->count = QUARTERS / 2;
				memmove(b->uses, b->uses + QUARTERS / 2,
					QUARTERS / 2 * sizeof b->uses[0]);
			}
			memset(&b->uses[b->count], 0, sizeof b->uses[0]);
			b->uses[b->count++].quarter = quarter;
		}
		to = b->uses[b->count - 1].used;
	}
	for (int side = 0; side < SIDES; side++)
		to[side] = cut((__int128)to[side] + used[side]);
}

static void model_charge(struct model_budget *b, const int64_t used[SIDES])
{
	model_turn(b);
	model_add(b, now, used);
	if (!b->warn_told && model_warns(b)) {
		b->warn_told = true;
		events++;
	}
	if (!b->limit_told && model_reached(b, 100)) {
		b->limit_told = true;
		events++;
	}
}

static bool model_fits(const int where[HOLD_LISTS], const int64_t amount[SIDES])
{
	for (int i = 0; i < HOLD_LISTS; i++) {
		for (int k = 0; where[i] >= 0 && k < KINDS; k++) {
			struct model_budget *b = &model[where[i]][k];

			model_turn(b);
			for (int side = 0; b->there && !b->r.soft && side < SIDES; side++)
				if (limit_of(b, side) >= 0 &&
				    (__int128)model_used(b, side) + model_held(where[i], side) +
						    amount[side] >
					    limit_of(b, side))
					return false;
		}
	}
	return true;
}

static int64_t model_left(const int where[HOLD_LISTS], int side)
{
	__int128 least = INT64_MAX, left;

	for (int i = 0; i < HOLD_LISTS; i++) {
		for (int k = 0; where[i] >= 0 && k < KINDS; k++) {
			struct model_budget *b = &model[where[i]][k];

			model_turn(b);
			if (!b->there || b->r.soft || limit_of(b, side) < 0)
				continue;
			left = (__int128)limit_of(b, side) - model_used(b, side) -
			       model_held(where[i], side);
			least = left < least ? left : least;
		}
	}
	return least > 0 ? (int64_t)least : 0;
}

static void model_settle(const int where[HOLD_LISTS], const int64_t held[SIDES],
			 const int64_t used[SIDES])
{
	bool hard[SIDES] = {false, false};

	for (int i = 0; i < HOLD_LISTS; i++) {
		for (int k = 0; where[i] >= 0 && k < KINDS; k++) {
			struct model_budget *b = &model[where[i]][k];

			if (!b->there)
				continue;
			model_charge(b, used);
			for (int side = 0; side < SIDES; side++)
				hard[side] = hard[side] || (!b->r.soft && limit_of(b, side) >= 0);
		}
	}
	for (int side = 0; side < SIDES; side++) {
		over[side] = used[side] > held[side] ? used[side] - held[side] : 0;
		if (hard[side])
			overrun[side] = cut((__int128)overrun[side] + over[side]);
	}
}

#endif
