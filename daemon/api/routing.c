#include "daemon/api/routing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/money.h"

#include "daemon/admit/budget.h"

enum { ASSUMED_ANSWER = 500 /* tokens, for the estimates of cost */ };

struct routing {
	const struct conf *conf;
	struct registry *registry;
	struct pool *pool;
	struct router *router;
	uint64_t reloads;
	uint64_t overrides_of; /* the registry's generation that the overrides are of */
};

static struct router *make_router(const struct conf *conf)
{
	const char *const *rules = (const char *const *)conf->routing.rules.items;
	size_t count = conf->routing.rules.count;
	char why[256] = "";
	struct router *router;

	if (count == 0) {
		rules = router_seed_rules;
		count = router_seed_rule_count;
	}
	router = router_new(rules, count, conf->routing.sonnet_score, conf->routing.opus_score, why,
			    sizeof why);
	if (!router)
		log_error("routing", "no rules: %s", why);
	return router;
}

struct routing *routing_new(const struct conf *conf, struct registry *registry, struct pool *pool)
{
	struct routing *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->conf = conf;
	r->registry = registry;
	r->pool = pool;
	r->overrides_of = UINT64_MAX;
	r->router = make_router(conf);
	if (r->router)
		return r;
	free(r);
	return NULL;
}

void routing_free(struct routing *r)
{
	if (r)
		router_free(r->router);
	free(r);
}

int routing_reconfigure(struct routing *r)
{
	struct router *fresh = make_router(r->conf);

	if (!fresh)
		return ERR_SYNTAX;
	router_free(r->router);
	r->router = fresh;
	r->reloads++;
	r->overrides_of = UINT64_MAX;
	return 0;
}

/* ---- the operator's overrides ---- */

struct overrides {
	struct override_record *items;
	size_t count;
	bool failed;
};

static void collect(void *ctx, const struct override_record *o)
{
	struct overrides *all = ctx;
	struct override_record *items = realloc(all->items, (all->count + 1) * sizeof *all->items);

	if (!items) {
		all->failed = true;
		return;
	}
	items[all->count++] = *o;
	all->items = items;
}

/* Asked before every decision, done after a change only. */
static int refresh_overrides(struct routing *r, int64_t now_ms)
{
	uint64_t generation = registry_generation(r->registry);
	struct overrides all = {.items = NULL};
	int rc = -ENOMEM;

	if (generation == r->overrides_of)
		return 0;
	registry_each_override(r->registry, now_ms, collect, &all);
	if (!all.failed)
		rc = router_set_overrides(r->router, all.items, all.count);
	free(all.items);
	if (rc == 0)
		r->overrides_of = generation;
	return rc;
}

/* ---- deciding ---- */

static const char *none_if_empty(const char *s)
{
	return s && *s ? s : NULL;
}

static int64_t budget_left_of(const struct routing *r, const struct route_ask *ask, int64_t now_ms)
{
	struct account_list *const lists[HOLD_LISTS] = {
		ask->key ? &ask->key->budgets : NULL, ask->project ? &ask->project->budgets : NULL,
		registry_global_budgets(r->registry)};

	return budget_left(lists, now_ms).tokens;
}

/* A project's default is for requests that name no model; that of the settings is what `auto`
 * stands for. */
static bool settle_default(const struct routing *r, struct route_query *q)
{
	const char *standard = r->conf->routing.default_model;

	if (!*standard || (!q->asked && q->default_model) ||
	    (q->asked && strcmp(q->asked, "auto") != 0))
		return false;
	q->asked = NULL;
	q->default_model = standard;
	return true;
}

enum fault routing_decide(struct routing *r, const struct route_ask *ask, struct route_decision *d)
{
	int64_t now_ms = clock_wall_ms();
	const struct project *project = ask->project;
	const struct key *key = ask->key;
	struct route_query q = {
		.asked = ask->model,
		.default_model = project ? none_if_empty(project->record.default_model) : NULL,
		.features = ask->features,
		.budget_left_tokens = budget_left_of(r, ask, now_ms),
		.plan_use = plan_limits_use(pool_plan(r->pool), now_ms),
		.allowed = {key ? key->record.allowed_models : NULL,
			    project ? project->record.allowed_models : NULL},
		.project = project ? project->record.name : NULL,
		.key_id = key ? key->record.id : NULL,
		.explain = ask->explain,
	};
	bool standard = settle_default(r, &q);
	enum fault fault;

	if (refresh_overrides(r, now_ms))
		log_error("routing", "no memory for the overrides: the ones before are in force");
	fault = router_decide(r->router, pool_models(r->pool), &q, now_ms, d);
	if (standard && strcmp(d->rule, "project:default") == 0)
		strcpy(d->rule, "auto:default");
	return fault;
}

uint64_t routing_generation(const struct routing *r)
{
	return registry_generation(r->registry) + r->reloads + pool_models(r->pool)->generation;
}

const struct router *routing_rules(const struct routing *r)
{
	return r->router;
}

/* ---- telling ---- */

static bool is_listed(const struct models *m, size_t i)
{
	if (strcmp(m->items[i].name, "default") == 0)
		return false; /* the CLI's own word for one of the others */
	for (size_t k = 0; k < i; k++)
		if (strcmp(m->items[k].id, m->items[i].id) == 0 &&
		    strcmp(m->items[k].name, "default") != 0)
			return false;
	return true;
}

static void write_alternatives(const struct models *m, const struct model *chosen,
			       int64_t context_tokens, struct buf *to)
{
	bool first = true;

	for (size_t i = 0; i < m->count; i++) {
		const struct model *one = &m->items[i];
		int64_t cost =
			sum_saturating(money_cost(context_tokens, one->input_micro_usd_per_mtok),
				       money_cost(ASSUMED_ANSWER, one->output_micro_usd_per_mtok));

		if (!is_listed(m, i) || strcmp(one->id, chosen->id) == 0 ||
		    one->input_micro_usd_per_mtok < 0 || one->output_micro_usd_per_mtok < 0)
			continue;
		buf_add_str(to, first ? "{\"model\":" : ",{\"model\":");
		json_add_string_lossy(to, one->name);
		buf_add_str(to, ",\"estimated_cost_usd\":");
		money_add_usd(to, cost);
		buf_add_char(to, '}');
		first = false;
	}
}

void routing_write(const struct routing *r, const struct route_decision *d, int64_t context_tokens,
		   struct buf *to)
{
	buf_add_str(to, "{\"recommended_model\":");
	json_add_string_lossy(to, d->model->name);
	buf_add_str(to, ",\"model_id\":");
	json_add_string_lossy(to, d->model->id);
	buf_add_str(to, ",\"rule\":");
	json_add_string_lossy(to, d->rule);
	buf_add_str(to, ",\"reasoning\":");
	json_add_string_lossy(to, d->reasoning);
	buf_printf(to, ",\"score\":%.6g,\"alternatives\":[", d->score);
	write_alternatives(pool_models(r->pool), d->model, context_tokens, to);
	buf_add_str(to, "]}");
}
