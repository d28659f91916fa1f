#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

#include "daemon/admit/registry_private.h"
#include "daemon/store/registry.h"

static struct override *find(struct registry *r, int64_t id)
{
	struct override *o;

	DL_SEARCH_SCALAR(r->overrides, o, record.id, id);
	return o;
}

static void drop(struct registry *r, struct override *o)
{
	DL_DELETE(r->overrides, o);
	r->override_count--;
	free(o);
}

void registry_remove_overrides(struct registry *r, enum scope scope, const char *subject)
{
	struct override *o, *next;

	DL_FOREACH_SAFE(r->overrides, o, next)
	{
		if (o->record.scope == scope && strcmp(o->record.subject, subject) == 0)
			drop(r, o);
	}
}

/* Ids rise, so the end is nearly always the place. */
int overrides_add(struct registry *r, const struct override_record *record)
{
	struct override *o = calloc(1, sizeof *o), *before = r->overrides;

	if (!o)
		return -ENOMEM;
	o->record = *record;
	if (!before || before->prev->record.id < record->id) {
		DL_APPEND(r->overrides, o);
	} else {
		while (before->record.id < record->id)
			before = before->next;
		DL_PREPEND_ELEM(r->overrides, before, o);
	}
	r->override_count++;
	return 0;
}

/* ---- putting ---- */

static int apply_put(struct change *c)
{
	struct registry *r = c->registry;
	int rc = 0;

	r->new_overrides--;
	if (c->project && c->project->deleted)
		return 0; /* the store has removed it, too */
	rc = overrides_add(r, &c->to.override);
	if (rc == 0)
		event_override("set", &c->to.override);
	return rc;
}

static void undo_put(struct change *c)
{
	c->registry->new_overrides--;
}

static int check_override(const struct registry *r, const struct override_record *wanted,
			  struct refusal *why)
{
	if ((unsigned)wanted->action > OVERRIDE_DENY)
		return refusal_set(why, FAULT_INVALID_REQUEST, "action",
				   "An override must be one of force, cap, deny.");
	if (r->override_count + r->new_overrides >= OVERRIDES_MAX)
		return refusal_set(why, FAULT_INVALID_REQUEST, NULL,
				   "There are %d overrides already: clear some first.",
				   OVERRIDES_MAX);
	if (check_model(wanted->model, "model", why) ||
	    check_label(wanted->reason, "reason", why) ||
	    check_expiry(wanted->expires_ms, clock_wall_ms(), why))
		return -EINVAL;
	return 0;
}

int registry_put_override(struct registry *r, struct override_record *wanted,
			  void (*done)(void *ctx, int rc), void *ctx, struct refusal *why)
{
	struct target t;
	struct change *c;
	int64_t id;

	if (check_loaded(r, why) || target_find(r, wanted->scope, wanted->subject, true, &t, why) ||
	    check_override(r, wanted, why))
		return -EINVAL;
	c = change_new(r, done, ctx, why);
	if (!c)
		return -EINVAL;
	change_aim(c, &t);
	c->changing = NULL; /* overrides do not hinder one another */
	c->apply = apply_put;
	c->undo = undo_put;
	c->to.override = *wanted;
	snprintf(c->to.override.subject, SUBJECT_SIZE, "%s", t.subject);
	c->to.override.id = id = store_next_id(r->store);
	c->to.override.created_ms = c->now_ms;
	if (change_begin(c, store_put_override(r->store, &c->to.override, change_written, c), why))
		return -EINVAL;
	r->new_overrides++;
	wanted->id = id;
	return 0;
}

/* ---- deleting ---- */

static int apply_delete(struct change *c)
{
	struct override *o = find(c->registry, c->to.override.id);

	if (!o)
		return 0; /* gone with its project */
	event_override(c->action, &o->record);
	drop(c->registry, o);
	return 0;
}

static void undo_delete(struct change *c)
{
	struct override *o = find(c->registry, c->to.override.id);

	if (o)
		o->changing = false;
}

static int delete_override(struct registry *r, struct override *o, const char *action,
			   struct change *c, struct refusal *why)
{
	c->apply = apply_delete;
	c->undo = undo_delete;
	c->action = action;
	c->to.override = o->record;
	if (change_begin(c, store_delete_override(r->store, o->record.id, change_written, c), why))
		return -EINVAL;
	o->changing = true;
	return 0;
}

int registry_delete_override(struct registry *r, int64_t id, void (*done)(void *ctx, int rc),
			     void *ctx, struct refusal *why)
{
	struct override *o = find(r, id);
	struct change *c;

	if (check_loaded(r, why))
		return -EINVAL;
	if (!o)
		return refusal_set(why, FAULT_NOT_FOUND, "id", "There is no override %lld.",
				   (long long)id);
	if (o->changing)
		return refusal_set(why, FAULT_CONFLICT, "id",
				   "Override %lld is being removed at this moment.", (long long)id);
	c = change_new(r, done, ctx, why);
	return c ? delete_override(r, o, "cleared", c, why) : -EINVAL;
}

static bool has_expired(const struct override *o, int64_t now_ms)
{
	return o->record.expires_ms && o->record.expires_ms <= now_ms;
}

void overrides_expire(struct registry *r, int64_t now_ms)
{
	struct override *o, *next;
	struct refusal why;

	DL_FOREACH_SAFE(r->overrides, o, next)
	{
		struct change *c;

		if (o->changing || !has_expired(o, now_ms))
			continue;
		c = change_new(r, NULL, NULL, &why);
		if (!c || delete_override(r, o, "expired", c, &why)) {
			log_warn("registry", "an expired override stays for another minute: %s",
				 why.message);
			return;
		}
	}
}

void registry_each_override(struct registry *r, int64_t now_ms,
			    void (*each)(void *ctx, const struct override_record *o), void *ctx)
{
	struct override *o, *next;

	DL_FOREACH_SAFE(r->overrides, o, next)
	{
		if (!has_expired(o, now_ms))
			each(ctx, &o->record);
	}
}
