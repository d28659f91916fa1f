/* One request's way through admission.
 *
 *   admit_limit    three token buckets are asked, then three are taken from
 *   admit_hold     in memory (which is what other requests see), then in the ledger
 *   admit_settle   in memory, then in the ledger, without anything between
 *
 * The last line matters: a budget that is put at that time sums settlements in the order in which
 * they are queued (registry_budgets.c), so that charging and queueing must be one step. */
#include "daemon/admit/admit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/money.h"

#include "daemon/admit/registry_private.h"
#include "daemon/observe/metrics.h"
#include "daemon/store/store.h"

enum { SUBJECTS = 3 };

static void rates_of(const struct admission *a, struct rate *ret[SUBJECTS])
{
	ret[0] = a->key ? &a->key->rate : NULL;
	ret[1] = a->project ? &a->project->rate : NULL;
	ret[2] = registry_global_rate(a->registry);
}

static void lists_of(const struct admission *a, struct account_list *ret[HOLD_LISTS])
{
	ret[0] = a->key ? &a->key->budgets : NULL;
	ret[1] = a->project ? &a->project->budgets : NULL;
	ret[2] = registry_global_budgets(a->registry);
}

void admit_begin(struct admission *a, struct registry *registry, struct store *store,
		 struct project *project, struct key *key)
{
	*a = (struct admission){
		.registry = registry,
		.store = store,
		.project = project_ref(project),
		.key = key ? key_ref(key) : NULL,
	};
}

/* ---- rate limits ---- */

static const char *unit_of(enum rate_verdict v)
{
	return v == RATE_REQUESTS ? "requests per minute"
	       : v == RATE_TOKENS ? "tokens per minute"
				  : "requests at one time";
}

static int64_t figure_of(const struct rate *rate, enum rate_verdict v)
{
	return v == RATE_REQUESTS ? rate->limits.requests_per_minute
	       : v == RATE_TOKENS ? rate->limits.tokens_per_minute
				  : rate->limits.concurrent;
}

static int refuse_rate(const struct admission *a, size_t subject, const struct rate *rate,
		       enum rate_verdict v, int64_t wait_ms, struct refusal *why)
{
	static const char *const whose[SUBJECTS] = {"this API key", NULL, "this server"};
	char name[PROJECT_NAME_SIZE + 16], wait[64] = "";

	if (subject == 1)
		snprintf(name, sizeof name, "project '%s'", a->project->record.name);
	else
		snprintf(name, sizeof name, "%s", whose[subject]);
	if (wait_ms > 0)
		snprintf(wait, sizeof wait, " Try again in %" PRId64 ".%03d s.", wait_ms / 1000,
			 (int)(wait_ms % 1000));
	refusal_set(why, v == RATE_TOKENS ? FAULT_LIMIT_TOKENS : FAULT_LIMIT_REQUESTS, NULL,
		    "The limit of %" PRId64 " %s of %s is reached.%s", figure_of(rate, v),
		    unit_of(v), name, wait);
	why->retry_after_ms = wait_ms;
	metric_add(METRIC_REFUSED_LIMIT, 1);
	return -EINVAL;
}

/* Of several that refuse, the one that is to be waited for longest speaks: to come back earlier
 * would be in vain. */
int admit_limit(struct admission *a, int64_t tokens, struct refusal *why)
{
	struct rate *rates[SUBJECTS];
	enum rate_verdict worst = RATE_OK;
	int64_t now_us = clock_mono_us(), worst_ms = 0;
	size_t whose = 0;

	rates_of(a, rates);
	for (size_t i = 0; i < SUBJECTS; i++) {
		int64_t wait_ms = 0;
		enum rate_verdict v =
			rates[i] ? rate_check(rates[i], tokens, now_us, &wait_ms) : RATE_OK;

		if (v == RATE_OK || (worst != RATE_OK && wait_ms <= worst_ms))
			continue;
		worst = v;
		worst_ms = wait_ms;
		whose = i;
	}
	if (worst != RATE_OK)
		return refuse_rate(a, whose, rates[whose], worst, worst_ms, why);
	for (size_t i = 0; i < SUBJECTS; i++)
		if (rates[i])
			rate_take(rates[i], tokens);
	a->limited = true;
	a->charged_tokens = tokens;
	return 0;
}

