/* Deciding which model serves.
 *
 *   1. what is asked for: a model by name; else the project's default; else the rules' choice
 *   2. overrides of the operator: force ends it, deny and cap take models away
 *   3. the allowed lists of key and project
 *
 * Where 2 or 3 take the choice away, the nearest model that is left serves, the cheaper first; but
 * who asked for a model by name that was denied or is not in a list is told so instead.  Nothing
 * here depends on anything but the arguments, so that the same question has the same answer. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shared/str.h"

#include "daemon/dispatch/router.h"
#include "daemon/dispatch/router_limits.h"
#include "daemon/dispatch/router_private.h"

/* A decision on its way. */
struct deciding {
	const struct router *r;
	const struct route_query *q;
	struct route_limits limits;
	const struct model *choice;
	bool by_name;  /* the request names it, nobody chose for it */
	bool by_rules; /* so that an allowed list's "auto" lets it through */
	struct route_decision *d;
	size_t said; /* bytes of the reasoning */
};

static void say(struct deciding *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds to the sentence; what does not fit is cut, which its writers take care not to need. */
static void say(struct deciding *g, const char *fmt, ...)
{
	size_t left = sizeof g->d->reasoning - g->said;
	va_list args;
	int len;

	if (!g->q->explain)
		return;
	va_start(args, fmt);
	len = vsnprintf(g->d->reasoning + g->said, left, fmt, args);
	va_end(args);
	if (len > 0)
		g->said += (size_t)len < left ? (size_t)len : left - 1;
}

static void set_rule(struct deciding *g, const char *prefix, const char *name)
{
	snprintf(g->d->rule, sizeof g->d->rule, "%s%s", prefix, name);
}

/* Words for the client in place of a decision. */
static enum fault refuse(struct deciding *g, enum fault fault, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static enum fault refuse(struct deciding *g, enum fault fault, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(g->d->reasoning, sizeof g->d->reasoning, fmt, args);
	va_end(args);
	g->d->model = NULL;
	return fault;
}

/* ---- the rules ---- */

/* What the rules came to. */
struct verdict {
	const struct route_rule *counted[RULES_MAX]; /* that weigh; the others are not kept */
	size_t count;
	const struct route_rule *decider; /* of deciding rules the first */
	const struct model *decided;
	const struct route_rule *unknown; /* the first that names a model that is not offered */
	double score;
};

static void judge(const struct deciding *g, struct verdict *v)
{
	const struct route_features *f = g->q->features;
	struct route_facts facts = {
		.features = f,
		.budget_left_tokens = g->q->budget_left_tokens,
		.plan_use = g->q->plan_use,
	};

	*v = (struct verdict){.count = 0};
	route_index_find(g->r->index, f->text, f->text_len, &facts.hits);
	if (f->first_text)
		route_index_find(g->r->index, f->first_text, f->first_len, &facts.hits);
	for (size_t i = 0; i < g->r->count; i++) {
		const struct route_rule *rule = &g->r->rules[i];
		const struct model *m;

		if (!route_rule_counts(rule, &facts))
			continue;
		if (!rule->decides) {
			v->score += rule->weight;
			v->counted[v->count++] = rule;
			continue;
		}
		m = models_find(g->limits.models, rule->model);
		if (!m) {
			v->unknown = v->unknown ? v->unknown : rule;
		} else if (!v->decider) {
			v->decider = rule;
			v->decided = route_model_canonical(g->limits.models, m);
		}
	}
}

/* The rule that speaks most for the outcome: of those that pull towards haiku where haiku comes
 * out, else of those that pull away from it.  NULL: none counts. */
static const struct route_rule *strongest(const struct verdict *v, bool towards_haiku)
{
	const struct route_rule *lowest = NULL, *highest = NULL;

	for (size_t i = 0; i < v->count; i++) {
		if (!lowest || v->counted[i]->weight < lowest->weight)
			lowest = v->counted[i];
		if (!highest || v->counted[i]->weight > highest->weight)
			highest = v->counted[i];
	}
	return towards_haiku && lowest && lowest->weight < 0 ? lowest : highest;
}

/* A name with a colon is a decision's name of its own. */
static void name_by_rule(struct deciding *g, const struct route_rule *rule)
{
	set_rule(g, rule && strchr(rule->name, ':') ? "" : "auto:", rule ? rule->name : "default");
}

static void say_rules(struct deciding *g, const struct verdict *v)
{
	enum { ROOM = 300 }; /* what follows needs the rest */
	size_t i;

	for (i = 0; i < v->count && g->said < ROOM; i++)
		say(g, "%s%s %+.4g", i ? ", " : " by ", v->counted[i]->name, v->counted[i]->weight);
	if (i < v->count)
		say(g, " and %zu more", v->count - i);
}

static void choose_by_rules(struct deciding *g)
{
	struct verdict v;
	enum route_class class;

	judge(g, &v);
	g->by_rules = true;
	g->d->score = v.score;
	if (v.decider) {
		g->choice = v.decided;
		name_by_rule(g, v.decider);
		say(g, "The rule %s decides for %s, whatever the score of %.4g", v.decider->name,
		    g->choice->name, v.score);
	} else {
		class = v.score >= g->r->opus_score     ? CLASS_OPUS
			: v.score >= g->r->sonnet_score ? CLASS_SONNET
							: CLASS_HAIKU;
		g->choice = route_class_model(g->limits.models, class);
		name_by_rule(g, strongest(&v, class == CLASS_HAIKU));
		say(g, "The score of %.4g chooses %s", v.score, g->choice->name);
	}
	if (v.count)
		say_rules(g, &v);
	else if (!v.decider)
		say(g, ", since no rule counts");
	if (v.unknown)
		say(g, "; the rule %s does not count, because its model is not offered",
		    v.unknown->name);
}

/* ---- asked for by name ---- */

static enum fault not_found(struct deciding *g, const char *whose, const char *name)
{
	char clean[101];

	str_copy_clean(clean, sizeof clean, name);
	return refuse(g, FAULT_MODEL_NOT_FOUND,
		      "The %s '%s' does not exist; GET /v1/models lists those on offer.", whose,
		      clean);
}

static bool is_auto(const char *name)
{
	return !name || strcmp(name, "auto") == 0;
}

/* Sets choice; by_name when the request itself asked. */
static enum fault choose(struct deciding *g)
{
	const struct route_query *q = g->q;
	const char *name = q->asked ? q->asked : q->default_model;
	const struct model *m;

	if (is_auto(name)) {
		choose_by_rules(g);
		return FAULT_NONE;
	}
	m = models_find(g->limits.models, name);
	if (!m)
		return not_found(g, q->asked ? "model" : "project's default model", name);
	g->choice = strcmp(m->name, name) == 0 ? m : route_model_canonical(g->limits.models, m);
	g->by_name = q->asked != NULL;
	set_rule(g, g->by_name ? "requested" : "project:default", "");
	say(g, "%s %s", g->by_name ? "The request asks for" : "The project's default model is",
	    g->choice->name);
	return FAULT_NONE;
}

/* ---- what is left ---- */

static const char *scope_name(enum scope scope)
{
	return scope == SCOPE_KEY ? "key" : scope == SCOPE_PROJECT ? "project" : "global";
}

static const char *scope_words(enum scope scope)
{
	return scope == SCOPE_KEY       ? "for the key"
	       : scope == SCOPE_PROJECT ? "for the project"
					: "for everyone";
}

/* The names that a list leaves, for the client. */
static void list_permitted(const struct deciding *g, const bool lists[2], char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < g->limits.models->count; i++) {
		const struct model *m = &g->limits.models->items[i];

		if (!route_limits_permit(&g->limits, m, lists) ||
		    route_model_canonical(g->limits.models, m) != m)
			continue;
		if (len + strlen(m->name) + 16 > size) {
			snprintf(out + len, size - len, " and more");
			return;
		}
		len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "", m->name);
	}
	if (!len) /* a list that only has "auto" */
		snprintf(out, size, "auto");
}

