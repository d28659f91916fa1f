/* The lists that are asked for: how, what of the answer is kept, and which events make them old. */
#include <string.h>

#include "shared/json.h"

#include "tui/model/model_private.h"

enum { CLOSEST = 10 };

static const struct question {
	enum model_part part;
	const char *method;
	const char *list; /* the member of the answer that is kept; NULL: all of it */
} questions[] = {
	{PART_STATUS, "status", NULL},
	{PART_WORKERS, "workers.list", "workers"},
	{PART_PROJECTS, "projects.list", "projects"},
	{PART_BUDGETS, "budgets.list", "budgets"},
	{PART_KEYS, "keys.list", "keys"},
	{PART_LIMITS, "limits.show", "limits"},
	{PART_ROUTING, "routing.show", NULL},
	{PART_TODAY, "usage", NULL},
	{PART_CLOSEST, "budgets.list", "budgets"},
};

static const struct question *find_question(enum model_part part)
{
	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
		if (questions[i].part == part)
			return &questions[i];
	return NULL;
}

const char *model_method(enum model_part part, json_t **ret_params)
{
	const struct question *q = find_question(part);

	*ret_params = NULL;
	if (part == PART_TODAY)
		*ret_params = json_pack("{ss}", "period", "day");
	else if (part == PART_CLOSEST)
		*ret_params = json_pack("{si}", "closest", CLOSEST);
	return q ? q->method : NULL;
}

static void keep(json_t **to, const json_t *value)
{
	json_decref(*to);
	*to = json_incref((json_t *)value);
}

unsigned model_take_answer(struct model *m, enum model_part part, const json_t *result)
{
	const struct question *q = find_question(part);
	const json_t *list = q && q->list ? json_object_get(result, q->list) : NULL;
	unsigned changed = (unsigned)part;

	if (!q || m->link != LINK_LIVE || !json_is_object(result))
		return 0;
	if (part == PART_STATUS)
		keep(&m->status, result);
	else if (part == PART_ROUTING)
		keep(&m->routing, result);
	else if (part == PART_TODAY)
		keep(&m->today, result);
	else
		rows_set(part == PART_WORKERS    ? &m->workers
			 : part == PART_PROJECTS ? &m->projects
			 : part == PART_BUDGETS  ? &m->budgets
			 : part == PART_KEYS     ? &m->keys
			 : part == PART_LIMITS   ? &m->limits
						 : &m->closest,
			 list);
	if (part == PART_WORKERS)
		changed |= model_set_status(m, "pool", json_object_get(result, "pool"));
	m->have |= (unsigned)part;
	return changed;
}

/* Whether a worker's event tells of a change of the pool, which has no event of its own. */
static bool changes_pool(const json_t *worker)
{
	const char *state = json_get_str(worker, "state");

	return state && (strcmp(state, "gone") == 0 || strcmp(state, "starting") == 0);
}

unsigned model_stale_by(const json_t *event)
{
	static const struct {
		const char *topic;
		unsigned parts;
	} rules[] = {
		{"key", PART_KEYS | PART_PROJECTS},
		{"project", PARTS_ASKED},
		{"budget", PART_BUDGETS | PART_CLOSEST},
		{"limit", PART_LIMITS | PART_PROJECTS | PART_KEYS},
		{"override", PART_ROUTING},
		{"service", PART_STATUS | PART_WORKERS},
		{"store", PART_STATUS},
		{"redis", PART_STATUS},
		{"reload", PARTS_ASKED | PART_STATUS | PART_WORKERS},
	};
	const char *topic = json_get_str(event, "topic");

	if (!topic)
		return 0;
	if (strcmp(topic, "worker") == 0)
		return changes_pool(json_object_get(event, "data")) ? PART_WORKERS : 0;
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
		if (strcmp(topic, rules[i].topic) == 0)
			return rules[i].parts;
	return 0;
}
