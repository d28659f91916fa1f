#include "daemon/admit/account.h"

#include <stdlib.h>

#include "daemon/admit/window.h"
#include "daemon/observe/metrics.h"

#define BACK_MAX_MS (INT64_C(3600) * 1000)

enum { WHOLE_PERCENT = 100 };

static struct budget_events listener;

void budget_listen(const struct budget_events *events)
{
	listener = *events;
}

static bool is_rolling(const struct account *a)
{
	return a->record.window == WINDOW_ROLLING;
}

static void open_window(struct account *a, int64_t now_ms)
{
	a->start_ms = window_start_ms(a->record.window, 0, now_ms);
	a->end_ms = window_end_ms(a->record.window, 0, now_ms);
}

struct account *account_new(const struct budget_record *r, int64_t now_ms)
{
	struct account *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	a->record = *r;
	a->base_left = amount_make(r->base_tokens, r->base_micro_usd);
	if (!is_rolling(a)) {
		open_window(a, now_ms);
	} else if (rolling_init(&a->rolling, r->rolling_ms, now_ms) != 0) {
		free(a);
		return NULL;
	}
	return a;
}

void account_free(struct account *a)
{
	if (!a)
		return;
	rolling_done(&a->rolling);
	free(a);
}

struct amount account_used(const struct account *a)
{
	return is_rolling(a) ? rolling_used(&a->rolling) : a->used;
}

/* ---- thresholds ---- */

/* What was never used has reached nothing, not even a limit of 0. */
static bool share_reached(int64_t limit, int64_t used, int percent)
{
	return limit >= 0 && used > 0 &&
	       (__int128)used * WHOLE_PERCENT >= (__int128)limit * percent;
}

static bool reached(const struct account *a, int percent)
{
	struct amount used = account_used(a);

	return share_reached(a->record.limit_tokens, used.tokens, percent) ||
	       share_reached(a->record.limit_micro_usd, used.micro_usd, percent);
}

/* At 100 the warning is the limit's. */
static bool warning_reached(const struct account *a)
{
	int percent = a->record.warn_percent;

	return percent > 0 && percent < WHOLE_PERCENT && reached(a, percent);
}

/* What is no longer passed may be told again. */
static void rearm(struct account *a)
{
	a->warn_told = a->warn_told && warning_reached(a);
	a->limit_told = a->limit_told && reached(a, WHOLE_PERCENT);
}

static void tell(const struct account *a, int percent)
{
	struct amount used = account_used(a);

	metric_add(METRIC_BUDGET_THRESHOLDS, 1);
	if (listener.threshold)
		listener.threshold(listener.ctx, &a->record, percent, &used);
}

static void tell_thresholds(struct account *a)
{
	bool warn = !a->warn_told && warning_reached(a);
	bool limit = !a->limit_told && reached(a, WHOLE_PERCENT);

	a->warn_told = a->warn_told || warn;
	a->limit_told = a->limit_told || limit;
	if (warn)
		tell(a, a->record.warn_percent);
	if (limit)
		tell(a, WHOLE_PERCENT);
}

/* ---- counting ---- */

void account_change(struct account *a, const struct budget_record *r)
{
	a->record = *r;
	rearm(a);
}

void account_turn(struct account *a, int64_t now_ms)
{
	if (is_rolling(a)) {
		rolling_turn(&a->rolling, now_ms);
	} else if (now_ms >= a->end_ms) {
		a->used = (struct amount){0};
		open_window(a, now_ms);
	} else if (now_ms < a->start_ms - BACK_MAX_MS) {
		open_window(a, now_ms);
	}
	rearm(a);
}

static void count(struct account *a, int64_t at_ms, struct amount used)
{
	if (is_rolling(a))
		rolling_add(&a->rolling, at_ms, used);
	else
		a->used = amount_add(a->used, used);
}

void account_load(struct account *a, const struct usage_bucket *b)
{
	struct amount used = amount_make(b->tokens, b->micro_usd), whole = used;

	if (b->bucket_ms < a->record.from_ms)
		return;
	if (!is_rolling(a) && (b->bucket_ms < a->start_ms || b->bucket_ms >= a->end_ms))
		return;
	if (b->bucket_ms == a->record.from_ms) {
		used = amount_less(whole, a->base_left);
		a->base_left = amount_less(a->base_left, whole);
	}
	count(a, b->bucket_ms, used);
	a->warn_told = warning_reached(a);
	a->limit_told = reached(a, WHOLE_PERCENT);
}

void account_charge(struct account *a, struct amount used, int64_t now_ms)
{
	count(a, now_ms, used);
	tell_thresholds(a);
}
