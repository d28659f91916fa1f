/* Lists of accounts and the holds upon them.
 *
 *   budget_hold_take     looks at every account first and changes nothing until all agree
 *   budget_hold_settle   gives the hold back, then charges what was used
 *
 * A hold is upon lists, not accounts: what is held is one sum per list, which every account of the
 * list is measured against.  So accounts may come, change and go while holds are open; a budget
 * that is put while a request runs has that request's hold upon it from its first moment, because
 * the settlement will charge it; and no hold points at an account that may be gone.
 *
 * Must never happen: an account that refuses after another one was changed; a hold that is given
 * back twice or not at all. */
#include "daemon/admit/budget.h"

#include <errno.h>
#include <stdlib.h>

#include "shared/err.h"

#include "daemon/admit/account.h"
#include "daemon/admit/budget_words.h"
#include "daemon/admit/window.h"
#include "daemon/observe/metrics.h"

/* ---- lists ---- */

static int order(const struct budget_record *a, const struct budget_record *b)
{
	if (a->window != b->window)
		return a->window < b->window ? -1 : 1;
	if (a->rolling_ms != b->rolling_ms)
		return a->rolling_ms < b->rolling_ms ? -1 : 1;
	return 0;
}

/* Where the budget of this window is, or would be. */
static struct account **place_of(struct account_list *list, const struct budget_record *which)
{
	struct account **at = &list->first;

	while (*at && order(&(*at)->record, which) < 0)
		at = &(*at)->next;
	return at;
}

static struct account *account_at(struct account **at, const struct budget_record *which)
{
	return *at && order(&(*at)->record, which) == 0 ? *at : NULL;
}

static bool same_start(const struct budget_record *a, const struct budget_record *b)
{
	return a->from_ms == b->from_ms && a->base_tokens == b->base_tokens &&
	       a->base_micro_usd == b->base_micro_usd;
}

int budget_put(struct account_list *list, const struct budget_record *r,
	       const struct usage_bucket *buckets, size_t count, int64_t now_ms)
{
	struct account **at = place_of(list, r), *old = account_at(at, r), *a;

	if (!window_is_valid(r->window, r->rolling_ms))
		return ERR_LIMIT;
	if (old && !buckets && same_start(&old->record, r)) {
		account_change(old, r);
		return 0;
	}
	a = account_new(r, now_ms);
	if (!a)
		return -ENOMEM;
	for (size_t i = 0; buckets && i < count; i++)
		account_load(a, &buckets[i]);
	if (old) {
		a->warn_told = a->warn_told && old->warn_told;
		a->limit_told = a->limit_told && old->limit_told;
	}
	a->next = old ? old->next : *at;
	*at = a;
	account_free(old);
	return 0;
}

void budget_add_used(struct account_list *list, const struct budget_record *which,
		     const struct usage_bucket *bucket, int64_t now_ms)
{
	struct account *a = account_at(place_of(list, which), which);

	if (!a)
		return;
	account_turn(a, now_ms);
	account_load(a, bucket);
}

bool budget_remove(struct account_list *list, const struct budget_record *which)
{
	struct account **at = place_of(list, which), *a = account_at(at, which);

	if (!a)
		return false;
	*at = a->next;
	account_free(a);
	return true;
}

void budget_clear(struct account_list *list)
{
	struct account *next;

	for (struct account *a = list->first; a; a = next) {
		next = a->next;
		account_free(a);
	}
	list->first = NULL;
}

bool budget_any(struct account_list *const lists[HOLD_LISTS])
{
	for (size_t i = 0; i < HOLD_LISTS; i++)
		if (lists[i] && lists[i]->first)
			return true;
	return false;
}

void budget_each(struct account_list *list, int64_t now_ms,
		 void (*each)(void *ctx, const struct budget_view *view), void *ctx)
{
	for (struct account *a = list->first; a; a = a->next) {
		const struct budget_record *r = &a->record;
		struct budget_view view = {.record = *r};

		account_turn(a, now_ms);
		view.used = account_used(a);
		view.held = amount_of_sum(&list->held);
		if (r->window == WINDOW_ROLLING) {
			view.window_start_ms = window_start_ms(r->window, r->rolling_ms, now_ms);
			view.window_end_ms = window_end_ms(r->window, r->rolling_ms, now_ms);
		} else {
			view.window_start_ms = a->start_ms;
			view.window_end_ms = a->end_ms;
		}
		each(ctx, &view);
	}
}

/* ---- what is left ---- */

/* May be far below 0; no limit: more than anything. */
static __int128 rest(int64_t limit, int64_t used, __int128 held)
{
	return limit < 0 ? (__int128)INT64_MAX * INT64_MAX : (__int128)limit - used - held;
}

static bool fits(const struct account_list *list, const struct account *a,
		 const struct amount *more)
{
	const struct budget_record *r = &a->record;
	struct amount used = account_used(a);

	return r->soft ||
	       (rest(r->limit_tokens, used.tokens, list->held.tokens) >= more->tokens &&
		rest(r->limit_micro_usd, used.micro_usd, list->held.micro_usd) >= more->micro_usd);
}

/* The first account of a list that does not let it; NULL: all do. */
static struct account *refusing(struct account_list *list, const struct amount *more,
				int64_t now_ms)
{
	for (struct account *a = list->first; a; a = a->next) {
		account_turn(a, now_ms);
		if (!fits(list, a, more))
			return a;
	}
	return NULL;
}

