#include "daemon/control/json_view.h"

#include <stdio.h>
#include <string.h>

#include "daemon/admit/window.h"

json_t *view_list(const char *commas)
{
	json_t *list;

	if (!commas)
		return json_null();
	list = json_array();
	while (*commas) {
		size_t len = strcspn(commas, ",");

		json_array_append_new(list, json_stringn(commas, len));
		commas += len + (commas[len] == ',');
	}
	return list;
}

static const struct {
	unsigned bit;
	const char *name;
} scope_names[] = {
	{KEY_CHAT, "chat"},
	{KEY_BATCH, "batch"},
	{KEY_USAGE, "usage"},
	{KEY_HIGH_PRIORITY, "high_priority"},
};

json_t *view_scopes(unsigned scopes)
{
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof scope_names / sizeof scope_names[0]; i++)
		if (scopes & scope_names[i].bit)
			json_array_append_new(list, json_string(scope_names[i].name));
	return list;
}

void view_add_limits(json_t *to, const struct rate_limits *limits)
{
	json_object_set_new(to, "requests_per_minute", view_count(limits->requests_per_minute));
	json_object_set_new(to, "tokens_per_minute", view_count(limits->tokens_per_minute));
	json_object_set_new(to, "concurrent", view_count(limits->concurrent));
}

void view_add_subject(json_t *to, enum scope scope, const char *subject)
{
	static const char *const names[SCOPES] = {
		[SCOPE_GLOBAL] = "global", [SCOPE_PROJECT] = "project", [SCOPE_KEY] = "key"};

	json_object_set_new(to, "scope", json_string(names[scope]));
	if (scope != SCOPE_GLOBAL)
		json_object_set_new(to, names[scope], json_string(subject));
}

/* What is left of a limit; null without one. */
static json_t *left(int64_t limit, int64_t used, int64_t held, json_t *(*view)(int64_t))
{
	int64_t n = limit - used - held;

	return limit < 0 ? json_null() : view(n > 0 ? n : 0);
}

json_t *view_budget(const struct budget_view *b)
{
	const struct budget_record *r = &b->record;
	char window[WINDOW_TEXT_SIZE];
	json_t *to = json_object();

	window_print(r->window, r->rolling_ms, window);
	view_add_subject(to, r->scope, r->subject);
	json_object_set_new(to, "window", json_string(window));
	json_object_set_new(to, "limit_tokens", view_count(r->limit_tokens));
	json_object_set_new(to, "used_tokens", json_integer(b->used.tokens));
	json_object_set_new(to, "held_tokens", json_integer(b->held.tokens));
	json_object_set_new(to, "remaining_tokens",
			    left(r->limit_tokens, b->used.tokens, b->held.tokens, view_count));
	json_object_set_new(to, "limit_usd", view_usd(r->limit_micro_usd));
	json_object_set_new(to, "used_usd", view_usd(b->used.micro_usd));
	json_object_set_new(to, "held_usd", view_usd(b->held.micro_usd));
	json_object_set_new(
		to, "remaining_usd",
		left(r->limit_micro_usd, b->used.micro_usd, b->held.micro_usd, view_usd));
	json_object_set_new(to, "soft", json_boolean(r->soft));
	json_object_set_new(to, "warn_percent",
			    r->warn_percent ? json_integer(r->warn_percent) : json_null());
	json_object_set_new(to, "window_start", view_time(b->window_start_ms));
	json_object_set_new(to, "resets_at", view_time(b->window_end_ms));
	return to;
}

static void append_budget(void *ctx, const struct budget_view *b)
{
	json_array_append_new(ctx, view_budget(b));
}

json_t *view_budgets(struct account_list *list, int64_t now_ms)
{
	json_t *to = json_array();

	if (list)
		budget_each(list, now_ms, append_budget, to);
	return to;
}

static void count_key(void *ctx, struct key *k)
{
	*(json_int_t *)ctx += k->record.revoked_ms == 0;
}

