/* What the pool's files share: pool.c (jobs, what workers say, life), pool_population.c (how many
 * workers), pool_gate.c (whether anything may be served).  For nobody else. */
#ifndef DAEMON_POOL_POOL_PRIVATE_H
#define DAEMON_POOL_POOL_PRIVATE_H

#include "daemon/pool/backoff.h"
#include "daemon/pool/cli_env.h"
#include "daemon/pool/gate.h"
#include "daemon/pool/pool.h"
#include "daemon/pool/worker.h"

struct pool {
	uv_loop_t *loop;
	const struct conf *conf;
	struct pool_events events;
	struct gate *gate;
	bool gate_open, gate_running, stopping, login_known, any_ready, serial_starts;
	bool renewal_due;     /* when the check that runs is over */
	bool version_doubted; /* since the last worker that was as tested */
	enum pool_health health;
	char detail[512];
	struct worker_spec spec;
	struct string_list argv, env;
	char *cwd, *tmp_root, *sessions_dir, *system_prompt;
	struct worker *workers; /* every process, the youngest last */
	unsigned last_id, wanting;
	unsigned scale;        /* in place of pool.workers, by order; 0: none was given */
	char login_words[192]; /* whose login serves, as the CLI says; "": not known */
	char start_why[96];    /* the last start failed by */
	struct backoff starts;
	int64_t gate_retry_at_us, gate_retry_ms;
	int64_t restock_at_us; /* spares are not replaced before */
	struct models models;
	struct plan_limits plan;
	uv_timer_t tick;
	uv_async_t wake; /* capacity() is told from the loop, never from inside a call */
	unsigned open_handles;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* ---- pool.c ---- */

extern const struct worker_events pool_worker_events;
unsigned pool_count_state(const struct pool *p, enum worker_state state);
bool pool_past_its_time(const struct pool *p, struct worker *w); /* by requests, age or memory */

/* Slows the starts down; after several failures the pool says that it cannot serve. */
void pool_start_failed(struct pool *p, unsigned id, const char *why);

/* ---- pool_population.c ---- */

/* Starts and retires workers until their number is right; the only place that does. */
void pool_tend(struct pool *p);
void pool_fresh_taken(struct pool *p); /* a worker is about to serve its first request */
void pool_tick(uv_timer_t *timer);
void pool_woken(uv_async_t *async);

/* ---- pool_gate.c ---- */

void pool_set_health(struct pool *p, enum pool_health health, const char *detail);
void pool_close_gate(struct pool *p, enum pool_health health,
		     const char *detail); /* tried again later */
void pool_check_gate(struct pool *p);
void pool_login_lost(struct pool *p); /* the CLI or upstream says that the login does not work */
bool pool_make_spec(
	struct pool *p); /* from the configuration and the gate's result; false: out of memory */

#endif
