/* Budgets against a model, over a long random walk.
 *
 * The world has one server, some projects and some keys, each with up to one budget per kind of
 * window; hundreds of requests hold, extend, settle (with less, as much or more than they held, or
 * nothing at all) while limits change, budgets come and go and are loaded anew, and the clock runs.
 *
 * After each step what the daemon's code says of the lists that were touched (of all of them now
 * and then) must be what the model says, and used + held may be above a hard limit only by what
 * settlements used beyond their holds, or because the limit was lowered.
 *
 * CCAPI_TEST_SEED=N walks another way; a failure prints the seed. */
#include <inttypes.h>
#include <stdlib.h>

#include "daemon/admit/window.h"
#include "daemon/observe/metrics.h"

#include "tests/unit/admit/budget_model.h"
#include "tests/unit/test.h"

static struct account_list lists[LISTS];

static uint64_t first_seed, seed;
static int step;
static bool absurd; /* amounts and limits up to INT64_MAX */
static int64_t events_seen;
static int refused, taken;

static int64_t rnd(int64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int64_t)((seed >> 11) % (uint64_t)below);
}

#define FAIL_UNLESS(cond, ...)                                                                     \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			print_message("CCAPI_TEST_SEED=%" PRIu64 ", step %d: ", first_seed, step); \
			fail_msg(__VA_ARGS__);                                                     \
		}                                                                                  \
	} while (0)

/* ---- comparing ---- */

struct looked {
	int list, kind;
};

static void compare_account(void *ctx, const struct budget_view *v)
{
	struct looked *l = ctx;
	struct model_budget *b;
	const int64_t used[SIDES] = {v->used.tokens, v->used.micro_usd};
	const int64_t held[SIDES] = {v->held.tokens, v->held.micro_usd};

	while (l->kind < KINDS && !model[l->list][l->kind].there)
		l->kind++;
	FAIL_UNLESS(l->kind < KINDS, "list %d has more budgets than it should", l->list);
	b = &model[l->list][l->kind++];
	FAIL_UNLESS(v->record.window == b->r.window && v->record.rolling_ms == b->r.rolling_ms &&
			    v->record.limit_tokens == b->r.limit_tokens,
		    "list %d has another budget than it should", l->list);
	FAIL_UNLESS(v->window_start_ms <= now && now < v->window_end_ms, "not in its window");
	model_turn(b);
	for (int side = 0; side < SIDES; side++) {
		int64_t limit = limit_of(b, side);
		int64_t most = b->before[side] > limit ? b->before[side] : limit;
		int64_t sum = cut((__int128)used[side] + held[side]);

		FAIL_UNLESS(used[side] == model_used(b, side) &&
				    held[side] == model_held(l->list, side),
			    "list %d window %d side %d: used %" PRId64 " held %" PRId64
			    ", not %" PRId64 " and %" PRId64,
			    l->list, (int)b->r.window, side, used[side], held[side],
			    model_used(b, side), model_held(l->list, side));
		FAIL_UNLESS(b->r.soft || limit < 0 || sum <= cut((__int128)most + over[side]),
			    "list %d window %d side %d: %" PRId64 " above %" PRId64 " + %" PRId64,
			    l->list, (int)b->r.window, side, sum, most, over[side]);
		b->before[side] = sum;
	}
}

static void compare_list(int list)
{
	struct looked l = {.list = list};

	budget_each(&lists[list], now, compare_account, &l);
	while (l.kind < KINDS && !model[list][l.kind].there)
		l.kind++;
	FAIL_UNLESS(l.kind == KINDS, "list %d has fewer budgets than it should", list);
}