/* The estimate, or what was charged before, becomes the true figure. */
static void correct_tokens(struct admission *a, int64_t tokens)
{
	struct rate *rates[SUBJECTS];

	if (!a->limited)
		return;
	rates_of(a, rates);
	for (size_t i = 0; i < SUBJECTS; i++)
		if (rates[i])
			rate_adjust(rates[i], tokens - a->charged_tokens);
	a->charged_tokens = tokens;
}

static void tighten(struct rate_view *least, const struct rate_view *v)
{
	if (v->limit_requests >= 0 &&
	    (least->limit_requests < 0 || v->remaining_requests < least->remaining_requests)) {
		least->limit_requests = v->limit_requests;
		least->remaining_requests = v->remaining_requests;
		least->reset_requests_ms = v->reset_requests_ms;
	}
	if (v->limit_tokens >= 0 &&
	    (least->limit_tokens < 0 || v->remaining_tokens < least->remaining_tokens)) {
		least->limit_tokens = v->limit_tokens;
		least->remaining_tokens = v->remaining_tokens;
		least->reset_tokens_ms = v->reset_tokens_ms;
	}
}

void admit_look(const struct admission *a, struct rate_view *ret_view)
{
	struct rate_view least = {-1, -1, -1, -1, -1, -1}, view;
	struct rate *rates[SUBJECTS];
	int64_t now_us = clock_mono_us();

	if (a->registry) {
		rates_of(a, rates);
		for (size_t i = 0; i < SUBJECTS; i++) {
			if (!rates[i])
				continue;
			rate_look(rates[i], now_us, &view);
			tighten(&least, &view);
		}
	}
	*ret_view = least;
}

/* ---- holds ---- */

struct amount admit_left(const struct admission *a)
{
	struct account_list *lists[HOLD_LISTS];

	lists_of(a, lists);
	return budget_left(lists, clock_wall_ms());
}

static void release(struct admission *a)
{
	const struct amount nothing = {0, 0};

	if (a->hold.open)
		budget_hold_settle(&a->hold, &nothing, clock_wall_ms());
}

static void hold_written(void *ctx, int rc)
{
	struct admission *a = ctx;
	void (*done)(void *ctx, int rc) = a->held;

	a->held = NULL;
	if (rc < 0) {
		release(a);
		a->hold_id = 0;
	}
	done(a->held_ctx, rc);
}

static int write_hold(struct admission *a, const struct hold_request *h, int64_t now_ms,
		      struct refusal *why)
{
	struct hold_record record = {
		.id = store_next_id(a->store),
		.at_ms = now_ms,
		.prompt_tokens = h->prompt.tokens,
		.prompt_micro_usd = h->prompt.micro_usd,
		.tokens = h->whole.tokens,
		.micro_usd = h->whole.micro_usd,
	};
	int rc;

	snprintf(record.request_id, sizeof record.request_id, "%s", h->request_id);
	snprintf(record.model, sizeof record.model, "%s", h->model);
	memcpy(record.project, a->project->record.name, sizeof record.project);
	if (a->key)
		memcpy(record.key_id, a->key->record.id, sizeof record.key_id);
	record.relaxed = !a->held;
	rc = store_hold(a->store, &record, a->held ? hold_written : NULL, a);
	if (rc == 0) {
		a->hold_id = record.id;
		return 0;
	}
	return refusal_set(why, rc == -ENOMEM ? FAULT_INTERNAL : FAULT_STORE, NULL, "%s", "");
}

int admit_hold(struct admission *a, const struct hold_request *h, void (*done)(void *ctx, int rc),
	       void *ctx, struct refusal *why)
{
	struct account_list *lists[HOLD_LISTS];
	int64_t now_ms = clock_wall_ms();

	lists_of(a, lists);
	if (budget_hold_take(&a->hold, lists, &h->whole, now_ms, why)) {
		metric_add(METRIC_REFUSED_BUDGET, 1);
		return -EINVAL;
	}
	a->estimate = h->whole;
	if (budget_any(lists)) {
		a->held = done;
		a->held_ctx = ctx;
	}
	if (write_hold(a, h, now_ms, why) == 0)
		return a->held ? 0 : ADMIT_HELD;
	a->held = NULL;
	release(a);
	return -EINVAL;
}

