/* Every setting of ccapid, once.  A row's default is what -o would be given; bounds of durations
 * are milliseconds.  The documentation and the example file are generated from here
 * (tools/conf_doc.c), so `doc` is written for operators. */
#include "daemon/conf/schema.h"

#include "shared/log.h"

#include "daemon/conf/conf.h"

#define AT(member) offsetof(struct conf, member)
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TRILLION INT64_C(1000000000000)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

enum {
	RELOAD = true,
	RESTART = false,
	PATH_BYTES = 4000,
	SOCKET_PATH_BYTES = 107,
	GROUP_BYTES = 32,
	HEADER_LISTS = 64
};

_Static_assert(sizeof(enum conf_reuse) == sizeof(int) && sizeof(enum conf_login) == sizeof(int) &&
		       sizeof(enum conf_history) == sizeof(int),
	       "enum rows write an int");
_Static_assert(sizeof(struct conf_list) == sizeof(struct conf_texts) &&
		       offsetof(struct conf_list, items) == offsetof(struct conf_texts, items) &&
		       offsetof(struct conf_list, count) == offsetof(struct conf_texts, count),
	       "list rows write a struct conf_texts");
_Static_assert(sizeof(struct conf_map) == sizeof(struct conf_pairs) &&
		       offsetof(struct conf_map, keys) == offsetof(struct conf_pairs, keys) &&
		       offsetof(struct conf_map, values) == offsetof(struct conf_pairs, values) &&
		       offsetof(struct conf_map, count) == offsetof(struct conf_pairs, count),
	       "map rows write a struct conf_pairs");

static const char *const logins[] = {
	[CONF_LOGIN_AUTO] = "auto", [CONF_LOGIN_OWN] = "own", [CONF_LOGIN_USER] = "user", NULL};
static const char *const histories[] = {[CONF_HISTORY_AUTO] = "auto",
					[CONF_HISTORY_BODY] = "body",
					[CONF_HISTORY_REPLAY] = "replay",
					NULL};
static const char *const reuses[] = {[CONF_REUSE_PROJECT] = "project",
				     [CONF_REUSE_ALWAYS] = "always",
				     [CONF_REUSE_NEVER] = "never",
				     NULL};
static const char *const levels[] = {[LOG_LEVEL_ERROR] = "error",
				     [LOG_LEVEL_WARN] = "warn",
				     [LOG_LEVEL_INFO] = "info",
				     [LOG_LEVEL_DEBUG] = "debug",
				     NULL};
static const char *const formats[] = {[LOG_FORMAT_TEXT] = "text", [LOG_FORMAT_JSON] = "json", NULL};

/* name, type, member, min, max, words, default, when, secret, doc */
#define ROW(n, t, member, lo, hi, w, std, when, hide, text)                                        \
	{                                                                                          \
		.name = (n), .type = (t), .offset = AT(member), .min = (lo), .max = (hi),          \
		.words = (w), .standard = (std), .reloadable = (when), .secret = (hide),           \
		.doc = (text)                                                                      \
	}
#define NUMBER(n, t, member, lo, hi, std, when, text)                                              \
	ROW(n, t, member, lo, hi, NULL, std, when, false, text)
#define TEXT(n, t, member, lo, hi, std, when, text)                                                \
	ROW(n, t, member, lo, hi, NULL, std, when, false, text)
#define WORD(n, member, w, std, when, text)                                                        \
	ROW(n, CONF_ENUM, member, 0, 0, w, std, when, false, text)
#define FLAG(n, member, std, when, text)                                                           \
	ROW(n, CONF_BOOL, member, 0, 0, NULL, std, when, false, text)

