/* routing.*: rules are the settings'; overrides are made and ended here. */
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/json.h"
#include "shared/verb_value.h"

#include "daemon/control/commands.h"
#include "daemon/control/json_view.h"
#include "daemon/control/whom.h"

enum { ROUTING_TEXT_MAX = 4 * 1024 * 1024 };

static void append_override(void *ctx, const struct override_record *o)
{
	json_array_append_new(ctx, view_override(o));
}

void command_routing_show(struct verb_call *r)
{
	const struct control_deps *deps = &r->control->deps;
	json_t *overrides = json_array(), *rules;
	struct buf text;

	buf_init(&text, ROUTING_TEXT_MAX);
	router_write_rules(routing_rules(deps->routing), &text);
	rules = text.failed || !text.data ? NULL : json_loadb(text.data, text.len, 0, NULL);
	buf_done(&text);
	registry_each_override(deps->registry, clock_wall_ms(), append_override, overrides);
	verb_call_answer(r, json_pack("{so so}", "overrides", overrides, "rules", rules));
}

/* ---- overrides ---- */

struct wanted_id {
	int64_t id;
	json_t *found;
};

static void find_override(void *ctx, const struct override_record *o)
{
	struct wanted_id *w = ctx;

	if (o->id == w->id && !w->found)
		w->found = view_override(o);
}

static json_t *look_for(struct verb_call *r)
{
	struct wanted_id w = {.id = r->number};

	registry_each_override(r->control->deps.registry, clock_wall_ms(), find_override, &w);
	return w.found;
}

static void show_set(struct verb_call *r)
{
	json_t *o = look_for(r);

	if (o)
		verb_call_answer(r, o);
	else
		verb_call_refuse(r, RPC_NOT_FOUND, NULL, "it has been cleared or is over already");
}

/* Exactly one of force, cap and deny, with a model that is offered.  False: refused. */
static bool read_action(struct verb_call *r, struct override_record *to)
{
	static const struct {
		const char *name;
		enum override_action action;
	} actions[] = {{"force", OVERRIDE_FORCE}, {"cap", OVERRIDE_CAP}, {"deny", OVERRIDE_DENY}};
	const char *model = NULL, *param = NULL;
	unsigned given = 0;

	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
		const char *value = json_get_str(r->params, actions[i].name);

		if (!value)
			continue;
		given++;
		param = actions[i].name;
		model = value;
		to->action = actions[i].action;
	}
	if (given != 1) {
		verb_call_refuse(r, RPC_INVALID_PARAMS, "force",
				 "name one of force, cap and deny, with a model");
		return false;
	}
	snprintf(to->model, sizeof to->model, "%s", model);
	return whom_check_model(r, param, model);
}

void command_routing_set(struct verb_call *r)
{
	struct override_record wanted = {.created_ms = clock_wall_ms(), .uid = r->peer.uid};
	int64_t for_ms = param_duration_ms(r->params, "for", 0);
	const char *reason = json_get_str(r->params, "reason");
	struct refusal why;
	struct whom w;
	int rc;

	if (!whom_read(r, &w) || !read_action(r, &wanted))
		return;
	wanted.scope = w.scope;
	snprintf(wanted.subject, sizeof wanted.subject, "%s", w.subject);
	snprintf(wanted.reason, sizeof wanted.reason, "%s", reason ? reason : "");
	wanted.expires_ms = for_ms ? wanted.created_ms + for_ms : 0;
	r->then = show_set;
	rc = registry_put_override(r->control->deps.registry, &wanted, verb_call_done, r, &why);
	if (rc == 0)
		r->number = wanted.id;
	verb_call_started(r, rc, &why);
}

/* ---- clearing ---- */

/* Several are ended one after the other; r->number counts those that are. */
struct next_override {
	bool any;
	int64_t id;
};

static void take_first(void *ctx, const struct override_record *o)
{
	struct next_override *n = ctx;

	if (!n->any)
		*n = (struct next_override){.any = true, .id = o->id};
}

static void show_cleared(struct verb_call *r)
{
	verb_call_answer(r, json_pack("{sI}", "cleared", (json_int_t)r->number));
}

static void clear_next(struct verb_call *r)
{
	struct registry *registry = r->control->deps.registry;
	struct next_override next = {0};
	struct refusal why;

	registry_each_override(registry, clock_wall_ms(), take_first, &next);
	if (!next.any) {
		show_cleared(r);
		return;
	}
	r->number++;
	r->then = clear_next;
	verb_call_started(r, registry_delete_override(registry, next.id, verb_call_done, r, &why),
			  &why);
}

static void clear_one(struct verb_call *r, int64_t id)
{
	struct refusal why;
	json_t *found;

	r->number = id;
	found = look_for(r);
	if (!found) {
		verb_call_refuse(r, RPC_NOT_FOUND, "id", "there is no override %lld in force",
				 (long long)id);
		return;
	}
	json_decref(found);
	r->number = 1;
	r->then = show_cleared;
	verb_call_started(
		r, registry_delete_override(r->control->deps.registry, id, verb_call_done, r, &why),
		&why);
}

void command_routing_clear(struct verb_call *r)
{
	bool all = json_get_true(r->params, "all");

	if (all == param_given(r->params, "id")) {
		verb_call_refuse(r, RPC_INVALID_PARAMS, "id",
				 "name the override's id (see routing.show), or all");
		return;
	}
	if (all) {
		clear_next(r);
		return;
	}
	clear_one(r, param_count(r->params, "id", 0));
}

/* ---- trying ---- */

void command_routing_test(struct verb_call *r)
{
	const struct control_deps *deps = &r->control->deps;
	const char *text = json_get_str(r->params, "text"),
		   *model = json_get_str(r->params, "model");
	struct route_features features;
	struct route_decision decision = {0};
	struct route_ask ask = {
		.model = model ? model : "auto", .features = &features, .explain = true};
	enum fault fault;
	struct buf out;

	if (param_given(r->params, "key")) {
		ask.key = whom_key(r, "key");
		if (!ask.key)
			return;
		ask.project = ask.key->project;
	}
	if (param_given(r->params, "project")) {
		ask.project = whom_project(r, "project");
		if (!ask.project)
			return;
	}
	if (ask.key && ask.key->project != ask.project) {
		verb_call_refuse(r, RPC_INVALID_PARAMS, "project",
				 "the key belongs to project '%s'", ask.key->record.project);
		return;
	}
	route_features_of_text(&features, text, param_count(r->params, "context_size", -1));
	fault = routing_decide(deps->routing, &ask, &decision);
	if (fault != FAULT_NONE) {
		verb_call_refuse(r, RPC_REFUSED, "model", "%s: %s", fault_name(fault),
				 decision.reasoning);
		return;
	}
	buf_init(&out, ROUTING_TEXT_MAX);
	routing_write(deps->routing, &decision, features.context_tokens, &out);
	verb_call_answer_text(r, &out);
	buf_done(&out);
}
