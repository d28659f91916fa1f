#include <errno.h>

#include "shared/clock.h"

#include "daemon/admit/registry_private.h"
#include "daemon/store/registry.h"

static const struct rate_limits no_limits = {-1, -1, -1};

static int apply_limits(struct change *c)
{
	enum scope scope = c->key ? SCOPE_KEY : SCOPE_PROJECT;
	struct rate_limits *limits = c->key ? &c->key->record.limits : &c->project->record.limits;

	*limits = c->key ? c->to.key.limits : c->to.project.limits;
	rate_set_limits(c->key ? &c->key->rate : &c->project->rate, limits, clock_mono_us());
	event_limits(scope, c->key ? c->key->record.id : c->project->record.name, limits);
	return 0;
}

static int write_limits(struct change *c, const struct rate_limits *limits, struct refusal *why)
{
	struct store *s = c->registry->store;

	c->apply = apply_limits;
	if (c->key) {
		c->to.key = c->key->record;
		c->to.key.limits = *limits;
		return change_begin(c, store_put_key(s, &c->to.key, change_written, c), why);
	}
	c->to.project = c->project->record;
	c->to.project.limits = *limits;
	return change_begin(c, store_put_project(s, &c->to.project, change_written, c), why);
}

static int apply_global(struct change *c)
{
	struct registry *r = c->registry;

	r->own_limits = true;
	rate_set_limits(&r->global_rate, &c->to.limits, clock_mono_us());
	event_limits(SCOPE_GLOBAL, "", &c->to.limits);
	return 0;
}

static int apply_global_conf(struct change *c)
{
	struct registry *r = c->registry;

	r->own_limits = false;
	rate_set_limits(&r->global_rate, &r->conf_limits, clock_mono_us());
	event_limits(SCOPE_GLOBAL, "", &r->conf_limits);
	return 0;
}

static int write_global(struct change *c, const struct rate_limits *limits, struct refusal *why)
{
	c->apply = limits ? apply_global : apply_global_conf;
	if (limits)
		c->to.limits = *limits;
	return change_begin(
		c, store_put_global_limits(c->registry->store, limits, change_written, c), why);
}

int registry_set_limits(struct registry *r, enum scope scope, const char *subject,
			const struct rate_limits *limits, void (*done)(void *ctx, int rc),
			void *ctx, struct refusal *why)
{
	struct target t;
	struct change *c;

	if (check_loaded(r, why) || target_find(r, scope, subject, true, &t, why) ||
	    (limits && check_limits(limits, why)) || target_check_idle(&t, why))
		return -EINVAL;
	c = change_new(r, done, ctx, why);
	if (!c)
		return -EINVAL;
	change_aim(c, &t);
	if (scope == SCOPE_GLOBAL)
		return write_global(c, limits, why);
	return write_limits(c, limits ? limits : &no_limits, why);
}

void registry_set_conf_limits(struct registry *r, const struct rate_limits *conf)
{
	r->conf_limits = *conf;
	if (r->own_limits)
		return;
	rate_set_limits(&r->global_rate, conf, clock_mono_us());
	r->generation++;
}
