/* Whether a wanted value is allowed.  Every refusal names the field as the operator knows it
 * (shared/verbs.c) and says what would be right. */
#include <errno.h>
#include <string.h>

#include "shared/names.h"
#include "shared/str.h"

#include "daemon/admit/registry_private.h"

#define LIMIT_MAX INT64_C(1000000000000)
#define BUDGET_TOKENS_MAX INT64_C(1000000000000000)
#define BUDGET_MICRO_USD_MAX INT64_C(1000000000000000000) /* 1e12 dollars */
#define ROLLING_MIN_MS (INT64_C(3600) * 1000)
#define ROLLING_MAX_MS (366 * DAY_MS)

enum { MODELS_MAX = 16, ALL_SCOPES = KEY_CHAT | KEY_BATCH | KEY_USAGE | KEY_HIGH_PRIORITY };

static const char model_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				  "._:[]-";

int check_loaded(const struct registry *r, struct refusal *why)
{
	if (r->loaded && store_healthy(r->store))
		return 0;
	return refusal_set(why, FAULT_STORE, NULL, "The store does not work: %s",
			   store_healthy(r->store) ? "projects and keys are not loaded yet."
						   : store_detail(r->store));
}

int check_project_name(const char *name, const char *param, struct refusal *why)
{
	if (name_is_valid(name))
		return 0;
	return refusal_set(why, FAULT_INVALID_REQUEST, param, "A project's name must be %s.",
			   name_rule);
}

int check_label(const char *label, const char *param, struct refusal *why)
{
	if (label_is_valid(label))
		return 0;
	return refusal_set(why, FAULT_INVALID_REQUEST, param,
			   "%s: expected at most %d bytes of UTF-8 without control characters.",
			   param, LABEL_MAX_BYTES);
}

int check_scopes(unsigned scopes, struct refusal *why)
{
	if (scopes && !(scopes & ~(unsigned)ALL_SCOPES))
		return 0;
	return refusal_set(why, FAULT_INVALID_REQUEST, "scopes",
			   "scopes: expected at least one of chat, batch, usage, high_priority.");
}

int check_expiry(int64_t expires_ms, int64_t now_ms, struct refusal *why)
{
	if (expires_ms == 0 || expires_ms > now_ms)
		return 0;
	return refusal_set(why, FAULT_INVALID_REQUEST, "expires",
			   "expires: expected a time in the future.");
}

int check_model(const char *model, const char *param, struct refusal *why)
{
	if (str_in_set(model, 1, MODEL_NAME_SIZE - 1, model_chars))
		return 0;
	return refusal_set(why, FAULT_INVALID_REQUEST, param,
			   "%s: expected a model's name, 1 to %d characters of A-Z a-z 0-9 . _ : "
			   "[ ] -",
			   param, MODEL_NAME_SIZE - 1);
}

int check_models(const char *models, struct refusal *why)
{
	char name[MODEL_NAME_SIZE];
	int count = 0;

	for (const char *at = models; at; count++) {
		size_t len = strcspn(at, ",");

		if (count == MODELS_MAX)
			return refusal_set(why, FAULT_INVALID_REQUEST, "models",
					   "models: expected at most %d names.", MODELS_MAX);
		if (len >= sizeof name)
			len = 0; /* as wrong as an empty one */
		memcpy(name, at, len);
		name[len] = '\0';
		if (check_model(name, "models", why))
			return -EINVAL;
		at = at[len] ? at + len + 1 : NULL;
	}
	return 0;
}

static int check_limit(int64_t value, const char *param, struct refusal *why)
{
	if (value == -1 || (value >= 1 && value <= LIMIT_MAX))
		return 0;
	return refusal_set(why, FAULT_INVALID_REQUEST, param,
			   "%s: expected 1 to %lld, or none for no limit.%s", param,
			   (long long)LIMIT_MAX,
			   value == 0 ? "  To shut somebody out, revoke the keys." : "");
}

int check_limits(const struct rate_limits *limits, struct refusal *why)
{
	if (check_limit(limits->requests_per_minute, "requests_per_minute", why) ||
	    check_limit(limits->tokens_per_minute, "tokens_per_minute", why) ||
	    check_limit(limits->concurrent, "concurrent", why))
		return -EINVAL;
	return 0;
}

int check_window(const struct budget_record *b, struct refusal *why)
{
	if ((unsigned)b->window >= WINDOWS)
		return refusal_set(why, FAULT_INVALID_REQUEST, "window",
				   "window: expected hour, day, week, month, total or "
				   "rolling:TIME.");
	if (b->window != WINDOW_ROLLING)
		return b->rolling_ms == 0 ? 0
					  : refusal_set(why, FAULT_INVALID_REQUEST, "window",
							"window: only a rolling one has a length.");
	if (b->rolling_ms < ROLLING_MIN_MS || b->rolling_ms > ROLLING_MAX_MS ||
	    b->rolling_ms % BUCKET_MS != 0)
		return refusal_set(why, FAULT_INVALID_REQUEST, "window",
				   "window: a rolling one is 1h to 366d long, in whole quarters "
				   "of an hour.");
	return 0;
}

