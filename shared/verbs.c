/* The table of verbs.  A new one needs a row here and a handler of the same method in
 * daemon/control/; its place on the command line, help and documentation follow from the row.
 *
 * An option of one name takes a value everywhere or nowhere (tests/unit/shared/test_verbs.c looks),
 * so that a command line can be taken apart before its verb is known. */
#include "shared/verbs.h"

#include <string.h>

#include "shared/names.h"

#define MICRO INT64_C(1000000)
#define SECOND INT64_C(1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define MOST INT64_C(1000000000000000) /* tokens: a million times what a plan gives in a year */
#define MOST_USD (1000000000 * MICRO)
#define MOST_RATE INT64_C(1000000000000)
#define END                                                                                        \
	{                                                                                          \
		.name = NULL                                                                       \
	}

/* An id has fewer bytes than a secret: one that is given in its place is refused before it is
 * logged. */
enum { TEXT_MAX = 60000, MODEL_MAX = 95, ID_MAX = 23, WINDOW_MAX = 31, TIME_MAX = 40 };

#define TEXT(n, fl, opt, meta, lo, hi, text)                                                       \
	{                                                                                          \
		.name = (n), .type = PARAM_TEXT, .flags = (fl), .option = (opt), .metavar = meta,  \
		.min = (lo), .max = (hi), .help = (text)                                           \
	}
#define NUMBER(n, t, fl, opt, meta, lo, hi, text)                                                  \
	{                                                                                          \
		.name = (n), .type = (t), .flags = (fl), .option = (opt), .metavar = meta,         \
		.min = (lo), .max = (hi), .help = (text)                                           \
	}
#define FLAG(n, opt, text)                                                                         \
	{                                                                                          \
		.name = (n), .type = PARAM_FLAG, .option = (opt), .help = (text)                   \
	}
#define WORD(n, opt, meta, w, text)                                                                \
	{                                                                                          \
		.name = (n), .type = PARAM_WORD, .option = (opt), .metavar = meta, .words = (w),   \
		.help = (text)                                                                     \
	}
#define LIST(n, fl, opt, meta, w, text)                                                            \
	{                                                                                          \
		.name = (n), .type = PARAM_LIST, .flags = (fl), .option = (opt), .metavar = meta,  \
		.words = (w), .min = 1, .max = MODEL_MAX, .help = (text)                           \
	}

static const char *const key_scopes[] = {"chat", "batch", "usage", "high_priority", NULL};
static const char *const periods[] = {"hour", "day", "week", "month", "all", NULL};
static const char *const groupings[] = {"model", "day", "key", "project", NULL};

#define POSITIONAL_REQUIRED (PARAM_POSITIONAL | PARAM_REQUIRED)

#define PROJECT_NAME                                                                               \
	TEXT("name", POSITIONAL_REQUIRED, NULL, "PROJECT", 1, NAME_MAX_BYTES, "the project's name")
#define KEY_ID TEXT("id", POSITIONAL_REQUIRED, NULL, "KEY", 1, ID_MAX, "the key's id (k_...)")
#define MODELS                                                                                     \
	LIST("models", PARAM_NONE, "--models", "LIST", NULL,                                       \
	     "the only models that may be used, or none for no such rule")
#define LIMITS                                                                                     \
	NUMBER("requests_per_minute", PARAM_COUNT, PARAM_NONE, "--requests-per-minute", "N", 1,    \
	       MOST_RATE, "most requests in a minute, or none"),                                   \
		NUMBER("tokens_per_minute", PARAM_COUNT, PARAM_NONE, "--tokens-per-minute", "N",   \
		       1, MOST_RATE, "most tokens in a minute, or none"),                          \
		NUMBER("concurrent", PARAM_COUNT, PARAM_NONE, "--concurrent", "N", 1, 1000000,     \
		       "most requests at one time, or none")
#define WHOM(positional)                                                                           \
	TEXT("project", positional, "--project", "PROJECT", 1, NAME_MAX_BYTES, "of this project"), \
		TEXT("key", 0, "--key", "KEY", 1, ID_MAX, "of this key, by its id"),               \
		FLAG("global", "--global", "of everybody together")
#define WINDOW(text) NUMBER("window", PARAM_WINDOW, 0, "--window", "WINDOW", 1, WINDOW_MAX, text)

