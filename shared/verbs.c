/* The table of verbs.  A new one needs a row here and a handler of the same method in
 * daemon/control/; its place on the command line, help and documentation follow from the row.
 *
 * An option of one name takes a value everywhere or nowhere (tests/unit/shared/test_verbs.c looks),
 * so that a command line can be taken apart before its verb is known. */
#include "shared/verbs.h"

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
enum {
	TEXT_MAX = 60000,
	MODEL_MAX = 95,
	ID_MAX = 23,
	WINDOW_MAX = 31,
	TIME_MAX = 40,
	REQUEST_ID_MAX = 128,
	TOKEN_MAX = 4096,
	WORKERS_MOST = 256 /* as pool.workers */
};

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
static const char *const request_states[] = {"live", "ended", "all", NULL};
static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const shells[] = {"bash", "zsh", "fish", NULL};
/* Of events: daemon/observe/events.h. */
static const char *const topics[] = {"worker", "request", "queue", "stats",   "plan",  "service",
				     "log",    "budget",  "key",   "project", "limit", "override",
				     "store",  "reload",  "redis", NULL};

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

#define TOPICS LIST("topics", 0, "--topic", "LIST", topics, "only these topics; all if not given")
static const struct verb_param subscribe[] = {
	TOPICS,
	NUMBER("recent", PARAM_COUNT, 0, NULL, "N", 0, 1000,
	       "how many requests that have ended the snapshot shows; 0 if not given"),
	NUMBER("logs", PARAM_COUNT, 0, NULL, "N", 0, 500,
	       "how many lines of the log the snapshot shows; 0 if not given"),
	END,
};
static const struct verb_param events[] = {TOPICS, END};
static const struct verb_param hello[] = {
	NUMBER("protocol", PARAM_COUNT, PARAM_REQUIRED, NULL, "N", 1, 1000000,
	       "the number of the protocol that the client speaks"),
	TEXT("name", 0, NULL, "NAME", 1, 31, "the client's name"),
	TEXT("version", 0, NULL, "VERSION", 1, 31, "the client's version"),
	END,
};

static const struct verb_param budgets_list[] = {
	NUMBER("closest", PARAM_COUNT, 0, "--closest", "N", 1, 1000,
	       "only so many, those closest to their limit first"),
	END,
};

#define WORKER_ID                                                                                  \
	NUMBER("id", PARAM_COUNT, POSITIONAL_REQUIRED, NULL, "WORKER", 1, UINT32_MAX,              \
	       "the worker's number")
static const struct verb_param worker[] = {WORKER_ID, END};
static const struct verb_param workers_scale[] = {
	NUMBER("workers", PARAM_COUNT, POSITIONAL_REQUIRED, NULL, "N", 1, WORKERS_MOST,
	       "how many requests may be served at one time"),
	END,
};

#define REQUEST_ID                                                                                 \
	TEXT("id", POSITIONAL_REQUIRED, NULL, "REQUEST", 1, REQUEST_ID_MAX, "the request's id")
#define REQUEST_NUMBER                                                                             \
	NUMBER("number", PARAM_COUNT, 0, "--number", "N", 1, INT64_MAX,                            \
	       "of several with this id, the one with this number; the newest if not given")
static const struct verb_param request[] = {REQUEST_ID, REQUEST_NUMBER, END};
static const struct verb_param requests_list[] = {
	WORD("state", "--state", "STATE", request_states,
	     "those under way, those that have ended, or all; all if not given"),
	TEXT("project", 0, "--project", "PROJECT", 1, NAME_MAX_BYTES, "only this project's"),
	NUMBER("lines", PARAM_COUNT, 0, "--lines", "N", 1, 1000, "how many; 20 if not given"),
	END,
};
static const struct verb_param requests_tail[] = {
	TEXT("project", 0, "--project", "PROJECT", 1, NAME_MAX_BYTES, "only this project's"),
	END,
};

#define LOG_LEVEL                                                                                  \
	WORD("level", "--level", "LEVEL", log_levels, "nothing less important; all if not given")
#define LOG_LINES                                                                                  \
	NUMBER("lines", PARAM_COUNT, 0, "--lines", "N", 1, 500, "how many; 50 if not given")
static const struct verb_param logs[] = {
	LOG_LINES,
	LOG_LEVEL,
	{.name = "follow",
	 .type = PARAM_FLAG,
	 .option = "--follow",
	 .letter = "-f",
	 .help = "go on with what is logged from now on"},
	END,
};
static const struct verb_param logs_method[] = {LOG_LINES, LOG_LEVEL, END};

