/* Results as tables and sheets.  Which columns, in which order: the most telling first, because a
 * narrow terminal loses the last ones. */
#include "ctl/present.h"

#include <stdio.h>
#include <string.h>

#include "ctl/output.h"
#include "ctl/show.h"

#define LIMIT_FIELDS                                                                               \
	{"REQ/MIN", "requests_per_minute", SHOW_COUNT},                                            \
		{"TOK/MIN", "tokens_per_minute", SHOW_COUNT},                                      \
	{                                                                                          \
		"AT ONCE", "concurrent", SHOW_COUNT                                                \
	}

static const struct show_field projects[] = {
	{"PROJECT", "name", SHOW_TEXT},
	{"DEFAULT MODEL", "default_model", SHOW_TEXT},
	{"MODELS", "models", SHOW_LIST},
	{"KEYS", "keys", SHOW_COUNT},
	LIMIT_FIELDS,
	{"CREATED", "created_at", SHOW_AGE},
};
static const struct show_field keys[] = {
	{"KEY", "id", SHOW_TEXT},
	{"PROJECT", "project", SHOW_TEXT},
	{"LABEL", "label", SHOW_TEXT},
	{"STATE", "state", SHOW_TEXT},
	{"SCOPES", "scopes", SHOW_LIST},
	{"LAST USE", "last_used_at", SHOW_AGE},
	{"EXPIRES", "expires_at", SHOW_UNTIL},
	{"MODELS", "models", SHOW_LIST},
	LIMIT_FIELDS,
};
static const struct show_field key_sheet[] = {
	{"Key", "id", SHOW_TEXT},
	{"Project", "project", SHOW_TEXT},
	{"Label", "label", SHOW_TEXT},
	{"State", "state", SHOW_TEXT},
	{"Scopes", "scopes", SHOW_LIST},
	{"Models", "models", SHOW_LIST},
	{"Requests per minute", "requests_per_minute", SHOW_COUNT},
	{"Tokens per minute", "tokens_per_minute", SHOW_COUNT},
	{"Requests at one time", "concurrent", SHOW_COUNT},
	{"Running now", "running", SHOW_COUNT},
	{"Created", "created_at", SHOW_AGE},
	{"Last used", "last_used_at", SHOW_AGE},
	{"Expires", "expires_at", SHOW_UNTIL},
	{"Revoked", "revoked_at", SHOW_AGE},
	{"Old secret good", "old_secret_until", SHOW_UNTIL},
};
static const struct show_field project_sheet[] = {
	{"Project", "name", SHOW_TEXT},
	{"Default model", "default_model", SHOW_TEXT},
	{"Models", "models", SHOW_LIST},
	{"Requests per minute", "requests_per_minute", SHOW_COUNT},
	{"Tokens per minute", "tokens_per_minute", SHOW_COUNT},
	{"Requests at one time", "concurrent", SHOW_COUNT},
	{"Running now", "running", SHOW_COUNT},
	{"Keys", "keys", SHOW_COUNT},
	{"Created", "created_at", SHOW_AGE},
};
static const struct show_field budgets[] = {
	{"OF", "scope", SHOW_SUBJECT},
	{"WINDOW", "window", SHOW_TEXT},
	{"USED TOK", "used_tokens", SHOW_COUNT},
	{"LIMIT TOK", "limit_tokens", SHOW_COUNT},
	{"USED", "used_usd", SHOW_USD},
	{"LIMIT", "limit_usd", SHOW_USD},
	{"RESETS", "resets_at", SHOW_UNTIL},
	{"HELD TOK", "held_tokens", SHOW_COUNT},
	{"HELD", "held_usd", SHOW_USD},
	{"SOFT", "soft", SHOW_YES},
	{"WARN AT %", "warn_percent", SHOW_COUNT},
};
static const struct show_field limits[] = {
	{"OF", "scope", SHOW_SUBJECT},
	LIMIT_FIELDS,
	{"LEFT REQ", "remaining_requests", SHOW_COUNT},
	{"LEFT TOK", "remaining_tokens", SHOW_COUNT},
	{"RUNNING", "running", SHOW_COUNT},
};
static const struct show_field override_sheet[] = {
	{"Override", "id", SHOW_TEXT},      {"Of", "scope", SHOW_SUBJECT},
	{"Does", "action", SHOW_TEXT},      {"Model", "model", SHOW_TEXT},
	{"Ends", "expires_at", SHOW_UNTIL}, {"Reason", "reason", SHOW_TEXT},
};
static const struct show_field cache[] = {
	{"In use", "enabled", SHOW_YES},  {"Entries", "entries", SHOW_COUNT},
	{"Size", "bytes", SHOW_BYTES},    {"Hits", "hits", SHOW_COUNT},
	{"Misses", "misses", SHOW_COUNT}, {"Joined another", "followed", SHOW_COUNT},
	{"Stored", "stores", SHOW_COUNT}, {"Dropped for room", "evictions", SHOW_COUNT},
};
static const struct show_field settings[] = {
	{"SETTING", "name", SHOW_TEXT},         {"VALUE", "value", SHOW_LONG},
	{"DEFAULT", "default", SHOW_TEXT},      {"CHANGED", "changed", SHOW_YES},
	{"RELOADABLE", "reloadable", SHOW_YES},
};
static const struct show_field ledger[] = {
	{"SEQ", "seq", SHOW_TEXT},
	{"AT", "at", SHOW_TIME},
	{"PROJECT", "project", SHOW_TEXT},
	{"MODEL", "model", SHOW_TEXT},
	{"OUTCOME", "outcome", SHOW_TEXT},
	{"IN", "input_tokens", SHOW_COUNT},
	{"OUT", "output_tokens", SHOW_COUNT},
	{"COST", "cost_usd", SHOW_USD},
	{"KEY", "key", SHOW_TEXT},
	{"TOTAL", "total_ms", SHOW_MS},
	{"ROUTE", "route", SHOW_TEXT},
	{"REQUEST", "request_id", SHOW_TEXT},
	{"CACHE READ", "cache_read_tokens", SHOW_COUNT},
	{"CACHE WRITE", "cache_creation_tokens", SHOW_COUNT},
};

