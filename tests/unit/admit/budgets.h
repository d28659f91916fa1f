/* Budgets for tests, put together by hand. */
#ifndef TESTS_UNIT_ADMIT_BUDGETS_H
#define TESTS_UNIT_ADMIT_BUDGETS_H

#include <stdio.h>
#include <string.h>

#include "daemon/admit/budget.h"

#define HOUR_MS (INT64_C(3600) * 1000)

/* 2026-11-24T10:40:00Z, a Tuesday; its hour began at 10:00. */
#define NOW INT64_C(1795516800000)
#define THE_HOUR (NOW - 40 * INT64_C(60000))
#define TODAY (THE_HOUR - 10 * HOUR_MS)

enum { NO_LIMIT = -1 };

static inline struct budget_record record_of(enum budget_window window, int64_t limit_tokens,
					     int64_t limit_micro_usd)
{
	struct budget_record r = {.scope = SCOPE_PROJECT,
				  .window = window,
				  .rolling_ms = window == WINDOW_ROLLING ? HOUR_MS : 0,
				  .limit_tokens = limit_tokens,
				  .limit_micro_usd = limit_micro_usd};

	snprintf(r.subject, sizeof r.subject, "demo");
	return r;
}

static inline void save_view(void *ctx, const struct budget_view *view)
{
	*(struct budget_view *)ctx = *view;
}

/* The last account of a list. */
static inline struct budget_view last_view(struct account_list *list, int64_t now_ms)
{
	struct budget_view view;

	memset(&view, 0, sizeof view);
	budget_each(list, now_ms, save_view, &view);
	return view;
}

static inline int64_t used_tokens(struct account_list *list, int64_t now_ms)
{
	return last_view(list, now_ms).used.tokens;
}

static inline int64_t held_tokens(struct account_list *list, int64_t now_ms)
{
	return last_view(list, now_ms).held.tokens;
}

/* One list alone. */
static inline int take_from(struct budget_hold *hold, struct account_list *list, int64_t tokens,
			    int64_t micro_usd, int64_t now_ms)
{
	struct account_list *const lists[HOLD_LISTS] = {list};
	struct refusal why;

	return budget_hold_take(hold, lists, &(struct amount){tokens, micro_usd}, now_ms, &why);
}

static inline void settle_with(struct budget_hold *hold, int64_t tokens, int64_t micro_usd,
			       int64_t now_ms)
{
	budget_hold_settle(hold, &(struct amount){tokens, micro_usd}, now_ms);
}

/* Usage without a hold. */
static inline void charge_to(struct account_list *list, int64_t tokens, int64_t micro_usd,
			     int64_t now_ms)
{
	struct budget_hold h = {.lists = {list}};

	settle_with(&h, tokens, micro_usd, now_ms);
}

#endif
