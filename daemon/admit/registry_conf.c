/* The budget of the settings.  It is global, is no row of the store, and is in force unless the
 * operator has set a global one of the same window.
 *
 * At the start what it has used is read at once, since nothing is settled yet.  Later that takes
 * the store's ordered sum (registry_budgets.c), and the store sums for what it writes: so the
 * record is written and at once deleted again.  One that a crash leaves behind is known by its
 * creation at 0, and removed at the next start. */
#include <string.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

#include "daemon/admit/registry_private.h"
#include "daemon/store/registry.h"

static bool has_limit(const struct budget_record *b)
{
	return b->limit_tokens != -1 || b->limit_micro_usd != -1;
}

static bool same_window(const struct budget_record *a, const struct budget_record *b)
{
	return a->window == b->window && a->rolling_ms == b->rolling_ms;
}

bool conf_budget_waits(const struct registry *r, const struct budget_record *own)
{
	return r->conf_given && has_limit(&r->conf_budget) && same_window(&r->conf_budget, own);
}

struct old_ones {
	struct budget_record record;
	const struct budget_record *keep; /* NULL: none */
	bool found;
};

static void find_old(void *ctx, const struct budget_view *view)
{
	struct old_ones *old = ctx;

	if (!budget_is_conf(&view->record) || (old->keep && same_window(&view->record, old->keep)))
		return;
	old->record = view->record;
	old->found = true;
}

/* There is at most one. */
static void remove_old(struct registry *r, const struct budget_record *keep)
{
	struct old_ones old = {.keep = keep};

	budget_each(&r->global_budgets, clock_wall_ms(), find_old, &old);
	if (old.found)
		budget_remove(&r->global_budgets, &old.record);
}

static int apply_conf(struct change *c)
{
	struct registry *r = c->registry;
	int rc = budgets_apply(c);

	r->conf_replaces = false;
	if (rc < 0) {
		log_error("registry", "the settings' budget is not in force: %s", err_str(rc));
		return rc;
	}
	remove_old(r, &c->to.budget);
	event_budget("set", &c->to.budget);
	return 0;
}

static void undo_conf(struct change *c)
{
	struct registry *r = c->registry;

	log_error("registry", "the settings' budget is not in force; a reload tries again");
	if (r->conf_replaces)
		budget_remove(&r->global_budgets, &c->to.budget);
	r->conf_replaces = false;
}

static void deleted_again(void *ctx, int rc)
{
	(void)ctx;
	if (rc < 0)
		log_warn("registry",
			 "a trace of the settings' budget stays until the next start: %s",
			 err_str(rc));
}

static int sum_and_put(struct registry *r)
{
	struct target global = {.scope = SCOPE_GLOBAL, .changing = &r->global_changing};
	struct refusal why;
	struct change *c = change_new(r, NULL, NULL, &why);

	if (!c)
		return -ENOMEM;
	change_aim(c, &global);
	c->apply = apply_conf;
	c->undo = undo_conf;
	c->to.budget = r->conf_budget;
	if (budgets_write(c, &r->global_budgets, &why))
		return ERR_STATE;
	deleted_again(NULL, store_delete_budget(r->store, &r->conf_budget, deleted_again, NULL));
	return 0;
}

int conf_budget_sync(struct registry *r)
{
	struct budget_record present;
	bool found;

	if (r->global_changing) {
		r->conf_stale = true;
		return 0;
	}
	r->conf_stale = false;
	if (!has_limit(&r->conf_budget)) {
		remove_old(r, NULL);
		return 0;
	}
	found = budgets_find(&r->global_budgets, &r->conf_budget, clock_wall_ms(), &present);
	if (found && !budget_is_conf(&present) && !r->conf_replaces) {
		remove_old(r, NULL);
		return 0;
	}
	if (found && budget_is_conf(&present)) /* with what it has counted */
		return budget_put(&r->global_budgets, &r->conf_budget, NULL, 0, clock_wall_ms());
	return sum_and_put(r);
}

int registry_set_conf_budget(struct registry *r, const struct budget_record *conf)
{
	bool first = !r->conf_given;

	r->conf_budget = *conf;
	r->conf_budget.scope = SCOPE_GLOBAL;
	r->conf_budget.subject[0] = '\0';
	r->conf_budget.created_ms = 0;
	r->conf_given = true;
	if (!r->loaded)
		return 0; /* loading brings it in */
	r->generation++;
	return first ? conf_budget_load(r) : conf_budget_sync(r);
}

int conf_budget_load(struct registry *r)
{
	struct budget_record present;

	if (!r->conf_given || !has_limit(&r->conf_budget) ||
	    budgets_find(&r->global_budgets, &r->conf_budget, clock_wall_ms(), &present))
		return 0;
	return registry_load_global(r, &r->conf_budget);
}