static const struct verb_param projects_create[] = {
	PROJECT_NAME,
	TEXT("default_model", 0, "--default-model", "MODEL", 1, MODEL_MAX,
	     "the model of requests that name none"),
	MODELS,
	LIMITS,
	END,
};
static const struct verb_param projects_set[] = {
	PROJECT_NAME,
	TEXT("default_model", PARAM_NONE, "--default-model", "MODEL", 1, MODEL_MAX,
	     "the model of requests that name none, or none for the server's"),
	MODELS,
	LIMITS,
	END,
};
static const struct verb_param project[] = {PROJECT_NAME, END};

#define EXPIRES                                                                                    \
	NUMBER("expires", PARAM_DURATION, PARAM_NONE, "--expires", "TIME", SECOND, 36525 * DAY,    \
	       "how long it is good for from now on, or none for ever")

static const struct verb_param keys_list[] = {
	TEXT("project", 0, "--project", "PROJECT", 1, NAME_MAX_BYTES, "only this project's"),
	END,
};
static const struct verb_param keys_create[] = {
	TEXT("project", PARAM_REQUIRED, "--project", "PROJECT", 1, NAME_MAX_BYTES,
	     "the project that it belongs to"),
	TEXT("label", 0, "--label", "TEXT", 0, LABEL_MAX_BYTES, "what it is for, in your words"),
	LIST("scopes", 0, "--scopes", "LIST", key_scopes,
	     "what it may do; chat,batch,usage if not given"),
	MODELS,
	EXPIRES,
	LIMITS,
	END,
};
static const struct verb_param key[] = {KEY_ID, END};
static const struct verb_param keys_set[] = {
	KEY_ID,
	TEXT("label", 0, "--label", "TEXT", 0, LABEL_MAX_BYTES, "what it is for, in your words"),
	LIST("scopes", 0, "--scopes", "LIST", key_scopes, "what it may do"),
	MODELS,
	EXPIRES,
	LIMITS,
	END,
};
static const struct verb_param keys_rotate[] = {
	KEY_ID,
	NUMBER("grace", PARAM_DURATION, 0, "--grace", "TIME", 0, 30 * DAY,
	       "how long the old secret stays good; 24h if not given"),
	END,
};

static const struct verb_param budgets_set[] = {
	WHOM(PARAM_POSITIONAL),
	NUMBER("tokens", PARAM_COUNT, PARAM_NONE, "--tokens", "N", 0, MOST,
	       "most tokens in a window, or none"),
	NUMBER("usd", PARAM_USD, PARAM_NONE, "--usd", "AMOUNT", 0, MOST_USD,
	       "most dollars in a window, or none"),
	WINDOW("hour, day, week, month, total or rolling:TIME; month if not given"),
	FLAG("soft", "--soft", "passing it is told, not refused"),
	NUMBER("warn", PARAM_COUNT, PARAM_NONE, "--warn", "PERCENT", 1, 100,
	       "use at which a warning is given, or none"),
	END,
};
static const struct verb_param budgets_show[] = {WHOM(PARAM_POSITIONAL), END};
static const struct verb_param budgets_one[] = {
	WHOM(PARAM_POSITIONAL),
	WINDOW("which of the budgets, if there are several"),
	END,
};

static const struct verb_param limits_show[] = {WHOM(PARAM_POSITIONAL), END};
static const struct verb_param limits_set[] = {
	WHOM(PARAM_POSITIONAL),
	LIMITS,
	FLAG("none", "--none", "no limits of its own (everybody: those of the settings)"),
	END,
};

static const struct verb_param routing_set[] = {
	TEXT("force", 0, "--force", "MODEL", 1, MODEL_MAX, "this model serves, whatever is asked"),
	TEXT("cap", 0, "--cap", "MODEL", 1, MODEL_MAX, "nothing dearer than this model serves"),
	TEXT("deny", 0, "--deny", "MODEL", 1, MODEL_MAX, "this model does not serve"),
	WHOM(0),
	NUMBER("for", PARAM_DURATION, 0, "--for", "TIME", SECOND, 3660 * DAY,
	       "how long from now on; until it is cleared if not given"),
	TEXT("reason", 0, "--reason", "TEXT", 0, LABEL_MAX_BYTES, "why, for those who look later"),
	END,
};
static const struct verb_param routing_clear[] = {
	NUMBER("id", PARAM_COUNT, PARAM_POSITIONAL, NULL, "ID", 1, INT64_MAX,
	       "the override, as routing show numbers it"),
	FLAG("all", "--all", "every override"),
	END,
};
static const struct verb_param routing_test[] = {
	TEXT("text", POSITIONAL_REQUIRED, NULL, "TEXT", 1, TEXT_MAX,
	     "what would be asked, as one argument in quotes"),
	TEXT("model", 0, "--model", "MODEL", 1, MODEL_MAX,
	     "the model that is asked for; auto if not given"),
	TEXT("project", 0, "--project", "PROJECT", 1, NAME_MAX_BYTES, "as this project"),
	TEXT("key", 0, "--key", "KEY", 1, ID_MAX, "with this key"),
	NUMBER("context_size", PARAM_COUNT, 0, "--context-size", "TOKENS", 0, MOST,
	       "size of the conversation so far"),
	END,
};