static void lower(int64_t *least, __int128 left)
{
	if (left < *least)
		*least = left > 0 ? (int64_t)left : 0;
}

struct amount budget_left(struct account_list *const lists[HOLD_LISTS], int64_t now_ms)
{
	struct amount least = {INT64_MAX, INT64_MAX}, used;

	for (size_t i = 0; i < HOLD_LISTS; i++) {
		for (struct account *a = lists[i] ? lists[i]->first : NULL; a; a = a->next) {
			const struct budget_record *r = &a->record;

			if (r->soft)
				continue;
			account_turn(a, now_ms);
			used = account_used(a);
			lower(&least.tokens,
			      rest(r->limit_tokens, used.tokens, lists[i]->held.tokens));
			lower(&least.micro_usd,
			      rest(r->limit_micro_usd, used.micro_usd, lists[i]->held.micro_usd));
		}
	}
	return least;
}

/* ---- holds ---- */

/* Whether the amount fits everywhere; if not, which budget is in the way (why may be NULL). */
static int ask_all(struct account_list *const lists[HOLD_LISTS], const struct amount *more,
		   int64_t now_ms, struct refusal *why)
{
	for (size_t i = 0; i < HOLD_LISTS; i++) {
		struct account *a = lists[i] ? refusing(lists[i], more, now_ms) : NULL;
		struct amount held;

		if (!a)
			continue;
		held = amount_of_sum(&lists[i]->held);
		return why ? budget_refuse(why, a, &held, more) : -EINVAL;
	}
	return 0;
}

static void add_to_all(const struct budget_hold *hold, const struct amount *more)
{
	for (size_t i = 0; i < HOLD_LISTS; i++)
		if (hold->lists[i])
			amount_sum_add(&hold->lists[i]->held, *more);
}

int budget_hold_take(struct budget_hold *hold, struct account_list *const lists[HOLD_LISTS],
		     const struct amount *amount, int64_t now_ms, struct refusal *why)
{
	struct amount wanted = amount_make(amount->tokens, amount->micro_usd);
	int rc = hold->open ? refusal_set(why, FAULT_INTERNAL, NULL, "The request holds already.")
			    : ask_all(lists, &wanted, now_ms, why);

	if (rc)
		return rc;
	*hold = (struct budget_hold){.held = wanted, .open = true};
	for (size_t i = 0; i < HOLD_LISTS; i++)
		hold->lists[i] = lists[i];
	add_to_all(hold, &wanted);
	return 0;
}

int budget_hold_extend(struct budget_hold *hold, const struct amount *more, int64_t now_ms)
{
	struct amount wanted = amount_make(more->tokens, more->micro_usd);
	struct amount before = hold->held;
	int rc = hold->open ? ask_all(hold->lists, &wanted, now_ms, NULL) : -EINVAL;

	if (rc)
		return rc;
	/* What is given back later is hold->held: no more may be added than it can say. */
	hold->held = amount_add(before, wanted);
	wanted = amount_less(hold->held, before);
	add_to_all(hold, &wanted);
	return 0;
}

/* Whether a hard budget of these lists speaks of tokens, and of money. */
static void find_limits(struct account_list *const lists[HOLD_LISTS], bool *ret_tokens,
			bool *ret_usd)
{
	bool tokens = false, usd = false;

	for (size_t i = 0; i < HOLD_LISTS; i++) {
		for (struct account *a = lists[i] ? lists[i]->first : NULL; a; a = a->next) {
			tokens = tokens || (!a->record.soft && a->record.limit_tokens >= 0);
			usd = usd || (!a->record.soft && a->record.limit_micro_usd >= 0);
		}
	}
	*ret_tokens = tokens;
	*ret_usd = usd;
}

static void count_overrun(const struct budget_hold *hold, struct amount used)
{
	struct amount over = amount_less(used, hold->held);
	bool tokens, usd;

	find_limits(hold->lists, &tokens, &usd);
	if (tokens)
		metric_add(METRIC_BUDGET_OVERRUN_TOKENS, over.tokens);
	if (usd)
		metric_add(METRIC_BUDGET_OVERRUN_MICRO_USD, over.micro_usd);
}

void budget_charge(struct account_list *list, const struct amount *used, int64_t now_ms)
{
	struct amount charge = amount_make(used->tokens, used->micro_usd);

	for (struct account *a = list->first; a; a = a->next) {
		account_turn(a, now_ms);
		account_charge(a, charge, now_ms);
	}
}

void budget_hold_settle(struct budget_hold *hold, const struct amount *used, int64_t now_ms)
{
	struct amount charge = amount_make(used->tokens, used->micro_usd);
	const struct budget_hold h = *hold;

	*hold = (struct budget_hold){0};
	count_overrun(&h, charge);
	for (size_t i = 0; i < HOLD_LISTS; i++)
		if (h.lists[i])
			amount_sum_take(&h.lists[i]->held, h.held);
	for (size_t i = 0; i < HOLD_LISTS; i++)
		if (h.lists[i])
			budget_charge(h.lists[i], &charge, now_ms);
}

static double part(int64_t used, int64_t held, int64_t limit)
{
	if (limit < 0)
		return -1;
	return limit == 0 ? 1 : ((double)used + (double)held) / (double)limit;
}

double budget_fullness(const struct budget_view *view)
{
	double tokens = part(view->used.tokens, view->held.tokens, view->record.limit_tokens);
	double money =
		part(view->used.micro_usd, view->held.micro_usd, view->record.limit_micro_usd);

	return tokens > money ? tokens : money;
}