static void compare(const int where[HOLD_LISTS])
{
	struct account_list *at[HOLD_LISTS];
	struct amount left;

	for (int i = 0; i < HOLD_LISTS; i++)
		at[i] = where[i] >= 0 ? &lists[where[i]] : NULL;
	left = budget_left(at, now);
	FAIL_UNLESS(left.tokens == model_left(where, TOKENS) &&
			    left.micro_usd == model_left(where, MONEY),
		    "left: %" PRId64 " and %" PRId64, left.tokens, left.micro_usd);
	for (int i = 0; i < HOLD_LISTS; i++)
		if (where[i] >= 0)
			compare_list(where[i]);
	over[TOKENS] = over[MONEY] = 0;
	for (int list = 0; step % 64 == 0 && list < LISTS; list++)
		compare_list(list);
	FAIL_UNLESS(events_seen == events && metric_value(METRIC_BUDGET_THRESHOLDS) == events,
		    "%" PRId64 " thresholds told, not %" PRId64, events_seen, events);
	FAIL_UNLESS(metric_value(METRIC_BUDGET_OVERRUN_TOKENS) == overrun[TOKENS] &&
			    metric_value(METRIC_BUDGET_OVERRUN_MICRO_USD) == overrun[MONEY],
		    "overrun counted wrong");
}

static void note_event(void *ctx, const struct budget_record *r, int percent,
		       const struct amount *used)
{
	(void)ctx;
	(void)used;
	FAIL_UNLESS(percent == 100 || percent == r->warn_percent, "told of %d percent", percent);
	events_seen++;
}

/* ---- steps ---- */

static int64_t some_amount(void)
{
	if (absurd && rnd(8) == 0)
		return rnd(2) ? INT64_MAX : INT64_MAX / (1 + rnd(5));
	return rnd(20) ? rnd(1000) : 0;
}

static int64_t some_limit(void)
{
	if (absurd && rnd(3) == 0)
		return INT64_MAX - rnd(3);
	return rnd(4) ? rnd(INT64_C(20000) << rnd(11)) : -1;
}

/* A request's lists: of a key, its project and the server; now and then without a key. */
static void some_lists(int where[HOLD_LISTS])
{
	int key = (int)rnd(KEYS);

	where[0] = rnd(10) ? 1 + PROJECTS + key : -1;
	where[1] = 1 + key % PROJECTS;
	where[2] = rnd(50) ? 0 : -1;
}

static void step_take(int where[HOLD_LISTS])
{
	struct account_list *at[HOLD_LISTS];
	int64_t amount[SIDES] = {some_amount(), some_amount()};
	struct model_hold *h = &holds[rnd(HOLDS)];
	struct refusal why;
	bool fits;
	int rc;

	some_lists(where);
	if (h->open)
		return;
	for (int i = 0; i < HOLD_LISTS; i++)
		at[i] = where[i] >= 0 ? &lists[where[i]] : NULL;
	fits = model_fits(where, amount);
	rc = budget_hold_take(&h->hold, at, &(struct amount){amount[TOKENS], amount[MONEY]}, now,
			      &why);
	FAIL_UNLESS((rc == 0) == fits, "%s: %s", fits ? "should fit" : "should not fit",
		    rc ? why.message : "");
	refused += !fits;
	taken += fits;
	if (!fits)
		return;
	h->open = true;
	memcpy(h->lists, where, sizeof h->lists);
	memcpy(h->held, amount, sizeof h->held);
}

static struct model_hold *some_open_hold(int where[HOLD_LISTS])
{
	int from = (int)rnd(HOLDS);

	for (int i = 0; i < HOLDS; i++) {
		struct model_hold *h = &holds[(from + i) % HOLDS];

		if (h->open)
			memcpy(where, h->lists, sizeof h->lists);
		if (h->open)
			return h;
	}
	return NULL;
}

static void step_extend(int where[HOLD_LISTS])
{
	struct model_hold *h = some_open_hold(where);
	bool fits;
	int rc;

	if (!h)
		return;
	fits = model_fits(where, h->held);
	rc = budget_hold_extend(&h->hold, &(struct amount){h->held[TOKENS], h->held[MONEY]}, now);
	FAIL_UNLESS((rc == 0) == fits, "extend: %d", rc);
	for (int side = 0; fits && side < SIDES; side++)
		h->held[side] = cut((__int128)2 * h->held[side]);
}

/* A cancel before the work, or less, as much or more than was held. */
static int64_t some_use(int64_t held)
{
	switch (rnd(4)) {
	case 0:
		return 0;
	case 1:
		return held;
	case 2:
		return held > 0 ? rnd(held) : 0;
	default:
		return rnd(3) ? rnd(held < INT64_MAX ? held + 1 : held)
			      : cut((__int128)held + rnd(100));
	}
}