static const struct conf_key keys[] = {
	TEXT("listen", CONF_LIST, listen, 1, 16, "127.0.0.1:8080", RESTART,
	     "Where to serve, each as HOST:PORT or [IPv6]:PORT; port 0 takes a free one."),
	TEXT("state_dir", CONF_PATH, state_dir, 0, PATH_BYTES, NULL, RESTART,
	     "Folder for everything the daemon keeps. Not set: `$XDG_STATE_HOME/ccapi` "
	     "(`~/.local/state/ccapi`), as root `/var/lib/ccapi`."),
	NUMBER("drain_timeout", CONF_DURATION, drain_timeout, 0, HOUR, "30s", RELOAD,
	       "How long running requests may go on after SIGTERM before they are cut."),

	FLAG("auth.required", auth.required, "true", RESTART,
	     "Whether requests need an API key (`ccapictl keys create`). Without, requests name "
	     "their "
	     "project themselves, and only loopback addresses may be served."),
	NUMBER("auth.max_projects", CONF_INT, auth.max_projects, 1, 1000000, "1000", RELOAD,
	       "Without keys: how many projects may come into being by being named."),

	NUMBER("http.max_body", CONF_SIZE, http.max_body, KIB, 256 * MIB, "32M", RESTART,
	       "Largest request body."),
	NUMBER("http.max_head", CONF_SIZE, http.max_head, KIB, MIB, "12K", RESTART,
	       "Largest request head: request line and header fields together."),
	NUMBER("http.max_connections", CONF_INT, http.max_connections, 1, 65536, "4096", RESTART,
	       "Connections open at one time; further ones are answered 503."),
	NUMBER("http.max_batch", CONF_INT, http.max_batch, 1, 100000, "1000", RELOAD,
	       "Requests in one batch."),
	TEXT("http.allowed_hosts", CONF_LIST, http.allowed_hosts, 0, HEADER_LISTS, NULL, RELOAD,
	     "Names that a request's Host may have besides localhost and the listen addresses, "
	     "without port."),
	TEXT("http.cors_origins", CONF_LIST, http.cors_origins, 0, HEADER_LISTS, NULL, RELOAD,
	     "Origins whose web pages may call the API, each as scheme://host or "
	     "scheme://host:port."),
	NUMBER("http.head_timeout", CONF_DURATION, http.head_timeout, 100, 5 * MINUTE, "5s",
	       RESTART, "Time until a request head must be complete."),
	NUMBER("http.body_timeout", CONF_DURATION, http.body_timeout, SECOND, HOUR, "60s", RELOAD,
	       "Time until a request body must be complete."),
	NUMBER("http.idle_timeout", CONF_DURATION, http.idle_timeout, SECOND, HOUR, "75s", RELOAD,
	       "How long a connection without a request is kept."),
	NUMBER("http.stall_timeout", CONF_DURATION, http.stall_timeout, SECOND, HOUR, "20s", RELOAD,
	       "How long the reader of an answer may take nothing before it is cut."),

	FLAG("docs.enabled", docs.enabled, "true", RELOAD,
	     "Whether `/docs` serves the interactive reference. `/openapi.json` is served in any "
	     "case."),
	TEXT("docs.ui_dir", CONF_PATH, docs.ui_dir, 0, PATH_BYTES, NULL, RESTART,
	     "Folder with the files of swagger-ui-dist for `/docs`. Not set: "
	     "`share/ccapi/docs-ui` beside the program's folder."),

	NUMBER("websocket.max_connections", CONF_INT, websocket.max_connections, 0, 65536, "1024",
	       RELOAD, "WebSockets open at one time; further ones are answered 503."),
	NUMBER("websocket.max_message", CONF_SIZE, websocket.max_message, KIB, 256 * MIB, "4M",
	       RELOAD, "Largest message from a client; a larger one closes the connection (1009)."),
	NUMBER("websocket.max_rate", CONF_INT, websocket.max_rate, 1, 1000000, "100", RELOAD,
	       "Messages a second that one client may send on average, with bursts of two seconds; "
	       "more close the connection (1008)."),
	NUMBER("websocket.max_chats", CONF_INT, websocket.max_chats, 1, 10000, "64", RELOAD,
	       "Chats under way at one time on one connection; further ones are refused."),
	NUMBER("websocket.auth_timeout", CONF_DURATION, websocket.auth_timeout, 100, 5 * MINUTE,
	       "10s", RELOAD,
	       "Time until a connection opened without a key must have sent one (else 1008)."),
	NUMBER("websocket.ping_interval", CONF_DURATION, websocket.ping_interval, 100, HOUR, "30s",
	       RELOAD,
	       "How often a quiet client is pinged; one that is silent for two of these is closed "
	       "(1008)."),

	TEXT("control.socket", CONF_PATH, control.socket, 0, SOCKET_PATH_BYTES, NULL, RESTART,
	     "Socket for ccapictl. Not set: `$XDG_RUNTIME_DIR/ccapi/control.sock`, as root "
	     "`/run/ccapi/control.sock`."),
	TEXT("control.group", CONF_STRING, control.group, 0, GROUP_BYTES, "", RESTART,
	     "Group that the control socket is given to: its members may look. Not set: the "
	     "daemon's own group."),
	TEXT("control.operator_group", CONF_STRING, control.operator_group, 0, GROUP_BYTES, "",
	     RESTART,
	     "Group whose members may also steer: overrides, cache, reload. They must be able to "
	     "open the socket."),
	TEXT("control.admin_group", CONF_STRING, control.admin_group, 0, GROUP_BYTES, "", RESTART,
	     "Group whose members may do everything, as root and the daemon's user may: keys, "
	     "budgets, projects. They must be able to open the socket."),

	TEXT("claude.path", CONF_PATH, claude.path, 0, PATH_BYTES, NULL, RESTART,
	     "The Claude Code program. Not set: searched in PATH and the usual places."),
	TEXT("claude.config_dir", CONF_PATH, claude.config_dir, 0, PATH_BYTES, NULL, RESTART,
	     "CLAUDE_CONFIG_DIR of the daemon's own login. Not set: `claude` in state_dir."),
	TEXT("claude.token_file", CONF_PATH, claude.token_file, 0, PATH_BYTES, NULL, RESTART,
	     "File (mode 0600) with a token from `claude setup-token`. Not set: the systemd "
	     "credential "
	     "claude-token, then `claude-token` in state_dir."),
	ROW("claude.env", CONF_MAP, claude.env, 0, 64, NULL, NULL, RESTART, true,
	    "Environment variables for Claude Code, such as HTTPS_PROXY. Those that the daemon "
	    "needs for its "
	    "own safety are refused."),
	WORD("claude.login", claude.login, logins, "auto", RESTART,
	     "Whose login serves: own is the daemon's (token, API key or its config_dir), user "
	     "that of the "
	     "user who runs it, auto the own one if there is one."),
	WORD("claude.history", claude.history, histories, "auto", RESTART,
	     "How a conversation reaches Claude Code: body sends it in one piece, replay turn by "
	     "turn, auto "
	     "takes body where it is honoured."),
	TEXT("claude.system_prompt", CONF_STRING, claude.system_prompt, 1, 100000,
	     "You are a helpful assistant.", RELOAD, "System prompt of requests that bring none."),

	NUMBER("pool.workers", CONF_INT, pool.workers, 1, 256, "5", RELOAD,
	       "Claude Code processes that may work at one time."),
	NUMBER("pool.spares", CONF_INT, pool.spares, 0, 64, "1", RELOAD,
	       "Fresh processes kept ready."),
	WORD("pool.reuse", pool.reuse, reuses, "project", RELOAD,
	     "Who may get a process that has served before: the same project, anybody, nobody."),
	NUMBER("pool.max_requests", CONF_INT, pool.max_requests, 1, 1000000, "500", RELOAD,
	       "Requests after which a process is replaced."),
	NUMBER("pool.max_age", CONF_DURATION, pool.max_age, 10 * SECOND, 7 * DAY, "1h", RELOAD,
	       "Age at which a process is replaced."),
	NUMBER("pool.max_rss", CONF_SIZE, pool.max_rss, 64 * MIB, 64 * GIB, "400M", RELOAD,
	       "Resident memory at which a process is replaced."),
	NUMBER("pool.queue", CONF_INT, pool.queue, 0, 100000, "256", RELOAD,
	       "Requests that may wait for a process; more are refused."),
	NUMBER("pool.queue_timeout", CONF_DURATION, pool.queue_timeout, 100, HOUR, "60s", RELOAD,
	       "How long a request may wait for a process."),
	NUMBER("pool.request_timeout", CONF_DURATION, pool.request_timeout, SECOND, DAY, "10m",
	       RELOAD, "Time for a whole request, waiting included."),
	NUMBER("pool.first_byte_timeout", CONF_DURATION, pool.first_byte_timeout, SECOND, HOUR,
	       "2m", RELOAD, "Time until an answer must begin."),
	NUMBER("pool.idle_timeout", CONF_DURATION, pool.idle_timeout, SECOND, HOUR, "2m", RELOAD,
	       "Longest silence within an answer."),
	NUMBER("pool.start_timeout", CONF_DURATION, pool.start_timeout, SECOND, 10 * MINUTE, "10s",
	       RELOAD, "Time in which a process must be ready."),
	NUMBER("pool.interrupt_timeout", CONF_DURATION, pool.interrupt_timeout, 100, MINUTE,
	       "1500ms", RELOAD, "Time in which a cancelled process must stop working."),
	NUMBER("pool.stop_timeout", CONF_DURATION, pool.stop_timeout, 100, MINUTE, "2s", RELOAD,
	       "Time in which a process must end before it is killed."),
	NUMBER("pool.max_line", CONF_SIZE, pool.max_line, MIB, GIB, "64M", RELOAD,
	       "Longest line of a process's output; a longer one ends it."),
	NUMBER("pool.max_answer", CONF_SIZE, pool.max_answer, 64 * KIB, GIB, "64M", RELOAD,
	       "Longest answer text."),

	TEXT("routing.default_model", CONF_STRING, routing.default_model, 0, 64, NULL, RELOAD,
	     "Model that `auto` stands for: an alias or a full model id. Not set: what the rules "
	     "say."),
	TEXT("routing.rules", CONF_LIST, routing.rules, 0, 256, NULL, RELOAD,
	     "Rules that choose the model of `auto`, in the form of docs/ROUTING.md. Not set: the "
	     "built-in "
	     "ones, which `ccapictl routing show` lists."),
	NUMBER("routing.sonnet_score", CONF_RATIO, routing.sonnet_score, -1000, 1000, "3", RELOAD,
	       "Score from which the rules choose sonnet, not haiku."),
	NUMBER("routing.opus_score", CONF_RATIO, routing.opus_score, -1000, 1000, "7", RELOAD,
	       "Score from which the rules choose opus."),

	FLAG("cache.enabled", cache.enabled, "true", RELOAD,
	     "Whether a request that was answered before gets the same answer again, at no cost."),
	NUMBER("cache.ttl", CONF_DURATION, cache.ttl, SECOND, 30 * DAY, "1h", RELOAD,
	       "How long an answer is kept, unless the request says otherwise."),
	NUMBER("cache.max_bytes", CONF_SIZE, cache.max_bytes, 64 * KIB, 64 * GIB, "64M", RELOAD,
	       "Memory for kept answers; what was used longest ago goes first."),

	NUMBER("sessions.ttl", CONF_DURATION, sessions.ttl, MINUTE, 30 * DAY, "24h", RELOAD,
	       "How long a conversation is kept after its last turn."),
	NUMBER("sessions.max_size", CONF_SIZE, sessions.max_size, 4 * KIB, 32 * MIB, "1M", RELOAD,
	       "Largest conversation; a turn that does not fit any more is refused."),
	NUMBER("sessions.max_bytes", CONF_SIZE, sessions.max_bytes, 64 * KIB, 64 * GIB, "64M",
	       RELOAD, "Memory for all conversations; what was used longest ago goes first."),

	ROW("redis.url", CONF_STRING, redis.url, 0, 2000, NULL, NULL, RESTART, true,
	    "Redis that keeps answers, conversations and Idempotency-Keys for several daemons: "
	    "`redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]` or "
	    "`unix://[[USER]:PASSWORD@]/PATH[?db=DATABASE]`. Not set: memory keeps them."),
	TEXT("redis.prefix", CONF_STRING, redis.prefix, 1, 64, "ccapi", RESTART,
	     "What the names of our keys in Redis begin with."),
	NUMBER("redis.timeout", CONF_DURATION, redis.timeout, 5, 10 * SECOND, "100ms", RELOAD,
	       "Longest wait for Redis; then a request goes on without it."),

	NUMBER("limits.requests_per_minute", CONF_INT, limits.requests_per_minute, 0, TRILLION, "0",
	       RELOAD, "Requests a minute of everybody together; 0: no limit."),
	NUMBER("limits.tokens_per_minute", CONF_INT, limits.tokens_per_minute, 0, TRILLION, "0",
	       RELOAD, "Tokens a minute of everybody together; 0: no limit."),
	NUMBER("limits.concurrent", CONF_INT, limits.concurrent, 0, TRILLION, "0", RELOAD,
	       "Requests at one time of everybody together, waiting ones included; 0: no limit."),

	NUMBER("budget.tokens", CONF_INT, budget.tokens, 0, 1000 * TRILLION, "0", RELOAD,
	       "Tokens that everybody together may use in the window; 0: no limit."),
	NUMBER("budget.usd", CONF_RATIO, budget.usd, 0, INT64_C(1000000000), "0", RELOAD,
	       "Dollars at list price that everybody together may use in the window; 0: no limit."),
	TEXT("budget.window", CONF_STRING, budget.window, 3, 24, "month", RELOAD,
	     "Window of that budget: hour, day, week, month, total, or rolling:LENGTH "
	     "(rolling:24h)."),
	FLAG("budget.soft", budget.soft, "false", RELOAD,
	     "Whether passing that budget is only told, not refused."),
	NUMBER("budget.warn_percent", CONF_INT, budget.warn_percent, 0, 100, "80", RELOAD,
	       "Use of that budget, in percent, at which a warning is given; 0: none."),
	TEXT("budget.zone", CONF_STRING, budget.zone, 0, 64, "UTC", RESTART,
	     "Time zone in which days, weeks and months of all budgets begin, as Europe/Berlin."),
	NUMBER("budget.max_answer_tokens", CONF_INT, budget.max_answer_tokens, 16, 1000000, "8192",
	       RELOAD,
	       "Longest answer of a request that names no max_tokens, where a budget speaks of it: "
	       "so "
	       "much must be left, or less is asked for."),

	TEXT("webhook.url", CONF_STRING, webhook.url, 0, 2000, NULL, RELOAD,
	     "http(s) address that gets events by POST, such as budgets nearly used up."),
	TEXT("webhook.topics", CONF_LIST, webhook.topics, 0, 16, NULL, RELOAD,
	     "Topics of those events: budget, key, project, limit, override, store, reload, redis. "
	     "Not "
	     "set: "
	     "all."),
	NUMBER("webhook.timeout", CONF_DURATION, webhook.timeout, SECOND, MINUTE, "10s", RELOAD,
	       "Time for one delivery; a failed one is tried again for a day."),

	NUMBER("plan.reserve", CONF_RATIO, plan.reserve, 0, 1, "0.9", RELOAD,
	       "Use of a plan's limit above which requests of low priority wait."),

	WORD("log.level", log.level, levels, "info", RELOAD,
	     "Least important events that are logged."),
	WORD("log.format", log.format, formats, "text", RELOAD,
	     "How a line of the log is written."),
	FLAG("log.bodies", log.bodies, "false", RELOAD,
	     "Whether each request's prompt is logged, cut to 1 KiB; it may hold private data."),
};

const struct conf_table conf_schema = {
	.keys = keys,
	.count = sizeof keys / sizeof keys[0],
	.size = sizeof(struct conf),
};