static int check_tokens(int64_t tokens, struct refusal *why)
{
	if (tokens == -1 || (tokens >= 1 && tokens <= BUDGET_TOKENS_MAX))
		return 0;
	if (tokens == 0)
		return refusal_set(why, FAULT_INVALID_REQUEST, "tokens",
				   "tokens: a budget of 0 would refuse everything; set limits or "
				   "revoke keys instead.");
	return refusal_set(why, FAULT_INVALID_REQUEST, "tokens",
			   "tokens: expected 1 to %lld, or none for no limit.",
			   (long long)BUDGET_TOKENS_MAX);
}

static int check_usd(int64_t micro_usd, struct refusal *why)
{
	if (micro_usd == -1 || (micro_usd >= 1 && micro_usd <= BUDGET_MICRO_USD_MAX))
		return 0;
	if (micro_usd == 0)
		return refusal_set(why, FAULT_INVALID_REQUEST, "usd",
				   "usd: a budget of 0 would refuse everything; set limits or "
				   "revoke keys instead.");
	return refusal_set(why, FAULT_INVALID_REQUEST, "usd",
			   "usd: expected 0.000001 to 1000000000000 dollars, or none for no "
			   "limit.");
}

int check_budget(const struct budget_record *b, struct refusal *why)
{
	if (check_window(b, why) || check_tokens(b->limit_tokens, why) ||
	    check_usd(b->limit_micro_usd, why))
		return -EINVAL;
	if (b->limit_tokens == -1 && b->limit_micro_usd == -1)
		return refusal_set(why, FAULT_INVALID_REQUEST, "tokens",
				   "A budget needs a limit: tokens, usd or both.");
	if (b->warn_percent < 0 || b->warn_percent > 100)
		return refusal_set(why, FAULT_INVALID_REQUEST, "warn",
				   "warn: expected 1 to 100 percent, or none.");
	return 0;
}

/* ---- whom ---- */

static int no_such(const char *what, const char *name, struct refusal *why)
{
	return refusal_set(why, FAULT_NOT_FOUND, what, "There is no %s '%.64s'.", what, name);
}

static int find_key_target(struct registry *r, bool alive, struct target *t, struct refusal *why)
{
	t->key = registry_find_key(r, t->subject);
	if (!t->key)
		return no_such("key", t->subject, why);
	if (alive && t->key->record.revoked_ms)
		return refusal_set(why, FAULT_PERMISSION, "key", "Key %s is revoked.", t->subject);
	t->subject = t->key->record.id;
	t->project = t->key->project;
	t->budgets = &t->key->budgets;
	t->rate = &t->key->rate;
	t->changing = &t->key->changing;
	return 0;
}

static int find_project_target(struct registry *r, struct target *t, struct refusal *why)
{
	t->project = registry_find_project(r, t->subject);
	if (!t->project)
		return no_such("project", t->subject, why);
	t->subject = t->project->record.name;
	t->budgets = &t->project->budgets;
	t->rate = &t->project->rate;
	t->changing = &t->project->changing;
	return 0;
}

int target_find(struct registry *r, enum scope scope, const char *subject, bool alive,
		struct target *ret, struct refusal *why)
{
	struct target t = {.scope = scope, .subject = subject};
	int rc = 0;

	if (scope == SCOPE_KEY) {
		rc = find_key_target(r, alive, &t, why);
	} else if (scope == SCOPE_PROJECT) {
		rc = find_project_target(r, &t, why);
	} else {
		t.subject = "";
		t.budgets = &r->global_budgets;
		t.rate = &r->global_rate;
		t.changing = &r->global_changing;
	}
	if (rc == 0 && alive && t.project && t.project->deleting)
		rc = refusal_set(why, FAULT_CONFLICT, "project",
				 "Project '%s' is being deleted at this moment.",
				 t.project->record.name);
	if (rc == 0)
		*ret = t;
	return rc;
}

int target_check_idle(const struct target *t, struct refusal *why)
{
	static const char *const words[SCOPES] = {"the server's", "this project's", "this key's"};

	if (!*t->changing)
		return 0;
	return refusal_set(
		why, FAULT_CONFLICT, t->scope == SCOPE_GLOBAL ? NULL : scope_name(t->scope),
		"Another change of %s settings is being written at this moment: try again.",
		words[t->scope]);
}
