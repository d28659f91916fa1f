/* Changes of the registry's rows. */
#include "daemon/store/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/err.h"

#include "daemon/store/store_private.h"
#include "daemon/store/usage_span.h"

/* One row, whatever its table; what it holds is run()'s business. */
struct row_op {
	struct plain_op plain;
	union {
		struct project_record project;
		struct key_record key;
		struct override_record override;
		struct rate_limits limits;
		struct budget_record budget;
	};
	char *allowed_models; /* the copy that project or key points to */
	bool remove;          /* the row is to go */
	int64_t now_ms;
};

static void free_row(struct op *op)
{
	free(((struct row_op *)op)->allowed_models);
	free(op);
}

/* allowed_models: NULL, or what is to be copied. */
static struct row_op *row_new(int (*run)(struct op *op, struct books *books),
			      const char *allowed_models, void (*done)(void *ctx, int rc),
			      void *ctx)
{
	struct row_op *row = store_plain_new(sizeof *row, run, done, ctx);

	if (!row)
		return NULL;
	row->plain.op.free = free_row;
	if (allowed_models) {
		row->allowed_models = strdup(allowed_models);
		if (!row->allowed_models) {
			free(row);
			return NULL;
		}
	}
	return row;
}

static void bind_limits(struct query *q, const struct rate_limits *limits)
{
	query_int(q, limits->requests_per_minute);
	query_int(q, limits->tokens_per_minute);
	query_int(q, limits->concurrent);
}

/* ---- projects ---- */

static int run_put_project(struct op *op, struct books *books)
{
	const struct project_record *r = &((struct row_op *)op)->project;
	struct query q =
		query_start(&books->db, "INSERT OR REPLACE INTO projects (name, default_model, "
					"allowed_models, requests_per_minute, tokens_per_minute, "
					"concurrent, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?)");

	query_text(&q, r->name);
	query_text(&q, r->default_model);
	query_text(&q, r->allowed_models);
	bind_limits(&q, &r->limits);
	query_int(&q, r->created_ms);
	return query_run(&q);
}

int store_put_project(struct store *s, const struct project_record *r,
		      void (*done)(void *ctx, int rc), void *ctx)
{
	struct row_op *row = row_new(run_put_project, r->allowed_models, done, ctx);

	if (!row)
		return -ENOMEM;
	row->project = *r;
	row->project.allowed_models = row->allowed_models;
	return store_write(s, &row->plain.op);
}

/* What goes with a project; ?1 is its name.  Budgets and overrides of its keys before those keys
 * are looked for no more. */
static const char *const project_goes[] = {
	"DELETE FROM budgets WHERE scope = 1 AND subject = ?1 OR scope = 2 AND subject IN "
	"(SELECT id FROM keys WHERE project = ?1)",
	"DELETE FROM overrides WHERE scope = 1 AND subject = ?1 OR scope = 2 AND subject IN "
	"(SELECT id FROM keys WHERE project = ?1)",
	"DELETE FROM projects WHERE name = ?1",
};
_Static_assert(SCOPE_PROJECT == 1 && SCOPE_KEY == 2, "the statements above say 1 and 2");

static int run_delete_project(struct op *op, struct books *books)
{
	const struct row_op *row = (struct row_op *)op;
	struct query q = query_start(
		&books->db, "UPDATE keys SET revoked_ms = ? WHERE project = ? AND revoked_ms = 0");
	int rc;

	query_int(&q, row->now_ms);
	query_text(&q, row->project.name);
	rc = query_run(&q);
	for (size_t i = 0; i < sizeof project_goes / sizeof *project_goes && rc == 0; i++) {
		q = query_start(&books->db, project_goes[i]);
		query_text(&q, row->project.name);
		rc = query_run(&q);
	}
	return rc;
}

int store_delete_project(struct store *s, const char *name, int64_t now_ms,
			 void (*done)(void *ctx, int rc), void *ctx)
{
	struct row_op *row;

	if (strlen(name) >= sizeof row->project.name)
		return ERR_LIMIT;
	row = row_new(run_delete_project, NULL, done, ctx);
	if (!row)
		return -ENOMEM;
	strcpy(row->project.name, name);
	row->now_ms = now_ms;
	return store_write(s, &row->plain.op);
}

/* ---- keys ---- */

/* Not INSERT OR REPLACE: a hash that another key has must fail, not take that key's place. */
static const char put_key[] =
	"INSERT INTO keys (id, hash, old_hash, old_until_ms, label, project, scopes, "
	"allowed_models, requests_per_minute, tokens_per_minute, concurrent, created_ms, "
	"expires_ms, revoked_ms, last_used_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
	"?) "
	"ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, old_hash = excluded.old_hash, "
	"old_until_ms = excluded.old_until_ms, label = excluded.label, project = "
	"excluded.project, scopes = excluded.scopes, allowed_models = excluded.allowed_models, "
	"requests_per_minute = excluded.requests_per_minute, tokens_per_minute = "
	"excluded.tokens_per_minute, concurrent = excluded.concurrent, created_ms = "
	"excluded.created_ms, expires_ms = excluded.expires_ms, revoked_ms = excluded.revoked_ms, "
	"last_used_ms = max(last_used_ms, excluded.last_used_ms)";