static const struct verb_param usage[] = {
	TEXT("project", 0, "--project", "PROJECT", 1, NAME_MAX_BYTES, "only this project's"),
	TEXT("key", 0, "--key", "KEY", 1, ID_MAX, "only this key's"),
	WORD("period", "--period", "PERIOD", periods,
	     "the present hour, day, week or month, or all; month if not given"),
	TEXT("from", 0, "--from", "TIME", 1, TIME_MAX,
	     "from 2026-11-24 or 2026-11-24T08:00:00Z on"),
	TEXT("to", 0, "--to", "TIME", 1, TIME_MAX, "until then"),
	WORD("group_by", "--group-by", "WHAT", groupings, "one line per what; model if not given"),
	FLAG("csv", "--csv", "as comma-separated values"),
	END,
};

static const struct verb_param config_show[] = {
	TEXT("name", PARAM_POSITIONAL, NULL, "NAME", 1, 64, "one setting, or a group such as pool"),
	END,
};

static const struct verb_param ledger_tail[] = {
	TEXT("project", 0, "--project", "PROJECT", 1, NAME_MAX_BYTES, "only this project's"),
	NUMBER("lines", PARAM_COUNT, 0, "--lines", "N", 1, 1000, "how many; 20 if not given"),
	NUMBER("before", PARAM_COUNT, 0, "--before", "SEQ", 1, INT64_MAX,
	       "only lines older than this number"),
	END,
};

static const struct verb_param subscribe[] = {
	LIST("topics", 0, "--topics", "LIST", NULL, "only these topics; all if not given"),
	END,
};

/* method, words, right, changes, params, help */
#define VERB(m, w, r, c, p, text)                                                                  \
	{                                                                                          \
		.method = (m), .words = (w), .right = (r), .changes = (c), .params = (p),          \
		.help = (text)                                                                     \
	}
#define DELETION(m, w, r, p, question, text)                                                       \
	{                                                                                          \
		.method = (m), .words = (w), .right = (r), .changes = true, .params = (p),         \
		.confirm = (question), .help = (text)                                              \
	}

enum { LOOKS = false, CHANGES = true };