json_t *view_project(struct registry *registry, struct project *p, int64_t now_ms)
{
	const struct project_record *r = &p->record;
	json_int_t keys = 0;
	json_t *to = json_object();

	registry_each_key(registry, r->name, count_key, &keys);
	json_object_set_new(to, "name", json_string(r->name));
	json_object_set_new(to, "default_model", view_text(r->default_model));
	json_object_set_new(to, "models", view_list(r->allowed_models));
	view_add_limits(to, &r->limits);
	json_object_set_new(to, "keys", json_integer(keys));
	json_object_set_new(to, "running", json_integer(p->rate.running));
	json_object_set_new(to, "budgets", view_budgets(&p->budgets, now_ms));
	json_object_set_new(to, "created_at", view_time(r->created_ms));
	return to;
}

static const char *key_state(const struct key_record *r, int64_t now_ms)
{
	if (r->revoked_ms)
		return "revoked";
	return r->expires_ms && r->expires_ms <= now_ms ? "expired" : "valid";
}

json_t *view_key(const struct key *k, int64_t now_ms)
{
	const struct key_record *r = &k->record;
	json_t *to = json_object();

	json_object_set_new(to, "id", json_string(r->id));
	json_object_set_new(to, "project", json_string(r->project));
	json_object_set_new(to, "label", view_text(r->label));
	json_object_set_new(to, "state", json_string(key_state(r, now_ms)));
	json_object_set_new(to, "scopes", view_scopes(r->scopes));
	json_object_set_new(to, "models", view_list(r->allowed_models));
	view_add_limits(to, &r->limits);
	json_object_set_new(to, "running", json_integer(k->rate.running));
	json_object_set_new(to, "created_at", view_time(r->created_ms));
	json_object_set_new(to, "last_used_at", view_time(r->last_used_ms));
	json_object_set_new(to, "expires_at", view_time(r->expires_ms));
	json_object_set_new(to, "revoked_at", view_time(r->revoked_ms));
	json_object_set_new(to, "old_secret_until",
			    view_time(r->old_until_ms > now_ms ? r->old_until_ms : 0));
	return to;
}

json_t *view_override(const struct override_record *o)
{
	static const char *const actions[] = {
		[OVERRIDE_FORCE] = "force", [OVERRIDE_CAP] = "cap", [OVERRIDE_DENY] = "deny"};
	json_t *to = json_object();

	json_object_set_new(to, "id", json_integer(o->id));
	view_add_subject(to, o->scope, o->subject);
	json_object_set_new(to, "action", json_string(actions[o->action]));
	json_object_set_new(to, "model", json_string(o->model));
	json_object_set_new(to, "expires_at", view_time(o->expires_ms));
	json_object_set_new(to, "created_at", view_time(o->created_ms));
	json_object_set_new(to, "reason", view_text(o->reason));
	json_object_set_new(to, "uid", json_integer(o->uid));
	return to;
}

json_t *view_ledger_line(const struct ledger_record *l)
{
	const struct usage_amounts *u = &l->used;
	json_t *to = json_object();

	json_object_set_new(to, "seq", json_integer(l->seq));
	json_object_set_new(to, "at", view_time_ms(l->at_ms));
	json_object_set_new(to, "request_id", view_text(l->request_id));
	json_object_set_new(to, "project", json_string(l->project));
	json_object_set_new(to, "key", view_text(l->key_id));
	json_object_set_new(to, "model", view_text(l->model));
	json_object_set_new(to, "route", view_text(l->route));
	json_object_set_new(to, "outcome", json_string(l->outcome));
	json_object_set_new(to, "requests", json_integer(u->requests));
	json_object_set_new(to, "input_tokens", json_integer(u->input_tokens));
	json_object_set_new(to, "output_tokens", json_integer(u->output_tokens));
	json_object_set_new(to, "cache_read_tokens", json_integer(u->cache_read_tokens));
	json_object_set_new(to, "cache_creation_tokens", json_integer(u->cache_creation_tokens));
	json_object_set_new(to, "thinking_tokens", json_integer(u->thinking_tokens));
	json_object_set_new(to, "cost_usd", view_usd(u->cost_micro_usd));
	json_object_set_new(to, "held_tokens", json_integer(l->held_tokens));
	json_object_set_new(to, "held_usd", view_usd(l->held_micro_usd));
	json_object_set_new(to, "queue_ms", view_count(l->queue_ms));
	json_object_set_new(to, "first_text_ms", view_count(l->first_text_ms));
	json_object_set_new(to, "total_ms", view_count(l->total_ms));
	return to;
}