bool admit_hold_again(struct admission *a)
{
	return budget_hold_extend(&a->hold, &a->estimate, clock_wall_ms()) == 0;
}

/* ---- settlement ---- */

static struct amount amount_of(const struct usage_amounts *u)
{
	int64_t prompt = sum_saturating(
		u->input_tokens, sum_saturating(u->cache_read_tokens, u->cache_creation_tokens));

	return (struct amount){sum_saturating(prompt, u->output_tokens), u->cost_micro_usd};
}

static void count_used(const struct usage_amounts *u)
{
	metric_add(METRIC_TOKENS_INPUT, amount_of(u).tokens - u->output_tokens);
	metric_add(METRIC_TOKENS_OUTPUT, u->output_tokens);
	metric_add(METRIC_COST_MICRO_USD, u->cost_micro_usd);
}

static void fill_line(const struct admission *a, struct ledger_record *line, int64_t now_ms)
{
	line->at_ms = now_ms;
	memcpy(line->project, a->project->record.name, sizeof line->project);
	memset(line->key_id, 0, sizeof line->key_id);
	if (a->key)
		memcpy(line->key_id, a->key->record.id, sizeof line->key_id);
	line->held_tokens = a->hold.held.tokens;
	line->held_micro_usd = a->hold.held.micro_usd;
}

/* The ledger knows projects by their names: where the request's own was deleted and there is one of
 * that name again, it is charged too. */
static void charge_heir(const struct admission *a, struct account_list *lists[HOLD_LISTS],
			const struct amount *used, int64_t now_ms)
{
	struct project *heir = a->project->deleted
				       ? registry_find_project(a->registry, a->project->record.name)
				       : NULL;

	if (!heir)
		return;
	lists[1] = &heir->budgets;
	budget_charge(lists[1], used, now_ms);
}

int admit_settle(struct admission *a, struct ledger_record *line,
		 const struct idempotency_record *kept, void (*done)(void *ctx, int rc), void *ctx)
{
	struct account_list *lists[HOLD_LISTS];
	const struct amount used = amount_of(&line->used);
	const int64_t now_ms = clock_wall_ms(), hold_id = a->hold_id;
	int rc;

	lists_of(a, lists);
	fill_line(a, line, now_ms);
	if (!a->hold.open) /* it charges its lists all the same */
		memcpy(a->hold.lists, lists, sizeof lists);
	budget_hold_settle(&a->hold, &used, now_ms);
	charge_heir(a, lists, &used, now_ms);
	rc = store_settle(a->store, hold_id, line, kept, done, ctx);
	registry_note_settled(a->registry, lists, &used, now_ms);
	correct_tokens(a, used.tokens);
	count_used(&line->used);
	a->hold_id = 0;
	if (rc < 0)
		log_error("admit",
			  "request %s is charged but not in the ledger, where its hold stays open "
			  "until the next start: %s",
			  line->request_id, err_str(rc));
	return rc;
}

int admit_settle_hit(struct admission *a, const char *model, void (*done)(void *ctx, int rc),
		     void *ctx)
{
	correct_tokens(a, 0);
	return store_cache_hit(a->store, a->project->record.name, a->key ? a->key->record.id : "",
			       model, clock_wall_ms(), done, ctx);
}

void admit_end(struct admission *a)
{
	struct rate *rates[SUBJECTS];

	if (!a->registry)
		return;
	if (a->hold_id)
		log_error("admit",
			  "a request of project %s ended without its settlement; its hold stays "
			  "in the ledger until the next start",
			  a->project->record.name);
	release(a);
	if (a->limited) {
		rates_of(a, rates);
		for (size_t i = 0; i < SUBJECTS; i++)
			if (rates[i])
				rate_release(rates[i]);
	}
	key_unref(a->key);
	project_unref(a->project);
	*a = (struct admission){0};
}