const struct verb verbs[] = {
	VERB("status", "status", RIGHT_READ, LOOKS, NULL,
	     "What the daemon is doing and whether it is well."),

	VERB("projects.list", "projects list", RIGHT_READ, LOOKS, NULL, "All projects."),
	VERB("projects.create", "projects create", RIGHT_ADMIN, CHANGES, projects_create,
	     "Makes a project."),
	VERB("projects.show", "projects show", RIGHT_READ, LOOKS, project,
	     "One project with its limits and budgets."),
	VERB("projects.set", "projects set", RIGHT_ADMIN, CHANGES, projects_set,
	     "Changes a project; what is not named stays."),
	DELETION("projects.delete", "projects delete", RIGHT_ADMIN, project,
		 "Delete project %s, revoke its keys and remove its budgets?",
		 "Deletes a project and revokes its keys; its usage stays in the ledger."),

	VERB("keys.list", "keys list", RIGHT_READ, LOOKS, keys_list,
	     "API keys, without their secrets."),
	VERB("keys.create", "keys create", RIGHT_ADMIN, CHANGES, keys_create,
	     "Makes an API key and shows its secret, once."),
	VERB("keys.show", "keys show", RIGHT_READ, LOOKS, key, "One API key."),
	VERB("keys.set", "keys set", RIGHT_ADMIN, CHANGES, keys_set,
	     "Changes an API key; what is not named stays."),
	VERB("keys.rotate", "keys rotate", RIGHT_ADMIN, CHANGES, keys_rotate,
	     "Gives a key a new secret and shows it, once."),
	VERB("keys.revoke", "keys revoke", RIGHT_ADMIN, CHANGES, key,
	     "Makes a key worthless at once and for ever."),

	VERB("budgets.list", "budgets list", RIGHT_READ, LOOKS, NULL,
	     "All budgets and what is used of them."),
	VERB("budgets.show", "budgets show", RIGHT_READ, LOOKS, budgets_show,
	     "The budgets of a project, a key or everybody."),
	VERB("budgets.set", "budgets set", RIGHT_ADMIN, CHANGES, budgets_set,
	     "Sets a budget in place of the one of the same window."),
	VERB("budgets.reset", "budgets reset", RIGHT_ADMIN, CHANGES, budgets_one,
	     "Forgets what was used of a budget in this window."),
	DELETION("budgets.delete", "budgets delete", RIGHT_ADMIN, budgets_one,
		 "Delete the budget of %s, so that nothing bounds it any more?",
		 "Takes a budget away."),

	VERB("limits.show", "limits show", RIGHT_READ, LOOKS, limits_show,
	     "Rate limits; of everything that has some, if nobody is named."),
	VERB("limits.set", "limits set", RIGHT_ADMIN, CHANGES, limits_set,
	     "Sets rate limits; what is not named stays."),

	VERB("routing.show", "routing show", RIGHT_READ, LOOKS, NULL,
	     "The rules for `auto`, and the overrides in force."),
	VERB("routing.set", "routing set", RIGHT_OPERATE, CHANGES, routing_set,
	     "Overrides the choice of model for a time."),
	VERB("routing.clear", "routing clear", RIGHT_OPERATE, CHANGES, routing_clear,
	     "Ends an override, or all of them."),
	VERB("routing.test", "routing test", RIGHT_READ, LOOKS, routing_test,
	     "Which model would answer a text, and why; nothing is asked of it."),

	VERB("usage", "usage", RIGHT_READ, LOOKS, usage, "Requests, tokens and cost."),

	VERB("cache.stats", "cache stats", RIGHT_READ, LOOKS, NULL,
	     "What the response cache holds."),
	VERB("cache.flush", "cache flush", RIGHT_OPERATE, CHANGES, NULL,
	     "Empties the response cache."),

	VERB("config.show", "config show", RIGHT_READ, LOOKS, config_show,
	     "The settings in force; secrets are hidden."),
	VERB("config.check", "config check", RIGHT_OPERATE, LOOKS, NULL,
	     "Reads the settings anew and lists every error; changes nothing."),
	VERB("config.reload", "config reload", RIGHT_OPERATE, CHANGES, NULL,
	     "Reads the settings anew and applies them, all or none."),

	VERB("ledger.tail", "ledger tail", RIGHT_READ, LOOKS, ledger_tail,
	     "The newest lines of the ledger, the oldest of them first."),

	VERB("subscribe", NULL, RIGHT_READ, LOOKS, subscribe,
	     "Answers the newest event's number; events follow on this connection."),
};

const size_t verb_count = sizeof verbs / sizeof verbs[0];

const struct verb *verb_find(const char *method)
{
	for (size_t i = 0; i < verb_count; i++)
		if (strcmp(verbs[i].method, method) == 0)
			return &verbs[i];
	return NULL;
}

/* How many of the words spell the verb out; 0: they do not. */
static size_t spelled(const struct verb *v, const char *const *words, size_t count)
{
	const char *at = v->words;
	size_t used = 0;

	while (at && used < count) {
		size_t len = strcspn(at, " ");

		if (strlen(words[used]) != len || strncmp(words[used], at, len) != 0)
			return 0;
		used++;
		if (at[len] == '\0')
			return used;
		at += len + 1;
	}
	return 0;
}

const struct verb *verb_find_words(const char *const *words, size_t count, size_t *ret_used)
{
	for (size_t i = 0; i < verb_count; i++) {
		size_t used = spelled(&verbs[i], words, count);

		if (used > 0) {
			*ret_used = used;
			return &verbs[i];
		}
	}
	return NULL;
}

const struct verb_param *verb_find_param(const struct verb *v, const char *name)
{
	for (const struct verb_param *p = v->params; p && p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

const char *verb_right_name(enum verb_right right)
{
	static const char *const names[RIGHTS] = {
		[RIGHT_READ] = "read", [RIGHT_OPERATE] = "operate", [RIGHT_ADMIN] = "admin"};

	return (unsigned)right < RIGHTS ? names[right] : "unknown";
}