static int run_put_key(struct op *op, struct books *books)
{
	const struct key_record *r = &((struct row_op *)op)->key;
	struct query q = query_start(&books->db, put_key);

	query_text(&q, r->id);
	query_bytes(&q, r->hash, sizeof r->hash);
	query_bytes(&q, r->old_hash, sizeof r->old_hash);
	query_int(&q, r->old_until_ms);
	query_text(&q, r->label);
	query_text(&q, r->project);
	query_int(&q, r->scopes);
	query_text(&q, r->allowed_models);
	bind_limits(&q, &r->limits);
	query_int(&q, r->created_ms);
	query_int(&q, r->expires_ms);
	query_int(&q, r->revoked_ms);
	query_int(&q, r->last_used_ms);
	return query_run(&q);
}

int store_put_key(struct store *s, const struct key_record *r, void (*done)(void *ctx, int rc),
		  void *ctx)
{
	struct row_op *row = row_new(run_put_key, r->allowed_models, done, ctx);

	if (!row)
		return -ENOMEM;
	row->key = *r;
	row->key.allowed_models = row->allowed_models;
	return store_write(s, &row->plain.op);
}

struct touch_op {
	struct plain_op plain;
	size_t count;
	struct key_use uses[];
};

static int run_touch(struct op *op, struct books *books)
{
	const struct touch_op *touch = (struct touch_op *)op;
	int rc = 0;

	for (size_t i = 0; i < touch->count && rc == 0; i++) {
		struct query q = query_start(
			&books->db,
			"UPDATE keys SET last_used_ms = ?2 WHERE id = ?1 AND last_used_ms < ?2");

		query_text(&q, touch->uses[i].id);
		query_int(&q, touch->uses[i].at_ms);
		rc = query_run(&q);
	}
	return rc;
}

int store_touch_keys(struct store *s, const struct key_use *uses, size_t count)
{
	struct touch_op *touch;

	if (count > SIZE_MAX / 2 / sizeof *uses)
		return -ENOMEM;
	touch = store_plain_new(sizeof *touch + count * sizeof *uses, run_touch, NULL, NULL);
	if (!touch)
		return -ENOMEM;
	touch->count = count;
	if (count > 0)
		memcpy(touch->uses, uses, count * sizeof *uses);
	return store_write(s, &touch->plain.op);
}

/* ---- overrides and limits ---- */