static enum fault refuse_named(struct deciding *g, const char *why)
{
	static const bool both[2] = {true, true};
	char names[256];

	list_permitted(g, both, names, sizeof names);
	return refuse(g, FAULT_PERMISSION, "The model %s %s; permitted: %s.", g->choice->name, why,
		      names);
}

/* Which list forbids the choice: 0 the key's, 1 the project's; -1: none. */
static int forbidding_list(const struct deciding *g, const bool lists[2])
{
	for (int i = 0; i < 2; i++)
		if (lists[i] && !route_list_allows(g->q->allowed[i], g->limits.models, g->choice))
			return i;
	return -1;
}

/* Names what takes the choice away; false: nothing does. */
static bool find_obstacle(struct deciding *g, const bool lists[2])
{
	static const char *const owners[2] = {"key", "project"};
	const struct route_limits *l = &g->limits;
	const struct override_record *o = route_limits_denied(l, g->choice);
	int list;

	if (!o && l->cap && route_model_compare(g->choice, l->cap_model) > 0 &&
	    !route_model_same(g->choice, l->cap_model))
		o = l->cap;
	if (o) {
		set_rule(g, "override:", scope_name(o->scope));
		say(g, "; an override %s %s %s", scope_words(o->scope),
		    o->action == OVERRIDE_DENY ? "denies" : "allows nothing dearer than",
		    o->action == OVERRIDE_DENY ? g->choice->name : l->cap_model->name);
		return true;
	}
	list = forbidding_list(g, lists);
	if (list < 0)
		return false;
	set_rule(g, "allowed:", owners[list]);
	say(g, "; %s is not among the %s's models", g->choice->name, owners[list]);
	return true;
}

