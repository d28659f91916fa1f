/* Budgets: setting, resetting, deleting.
 *
 * What a new account has to count is known to the store: it sums the subject's usage in the same
 * place of its queue where it writes the record.  Settlements queued before are in that sum.  Those
 * queued after are not, and they may be charged before the sum is back; so each of them is noted
 * for every sum under way (registry_note_settled) and added when the account comes into being.
 * Between charging and queueing a settlement nothing else runs, so none is lost or counted twice.
 *
 * A reset needs that sum twice: once to learn what the present quarter of an hour has used (the
 * record says from then on not to count it), and once, when that record is written, for the
 * account.
 *
 * When the clock was set, windows are others than those that were counted in, and what these had
 * used before is known to the store only: it is asked again for every budget, as at the start. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/money.h"

#include "daemon/admit/registry_private.h"
#include "daemon/admit/window.h"
#include "daemon/store/registry.h"

/* ---- finding ---- */

struct search {
	const struct budget_record *which;
	struct budget_record *ret;
	bool found;
	size_t count;
};

static bool same_window(const struct budget_record *a, const struct budget_record *b)
{
	return a->window == b->window && a->rolling_ms == b->rolling_ms;
}

static void compare(void *ctx, const struct budget_view *view)
{
	struct search *s = ctx;

	s->count++;
	if (!same_window(&view->record, s->which))
		return;
	s->found = true;
	*s->ret = view->record;
}

bool budgets_find(struct account_list *list, const struct budget_record *which, int64_t now_ms,
		  struct budget_record *ret)
{
	struct search s = {which, ret, false, 0};

	budget_each(list, now_ms, compare, &s);
	return s.found;
}

bool budget_is_conf(const struct budget_record *b)
{
	return b->created_ms == 0;
}

/* ---- sums ---- */

static int64_t bucket_of(int64_t at_ms)
{
	return at_ms - at_ms % BUCKET_MS;
}

static void note(struct expected *e, const struct amount *used, int64_t bucket_ms)
{
	struct usage_bucket *last = e->count ? &e->buckets[e->count - 1] : NULL;

	if (!last || (last->bucket_ms < bucket_ms && e->count < EXPECTED_BUCKETS)) {
		last = &e->buckets[e->count++];
		*last = (struct usage_bucket){.bucket_ms = bucket_ms};
	}
	last->tokens = sum_saturating(last->tokens, used->tokens);
	last->micro_usd = sum_saturating(last->micro_usd, used->micro_usd);
}

void registry_note_settled(struct registry *r, struct account_list *const lists[HOLD_LISTS],
			   const struct amount *used, int64_t now_ms)
{
	struct expected *e;

	DL_FOREACH(r->expected, e)
	{
		for (size_t i = 0; i < HOLD_LISTS; i++)
			if (lists[i] == e->list)
				note(e, used, bucket_of(now_ms));
	}
}

/* Both rise; of the same quarter they are added up. */
static size_t merge(struct usage_bucket *to, const struct change *c)
{
	const struct usage_bucket *a = c->buckets, *b = c->expected.buckets;
	const struct usage_bucket *a_end = a + c->count, *b_end = b + c->expected.count;
	size_t n = 0;

	while (a < a_end || b < b_end) {
		const struct usage_bucket *next =
			b == b_end || (a < a_end && a->bucket_ms <= b->bucket_ms) ? a++ : b++;

		if (n > 0 && to[n - 1].bucket_ms == next->bucket_ms) {
			to[n - 1].tokens = sum_saturating(to[n - 1].tokens, next->tokens);
			to[n - 1].micro_usd = sum_saturating(to[n - 1].micro_usd, next->micro_usd);
		} else {
			to[n++] = *next;
		}
	}
	return n;
}

int budgets_apply(struct change *c)
{
	struct usage_bucket *all = malloc((c->count + c->expected.count + 1) * sizeof *all);
	int rc;

	if (!all)
		return -ENOMEM;
	rc = budget_put(c->list, &c->to.budget, all, merge(all, c), clock_wall_ms());
	free(all);
	return rc;
}

static void summed(void *ctx, int rc, const struct usage_bucket *buckets, size_t count)
{
	struct change *c = ctx;

	DL_DELETE(c->registry->expected, &c->expected);
	c->buckets = buckets;
	c->count = count;
	change_written(c, rc);
}

