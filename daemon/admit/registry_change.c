/* One change on its way through the store: checked by its own file, queued, then applied when it is
 * durable (or undone), told, and answered.  Memory never shows what the store has not got, with one
 * exception: a revocation, which undo() takes back. */
#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

#include "daemon/admit/registry_private.h"

struct change *change_new(struct registry *r, void (*done)(void *ctx, int rc), void *ctx,
			  struct refusal *why)
{
	struct change *c = calloc(1, sizeof *c);

	if (!c) {
		refusal_set(why, FAULT_INTERNAL, NULL, "Out of memory; nothing was changed.");
		return NULL;
	}
	c->registry = r;
	c->done = done;
	c->ctx = ctx;
	c->now_ms = clock_wall_ms();
	return c;
}

void change_aim(struct change *c, const struct target *t)
{
	c->project = t->project ? project_ref(t->project) : NULL;
	c->key = t->key ? key_ref(t->key) : NULL;
	c->changing = t->changing;
}

void change_free(struct change *c)
{
	key_unref(c->key);
	project_unref(c->project);
	free(c->allowed_models);
	free(c);
}

int change_begin(struct change *c, int rc, struct refusal *why)
{
	struct registry *r = c->registry;

	if (rc == 0) {
		if (c->changing)
			*c->changing = true;
		r->changes++;
		return 0;
	}
	if (rc == -ENOMEM)
		refusal_set(why, FAULT_INTERNAL, NULL, "Out of memory; nothing was changed.");
	else
		refusal_set(why, FAULT_STORE, NULL, "The store does not work: %s",
			    store_detail(r->store));
	change_free(c);
	return -EINVAL;
}

void change_end(struct change *c, int rc)
{
	struct registry *r = c->registry;

	if (c->changing)
		*c->changing = false;
	if (c->done)
		c->done(c->ctx, rc);
	change_free(c);
	if (r->conf_stale && !r->global_changing) {
		rc = conf_budget_sync(r);
		if (rc < 0)
			log_error("registry", "the settings' budget is not in force: %s",
				  err_str(rc));
	}
	r->changes--;
	registry_maybe_closed(r);
}

void change_written(void *ctx, int rc)
{
	struct change *c = ctx;

	if (rc == 0) {
		c->registry->generation++;
		rc = c->apply(c);
	} else {
		log_error("registry", "a change was not written, nothing has changed: %s",
			  err_str(rc));
		if (c->undo)
			c->undo(c);
	}
	change_end(c, rc);
}
