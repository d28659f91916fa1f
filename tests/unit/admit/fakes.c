#include "tests/unit/admit/fakes.h"

#include <stdio.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/err.h"

#include "tests/unit/test.h"

struct fakes fakes;

/* ---- the store's health ---- */

bool store_healthy(const struct store *s)
{
	(void)s;
	return !fakes.ill;
}

const char *store_detail(const struct store *s)
{
	(void)s;
	return fakes.ill ? "the disk is full: /secret/path" : "";
}

int64_t store_next_id(struct store *s)
{
	(void)s;
	return ++fakes.last_id;
}

/* ---- writes ---- */

static int queue(enum fake_kind kind, void (*done)(void *ctx, int rc), void *ctx,
		 struct fake_op **ret_op)
{
	struct fake_op *op;

	if (fakes.ill)
		return ERR_STATE;
	if (fakes.refuse)
		return fakes.refuse;
	assert_true(fakes.count < FAKE_OPS_MAX);
	op = &fakes.ops[fakes.count++];
	*op = (struct fake_op){.kind = kind, .done = done, .ctx = ctx};
	*ret_op = op;
	return 0;
}

int store_put_project(struct store *s, const struct project_record *r,
		      void (*done)(void *ctx, int rc), void *ctx)
{
	struct fake_op *op;
	int rc = queue(FAKE_PROJECT, done, ctx, &op);

	(void)s;
	if (rc)
		return rc;
	op->project = *r;
	snprintf(op->models, sizeof op->models, "%s", r->allowed_models ? r->allowed_models : "");
	return 0;
}

int store_put_key(struct store *s, const struct key_record *r, void (*done)(void *ctx, int rc),
		  void *ctx)
{
	struct fake_op *op;
	int rc = queue(FAKE_KEY, done, ctx, &op);

	(void)s;
	if (rc)
		return rc;
	op->key = *r;
	snprintf(op->models, sizeof op->models, "%s", r->allowed_models ? r->allowed_models : "");
	return 0;
}

int store_put_override(struct store *s, const struct override_record *r,
		       void (*done)(void *ctx, int rc), void *ctx)
{
	struct fake_op *op;
	int rc = queue(FAKE_OVERRIDE, done, ctx, &op);

	(void)s;
	if (rc == 0)
		op->override = *r;
	return rc;
}

int store_put_global_limits(struct store *s, const struct rate_limits *limits,
			    void (*done)(void *ctx, int rc), void *ctx)
{
	struct fake_op *op;
	int rc = queue(FAKE_LIMITS, done, ctx, &op);

	(void)s;
	if (rc)
		return rc;
	op->no_limits = !limits;
	op->limits = limits ? *limits : (struct rate_limits){-1, -1, -1};
	return 0;
}

int store_put_budget(struct store *s, const struct budget_record *r, int64_t from_ms,
		     void (*done)(void *ctx, int rc, const struct usage_bucket *buckets,
				  size_t count),
		     void *ctx)
{
	struct fake_op *op;
	int rc = queue(FAKE_BUDGET, NULL, ctx, &op);

	(void)s;
	if (rc)
		return rc;
	op->budget = *r;
	op->from_ms = from_ms;
	op->sum_done = done;
	return 0;
}

int store_sum_budget(struct store *s, const struct budget_record *r, int64_t from_ms,
		     void (*done)(void *ctx, int rc, const struct usage_bucket *buckets,
				  size_t count),
		     void *ctx)
{
	struct fake_op *op;
	int rc = queue(FAKE_BUDGET, NULL, ctx, &op);

	(void)s;
	if (rc)
		return rc;
	op->budget = *r;
	op->from_ms = from_ms;
	op->sum_done = done;
	return 0;
}

int store_delete_project(struct store *s, const char *name, int64_t now_ms,
			 void (*done)(void *ctx, int rc), void *ctx)
{
	struct fake_op *op;
	int rc = queue(FAKE_DELETE_PROJECT, done, ctx, &op);

	(void)s;
	if (rc)
		return rc;
	snprintf(op->project.name, sizeof op->project.name, "%s", name);
	op->from_ms = now_ms;
	return 0;
}