static void step_settle(int where[HOLD_LISTS])
{
	struct model_hold *h = some_open_hold(where);
	int64_t used[SIDES];

	if (!h)
		return;
	for (int side = 0; side < SIDES; side++)
		used[side] = some_use(h->held[side]);
	h->open = false;
	model_settle(where, h->held, used);
	budget_hold_settle(&h->hold, &(struct amount){used[TOKENS], used[MONEY]}, now);
	FAIL_UNLESS(!h->hold.open, "still open");
}

static void step_charge(int where[HOLD_LISTS])
{
	static const int64_t nothing[SIDES];
	const int64_t used[SIDES] = {rnd(100), rnd(100)};
	struct budget_hold h = {0};

	some_lists(where);
	for (int i = 0; i < HOLD_LISTS; i++)
		h.lists[i] = where[i] >= 0 ? &lists[where[i]] : NULL;
	model_settle(where, nothing, used);
	budget_hold_settle(&h, &(struct amount){used[TOKENS], used[MONEY]}, now);
}

/* The kinds in the order in which accounts stand. */
static struct budget_record some_record(int list, int kind)
{
	struct budget_record r =
		record_of((enum budget_window)(kind < 6 ? kind : 5), some_limit(), some_limit());

	r.scope = list == 0 ? SCOPE_GLOBAL : list <= PROJECTS ? SCOPE_PROJECT : SCOPE_KEY;
	if (kind == KINDS - 1)
		r.rolling_ms = 24 * HOUR_MS;
	r.soft = rnd(5) == 0;
	r.warn_percent = rnd(2) ? (int)rnd(101) : 0;
	return r;
}

/* After any put: what the model says now is where the invariant starts from. */
static void put_done(int list, struct model_budget *b)
{
	for (int side = 0; side < SIDES; side++)
		b->before[side] = cut((__int128)model_used(b, side) + model_held(list, side));
}

/* New, or with another limit, or reset. */
static void step_put(int where[HOLD_LISTS])
{
	int list = (int)rnd(LISTS), kind = (int)rnd(KINDS);
	struct model_budget *b = &model[list][kind];
	struct budget_record r = some_record(list, kind);

	where[0] = list;
	model_turn(b);
	if (b->there) {
		r.from_ms = b->r.from_ms;
		r.base_tokens = b->r.base_tokens;
		r.base_micro_usd = b->r.base_micro_usd;
	}
	if (!b->there || rnd(4) == 0) {
		r.from_ms = now / BUCKET_MS * BUCKET_MS;
		r.base_tokens = b->there ? b->r.base_tokens + 1 : 0;
		memset(b, 0, sizeof *b);
	}
	assert_int_equal(budget_put(&lists[list], &r, NULL, 0, now), 0);
	b->there = true;
	b->r = r;
	b->period = period_of(r.window, now);
	model_fell(b);
	put_done(list, b);
}

/* With buckets of the past, as at a start. */
static void step_load(int where[HOLD_LISTS])
{
	struct usage_bucket buckets[8];
	int list = (int)rnd(LISTS), kind = (int)rnd(KINDS);
	struct model_budget *b = &model[list][kind], old;
	struct budget_record r = some_record(list, kind);
	int64_t at = (now - rnd(rnd(2) ? 2 * HOUR_MS : 3 * DAY_MS)) / BUCKET_MS * BUCKET_MS;
	size_t count = 0;

	where[0] = list;
	model_turn(b);
	old = *b;
	memset(b, 0, sizeof *b);
	b->period = period_of(r.window, now);
	for (; count < 8 && at <= now; count++, at += BUCKET_MS * (1 + rnd(8)))
		buckets[count] = (struct usage_bucket){at, rnd(2000), rnd(2000)};
	if (rnd(2)) {
		r.from_ms = buckets[rnd((int64_t)count)].bucket_ms;
		r.base_tokens = rnd(2000);
		r.base_micro_usd = rnd(2000);
	}
	b->r = r;
	for (size_t i = 0; i < count; i++) {
		int64_t t = buckets[i].bucket_ms;
		int64_t used[SIDES] = {buckets[i].tokens, buckets[i].micro_usd};

		used[TOKENS] -= t == r.from_ms ? r.base_tokens : 0;
		used[MONEY] -= t == r.from_ms ? r.base_micro_usd : 0;
		for (int side = 0; side < SIDES; side++)
			used[side] = used[side] > 0 ? used[side] : 0;
		if (t >= r.from_ms && period_of(r.window, t) == period_of(r.window, now))
			model_add(b, t, used);
	}
	assert_int_equal(budget_put(&lists[list], &r, buckets, count, now), 0);
	b->there = true;
	b->warn_told = !old.there || old.warn_told;
	b->limit_told = !old.there || old.limit_told;
	model_fell(b);
	put_done(list, b);
}

