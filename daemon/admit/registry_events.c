#include "daemon/admit/registry_private.h"
#include "daemon/admit/window.h"
#include "daemon/observe/events.h"

const char *scope_name(enum scope scope)
{
	static const char *const names[SCOPES] = {"global", "project", "key"};

	return (unsigned)scope < SCOPES ? names[scope] : "unknown";
}

void event_project(const char *action, const struct project_record *p)
{
	events_publish("project", false,
		       json_pack("{s:s, s:s}", "action", action, "project", p->name),
		       "a project has changed");
}

void event_key(const char *action, const struct key_record *k)
{
	events_publish("key", false,
		       json_pack("{s:s, s:s, s:s, s:s}", "action", action, "key", k->id, "project",
				 k->project, "label", k->label),
		       "an API key has changed");
}

/* -1 is null. */
static json_t *number_or_null(int64_t n)
{
	return n < 0 ? json_null() : json_integer(n);
}

void event_limits(enum scope scope, const char *subject, const struct rate_limits *l)
{
	events_publish("limit", false,
		       json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "action", "set", "scope",
				 scope_name(scope), "subject", subject, "requests_per_minute",
				 number_or_null(l->requests_per_minute), "tokens_per_minute",
				 number_or_null(l->tokens_per_minute), "concurrent",
				 number_or_null(l->concurrent)),
		       "rate limits have changed");
}

static json_t *budget_json(const char *action, const struct budget_record *b)
{
	char window[WINDOW_TEXT_SIZE];

	window_print(b->window, b->rolling_ms, window);
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:b}", "action", action, "scope",
			 scope_name(b->scope), "subject", b->subject, "window", window,
			 "limit_tokens", number_or_null(b->limit_tokens), "limit_micro_usd",
			 number_or_null(b->limit_micro_usd), "soft", b->soft);
}

void event_budget(const char *action, const struct budget_record *b)
{
	events_publish("budget", false, budget_json(action, b), "a budget has changed");
}

void event_override(const char *action, const struct override_record *o)
{
	static const char *const kinds[] = {"force", "cap", "deny"};
	json_t *data = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:I}", "action", action, "id",
				 (json_int_t)o->id, "scope", scope_name(o->scope), "subject",
				 o->subject, "kind", kinds[o->action], "model", o->model, "reason",
				 o->reason, "uid", (json_int_t)o->uid);

	events_publish("override", false, data, "an override of routing has changed");
}

void event_threshold(void *ctx, const struct budget_record *b, int percent,
		     const struct amount *used)
{
	json_t *data = budget_json("threshold", b);

	(void)ctx;
	if (data && (json_object_set_new(data, "percent", json_integer(percent)) ||
		     json_object_set_new(data, "used_tokens", json_integer(used->tokens)) ||
		     json_object_set_new(data, "used_micro_usd", json_integer(used->micro_usd)))) {
		json_decref(data);
		data = NULL;
	}
	events_publish("budget", true, data, "a budget's use has passed a threshold");
}
