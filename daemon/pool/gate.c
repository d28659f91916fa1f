/* The gate's steps, each started by the one before:
 *
 *   find the program ─► known from the cache? ───────── yes ────────┐
 *                              │ no                                 ▼
 *                              └─► claude --version ─► self-test ─► judge ─► login ─► done
 *
 * Nothing is served by a CLI that is too old or failed an item that safety rests on; a missing
 * convenience (system prompt of a live worker, reset) costs speed, not safety: one process per
 * request then. */
#include "daemon/pool/gate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/err.h"
#include "shared/log.h"
#include "shared/str.h"

#include "daemon/pool/cli_env.h"
#include "daemon/pool/command.h"
#include "daemon/pool/gate_cache.h"

enum { VERSION_TIMEOUT_MS = 20000, STATUS_TIMEOUT_MS = 20000 };

struct gate {
	uv_loop_t *loop;
	const struct conf *conf;
	struct gate_result result;
	char *cache_path, *scratch_dir, *empty_dir;
	struct command *version, *status; /* running and wanted */
	unsigned commands;                /* running, cancelled ones too */
	struct selftest *selftest;
	uv_timer_t later; /* brings answers that were known at once */
	bool closing, timer_closed;
	void (*done)(void *ctx);
	void *ctx;
	void (*status_done)(void *ctx, const struct login_status *status);
	void *status_ctx;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static void finish_close(struct gate *g)
{
	struct gate_result *r = &g->result;

	if (!g->closing || !g->timer_closed || g->selftest || g->commands)
		return;
	cli_binary_done(&r->binary);
	login_done(&r->login);
	free(g->cache_path);
	free(g->scratch_dir);
	free(g->empty_dir);
	g->closed(g->closed_ctx);
	free(g);
}

static void tell_done(uv_timer_t *timer)
{
	struct gate *g = timer->data;

	g->done(g->ctx);
}

static void conclude(struct gate *g, enum pool_health health)
{
	g->result.health = health;
	uv_timer_start(&g->later, tell_done, 0, 0);
}

#define SET_DETAIL(g, ...) snprintf((g)->result.detail, sizeof(g)->result.detail, __VA_ARGS__)

/* ---- judging ---- */

static void take_login(struct gate *g)
{
	struct gate_result *r = &g->result;

	login_done(&r->login);
	if (login_choose(g->conf, &r->login) != 0) {
		SET_DETAIL(g, "out of memory");
		conclude(g, POOL_FAILING);
	} else if (r->login.problem[0]) {
		SET_DETAIL(g, "%s", r->login.problem);
		conclude(g, POOL_NOT_LOGGED_IN);
	} else if (r->login.cli.user && !r->body_mode) {
		SET_DETAIL(g,
			   "a user's own login is served in body mode only, which this CLI does "
			   "not honour (or "
			   "claude.history forbids): set claude.login = \"own\" and put a token "
			   "from `claude "
			   "setup-token` into %s/claude-token",
			   g->conf->state_dir);
		conclude(g, POOL_CLI_UNSAFE);
	} else {
		conclude(g, POOL_READY);
	}
}

static void name_failed_items(const struct selftest_report *report, char *to, size_t size)
{
	size_t len = 0;

	to[0] = '\0';
	for (int i = 0; i < SELFTEST_ITEMS; i++) {
		if (report->passed[i] || len >= size)
			continue;
		len += (size_t)snprintf(to + len, size - len, "%s%s", len ? "; " : "",
					selftest_item_text((enum selftest_item)i));
	}
}

static void choose_mode(struct gate *g)
{
	const bool *passed = g->result.report.passed;
	struct gate_result *r = &g->result;

	r->body_mode = passed[SELFTEST_BODY] && g->conf->claude.history != CONF_HISTORY_REPLAY;
	r->late_init = !passed[SELFTEST_SYSTEM_PROMPT];
	r->one_shot = r->late_init || !passed[SELFTEST_RESET];
	if (!r->body_mode)
		log_info("gate", "conversations are replayed turn by turn: %s",
			 passed[SELFTEST_BODY] ? "claude.history = \"replay\""
					       : "this CLI does not take them in the body");
	if (r->late_init || !passed[SELFTEST_RESET])
		log_warn("gate", "this CLI's workers cannot be used twice: one process per "
				 "request, which is slow");
	if (!passed[SELFTEST_MAX_TOKENS])
		log_warn("gate", "this CLI does not honour max_tokens");
}

static void judge(struct gate *g)
{
	struct gate_result *r = &g->result;
	char failed[300];

	name_failed_items(&r->report, failed, sizeof failed);
	if (!r->report.ran) {
		SET_DETAIL(g, "the self-test could not run %s: %s", r->binary.path,
			   r->report.error);
		conclude(g, POOL_FAILING);
	} else if (!selftest_is_safe(&r->report)) {
		SET_DETAIL(g, "refusing to serve with this CLI, %s; what is not true of it: %s",
			   r->version_text, failed);
		conclude(g, POOL_CLI_UNSAFE);
	} else if (g->conf->claude.history == CONF_HISTORY_BODY &&
		   !r->report.passed[SELFTEST_BODY]) {
		SET_DETAIL(g, "claude.history = \"body\", but it is not true of this CLI that %s",
			   selftest_item_text(SELFTEST_BODY));
		conclude(g, POOL_CLI_UNSAFE);
	} else {
		choose_mode(g);
		take_login(g);
	}
}

/* ---- version and self-test ---- */

static void selftest_done(void *ctx, const struct selftest_report *report)
{
	struct gate *g = ctx;

	g->selftest = NULL;
	if (g->closing) {
		finish_close(g);
		return;
	}
	g->result.report = *report;
	if (report->ran)
		gate_cache_store(g->cache_path, &g->result);
	log_info("gate", "self-test of %s %s: %s", g->result.binary.path, g->result.version_text,
		 !report->ran               ? "could not run"
		 : selftest_is_safe(report) ? "safe"
					    : "NOT safe");
	judge(g);
}

static void announce(struct gate *g)
{
	struct gate_result *r = &g->result;

	r->is_sim = strstr(r->version_text, "claude-sim") != NULL;
	if (r->is_sim)
		log_warn("gate",
			 "*** claude-sim is in use: NO ANSWER IS REAL, no model is asked ***");
	log_info("gate", "using %s, version %s", r->binary.path, r->version_text);
}

static void test_version(struct gate *g)
{
	struct gate_result *r = &g->result;

	announce(g);
	if (!cli_version_serves(r->version)) {
		SET_DETAIL(g, "%s is version %s; at least %d.%d.%d is needed: run `claude update`",
			   r->binary.path, r->version_text, CLI_OLDEST_MAJOR, CLI_OLDEST_MINOR,
			   CLI_OLDEST_PATCH);
		conclude(g, POOL_CLI_TOO_OLD);
		return;
	}
	g->selftest = selftest_run(g->loop, g->conf, r->binary.path, r->version, g->scratch_dir,
				   selftest_done, g);
	if (!g->selftest) {
		r->report = (struct selftest_report){.error = "no loopback port or no memory"};
		judge(g);
	}
}

/* A command has ended; false: it was cancelled, and its answer is not wanted any more. */
static bool command_answers(struct gate *g, int status)
{
	g->commands--;
	if (status != COMMAND_CANCELLED)
		return true;
	finish_close(g);
	return false;
}

static void version_done(void *ctx, int status, const char *output)
{
	struct gate *g = ctx;
	struct gate_result *r = &g->result;
	char first_line[64];

	if (!command_answers(g, status))
		return;
	g->version = NULL;
	snprintf(first_line, sizeof first_line, "%.*s", (int)strcspn(output, "\n"), output);
	str_copy_clean(r->version_text, sizeof r->version_text, first_line);
	r->version = cli_version_number(output);
	if (status != 0 || r->version < 0) {
		SET_DETAIL(g, "`%s --version` did not answer with a version (status %d)",
			   r->binary.path, status);
		conclude(g, POOL_FAILING);
		return;
	}
	test_version(g);
}

/* Runs the CLI with the login it would serve with. */
static int run_cli(struct gate *g, const char *const *args, int64_t timeout_ms,
		   void (*done)(void *ctx, int status, const char *output), struct command **ret)
{
	struct cli_login scratch = {.home = g->scratch_dir, .config_dir = g->scratch_dir};
	const struct login *login = &g->result.login;
	struct string_list argv = {0}, env = {0};
	struct spawn_spec spec = {.path = g->result.binary.path, .cwd = g->empty_dir};
	int rc = -ENOMEM;

	string_list_add(&argv, spec.path);
	for (size_t i = 0; args[i]; i++)
		string_list_add(&argv, args[i]);
	cli_env(&env, login->cli.home ? &login->cli : &scratch, g->conf, &g->conf->claude.env);
	spec.argv = argv.items;
	spec.env = env.items;
	if (!argv.failed && !env.failed)
		rc = command_run(g->loop, &spec, timeout_ms, done, g, ret);
	g->commands += rc == 0;
	string_list_done(&argv);
	string_list_done(&env);
	return rc;
}

void gate_check(struct gate *g, void (*done)(void *ctx), void *ctx)
{
	static const char *const version_args[] = {"--version", NULL};
	struct gate_result *r = &g->result;
	int rc;

	command_cancel(g->status); /* it asks about the login of the check before */
	g->status = NULL;
	g->done = done;
	g->ctx = ctx;
	cli_binary_done(&r->binary);
	login_done(&r->login);
	r->detail[0] = r->version_text[0] = '\0';
	r->version = -1;
	r->report = (struct selftest_report){.overhead = {-1, -1}};
	rc = cli_binary_find(g->conf->claude.path, getenv("HOME"), &r->binary);
	if (rc != 0) {
		if (g->conf->claude.path[0])
			SET_DETAIL(g, "claude.path = \"%s\" cannot be run: %s",
				   g->conf->claude.path, err_str(rc));
		else
			SET_DETAIL(g, "no `claude` in PATH or the usual places: install it (npm "
				      "install -g "
				      "@anthropic-ai/claude-code) or set claude.path");
		conclude(g, POOL_CLI_NOT_FOUND);
	} else if (gate_cache_load(g->cache_path, r)) {
		announce(g);
		judge(g);
	} else if (run_cli(g, version_args, VERSION_TIMEOUT_MS, version_done, &g->version) != 0) {
		SET_DETAIL(g, "out of memory");
		conclude(g, POOL_FAILING);
	}
}

const struct gate_result *gate_result(const struct gate *g)
{
	return &g->result;
}

bool gate_is_current(const struct gate *g)
{
	return g->result.binary.path && cli_binary_unchanged(&g->result.binary);
}

void gate_forget(struct gate *g)
{
	if (unlink(g->cache_path) != 0 && errno != ENOENT)
		log_warn("gate", "cannot remove %s: %s", g->cache_path, err_str(-errno));
}

/* ---- login ---- */

static void status_done(void *ctx, int status, const char *output)
{
	struct login_status answer;
	struct gate *g = ctx;

	if (!command_answers(g, status))
		return;
	g->status = NULL;
	login_parse_status(output, &answer);
	if (status != 0 && status != 1)
		log_warn("gate", "`claude auth status` did not answer (status %d)", status);
	answer.known = status == 0 || status == 1;
	answer.logged_in = answer.logged_in && status == 0;
	g->status_done(g->status_ctx, &answer);
}

int gate_ask_login(struct gate *g, void (*done)(void *ctx, const struct login_status *status),
		   void *ctx)
{
	static const char *const args[] = {"auth", "status", NULL};

	if (g->status)
		return 0;
	g->status_done = done;
	g->status_ctx = ctx;
	return run_cli(g, args, STATUS_TIMEOUT_MS, status_done, &g->status);
}

/* ---- life ---- */

struct gate *gate_new(uv_loop_t *loop, const struct conf *conf)
{
	struct gate *g = calloc(1, sizeof *g);

