/* projects.*: what a project may use; its keys and budgets have verbs of their own. */
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/json.h"
#include "shared/verb_value.h"

#include "daemon/control/commands.h"
#include "daemon/control/json_view.h"
#include "daemon/control/whom.h"

struct list {
	struct registry *registry;
	json_t *rows;
	int64_t now_ms;
};

static void append_project(void *ctx, struct project *p)
{
	struct list *l = ctx;

	if (!p->deleted)
		json_array_append_new(l->rows, view_project(l->registry, p, l->now_ms));
}

void command_projects_list(struct verb_call *r)
{
	struct list l = {.registry = r->control->deps.registry,
			 .rows = json_array(),
			 .now_ms = clock_wall_ms()};

	registry_each_project(l.registry, append_project, &l);
	verb_call_answer(r, json_pack("{so}", "projects", l.rows));
}

void command_projects_show(struct verb_call *r)
{
	struct project *p = whom_project(r, "name");

	if (p)
		verb_call_answer(r, view_project(r->control->deps.registry, p, clock_wall_ms()));
}

/* A change is told by what it has become. */
static void show_changed(struct verb_call *r)
{
	struct registry *registry = r->control->deps.registry;
	struct project *p = registry_find_project(registry, r->subject);

	if (p)
		verb_call_answer(r, view_project(registry, p, clock_wall_ms()));
	else
		verb_call_refuse(r, RPC_NOT_FOUND, "name",
				 "the project has been deleted meanwhile");
}

/* The parameters laid over `to`, whose allowed_models is replaced by one to be freed.  False:
 * refused. */
static bool read_project(struct verb_call *r, struct project_record *to)
{
	const char *model = json_get_str(r->params, "default_model");

	if (model && strcmp(model, "auto") != 0 && !whom_check_model(r, "default_model", model))
		return false;
	if (param_given(r->params, "default_model"))
		snprintf(to->default_model, sizeof to->default_model, "%s", model ? model : "");
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

void command_projects_create(struct verb_call *r)
{
	struct project_record wanted = {.limits = {-1, -1, -1}};
	const char *name = json_get_str(r->params, "name");
	struct refusal why;
	int rc;

	if (registry_find_project(r->control->deps.registry, name)) {
		verb_call_refuse(r, RPC_CONFLICT, "name", "there is a project '%s' already", name);
		return;
	}
	if (!read_project(r, &wanted))
		return;
	snprintf(wanted.name, sizeof wanted.name, "%s", name);
	snprintf(r->subject, sizeof r->subject, "%s", name);
	r->then = show_changed;
	rc = registry_create_project(r->control->deps.registry, &wanted, verb_call_done, r, &why);
	free(wanted.allowed_models);
	verb_call_started(r, rc, &why);
}

void command_projects_set(struct verb_call *r)
{
	struct project *p = whom_project(r, "name");
	struct project_record wanted;
	struct refusal why;
	int rc;

	if (!p)
		return;
	wanted = p->record;
	if (!read_project(r, &wanted))
		return;
	snprintf(r->subject, sizeof r->subject, "%s", wanted.name);
	r->then = show_changed;
	rc = registry_change_project(r->control->deps.registry, &wanted, verb_call_done, r, &why);
	free(wanted.allowed_models);
	verb_call_started(r, rc, &why);
}

static void show_deleted(struct verb_call *r)
{
	verb_call_answer(r, json_pack("{ss}", "deleted", r->subject));
}

void command_projects_delete(struct verb_call *r)
{
	struct project *p = whom_project(r, "name");
	struct refusal why;

	if (!p)
		return;
	snprintf(r->subject, sizeof r->subject, "%s", p->record.name);
	r->then = show_deleted;
	verb_call_started(r,
			  registry_delete_project(r->control->deps.registry, r->subject,
						  verb_call_done, r, &why),
			  &why);
}