/* What is settled from here on is not in the sum. */
static int queue_sum(struct change *c, bool put)
{
	const struct budget_record *b = &c->to.budget;
	int64_t start = window_start_ms(b->window, b->rolling_ms, clock_wall_ms());
	int64_t from = b->from_ms > start ? b->from_ms : start;
	int rc = put ? store_put_budget(c->registry->store, b, from, summed, c)
		     : store_sum_budget(c->registry->store, b, from, summed, c);

	if (rc == 0) {
		c->expected = (struct expected){.list = c->list};
		DL_APPEND(c->registry->expected, &c->expected);
	}
	return rc;
}

int budgets_write(struct change *c, struct account_list *list, struct refusal *why)
{
	c->list = list;
	return change_begin(c, queue_sum(c, true), why);
}

/* ---- setting ---- */

static int apply_put(struct change *c)
{
	int rc;

	if (c->project && c->project->deleted)
		return 0; /* the store has removed it, too */
	rc = budgets_apply(c);
	if (rc < 0)
		return rc;
	if (c->list == &c->registry->global_budgets &&
	    conf_budget_waits(c->registry, &c->to.budget))
		c->registry->conf_replaces = false;
	event_budget(c->action, &c->to.budget);
	return 0;
}

static int check_room(struct account_list *list, const struct budget_record *wanted, int64_t now_ms,
		      struct refusal *why)
{
	struct budget_record present;
	struct search s = {wanted, &present, false, 0};

	budget_each(list, now_ms, compare, &s);
	if (s.found || s.count < SUBJECT_BUDGETS_MAX)
		return 0;
	return refusal_set(why, FAULT_INVALID_REQUEST, "window",
			   "There are %zu budgets already: delete one first.", s.count);
}

/* A new limit does not bring back what a reset has taken off. */
static void keep_reset(struct change *c, struct account_list *list)
{
	struct budget_record present;

	c->to.budget.from_ms = c->to.budget.base_tokens = c->to.budget.base_micro_usd = 0;
	if (!budgets_find(list, &c->to.budget, c->now_ms, &present) || budget_is_conf(&present))
		return;
	c->to.budget.from_ms = present.from_ms;
	c->to.budget.base_tokens = present.base_tokens;
	c->to.budget.base_micro_usd = present.base_micro_usd;
}

int registry_put_budget(struct registry *r, const struct budget_record *wanted,
			void (*done)(void *ctx, int rc), void *ctx, struct refusal *why)
{
	struct target t;
	struct change *c;

	if (check_loaded(r, why) || target_find(r, wanted->scope, wanted->subject, true, &t, why) ||
	    check_budget(wanted, why) || target_check_idle(&t, why) ||
	    check_room(t.budgets, wanted, clock_wall_ms(), why))
		return -EINVAL;
	c = change_new(r, done, ctx, why);
	if (!c)
		return -EINVAL;
	change_aim(c, &t);
	c->apply = apply_put;
	c->action = "set";
	c->to.budget = *wanted;
	snprintf(c->to.budget.subject, SUBJECT_SIZE, "%s", t.subject);
	c->to.budget.created_ms = c->now_ms;
	keep_reset(c, t.budgets);
	return budgets_write(c, t.budgets, why);
}

/* ---- what needs one that is there ---- */

/* A change whose record is the present one. */
static struct change *start(struct registry *r, const struct budget_record *which,
			    void (*done)(void *ctx, int rc), void *ctx, struct refusal *why)
{
	struct budget_record present;
	struct target t;
	struct change *c;

	if (check_loaded(r, why) || target_find(r, which->scope, which->subject, false, &t, why) ||
	    check_window(which, why) || target_check_idle(&t, why))
		return NULL;
	if (!budgets_find(t.budgets, which, clock_wall_ms(), &present)) {
		char window[WINDOW_TEXT_SIZE];

		window_print(which->window, which->rolling_ms, window);
		refusal_set(why, FAULT_NOT_FOUND, "window", "There is no budget of the window %s.",
			    window);
		return NULL;
	}
	if (budget_is_conf(&present)) {
		refusal_set(
			why, FAULT_INVALID_REQUEST, "window",
			"This budget comes from the settings (budget.*): change it there, or set "
			"one of the same window over it.");
		return NULL;
	}
	c = change_new(r, done, ctx, why);
	if (!c)
		return NULL;
	change_aim(c, &t);
	c->list = t.budgets;
	c->to.budget = present;
	return c;
}

