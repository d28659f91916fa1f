/* What may serve.  Models are compared by input price, since that is what the operator saves with
 * a cap; a catalogue can hold several rows for one model ("default" beside "opus"), so that
 * whatever is said of one row holds for all rows of its id. */
#include "daemon/dispatch/router_limits.h"

#include <string.h>
#include <strings.h>

/* For models whose price the CLI does not tell: what the classes cost today, in micro-dollars per
 * million tokens.  Only their order and rough distance matter. */
static const struct {
	const char *name;
	int64_t usual_price;
} classes[CLASSES] = {
	[CLASS_HAIKU] = {"haiku", 100000},
	[CLASS_SONNET] = {"sonnet", 2000000},
	[CLASS_OPUS] = {"opus", 4000000},
};

static int class_of(const struct model *m)
{
	int c;

	for (c = 0; c < CLASSES; c++)
		if (strcmp(m->name, classes[c].name) == 0)
			return c;
	for (c = 0; c < CLASSES; c++)
		if (strstr(m->name, classes[c].name) || strstr(m->id, classes[c].name))
			return c;
	return CLASSES;
}

static int64_t price_of(const struct model *m)
{
	int class;

	if (m->input_micro_usd_per_mtok >= 0)
		return m->input_micro_usd_per_mtok;
	class = class_of(m);
	return class < CLASSES ? classes[class].usual_price : INT64_MAX;
}

int route_model_compare(const struct model *a, const struct model *b)
{
	int64_t left = price_of(a), right = price_of(b);

	return left == right ? class_of(a) - class_of(b) : left < right ? -1 : 1;
}

bool route_model_same(const struct model *a, const struct model *b)
{
	return strcmp(a->id, b->id) == 0;
}

const struct model *route_model_canonical(const struct models *models, const struct model *m)
{
	const struct model *found = NULL;

	for (size_t i = 0; i < models->count; i++) {
		const struct model *other = &models->items[i];

		if (!route_model_same(other, m))
			continue;
		for (int c = 0; c < CLASSES; c++)
			if (strcmp(other->name, classes[c].name) == 0)
				return other;
		if (!found && strcmp(other->name, "default") != 0)
			found = other;
	}
	return found ? found : m;
}

/* By how many times the prices differ, from 1. */
static double factor(int64_t a, int64_t b)
{
	double left = (double)a + 1, right = (double)b + 1; /* a price may be 0 */

	return left > right ? left / right : right / left;
}

const struct model *route_class_model(const struct models *models, enum route_class class)
{
	int64_t usual = classes[class].usual_price;
	const struct model *best = NULL;

	for (size_t i = 0; i < models->count; i++) {
		const struct model *m = &models->items[i];

		if (strcmp(m->name, classes[class].name) == 0)
			return m;
		if (!best || factor(price_of(m), usual) < factor(price_of(best), usual) ||
		    (factor(price_of(m), usual) <= factor(price_of(best), usual) &&
		     route_model_compare(m, best) < 0))
			best = m;
	}
	return best ? route_model_canonical(models, best) : NULL;
}

bool route_override_expired(const struct override_record *o, int64_t now_ms)
{
	return o->expires_ms != 0 && o->expires_ms <= now_ms;
}

static bool concerns(const struct override_record *o, const struct route_limits *l)
{
	const char *who = o->scope == SCOPE_KEY ? l->q->key_id : l->q->project;

	if (route_override_expired(o, l->now_ms))
		return false;
	return o->scope == SCOPE_GLOBAL || (who && strcmp(o->subject, who) == 0);
}

/* The newer one of two with the same scope. */
static bool goes_before(const struct override_record *a, const struct override_record *b)
{
	if (!b || a->scope != b->scope)
		return !b || a->scope > b->scope;
	return a->id > b->id;
}

void route_limits_find(struct route_limits *l)
{
	l->force = l->cap = NULL;
	l->force_model = l->cap_model = NULL;
	for (size_t i = 0; i < l->count; i++) {
		const struct override_record *o = &l->overrides[i];
		const struct model *m;

		if (o->action == OVERRIDE_DENY || !concerns(o, l))
			continue;
		m = models_find(l->models, o->model);
		if (!m)
			continue;
		if (o->action == OVERRIDE_FORCE && goes_before(o, l->force)) {
			l->force = o;
			l->force_model = route_model_canonical(l->models, m);
		} else if (o->action == OVERRIDE_CAP && goes_before(o, l->cap)) {
			l->cap = o;
			l->cap_model = route_model_canonical(l->models, m);
		}
	}
}

const struct override_record *route_limits_denied(const struct route_limits *l,
						  const struct model *m)
{
	const struct override_record *found = NULL;

	for (size_t i = 0; i < l->count; i++) {
		const struct override_record *o = &l->overrides[i];
		const struct model *denied;

		if (o->action != OVERRIDE_DENY || !concerns(o, l) || !goes_before(o, found))
			continue;
		denied = models_find(l->models, o->model);
		if (denied && route_model_same(denied, m))
			found = o;
	}
	return found;
}

/* The next name of a comma-separated list; false at its end. */
static bool next_name(const char **list, const char **ret_at, size_t *ret_len)
{
	const char *at = *list + strspn(*list, ", \t");
	size_t len = strcspn(at, ",");

	*list = at + len;
	*ret_at = at;
	while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
		len--;
	*ret_len = len;
	return len > 0;
}

static bool is_name(const char *name, const char *at, size_t len)
{
	return strlen(name) == len && memcmp(name, at, len) == 0;
}

bool route_list_has_auto(const char *list)
{
	const char *at;
	size_t len;

	while (list && next_name(&list, &at, &len))
		if (is_name("auto", at, len))
			return true;
	return false;
}

static bool list_names(const char *list, const struct model *m)
{
	const char *at;
	size_t len;

	while (next_name(&list, &at, &len))
		if (is_name(m->name, at, len) || is_name(m->id, at, len))
			return true;
	return false;
}

bool route_list_allows(const char *list, const struct models *models, const struct model *m)
{
	if (!list || list_names(list, m))
		return true;
	for (size_t i = 0; i < models->count; i++)
		if (route_model_same(&models->items[i], m) && list_names(list, &models->items[i]))
			return true;
	return false;
}

bool route_limits_permit(const struct route_limits *l, const struct model *m, const bool lists[2])
{
	if (l->cap && route_model_compare(m, l->cap_model) > 0 &&
	    !route_model_same(m, l->cap_model))
		return false;
	if (route_limits_denied(l, m))
		return false;
	for (int i = 0; i < 2; i++)
		if (lists[i] && !route_list_allows(l->q->allowed[i], l->models, m))
			return false;
	return true;
}

const struct model *route_limits_nearest(const struct route_limits *l, const struct model *from,
					 const bool lists[2])
{
	const struct model *below = NULL, *above = NULL;

	for (size_t i = 0; i < l->models->count; i++) {
		const struct model *m = &l->models->items[i];

		if (!route_limits_permit(l, m, lists))
			continue;
		if (route_model_compare(m, from) <= 0) {
			if (!below || route_model_compare(m, below) > 0)
				below = m;
		} else if (!above || route_model_compare(m, above) < 0) {
			above = m;
		}
	}
	if (!below && !above)
		return NULL;
	return route_model_canonical(l->models, below ? below : above);
}
