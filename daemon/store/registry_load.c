/* Rows of the registry, read on the loop thread at the start. */
#include <string.h>

#include "shared/err.h"

#include "daemon/store/registry.h"
#include "daemon/store/store_private.h"

/* Runs a query without parameters and hands over each row. */
static int load(struct store *s, const char *sql, void (*row)(struct query *q, void *arg),
		void *arg)
{
	struct reader *reader;
	struct query q;
	int rc;

	reader = store_reader(s, &rc);
	if (!reader)
		return rc;
	q = query_start(&reader->db, sql);
	while ((rc = query_row(&q)) > 0)
		row(&q, arg);
	query_end(&q);
	readers_put(&s->readers, reader, rc);
	return rc;
}

static struct rate_limits read_limits(struct query *q, int column)
{
	return (struct rate_limits){.requests_per_minute = query_get_int(q, column),
				    .tokens_per_minute = query_get_int(q, column + 1),
				    .concurrent = query_get_int(q, column + 2)};
}

/* What a file may hold that someone else has written into. */
static bool is_scope(int64_t n)
{
	return n >= 0 && n < SCOPES;
}

struct project_loader {
	void (*each)(void *ctx, const struct project_record *r);
	void *ctx;
};

static void project_row(struct query *q, void *arg)
{
	struct project_loader *to = arg;
	struct project_record r = {.allowed_models = (char *)query_peek_text(q, 2),
				   .limits = read_limits(q, 3),
				   .created_ms = query_get_int(q, 6)};

	query_get_text(q, 0, r.name, sizeof r.name);
	query_get_text(q, 1, r.default_model, sizeof r.default_model);
	to->each(to->ctx, &r);
}

int store_load_projects(struct store *s, void (*each)(void *ctx, const struct project_record *r),
			void *ctx)
{
	struct project_loader to = {each, ctx};

	return load(s,
		    "SELECT name, default_model, allowed_models, requests_per_minute, "
		    "tokens_per_minute, concurrent, created_ms FROM projects ORDER BY name",
		    project_row, &to);
}

struct key_loader {
	void (*each)(void *ctx, const struct key_record *r);
	void *ctx;
};

static void key_row(struct query *q, void *arg)
{
	struct key_loader *to = arg;
	struct key_record r = {.old_until_ms = query_get_int(q, 3),
			       .scopes = (unsigned)query_get_int(q, 6),
			       .allowed_models = (char *)query_peek_text(q, 7),
			       .limits = read_limits(q, 8),
			       .created_ms = query_get_int(q, 11),
			       .expires_ms = query_get_int(q, 12),
			       .revoked_ms = query_get_int(q, 13),
			       .last_used_ms = query_get_int(q, 14)};

	query_get_text(q, 0, r.id, sizeof r.id);
	query_get_bytes(q, 1, r.hash, sizeof r.hash);
	query_get_bytes(q, 2, r.old_hash, sizeof r.old_hash);
	query_get_text(q, 4, r.label, sizeof r.label);
	query_get_text(q, 5, r.project, sizeof r.project);
	to->each(to->ctx, &r);
}

int store_load_keys(struct store *s, void (*each)(void *ctx, const struct key_record *r), void *ctx)
{
	struct key_loader to = {each, ctx};

	return load(s,
		    "SELECT id, hash, old_hash, old_until_ms, label, project, scopes, "
		    "allowed_models, requests_per_minute, tokens_per_minute, concurrent, "
		    "created_ms, expires_ms, revoked_ms, last_used_ms FROM keys ORDER BY id",
		    key_row, &to);
}

struct budget_loader {
	void (*each)(void *ctx, const struct budget_record *r);
	void *ctx;
};

static void budget_row(struct query *q, void *arg)
{
	struct budget_loader *to = arg;
	int64_t scope = query_get_int(q, 0), window = query_get_int(q, 2);
	struct budget_record r = {.rolling_ms = query_get_int(q, 3),
				  .limit_tokens = query_get_int(q, 4),
				  .limit_micro_usd = query_get_int(q, 5),
				  .soft = query_get_int(q, 6) != 0,
				  .warn_percent = (int)query_get_int(q, 7),
				  .from_ms = query_get_int(q, 8),
				  .base_tokens = query_get_int(q, 9),
				  .base_micro_usd = query_get_int(q, 10),
				  .created_ms = query_get_int(q, 11)};

	if (!is_scope(scope) || window < 0 || window >= WINDOWS)
		return;
	r.scope = (enum scope)scope;
	r.window = (enum budget_window)window;
	query_get_text(q, 1, r.subject, sizeof r.subject);
	to->each(to->ctx, &r);
}

int store_load_budgets(struct store *s, void (*each)(void *ctx, const struct budget_record *r),
		       void *ctx)
{
	struct budget_loader to = {each, ctx};

	return load(s,
		    "SELECT scope, subject, window, rolling_ms, limit_tokens, limit_micro_usd, "
		    "soft, warn_percent, from_ms, base_tokens, base_micro_usd, created_ms FROM "
		    "budgets ORDER BY scope, subject, window, rolling_ms",
		    budget_row, &to);
}

struct override_loader {
	void (*each)(void *ctx, const struct override_record *r);
	void *ctx;
};

static void override_row(struct query *q, void *arg)
{
	struct override_loader *to = arg;
	int64_t scope = query_get_int(q, 1), action = query_get_int(q, 3);
	struct override_record r = {.id = query_get_int(q, 0),
				    .expires_ms = query_get_int(q, 5),
				    .created_ms = query_get_int(q, 6),
				    .uid = query_get_int(q, 8)};

	if (!is_scope(scope) || action < OVERRIDE_FORCE || action > OVERRIDE_DENY)
		return;
	r.scope = (enum scope)scope;
	r.action = (enum override_action)action;
	query_get_text(q, 2, r.subject, sizeof r.subject);
	query_get_text(q, 4, r.model, sizeof r.model);
	query_get_text(q, 7, r.reason, sizeof r.reason);
	to->each(to->ctx, &r);
}

int store_load_overrides(struct store *s, void (*each)(void *ctx, const struct override_record *r),
			 void *ctx)
{
	struct override_loader to = {each, ctx};

	return load(s,
		    "SELECT id, scope, subject, action, model, expires_ms, created_ms, reason, uid "
		    "FROM overrides ORDER BY id",
		    override_row, &to);
}

struct limits_loader {
	bool set;
	struct rate_limits limits;
};

static void limits_row(struct query *q, void *arg)
{
	struct limits_loader *to = arg;

	to->set = true;
	to->limits = read_limits(q, 0);
}

int store_load_global_limits(struct store *s, bool *ret_set, struct rate_limits *ret_limits)
{
	struct limits_loader to = {0};
	int rc = load(s,
		      "SELECT requests_per_minute, tokens_per_minute, concurrent FROM "
		      "global_limits",
		      limits_row, &to);

	if (rc != 0)
		return rc;
	*ret_set = to.set;
	if (to.set)
		*ret_limits = to.limits;
	return 0;
}