static void step_remove(int where[HOLD_LISTS])
{
	int list = (int)rnd(LISTS), kind = (int)rnd(KINDS);
	struct budget_record r = some_record(list, kind);

	where[0] = list;
	if (rnd(10) == 0) {
		budget_clear(&lists[list]);
		memset(model[list], 0, sizeof model[list]);
		return;
	}
	FAIL_UNLESS(budget_remove(&lists[list], &r) == model[list][kind].there, "removed");
	memset(&model[list][kind], 0, sizeof model[list][kind]);
}

static void one_step(void)
{
	static void (*const steps[])(int where[HOLD_LISTS]) = {
		step_put, step_load, step_remove, step_remove, step_extend, step_charge};
	int where[HOLD_LISTS] = {-1, -1, -1};
	int64_t dice = rnd(100);

	now += rnd(400) == 0 ? rnd(3 * DAY_MS) : rnd(20) == 0 ? rnd(HOUR_MS / 2) : rnd(3000);
	model_sum_holds();
	if (dice < (step / 4000 % 2 ? 70 : 30)) /* holds pile up, and are worked off */
		step_take(where);
	else if (dice < 97)
		step_settle(where);
	else
		steps[rnd(6)](where);
	model_sum_holds();
	compare(where);
}

static void walk(int steps)
{
	const char *given = getenv("CCAPI_TEST_SEED");
	const struct budget_events listen = {.threshold = note_event};
	int open = 0, most_open = 0;

	first_seed = seed = given ? strtoull(given, NULL, 10) : 20261124;
	now = NOW;
	refused = taken = 0;
	events = events_seen = overrun[TOKENS] = overrun[MONEY] = 0;
	assert_true(seed > 0);
	assert_int_equal(window_set_zone("UTC"), 0);
	metrics_reset();
	budget_listen(&listen);
	for (step = 0; step < steps; step++) {
		one_step();
		open = 0;
		for (int h = 0; h < HOLDS; h++)
			open += holds[h].open;
		most_open = open > most_open ? open : most_open;
	}
	print_message("%d steps: %d holds taken, %d refused, at most %d open; %" PRId64
		      " thresholds, %" PRId64 " days\n",
		      steps, taken, refused, most_open, events, (now - NOW) / DAY_MS);
	/* A walk that never met the limits, or only met them, would show nothing. */
	assert_true(taken > steps / 20 && refused > steps / 20 && most_open > 50);
}

/* Settles what is open: nothing may stay held. */
static int end_walk(void **state)
{
	bool still_held = false;

	(void)state;
	for (int h = 0; h < HOLDS; h++) {
		if (holds[h].open)
			budget_hold_settle(&holds[h].hold, &(struct amount){0}, now);
		holds[h].open = false;
	}
	for (int list = 0; list < LISTS; list++) {
		still_held = still_held || lists[list].held.tokens || lists[list].held.micro_usd;
		budget_clear(&lists[list]);
		lists[list] = (struct account_list){0};
	}
	memset(model, 0, sizeof model);
	assert_false(still_held);
	return 0;
}

static void used_and_held_stay_within_every_hard_limit(void **state)
{
	(void)state;
	absurd = false;
	walk(200000);
}

static void absurd_amounts_break_nothing(void **state)
{
	(void)state;
	absurd = true;
	walk(40000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(used_and_held_stay_within_every_hard_limit, end_walk),
		cmocka_unit_test_teardown(absurd_amounts_break_nothing, end_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