int store_delete_budget(struct store *s, const struct budget_record *which,
			void (*done)(void *ctx, int rc), void *ctx)
{
	struct fake_op *op;
	int rc = queue(FAKE_DELETE_BUDGET, done, ctx, &op);

	(void)s;
	if (rc == 0)
		op->budget = *which;
	return rc;
}

int store_delete_override(struct store *s, int64_t id, void (*done)(void *ctx, int rc), void *ctx)
{
	struct fake_op *op;
	int rc = queue(FAKE_DELETE_OVERRIDE, done, ctx, &op);

	(void)s;
	if (rc == 0)
		op->id = id;
	return rc;
}

int store_touch_keys(struct store *s, const struct key_use *uses, size_t count)
{
	(void)s;
	if (fakes.refuse)
		return fakes.refuse;
	assert_true(fakes.use_count + count <= FAKE_USES_MAX);
	memcpy(fakes.uses + fakes.use_count, uses, count * sizeof *uses);
	fakes.use_count += count;
	return 0;
}

int store_hold(struct store *s, const struct hold_record *hold, void (*done)(void *ctx, int rc),
	       void *ctx)
{
	struct fake_op *op;
	int rc = queue(FAKE_HOLD, done, ctx, &op);

	(void)s;
	if (rc)
		return rc;
	op->hold = *hold;
	op->id = hold->id;
	return 0;
}

int store_settle(struct store *s, int64_t hold_id, const struct ledger_record *line,
		 const struct idempotency_record *kept, void (*done)(void *ctx, int rc), void *ctx)
{
	struct fake_op *op;
	int rc = queue(FAKE_SETTLE, done, ctx, &op);

	(void)s;
	(void)kept;
	if (rc)
		return rc;
	op->line = *line;
	op->id = hold_id;
	return 0;
}

int store_cache_hit(struct store *s, const char *project, const char *key_id, const char *model,
		    int64_t at_ms, void (*done)(void *ctx, int rc), void *ctx)
{
	struct fake_op *op;
	int rc = queue(FAKE_HIT, done, ctx, &op);

	(void)s;
	if (rc)
		return rc;
	op->line.at_ms = at_ms;
	snprintf(op->line.project, sizeof op->line.project, "%s", project);
	snprintf(op->line.key_id, sizeof op->line.key_id, "%s", key_id);
	snprintf(op->line.model, sizeof op->line.model, "%s", model);
	return 0;
}

/* ---- sums ---- */

static bool counts_for(enum scope scope, const char *subject, const struct ledger_record *line)
{
	return scope == SCOPE_GLOBAL ||
	       strcmp(subject, scope == SCOPE_PROJECT ? line->project : line->key_id) == 0;
}

/* Settlements that were queued before the op, and what was used before the test. */
static size_t sum(const struct fake_op *op, struct usage_bucket *to)
{
	size_t n = 0;

	for (size_t i = 0; i < fakes.usage_count; i++) {
		const struct fake_usage *u = &fakes.usage[i];

		if (u->scope == op->budget.scope && strcmp(u->subject, op->budget.subject) == 0 &&
		    u->bucket.bucket_ms >= op->from_ms)
			to[n++] = u->bucket;
	}
	for (const struct fake_op *s = fakes.ops; s < op; s++) {
		const struct usage_amounts *u = &s->line.used;
		int64_t bucket_ms = s->line.at_ms - s->line.at_ms % BUCKET_MS;

		if (s->kind != FAKE_SETTLE || bucket_ms < op->from_ms ||
		    !counts_for(op->budget.scope, op->budget.subject, &s->line))
			continue;
		if (n == 0 || to[n - 1].bucket_ms != bucket_ms)
			to[n++] = (struct usage_bucket){.bucket_ms = bucket_ms};
		to[n - 1].tokens += u->input_tokens + u->output_tokens + u->cache_read_tokens +
				    u->cache_creation_tokens;
		to[n - 1].micro_usd += u->cost_micro_usd;
	}
	return n;
}