static const struct verb_param chat[] = {
	TEXT("text", POSITIONAL_REQUIRED | PARAM_PRIVATE, NULL, "TEXT", 1, TEXT_MAX,
	     "what to ask, as one argument in quotes"),
	TEXT("model", 0, "--model", "MODEL", 1, MODEL_MAX, "auto if not given"),
	TEXT("project", 0, "--project", "PROJECT", 1, NAME_MAX_BYTES,
	     "as this project; default if not given"),
	NUMBER("max_tokens", PARAM_COUNT, 0, "--max-tokens", "N", 1, 1000000,
	       "most tokens of the answer"),
	END,
};
static const struct verb_param login_set[] = {
	TEXT("token", PARAM_REQUIRED | PARAM_PRIVATE, NULL, "TOKEN", 1, TOKEN_MAX,
	     "what claude setup-token gave"),
	END,
};
static const struct verb_param completion[] = {
	{.name = "shell",
	 .type = PARAM_WORD,
	 .flags = POSITIONAL_REQUIRED,
	 .metavar = "SHELL",
	 .words = shells,
	 .help = "bash, zsh or fish"},
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

	VERB("plan", "plan", RIGHT_READ, LOOKS, NULL,
	     "The windows of the subscription, and what is used of them."),
	VERB("doctor", "doctor", RIGHT_READ, LOOKS, NULL,
	     "Looks at everything that serving needs, and says what mends what is wrong."),
	VERB(NULL, "top", RIGHT_READ, LOOKS, NULL, "The dashboard: runs ccapitop."),

	VERB("workers.list", "workers list", RIGHT_READ, LOOKS, NULL, "The CLI processes."),
	DELETION("workers.restart", "workers restart", RIGHT_OPERATE, worker,
		 "Restart worker %s, and cut off the request that it may be serving?",
		 "Ends a worker now and starts another; its request is tried once more if it may "
		 "be."),
	VERB("workers.drain", "workers drain", RIGHT_OPERATE, CHANGES, worker,
	     "Ends a worker after the request that it serves, and starts another."),
	VERB("workers.scale", "workers scale", RIGHT_OPERATE, CHANGES, workers_scale,
	     "Changes how many workers there are, until the settings are read again."),

	VERB("requests.list", "requests list", RIGHT_READ, LOOKS, requests_list,
	     "Requests under way and the last 1,000 that have ended, the oldest of them first."),
	VERB("requests.show", "requests show", RIGHT_READ, LOOKS, request, "One request."),
	VERB("requests.cancel", "requests cancel", RIGHT_OPERATE, CHANGES, request,
	     "Ends a request; its client is told so, and what was spent is charged."),
	VERB(NULL, "requests tail", RIGHT_READ, LOOKS, requests_tail,
	     "Requests as they end, until it is interrupted."),

	VERB("pause", "pause", RIGHT_OPERATE, CHANGES, NULL,
	     "Holds the queue: requests are taken and wait, until it is full."),
	VERB("resume", "resume", RIGHT_OPERATE, CHANGES, NULL, "Serves the queue again."),
	DELETION("drain", "drain", RIGHT_ADMIN, NULL,
		 "Take no further requests, finish those under way and end the daemon?",
		 "Ends the daemon as soon as the requests under way are finished."),
	VERB("chat", "chat", RIGHT_OPERATE, CHANGES, chat,
	     "Asks the model, by the whole way that a client's request takes."),

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

	VERB("budgets.list", "budgets list", RIGHT_READ, LOOKS, budgets_list,
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

	VERB("logs", NULL, RIGHT_READ, LOOKS, logs_method,
	     "The newest lines of the daemon's log, the oldest of them first."),
	VERB(NULL, "logs", RIGHT_READ, LOOKS, logs,
	     "The newest lines of the daemon's log, the oldest of them first."),
	VERB(NULL, "events", RIGHT_READ, LOOKS, events,
	     "What happens, as lines of JSON, until it is interrupted."),
	VERB("subscribe", NULL, RIGHT_READ, LOOKS, subscribe,
	     "Answers a snapshot; events follow on this connection."),

	VERB("login.set", NULL, RIGHT_ADMIN, CHANGES, login_set,
	     "Keeps a token of the CLI's, and renews the workers with it."),
	VERB(NULL, "login", RIGHT_ADMIN, LOOKS, NULL,
	     "Runs claude setup-token, keeps the token and renews the workers."),
	VERB(NULL, "completion", RIGHT_READ, LOOKS, completion,
	     "Writes the completion for a shell."),
	VERB("hello", NULL, RIGHT_READ, LOOKS, hello,
	     "Says which protocol the client speaks; another one than the daemon's is refused."),
};

const size_t verb_count = sizeof verbs / sizeof verbs[0];