/* done: the line of a change, its %s the subject; NULL: the result is shown. */
static const struct view {
	const char *method;
	int (*present)(const struct command *c, const json_t *result);
	const char *list; /* the member that is shown as a table; NULL: a sheet of the result */
	const struct show_field *fields;
	size_t count;
	const char *done, *when_empty;
} views[] = {
	{.method = "status", .present = present_status},
	{.method = "plan", .present = present_plan},
	{.method = "workers.list", .present = present_workers},
	{.method = "workers.restart", .done = "Worker %s ends; another takes its place."},
	{.method = "workers.drain",
	 .done = "Worker %s takes no further request, then another takes its place."},
	{.method = "workers.scale", .present = present_scale},
	{.method = "requests.list", .present = present_requests},
	{.method = "requests.show", .present = present_request},
	{.method = "requests.cancel", .done = "Request %s is cancelled."},
	{.method = "pause", .present = present_queue},
	{.method = "resume", .present = present_queue},
	{.method = "drain", .present = present_drain},
	{.method = "projects.list",
	 .list = "projects",
	 .fields = projects,
	 .count = SHOW_COUNT_OF(projects),
	 .when_empty = "No projects yet: ccapictl projects create NAME"},
	{.method = "projects.show", .fields = project_sheet, .count = SHOW_COUNT_OF(project_sheet)},
	{.method = "projects.create", .done = "Project %s created."},
	{.method = "projects.set", .done = "Project %s changed."},
	{.method = "projects.delete", .done = "Project %s deleted, its keys revoked."},
	{.method = "keys.list",
	 .list = "keys",
	 .fields = keys,
	 .count = SHOW_COUNT_OF(keys),
	 .when_empty = "No keys yet: ccapictl keys create --project NAME"},
	{.method = "keys.show", .fields = key_sheet, .count = SHOW_COUNT_OF(key_sheet)},
	{.method = "keys.create", .present = present_secret},
	{.method = "keys.rotate", .present = present_secret},
	{.method = "keys.set", .done = "Key %s changed."},
	{.method = "keys.revoke", .done = "Key %s revoked: it is worthless from now on."},
	{.method = "budgets.list",
	 .list = "budgets",
	 .fields = budgets,
	 .count = SHOW_COUNT_OF(budgets),
	 .when_empty = "No budgets: ccapictl budgets set PROJECT --tokens N"},
	{.method = "budgets.show",
	 .list = "budgets",
	 .fields = budgets,
	 .count = SHOW_COUNT_OF(budgets),
	 .when_empty = "No budget."},
	{.method = "budgets.set", .done = "Budget of %s set."},
	{.method = "budgets.reset", .done = "Budget of %s begins anew."},
	{.method = "budgets.delete", .done = "Budget of %s deleted."},
	{.method = "limits.show",
	 .list = "limits",
	 .fields = limits,
	 .count = SHOW_COUNT_OF(limits),
	 .when_empty = "No limits."},
	{.method = "limits.set", .done = "Limits of %s set."},
	{.method = "routing.show", .present = present_routing},
	{.method = "routing.set", .fields = override_sheet, .count = SHOW_COUNT_OF(override_sheet)},
	{.method = "routing.clear", .present = present_cleared},
	{.method = "routing.test", .present = present_route},
	{.method = "usage", .present = present_usage},
	{.method = "cache.stats", .fields = cache, .count = SHOW_COUNT_OF(cache)},
	{.method = "cache.flush", .done = "The cache is empty."},
	{.method = "config.show",
	 .list = "settings",
	 .fields = settings,
	 .count = SHOW_COUNT_OF(settings),
	 .when_empty = "No such setting."},
	{.method = "config.check", .present = present_config_check},
	{.method = "config.reload", .done = "Settings reloaded."},
	{.method = "ledger.tail",
	 .list = "lines",
	 .fields = ledger,
	 .count = SHOW_COUNT_OF(ledger),
	 .when_empty = "The ledger is empty."},
};