static int run_put_override(struct op *op, struct books *books)
{
	const struct override_record *r = &((struct row_op *)op)->override;
	struct query q = query_start(
		&books->db,
		"INSERT OR REPLACE INTO overrides (id, scope, subject, action, model, "
		"expires_ms, created_ms, reason, uid) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
	int rc;

	query_int(&q, r->id);
	query_int(&q, r->scope);
	query_text(&q, r->subject);
	query_int(&q, r->action);
	query_text(&q, r->model);
	query_int(&q, r->expires_ms);
	query_int(&q, r->created_ms);
	query_text(&q, r->reason);
	query_int(&q, r->uid);
	rc = query_run(&q);
	return rc == 0 ? books_cover_id(books, r->id) : rc;
}

int store_put_override(struct store *s, const struct override_record *r,
		       void (*done)(void *ctx, int rc), void *ctx)
{
	struct row_op *row = row_new(run_put_override, NULL, done, ctx);

	if (!row)
		return -ENOMEM;
	row->override = *r;
	return store_write(s, &row->plain.op);
}

static int run_delete_override(struct op *op, struct books *books)
{
	struct query q = query_start(&books->db, "DELETE FROM overrides WHERE id = ?");

	query_int(&q, ((struct row_op *)op)->override.id);
	return query_run(&q);
}

int store_delete_override(struct store *s, int64_t id, void (*done)(void *ctx, int rc), void *ctx)
{
	struct row_op *row = row_new(run_delete_override, NULL, done, ctx);

	if (!row)
		return -ENOMEM;
	row->override.id = id;
	return store_write(s, &row->plain.op);
}

static int run_put_limits(struct op *op, struct books *books)
{
	const struct row_op *row = (struct row_op *)op;
	struct query q;

	if (row->remove) {
		q = query_start(&books->db, "DELETE FROM global_limits");
	} else {
		q = query_start(&books->db, "INSERT OR REPLACE INTO global_limits (one, "
					    "requests_per_minute, tokens_per_minute, concurrent) "
					    "VALUES (1, ?, ?, ?)");
		bind_limits(&q, &row->limits);
	}
	return query_run(&q);
}

int store_put_global_limits(struct store *s, const struct rate_limits *limits,
			    void (*done)(void *ctx, int rc), void *ctx)
{
	struct row_op *row = row_new(run_put_limits, NULL, done, ctx);

	if (!row)
		return -ENOMEM;
	if (limits)
		row->limits = *limits;
	else
		row->remove = true;
	return store_write(s, &row->plain.op);
}

/* ---- budgets ---- */

struct budget_op {
	struct op op;
	struct budget_record record;
	bool put; /* the record is to be written, too */
	int64_t from_ms, now_ms;
	struct usage_bucket *buckets;
	size_t count;
	void (*done)(void *ctx, int rc, const struct usage_bucket *buckets, size_t count);
	void *ctx;
};

static int put_budget_row(struct db *db, const struct budget_record *r)
{
	struct query q = query_start(
		db, "INSERT OR REPLACE INTO budgets (scope, subject, window, rolling_ms, "
		    "limit_tokens, limit_micro_usd, soft, warn_percent, from_ms, base_tokens, "
		    "base_micro_usd, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

	query_int(&q, r->scope);
	query_text(&q, r->subject);
	query_int(&q, r->window);
	query_int(&q, r->rolling_ms);
	query_int(&q, r->limit_tokens);
	query_int(&q, r->limit_micro_usd);
	query_int(&q, r->soft);
	query_int(&q, r->warn_percent);
	query_int(&q, r->from_ms);
	query_int(&q, r->base_tokens);
	query_int(&q, r->base_micro_usd);
	query_int(&q, r->created_ms);
	return query_run(&q);
}

static int run_put_budget(struct op *op, struct books *books)
{
	struct budget_op *budget = (struct budget_op *)op;
	const struct budget_record *r = &budget->record;
	/* What rolls out of a window leaves it by quarters. */
	struct usage_span span =
		usage_span_since(budget->from_ms, r->window != WINDOW_ROLLING, budget->now_ms);
	int rc = budget->put ? put_budget_row(&books->db, r) : 0;

	free(budget->buckets);
	budget->buckets = NULL;
	budget->count = 0;
	if (rc != 0)
		return rc;
	return usage_sum_buckets(&books->db, r->scope, r->subject, &span, &budget->buckets,
				 &budget->count);
}

static void tell_budget(struct op *op, int rc)
{
	struct budget_op *budget = (struct budget_op *)op;

	if (budget->done)
		budget->done(budget->ctx, rc, budget->buckets, rc == 0 ? budget->count : 0);
}

static void free_budget(struct op *op)
{
	free(((struct budget_op *)op)->buckets);
	free(op);
}

static int queue_sum(struct store *s, const struct budget_record *r, bool put, int64_t from_ms,
		     void (*done)(void *ctx, int rc, const struct usage_bucket *buckets,
				  size_t count),
		     void *ctx)
{
	struct budget_op *budget = store_op_new(sizeof *budget, run_put_budget);

	if (!budget)
		return -ENOMEM;
	budget->op.tell = tell_budget;
	budget->op.free = free_budget;
	budget->op.sums = true;
	budget->record = *r;
	budget->put = put;
	budget->from_ms = from_ms;
	budget->now_ms = clock_wall_ms();
	budget->done = done;
	budget->ctx = ctx;
	return store_write(s, &budget->op);
}

int store_put_budget(struct store *s, const struct budget_record *r, int64_t from_ms,
		     void (*done)(void *ctx, int rc, const struct usage_bucket *buckets,
				  size_t count),
		     void *ctx)
{
	return queue_sum(s, r, true, from_ms, done, ctx);
}

int store_sum_budget(struct store *s, const struct budget_record *r, int64_t from_ms,
		     void (*done)(void *ctx, int rc, const struct usage_bucket *buckets,
				  size_t count),
		     void *ctx)
{
	return queue_sum(s, r, false, from_ms, done, ctx);
}

static int run_delete_budget(struct op *op, struct books *books)
{
	const struct budget_record *r = &((struct row_op *)op)->budget;
	struct query q = query_start(&books->db, "DELETE FROM budgets WHERE scope = ? AND subject "
						 "= ? AND window = ? AND rolling_ms = ?");

	query_int(&q, r->scope);
	query_text(&q, r->subject);
	query_int(&q, r->window);
	query_int(&q, r->rolling_ms);
	return query_run(&q);
}

int store_delete_budget(struct store *s, const struct budget_record *which,
			void (*done)(void *ctx, int rc), void *ctx)
{
	struct row_op *row = row_new(run_delete_budget, NULL, done, ctx);

	if (!row)
		return -ENOMEM;
	row->budget = *which;
	return store_write(s, &row->plain.op);
}