static void end(struct fake_op *op, int rc)
{
	struct usage_bucket buckets[FAKE_OPS_MAX];

	assert_false(op->ended);
	op->ended = true;
	while (fakes.first < fakes.count && fakes.ops[fakes.first].ended)
		fakes.first++;
	if (op->sum_done)
		op->sum_done(op->ctx, rc, buckets, rc == 0 ? sum(op, buckets) : 0);
	else if (op->done)
		op->done(op->ctx, rc);
}

void fakes_end(int rc)
{
	assert_true(fakes_open() > 0);
	end(&fakes.ops[fakes.first], rc);
}

void fakes_end_newest(int rc)
{
	end(fakes_last(), rc);
}

void fakes_end_all(void)
{
	while (fakes_open())
		fakes_end(0);
}

size_t fakes_open(void)
{
	return fakes.count - fakes.first;
}

struct fake_op *fakes_last(void)
{
	assert_true(fakes.count > 0);
	return &fakes.ops[fakes.count - 1];
}

struct store *fakes_store(void)
{
	return (struct store *)&fakes;
}

/* ---- loading ---- */

int store_load_projects(struct store *s, void (*each)(void *ctx, const struct project_record *r),
			void *ctx)
{
	(void)s;
	for (size_t i = 0; i < fakes.project_count; i++)
		each(ctx, &fakes.projects[i]);
	return 0;
}

int store_load_keys(struct store *s, void (*each)(void *ctx, const struct key_record *r), void *ctx)
{
	(void)s;
	for (size_t i = 0; i < fakes.key_count; i++)
		each(ctx, &fakes.keys[i]);
	return 0;
}

int store_load_budgets(struct store *s, void (*each)(void *ctx, const struct budget_record *r),
		       void *ctx)
{
	(void)s;
	for (size_t i = 0; i < fakes.budget_count; i++)
		each(ctx, &fakes.budgets[i]);
	return fakes.load_rc;
}

int store_load_overrides(struct store *s, void (*each)(void *ctx, const struct override_record *r),
			 void *ctx)
{
	(void)s;
	for (size_t i = 0; i < fakes.override_count; i++)
		each(ctx, &fakes.overrides[i]);
	return 0;
}

int store_load_global_limits(struct store *s, bool *ret_set, struct rate_limits *ret_limits)
{
	(void)s;
	*ret_set = fakes.limits_set;
	*ret_limits = fakes.limits;
	return 0;
}

int store_usage_load(struct store *s, enum scope scope, int64_t from_ms, bool by_day,
		     void (*each)(void *ctx, const char *subject, const struct usage_bucket *b),
		     void *ctx)
{
	(void)s;
	assert_true(fakes.pass_count < FAKE_PASSES_MAX);
	fakes.passes[fakes.pass_count].scope = scope;
	fakes.passes[fakes.pass_count].from_ms = from_ms;
	fakes.passes[fakes.pass_count++].by_day = by_day;
	for (size_t i = 0; i < fakes.usage_count; i++) {
		struct usage_bucket b = fakes.usage[i].bucket;
		int64_t day_ms = b.bucket_ms - b.bucket_ms % DAY_MS;

		if (fakes.usage[i].scope != scope || b.bucket_ms < from_ms)
			continue;
		if (by_day && day_ms >= from_ms && day_ms + DAY_MS <= clock_wall_ms())
			b.bucket_ms = day_ms;
		each(ctx, fakes.usage[i].subject, &b);
	}
	return 0;
}

int store_usage(struct store *s, const struct usage_query *q,
		void (*done)(void *ctx, int rc, const struct usage_row *rows, size_t count),
		void *ctx)
{
	(void)s;
	if (fakes.refuse)
		return fakes.refuse;
	assert_true(fakes.query_count < 4);
	fakes.queries[fakes.query_count++] = *q;
	done(ctx, fakes.usage_rc, fakes.rows[q->group],
	     fakes.usage_rc ? 0 : fakes.row_count[q->group]);
	return 0;
}
