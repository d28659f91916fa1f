/* keys.*: a secret leaves the daemon in the answer that made it and nowhere else. */
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/json.h"
#include "shared/verb_value.h"

#include "daemon/control/commands.h"
#include "daemon/control/json_view.h"
#include "daemon/control/whom.h"

#define GRACE_MS (INT64_C(24) * 3600 * 1000)

_Static_assert(sizeof(((struct verb_call *)0)->secret) >= SECRET_SIZE, "a secret fits");
_Static_assert(sizeof(((struct verb_call *)0)->subject) >= KEY_ID_SIZE, "an id fits");

struct list {
	json_t *rows;
	int64_t now_ms;
};

static void append_key(void *ctx, struct key *k)
{
	struct list *l = ctx;

	json_array_append_new(l->rows, view_key(k, l->now_ms));
}

void command_keys_list(struct verb_call *r)
{
	struct list l = {.now_ms = clock_wall_ms()};
	const char *project = json_get_str(r->params, "project");

	if (project && !whom_project(r, "project"))
		return;
	l.rows = json_array();
	registry_each_key(r->control->deps.registry, project, append_key, &l);
	verb_call_answer(r, json_pack("{so}", "keys", l.rows));
}

void command_keys_show(struct verb_call *r)
{
	struct key *k = whom_key(r, "id");

	if (k)
		verb_call_answer(r, view_key(k, clock_wall_ms()));
}

static unsigned read_scopes(const json_t *list)
{
	static const struct {
		const char *name;
		unsigned bit;
	} scopes[] = {{"chat", KEY_CHAT},
		      {"batch", KEY_BATCH},
		      {"usage", KEY_USAGE},
		      {"high_priority", KEY_HIGH_PRIORITY}};
	unsigned bits = 0;
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item)
	{
		for (size_t s = 0; s < sizeof scopes / sizeof scopes[0]; s++)
			if (strcmp(scopes[s].name, json_string_value(item)) == 0)
				bits |= scopes[s].bit;
	}
	return bits;
}

/* The parameters laid over `to`, whose allowed_models is replaced by one to be freed.  False:
 * refused. */
static bool read_key(struct verb_call *r, struct key_record *to)
{
	const char *label = json_get_str(r->params, "label");
	const json_t *scopes = json_object_get(r->params, "scopes");

	if (label)
		snprintf(to->label, sizeof to->label, "%s", label);
	if (scopes)
		to->scopes = read_scopes(scopes);
	if (param_is_none(r->params, "expires"))
		to->expires_ms = 0;
	else if (param_given(r->params, "expires"))
		to->expires_ms = clock_wall_ms() + param_duration_ms(r->params, "expires", 0);
	whom_limits(r, &to->limits);
	if (param_given(r->params, "models"))
		return whom_models(r, "models", &to->allowed_models);
	if (to->allowed_models) {
		to->allowed_models = strdup(to->allowed_models);
		if (!to->allowed_models) {
			verb_call_refuse(r, RPC_INTERNAL, NULL, "out of memory");
			return false;
		}
	}
	return true;
}

static void show_created(struct verb_call *r)
{
	struct key *k = registry_find_key(r->control->deps.registry, r->subject);

	verb_call_answer(r, json_pack("{ss ss ss*}", "id", r->subject, "key", r->secret, "project",
				      k ? k->record.project : NULL));
}

void command_keys_create(struct verb_call *r)
{
	struct key_record wanted = {.limits = {-1, -1, -1},
				    .scopes = KEY_CHAT | KEY_BATCH | KEY_USAGE};
	struct project *p = whom_project(r, "project");
	struct refusal why;
	int rc;

	if (!p || !read_key(r, &wanted))
		return;
	snprintf(wanted.project, sizeof wanted.project, "%s", p->record.name);
	r->then = show_created;
	rc = registry_create_key(r->control->deps.registry, &wanted, r->subject, r->secret,
				 verb_call_done, r, &why);
	free(wanted.allowed_models);
	verb_call_started(r, rc, &why);
}

static void show_changed(struct verb_call *r)
{
	struct key *k = registry_find_key(r->control->deps.registry, r->subject);

	if (k)
		verb_call_answer(r, view_key(k, clock_wall_ms()));
	else
		verb_call_refuse(r, RPC_NOT_FOUND, "id", "the key is gone meanwhile");
}

void command_keys_set(struct verb_call *r)
{
	struct key *k = whom_key(r, "id");
	struct key_record wanted;
	struct refusal why;
	int rc;

	if (!k)
		return;
	wanted = k->record;
	if (!read_key(r, &wanted))
		return;
	snprintf(r->subject, sizeof r->subject, "%s", wanted.id);
	r->then = show_changed;
	rc = registry_change_key(r->control->deps.registry, &wanted, verb_call_done, r, &why);
	free(wanted.allowed_models);
	verb_call_started(r, rc, &why);
}

static void show_rotated(struct verb_call *r)
{
	struct key *k = registry_find_key(r->control->deps.registry, r->subject);

	verb_call_answer(r, json_pack("{ss ss ss* so}", "id", r->subject, "key", r->secret,
				      "project", k ? k->record.project : NULL, "old_secret_until",
				      view_time(k ? k->record.old_until_ms : 0)));
}

void command_keys_rotate(struct verb_call *r)
{
	struct key *k = whom_key(r, "id");
	struct refusal why;

	if (!k)
		return;
	snprintf(r->subject, sizeof r->subject, "%s", k->record.id);
	r->then = show_rotated;
	verb_call_started(r,
			  registry_rotate_key(r->control->deps.registry, r->subject,
					      param_duration_ms(r->params, "grace", GRACE_MS),
					      r->secret, verb_call_done, r, &why),
			  &why);
}

void command_keys_revoke(struct verb_call *r)
{
	struct key *k = whom_key(r, "id");
	struct refusal why;

	if (!k)
		return;
	snprintf(r->subject, sizeof r->subject, "%s", k->record.id);
	r->then = show_changed;
	verb_call_started(
		r,
		registry_revoke_key(r->control->deps.registry, r->subject, verb_call_done, r, &why),
		&why);
}
