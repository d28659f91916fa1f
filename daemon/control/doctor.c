/* doctor: everything that serving needs, one row each, and the command that mends what is wrong.
 * The rows are made from what the modules know; nothing is asked of the upstream, so it costs no
 * tokens. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "shared/clock.h"
#include "shared/err.h"

#include "daemon/control/commands.h"
#include "daemon/control/internal.h"
#include "daemon/observe/view.h"
#include "daemon/pool/gate.h"
#include "daemon/pool/pool_view.h"
#include "daemon/store/problem.h"

enum {
	WORDS_MAX = 1024,
	BYTES_PER_TOKEN = 4,
	OVERHEAD_TOKENS_MAX = 1000, /* more is a CLI that adds an agent's prompt */
	MEBIBYTE = 1024 * 1024,
	DISK_WARN_MIB = 1024,
	DISK_FAIL_MIB = 64
};

enum check_state { CHECK_OK, CHECK_WARN, CHECK_FAIL, CHECK_UNKNOWN };

struct report {
	const struct control *control;
	json_t *rows;
	bool ok; /* nothing fails */
};

/* name is for programs, title for people; mend: "" or NULL: there is nothing to do. */
static void add(struct report *to, const char *name, const char *title, enum check_state state,
		const char *mend, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

static void add(struct report *to, const char *name, const char *title, enum check_state state,
		const char *mend, const char *fmt, ...)
{
	static const char *const states[] = {"ok", "warn", "fail", "unknown"};
	char words[WORDS_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(words, sizeof words, fmt, args);
	va_end(args);
	to->ok = to->ok && state != CHECK_FAIL;
	json_array_append_new(to->rows,
			      json_pack("{ss ss ss so so}", "name", name, "title", title, "state",
					states[state], "text", view_string(words), "mend",
					view_text(state == CHECK_OK ? NULL : mend)));
}

/* What is not known yet comes by itself, unless something is in its way. */
static const char *until_known(const struct report *to)
{
	enum pool_health health = pool_health(to->control->deps.pool);

	return health == POOL_STARTING || health == POOL_READY ? "wait a moment"
							       : "mend first what fails";
}

/* ---- the CLI ---- */

static void check_cli(struct report *to)
{
	const struct gate_result *g = pool_gate_result(to->control->deps.pool);
	enum pool_health health = pool_health(to->control->deps.pool);
	bool known = cli_version_serves(g->version);
	bool wrong = health == POOL_CLI_NOT_FOUND || health == POOL_CLI_TOO_OLD ||
		     (health == POOL_FAILING && !known);

	if (wrong)
		add(to, "cli", "Claude Code CLI", CHECK_FAIL, pool_mend(to->control->deps.pool),
		    "%s", pool_health_detail(to->control->deps.pool));
	else if (!known)
		add(to, "cli", "Claude Code CLI", CHECK_UNKNOWN, until_known(to),
		    "it is being looked for");
	else
		add(to, "cli", "Claude Code CLI", CHECK_OK, NULL, "%s at %s%s", g->version_text,
		    g->binary.path, g->is_sim ? " (a simulator, no model answers)" : "");
}

/* What safety rests on fails the check, what only costs speed warns. */
static void check_selftest(struct report *to)
{
	const struct gate_result *g = pool_gate_result(to->control->deps.pool);
	char name[48];

	if (!g->report.ran) {
		add(to, "selftest", "Self-test", CHECK_UNKNOWN, until_known(to), "%s",
		    g->report.error[0] ? g->report.error : "it has not run yet");
		return;
	}
	for (int i = 0; i < SELFTEST_ITEMS; i++) {
		bool passed = g->report.passed[i];
		bool needed = i == SELFTEST_MENTION || i == SELFTEST_NO_TOOLS ||
			      i == SELFTEST_HISTORY || i == SELFTEST_NO_EMAIL;

		snprintf(name, sizeof name, "selftest.%s",
			 selftest_item_name((enum selftest_item)i));
		add(to, name, "Self-test",
		    passed   ? CHECK_OK
		    : needed ? CHECK_FAIL
			     : CHECK_WARN,
		    "install another version of Claude Code: claude update", "%s: %s",
		    selftest_item_text((enum selftest_item)i), passed ? "yes" : "no");
	}
}

static void check_overhead(struct report *to)
{
	const struct pool *pool = to->control->deps.pool;
	const struct gate_result *g = pool_gate_result(pool);
	int64_t bytes = g->report.ran ? g->report.overhead[g->body_mode] : -1;
	int64_t tokens = bytes / BYTES_PER_TOKEN;

	if (bytes < 0)
		add(to, "empty_prompt", "Empty prompt", CHECK_UNKNOWN, until_known(to),
		    "not measured: the self-test has not got so far");
	else
		add(to, "empty_prompt", "Empty prompt",
		    tokens > OVERHEAD_TOKENS_MAX ? CHECK_WARN : CHECK_OK,
		    "install another version of Claude Code: claude update",
		    "about %" PRId64 " tokens go with every request besides what is asked "
		    "(%" PRId64 " bytes, seen by the self-test)",
		    tokens, bytes);
}

static void check_login(struct report *to)
{
	const struct pool *pool = to->control->deps.pool;
	const struct gate_result *g = pool_gate_result(pool);
	const char *whose = pool_login_words(pool);

	if (pool_health(pool) == POOL_NOT_LOGGED_IN)
		add(to, "login", "Login", CHECK_FAIL, pool_mend(pool), "%s",
		    pool_health_detail(pool));
	else if (!g->login.words[0])
		add(to, "login", "Login", CHECK_UNKNOWN, until_known(to), "not looked at yet");
	else
		add(to, "login", "Login", *whose ? CHECK_OK : CHECK_WARN, "ccapictl login",
		    "%s: %s", g->login.words,
		    *whose ? whose : "the CLI does not say whether it works");
}

static void check_workers(struct report *to)
{
	const struct pool *pool = to->control->deps.pool;
	enum pool_health health = pool_health(pool);
	struct pool_counts n;

	pool_count(pool, &n);
	if (health == POOL_READY || health == POOL_STARTING)
		add(to, "workers", "Workers", health == POOL_READY ? CHECK_OK : CHECK_WARN,
		    "wait a moment, then ccapictl workers list",
		    "%u ready, %u busy, %u starting, up to %u at one time", n.ready, n.busy,
		    n.starting, pool_most_workers(pool));
	else
		add(to, "workers", "Workers", CHECK_FAIL, pool_mend(pool), "%s",
		    pool_health_detail(pool));
}

static void check_plan(struct report *to)
{
	const struct plan_limits *p = pool_plan(to->control->deps.pool);
	int64_t wait_ms = plan_limits_wait_ms(p, clock_wall_ms());
	double use = plan_limits_use(p, clock_wall_ms());

	if (p->status == PLAN_UNKNOWN)
		add(to, "plan", "Plan", CHECK_UNKNOWN,
		    pool_health(to->control->deps.pool) == POOL_READY ? "ccapictl chat hello"
								      : until_known(to),
		    "the upstream tells it with the first answer");
	else if (wait_ms > 0)
		add(to, "plan", "Plan", CHECK_FAIL, "wait, or use another login: ccapictl login",
		    "used up: the window resets in %" PRId64 " min", wait_ms / 60000 + 1);
	else
		add(to, "plan", "Plan", p->status == PLAN_WARNING ? CHECK_WARN : CHECK_OK,
		    "ccapictl routing set --global --cap sonnet",
		    "%.0f %% of the fuller window is used", use * 100);
}

/* ---- the daemon ---- */

static void check_state(struct report *to)
{
	const struct store *store = to->control->deps.store;
	const char *detail = store_detail(store), *mend = strstr(detail, PROBLEM_MEND);

	if (store_healthy(store))
		add(to, "store", "Ledger", CHECK_OK, NULL, "%s", store_path(store));
	else
		add(to, "store", "Ledger", CHECK_FAIL, mend ? mend + strlen(PROBLEM_MEND) : NULL,
		    "%.*s", (int)(mend ? (size_t)(mend - detail) : strlen(detail)), detail);
}

static void check_disk(struct report *to)
{
	const char *dir = to->control->deps.conf->state_dir;
	struct statvfs fs;
	char mend[300];
	uint64_t free_mib;

	snprintf(mend, sizeof mend, "df -h %.200s, then make room there", dir);
	if (statvfs(dir, &fs) != 0) {
		add(to, "disk", "Disk", CHECK_FAIL, mend, "%s: %s", dir, err_str(-errno));
		return;
	}
	free_mib = (uint64_t)fs.f_bavail * fs.f_frsize / MEBIBYTE;
	add(to, "disk", "Disk",
	    free_mib < DISK_FAIL_MIB   ? CHECK_FAIL
	    : free_mib < DISK_WARN_MIB ? CHECK_WARN
				       : CHECK_OK,
	    mend, "%" PRIu64 " MiB free in %s", free_mib, dir);
}

static void check_redis(struct report *to)
{
	const struct redis *r = to->control->deps.redis;

	if (!r)
		add(to, "redis", "Redis", CHECK_OK, NULL,
		    "none is used: cache and sessions are in memory");
	else if (redis_state(r) == REDIS_UP)
		add(to, "redis", "Redis", CHECK_OK, NULL, "up");
	else
		add(to, "redis", "Redis", CHECK_WARN,
		    "systemctl restart redis-server, or mend redis.url", "%s: %s",
		    redis_state_name(redis_state(r)), redis_detail(r));
}

struct good_keys {
	int64_t now_ms;
	size_t count;
};

static void count_good(void *ctx, struct key *k)
{
	struct good_keys *good = ctx;

	good->count += !k->record.revoked_ms &&
		       (!k->record.expires_ms || k->record.expires_ms > good->now_ms);
}

static void check_keys(struct report *to)
{
	const struct control_deps *deps = &to->control->deps;
	struct good_keys good = {.now_ms = clock_wall_ms()};

	registry_each_key(deps->registry, NULL, count_good, &good);
	if (deps->conf->auth.required && good.count == 0)
		add(to, "keys", "API keys", CHECK_FAIL,
		    registry_find_project(deps->registry, "default")
			    ? "ccapictl keys create --project default"
			    : "ccapictl projects create default && ccapictl keys create --project "
			      "default",
		    "keys are required and none is good: nobody can ask anything");
	else
		add(to, "keys", "API keys", CHECK_OK, NULL, "%zu, %s", good.count,
		    deps->conf->auth.required
			    ? "required"
			    : "not required: whoever reaches the address may ask");
}

static void check_socket(struct report *to)
{
	const char *path = to->control->deps.conf->control.socket;
	struct stat st;
	char mend[300];

	snprintf(mend, sizeof mend, "chmod 0660 %.200s", path);
	if (stat(path, &st) != 0)
		add(to, "socket", "Control socket", CHECK_FAIL, "systemctl restart ccapid",
		    "%s: %s", path, err_str(-errno));
	else
		add(to, "socket", "Control socket", (st.st_mode & 07) ? CHECK_WARN : CHECK_OK, mend,
		    "%s, mode %04o, owner %u:%u", path, (unsigned)(st.st_mode & 07777),
		    (unsigned)st.st_uid, (unsigned)st.st_gid);
}

static void check_settings(struct report *to)
{
	struct conf fresh;
	struct buf errors;
	char *file = NULL;
	int rc;

	buf_init(&errors, RPC_REQUEST_MAX);
	rc = conf_load(&fresh, to->control->deps.source, &errors, &file);
	if (rc == 0) {
		conf_done(&fresh);
		add(to, "settings", "Settings", CHECK_OK, NULL, "%s",
		    file ? file : "no file, the built-in ones");
	} else {
		add(to, "settings", "Settings", CHECK_WARN,
		    "edit what ccapictl config check names, then ccapictl config reload",
		    "%.*s; the next start or reload would fail",
		    (int)(errors.len ? strcspn(errors.data, "\n") : strlen(err_str(rc))),
		    errors.len ? errors.data : err_str(rc));
	}
	free(file);
	buf_done(&errors);
}

static void check_service(struct report *to)
{
	const char *state = service_state(to->control);
	bool serves = strcmp(state, "serving") == 0, paused = strcmp(state, "paused") == 0;

	add(to, "service", "Service",
	    serves   ? CHECK_OK
	    : paused ? CHECK_WARN
		     : CHECK_FAIL,
	    paused ? "ccapictl resume" : "see what fails below", "%s",
	    paused ? "paused: requests wait in the queue" : state);
}

void command_doctor(struct verb_call *r)
{
	struct report to = {.control = r->control, .rows = json_array(), .ok = true};

	check_service(&to);
	check_cli(&to);
	check_selftest(&to);
	check_overhead(&to);
	check_login(&to);
	check_workers(&to);
	check_plan(&to);
	check_state(&to);
	check_disk(&to);
	check_redis(&to);
	check_keys(&to);
	check_socket(&to);
	check_settings(&to);
	verb_call_answer(r, json_pack("{sb so}", "ok", to.ok, "checks", to.rows));
}