	if (!g)
		return NULL;
	g->loop = loop;
	g->conf = conf;
	if (asprintf(&g->cache_path, "%s/selftest.json", conf->state_dir) < 0)
		g->cache_path = NULL;
	if (asprintf(&g->scratch_dir, "%s/selftest", conf->state_dir) < 0)
		g->scratch_dir = NULL;
	if (asprintf(&g->empty_dir, "%s/empty", conf->state_dir) < 0)
		g->empty_dir = NULL;
	if (!g->cache_path || !g->scratch_dir || !g->empty_dir) {
		free(g->cache_path);
		free(g->scratch_dir);
		free(g->empty_dir);
		free(g);
		return NULL;
	}
	uv_timer_init(loop, &g->later);
	g->later.data = g;
	return g;
}

static void timer_closed(uv_handle_t *handle)
{
	struct gate *g = handle->data;

	g->timer_closed = true;
	finish_close(g);
}

void gate_close(struct gate *g, void (*closed)(void *ctx), void *ctx)
{
	g->closing = true;
	g->closed = closed;
	g->closed_ctx = ctx;
	command_cancel(g->version);
	command_cancel(g->status);
	g->version = g->status = NULL;
	if (g->selftest)
		selftest_cancel(g->selftest);
	uv_close((uv_handle_t *)&g->later, timer_closed);
}