static void found_base(void *ctx, int rc, const struct usage_bucket *buckets, size_t count)
{
	struct change *c = ctx;
	struct budget_record *to = &c->to.budget;

	to->from_ms = bucket_of(c->now_ms);
	to->base_tokens = to->base_micro_usd = 0;
	for (size_t i = 0; i < count; i++) {
		if (buckets[i].bucket_ms != to->from_ms)
			continue;
		to->base_tokens = buckets[i].tokens;
		to->base_micro_usd = buckets[i].micro_usd;
	}
	/* The deletion of a key's project does not wait, and must not be followed by a row. */
	if (rc == 0 && c->project && (c->project->deleting || c->project->deleted))
		rc = -ECANCELED;
	if (rc == 0)
		rc = queue_sum(c, true);
	if (rc < 0)
		change_written(c, rc);
}

int registry_reset_budget(struct registry *r, const struct budget_record *which,
			  void (*done)(void *ctx, int rc), void *ctx, struct refusal *why)
{
	struct change *c = start(r, which, done, ctx, why);

	if (!c)
		return -EINVAL;
	c->apply = apply_put;
	c->action = "reset";
	return change_begin(
		c, store_put_budget(r->store, &c->to.budget, bucket_of(c->now_ms), found_base, c),
		why);
}

static int apply_delete(struct change *c)
{
	struct registry *r = c->registry;

	event_budget("deleted", &c->to.budget);
	if (c->list == &r->global_budgets && conf_budget_waits(r, &c->to.budget))
		r->conf_stale = r->conf_replaces = true; /* in force until the other is */
	else
		budget_remove(c->list, &c->to.budget);
	return 0;
}

int registry_delete_budget(struct registry *r, const struct budget_record *which,
			   void (*done)(void *ctx, int rc), void *ctx, struct refusal *why)
{
	struct change *c = start(r, which, done, ctx, why);

	if (!c)
		return -EINVAL;
	c->apply = apply_delete;
	return change_begin(c, store_delete_budget(r->store, &c->to.budget, change_written, c),
			    why);
}

/* ---- after the clock was set ---- */

/* A new limit that came meanwhile stays; a reset has summed for itself. */
static int apply_sum(struct change *c)
{
	const struct budget_record *then = &c->to.budget;
	struct budget_record now;

	if (!budgets_find(c->list, then, clock_wall_ms(), &now) || now.from_ms != then->from_ms ||
	    now.base_tokens != then->base_tokens || now.base_micro_usd != then->base_micro_usd)
		return 0;
	c->to.budget = now;
	return budgets_apply(c);
}

/* The next minute tries again. */
static void undo_sum(struct change *c)
{
	c->registry->clock_was_set = true;
}

struct sums {
	struct registry *registry;
	struct target whose;
};

static void sum_one(void *ctx, const struct budget_view *view)
{
	const struct sums *s = ctx;
	struct refusal why;
	struct change *c = change_new(s->registry, NULL, NULL, &why);

	if (c) {
		change_aim(c, &s->whose);
		c->list = s->whose.budgets;
		c->to.budget = view->record;
		c->apply = apply_sum;
		c->undo = undo_sum;
	}
	if (!c || change_begin(c, queue_sum(c, false), &why))
		s->registry->clock_was_set = true;
}

void budgets_sum_again(struct registry *r)
{
	struct sums s = {r, {.budgets = &r->global_budgets}};
	int64_t now_ms = clock_wall_ms();
	struct project *p, *next_p;
	struct key *k, *next_k;

	budget_each(s.whose.budgets, now_ms, sum_one, &s);
	HASH_ITER(hh, r->projects, p, next_p)
	{
		s.whose = (struct target){.project = p, .budgets = &p->budgets};
		budget_each(&p->budgets, now_ms, sum_one, &s);
	}
	HASH_ITER(by_id, r->keys, k, next_k)
	{
		s.whose = (struct target){.project = k->project, .key = k, .budgets = &k->budgets};
		budget_each(&k->budgets, now_ms, sum_one, &s);
	}
}