static const struct view *find_view(const char *method)
{
	for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
		if (strcmp(views[i].method, method) == 0)
			return &views[i];
	return NULL;
}

static void print_done(const char *words, const struct command *c)
{
	const char *place = strstr(words, "%s");
	char number[COMMAND_NUMBER_SIZE];

	if (!place) {
		puts(words);
		return;
	}
	fwrite(words, 1, (size_t)(place - words), stdout);
	output_text(stdout, command_subject(c, number), CLEAN_LINE);
	puts(place + 2);
}

int present(const struct command *c, const json_t *result)
{
	const struct view *v = find_view(c->verb->method);

	if (c->json || !v) {
		if (output_json(stdout, result) < 0)
			return EXIT_FAILED;
		return strcmp(c->verb->method, "config.check") == 0 &&
				       !json_is_true(json_object_get(result, "ok"))
			       ? EXIT_FAILED
			       : EXIT_DONE;
	}
	if (v->present)
		return v->present(c, result);
	if (v->list)
		show_list(json_object_get(result, v->list), v->fields, v->count, c->quiet,
			  v->when_empty);
	else if (c->quiet)
		return EXIT_DONE;
	else if (v->done)
		print_done(v->done, c);
	else
		show_sheet(result, v->fields, v->count);
	if (strcmp(v->method, "projects.show") == 0 && !c->quiet) {
		putchar('\n');
		show_list(json_object_get(result, "budgets"), budgets, SHOW_COUNT_OF(budgets),
			  false, "No budgets.");
	}
	return EXIT_DONE;
}
