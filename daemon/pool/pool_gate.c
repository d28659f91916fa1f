/* Whether the pool may serve: its health, the gate in front of the first worker, the login behind
 * it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/log.h"

#include "daemon/pool/pool_private.h"

enum { LOGIN_END_NEAR_MS = 10 * 60 * 1000, RETRY_GATE_MS = 10000, RETRY_GATE_MAX_MS = 60000 };

const char *pool_health_name(enum pool_health health)
{
	static const char *const names[] = {"starting",    "ready",      "cli_not_found",
					    "cli_too_old", "cli_unsafe", "not_logged_in",
					    "failing",     "stopped"};

	return names[health];
}

void pool_set_health(struct pool *p, enum pool_health health, const char *detail)
{
	if (health != p->health || strcmp(detail, p->detail) != 0) {
		if (health == POOL_READY)
			log_info("pool", "ready to serve");
		else if (health != POOL_STARTING)
			log_error("pool", "cannot serve (%s): %s", pool_health_name(health),
				  detail);
	}
	p->health = health;
	if (detail != p->detail)
		snprintf(p->detail, sizeof p->detail, "%s", detail);
	uv_async_send(&p->wake);
}

/* After a failure the gate is tried again, less and less often: the cure may come without a word to
 * the daemon. */
void pool_close_gate(struct pool *p, enum pool_health health, const char *detail)
{
	p->gate_open = false;
	p->gate_retry_ms = p->gate_retry_ms ? p->gate_retry_ms * 2 : RETRY_GATE_MS;
	if (p->gate_retry_ms > RETRY_GATE_MAX_MS)
		p->gate_retry_ms = RETRY_GATE_MAX_MS;
	p->gate_retry_at_us = clock_mono_us() + p->gate_retry_ms * 1000;
	pool_set_health(p, health, detail);
}

void pool_login_lost(struct pool *p)
{
	char detail[512];

	if (p->health == POOL_NOT_LOGGED_IN && p->gate_retry_at_us > clock_mono_us())
		return; /* told already */
	snprintf(detail, sizeof detail,
		 "the login does not work: run `claude` as the user who serves and /login, or put "
		 "a token from `claude "
		 "setup-token` into %s/claude-token (mode 0600), then reload",
		 p->conf->state_dir);
	pool_close_gate(p, POOL_NOT_LOGGED_IN, detail);
}

/* ---- the gate ---- */

static void open_gate(struct pool *p)
{
	p->gate_open = true;
	if (p->health != POOL_READY)
		pool_set_health(p, POOL_STARTING, "");
	pool_tend(p);
}

static void login_told(void *ctx, const struct login_status *status)
{
	struct pool *p = ctx;
	bool asked_first = p->gate_running;

	p->gate_running = false;
	p->login_known = true;
	snprintf(p->login_words, sizeof p->login_words, "%s",
		 status->known && status->logged_in ? status->words : "");
	p->serial_starts = status->expires_at_ms > 0 &&
			   status->expires_at_ms - clock_wall_ms() < LOGIN_END_NEAR_MS;
	if (!status->known && !asked_first && p->spec.body_mode)
		return; /* nothing was learned; the first requests will tell */
	if (!status->logged_in) {
		pool_login_lost(p);
		return;
	}
	if (asked_first)
		open_gate(p);
	log_info("pool", "served by %s: %s", gate_result(p->gate)->login.words, status->words);
	if (status->has_email && !p->spec.body_mode) {
		pool_close_gate(
			p, POOL_CLI_UNSAFE,
			"in replay mode the CLI would send the owner's e-mail address with "
			"every conversation: use "
			"a configuration directory that never saw an interactive login, and a "
			"token");
		return;
	}
	if (p->health == POOL_STARTING && pool_count_state(p, WORKER_READY) > 0)
		pool_set_health(p, POOL_READY, "");
}

/* Strings that workers look at in their whole life are the pool's own copies: a reload or a new
 * check frees the originals. */
static bool own_string(char **own, const char *value)
{
	char *copy = strdup(value ? value : "");

	if (!copy)
		return false;
	free(*own);
	*own = copy;
	return true;
}

