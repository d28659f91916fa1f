#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

#include "daemon/admit/registry_private.h"
#include "daemon/store/registry.h"

static int check_project(const struct project_record *wanted, struct refusal *why)
{
	if ((wanted->default_model[0] &&
	     check_model(wanted->default_model, "default_model", why)) ||
	    check_models(wanted->allowed_models, why) || check_limits(&wanted->limits, why))
		return -EINVAL;
	return 0;
}

static int check_new_project(struct registry *r, const struct project_record *wanted,
			     struct refusal *why)
{
	struct project *p;

	if (check_loaded(r, why) || check_project_name(wanted->name, "name", why))
		return -EINVAL;
	if (registry_find_project(r, wanted->name))
		return refusal_set(why, FAULT_INVALID_REQUEST, "name",
				   "There is a project '%s' already.", wanted->name);
	HASH_FIND(hh, r->new_projects, wanted->name, strlen(wanted->name), p);
	if (p)
		return refusal_set(why, FAULT_CONFLICT, "name",
				   "Project '%s' is being created at this moment.", wanted->name);
	return check_project(wanted, why);
}

/* ---- creating ---- */

static int apply_create(struct change *c)
{
	struct registry *r = c->registry;

	HASH_DEL(r->new_projects, c->project);
	registry_add_project(r, project_ref(c->project));
	event_project("created", &c->project->record);
	return 0;
}

static void undo_create(struct change *c)
{
	HASH_DEL(c->registry->new_projects, c->project);
}

int registry_create_project(struct registry *r, const struct project_record *wanted,
			    void (*done)(void *ctx, int rc), void *ctx, struct refusal *why)
{
	struct change *c;
	struct project *p;

	if (check_new_project(r, wanted, why))
		return -EINVAL;
	c = change_new(r, done, ctx, why);
	if (!c)
		return -EINVAL;
	c->apply = apply_create;
	c->undo = undo_create;
	c->project = p = project_new(wanted);
	if (!p)
		return change_begin(c, -ENOMEM, why);
	p->record.created_ms = c->now_ms;
	if (change_begin(c, store_put_project(r->store, &p->record, change_written, c), why))
		return -EINVAL;
	HASH_ADD_KEYPTR(hh, r->new_projects, p->record.name, strlen(p->record.name), p);
	return 0;
}

static void opened(void *ctx, int rc)
{
	(void)ctx;
	if (rc < 0)
		log_warn(
			"registry",
			"a project that a request named is not written; it is served all the same, "
			"and made again after a restart: %s",
			err_str(rc));
}

struct project *registry_open_project(struct registry *r, const char *name, size_t most,
				      struct refusal *why)
{
	struct project_record record = {.limits = {-1, -1, -1}};
	struct project *p = registry_find_project(r, name);

	if (p)
		return p;
	if (!r->loaded || !store_healthy(r->store)) {
		refusal_set(why, FAULT_STORE, NULL, "%s", ""); /* clients get no details */
		return NULL;
	}
	if (check_project_name(name, "project_id", why))
		return NULL;
	memcpy(record.name, name, strlen(name) + 1);
	if (check_new_project(r, &record, why))
		return NULL;
	if (registry_count_projects(r) >= most) {
		refusal_set(why, FAULT_PERMISSION, "project_id",
			    "There is no project '%s', and this server opens no further ones.",
			    name);
		return NULL;
	}
	record.created_ms = clock_wall_ms();
	p = project_new(&record);
	if (!p) {
		refusal_set(why, FAULT_INTERNAL, NULL, "%s", "");
		return NULL;
	}
	registry_add_project(r, p);
	r->generation++;
	opened(NULL, store_put_project(r->store, &p->record, opened, NULL));
	event_project("created", &p->record);
	return p;
}

/* ---- changing ---- */

static int apply_change(struct change *c)
{
	struct project_record *record = &c->project->record, *to = &c->to.project;

	memcpy(record->default_model, to->default_model, sizeof record->default_model);
	free(record->allowed_models);
	record->allowed_models = c->allowed_models;
	c->allowed_models = NULL;
	record->limits = to->limits;
	rate_set_limits(&c->project->rate, &record->limits, clock_mono_us());
	event_project("changed", record);
	return 0;
}

int registry_change_project(struct registry *r, const struct project_record *wanted,
			    void (*done)(void *ctx, int rc), void *ctx, struct refusal *why)
{
	struct target t;
	struct change *c;

	if (check_loaded(r, why) || check_project_name(wanted->name, "name", why) ||
	    target_find(r, SCOPE_PROJECT, wanted->name, true, &t, why) ||
	    check_project(wanted, why) || target_check_idle(&t, why))
		return -EINVAL;
	c = change_new(r, done, ctx, why);
	if (!c)
		return -EINVAL;
	if (copy_models(&c->allowed_models, wanted->allowed_models))
		return change_begin(c, -ENOMEM, why);
	change_aim(c, &t);
	c->apply = apply_change;
	c->to.project = t.project->record;
	memcpy(c->to.project.default_model, wanted->default_model,
	       sizeof c->to.project.default_model);
	c->to.project.allowed_models = c->allowed_models;
	c->to.project.limits = wanted->limits;
	return change_begin(c, store_put_project(r->store, &c->to.project, change_written, c), why);
}

/* ---- deleting ---- */

static void revoke_keys(struct registry *r, const struct project *p, int64_t now_ms)
{
	struct key *k, *next;

	HASH_ITER(by_id, r->keys, k, next)
	{
		if (k->project != p)
			continue;
		if (!k->record.revoked_ms)
			k->record.revoked_ms = now_ms;
		budget_clear(&k->budgets);
		registry_remove_overrides(r, SCOPE_KEY, k->record.id);
	}
}

static int apply_delete(struct change *c)
{
	struct registry *r = c->registry;
	struct project *p = c->project;

	HASH_DEL(r->projects, p);
	p->deleted = true;
	p->deleting = false;
	budget_clear(&p->budgets);
	registry_remove_overrides(r, SCOPE_PROJECT, p->record.name);
	revoke_keys(r, p, c->now_ms);
	event_project("deleted", &p->record);
	project_unref(p); /* the entry's; the change has another */
	return 0;
}

static void undo_delete(struct change *c)
{
	c->project->deleting = false;
}

int registry_delete_project(struct registry *r, const char *name, void (*done)(void *ctx, int rc),
			    void *ctx, struct refusal *why)
{
	struct target t;
	struct change *c;

	if (check_loaded(r, why) || target_find(r, SCOPE_PROJECT, name, true, &t, why) ||
	    target_check_idle(&t, why))
		return -EINVAL;
	c = change_new(r, done, ctx, why);
	if (!c)
		return -EINVAL;
	change_aim(c, &t);
	c->apply = apply_delete;
	c->undo = undo_delete;
	if (change_begin(c,
			 store_delete_project(r->store, t.project->record.name, c->now_ms,
					      change_written, c),
			 why))
		return -EINVAL;
	t.project->deleting = true;
	return 0;
}