/* Overrides and lists; sets choice to what serves. */
static enum fault confine(struct deciding *g)
{
	const struct route_query *q = g->q;
	bool lists[2] = {true, true};
	const struct model *left;

	if (g->limits.force) {
		g->choice = g->limits.force_model;
		set_rule(g, "override:", scope_name(g->limits.force->scope));
		say(g, "; an override %s forces %s", scope_words(g->limits.force->scope),
		    g->choice->name);
		return FAULT_NONE;
	}
	for (int i = 0; i < 2; i++)
		if (g->by_rules && route_list_has_auto(q->allowed[i]))
			lists[i] = false;
	if (g->by_name && route_limits_denied(&g->limits, g->choice))
		return refuse_named(g, "is denied by the operator at the moment");
	if (g->by_name && forbidding_list(g, lists) >= 0)
		return refuse_named(g, "is not among the models of this key and project");
	if (!find_obstacle(g, lists))
		return FAULT_NONE;
	left = route_limits_nearest(&g->limits, g->choice, lists);
	if (!left)
		return refuse(g, FAULT_PERMISSION,
			      "The models of this key and project and the operator's overrides "
			      "leave no model.");
	g->choice = left;
	say(g, ", so that %s serves", left->name);
	return FAULT_NONE;
}

enum fault router_decide(const struct router *r, const struct models *models,
			 const struct route_query *q, int64_t now_ms, struct route_decision *d)
{
	struct deciding g = {.r = r, .q = q, .d = d};
	enum fault fault;

	*d = (struct route_decision){.model = NULL};
	if (!models->count)
		return refuse(&g, FAULT_BACKEND_UNAVAILABLE,
			      "The models are not known, because no worker has started yet.");
	g.limits = (struct route_limits){
		.models = models,
		.q = q,
		.overrides = r->overrides,
		.count = r->override_count,
		.now_ms = now_ms,
	};
	fault = choose(&g);
	if (fault)
		return fault;
	route_limits_find(&g.limits);
	fault = confine(&g);
	if (fault)
		return fault;
	d->model = g.choice;
	say(&g, ".");
	return FAULT_NONE;
}