bool pool_make_spec(struct pool *p)
{
	const struct gate_result *r = gate_result(p->gate);
	const struct conf *c = p->conf;

	if (!own_string(&p->sessions_dir, r->login.sessions_dir) ||
	    !own_string(&p->system_prompt, c->claude.system_prompt))
		return false;
	p->spec = (struct worker_spec){
		.spawn = {.path = r->binary.path,
			  .argv = p->argv.items,
			  .env = p->env.items,
			  .cwd = p->cwd},
		.tmp_root = p->tmp_root,
		.config_dir = p->sessions_dir,
		.system_prompt = p->system_prompt,
		.body_mode = r->body_mode,
		.one_shot = r->one_shot || c->pool.reuse == CONF_REUSE_NEVER,
		.start_timeout = c->pool.start_timeout,
		.first_byte_timeout = c->pool.first_byte_timeout,
		.idle_timeout = c->pool.idle_timeout,
		.interrupt_timeout = c->pool.interrupt_timeout,
		.stop_timeout = c->pool.stop_timeout,
		.max_line = (size_t)c->pool.max_line,
		.max_answer = (size_t)c->pool.max_answer,
	};
	return true;
}

static bool make_command(struct pool *p)
{
	const struct gate_result *r = gate_result(p->gate);

	string_list_done(&p->argv);
	string_list_done(&p->env);
	cli_argv(&p->argv, r->binary.path, r->version);
	cli_env(&p->env, &r->login.cli, p->conf, &p->conf->claude.env);
	return !p->argv.failed && !p->env.failed && pool_make_spec(p);
}

static void gate_checked(void *ctx)
{
	struct pool *p = ctx;
	const struct gate_result *r = gate_result(p->gate);

	p->gate_running = false;
	if (p->stopping)
		return;
	if (r->health != POOL_READY) {
		pool_close_gate(p, r->health, r->detail);
		return;
	}
	if (!make_command(p)) {
		pool_close_gate(p, POOL_FAILING, "out of memory");
		return;
	}
	p->login_known = false;
	/* Where the login failed before, the CLI is asked first; else workers start while it is
	 * asked. */
	if (p->health == POOL_NOT_LOGGED_IN)
		p->gate_running = true;
	else
		open_gate(p);
	if (gate_ask_login(p->gate, login_told, p) != 0) {
		p->gate_running = false;
		pool_close_gate(p, POOL_FAILING, "out of memory");
	}
}

/* Workers of an earlier check serve no new request once it began: they may be of another build or
 * login. */
void pool_check_gate(struct pool *p)
{
	struct worker *w, *next;

	if (p->gate_running || p->stopping)
		return;
	p->gate_open = false;
	p->gate_running = true;
	DL_FOREACH_SAFE(p->workers, w, next)
	{
		w->retire = true;
		if (w->state == WORKER_READY)
			worker_stop(w);
	}
	if (p->health == POOL_READY)
		pool_set_health(p, POOL_STARTING, "");
	gate_check(p->gate, gate_checked, p);
}

/* ---- what has changed ---- */

static bool login_changed(const struct pool *p)
{
	const struct login *old = &gate_result(p->gate)->login;
	struct login now;
	bool changed;

	if (login_choose(p->conf, &now) != 0)
		return true;
	changed = strcmp(now.home, old->home ? old->home : "") != 0 ||
		  strcmp(now.token ? now.token : "", old->token ? old->token : "") != 0;
	login_done(&now);
	return changed;
}

/* Time-outs hold from the next request on; what a process is started with, its login above all,
 * takes new processes. */
void pool_reconfigure(struct pool *p)
{
	p->gate_retry_ms = 0;
	p->gate_retry_at_us = 0;
	p->scale = 0;
	if (p->gate_running)
		return;
	if (!p->gate_open || login_changed(p) || !pool_make_spec(p))
		pool_check_gate(p);
	else
		pool_tend(p);
}

void pool_renew(struct pool *p)
{
	p->gate_retry_ms = 0;
	p->gate_retry_at_us = 0;
	p->renewal_due = p->gate_running; /* that check may have read the login already */
	pool_check_gate(p);
}
