/* The supervised set of CLI workers: finds and gates the CLI, keeps the right number of processes
 * alive, gives a job to a worker, takes doubtful ones out.  One loop; no other thread touches it.
 */
#ifndef DAEMON_POOL_POOL_H
#define DAEMON_POOL_POOL_H

#include <stdbool.h>
#include <uv.h>

#include "daemon/conf/conf.h"
#include "daemon/dispatch/job.h"
#include "daemon/pool/models.h"
#include "daemon/pool/plan_limits.h"

struct pool;

/* Whether work can be taken; the names are those of /ready's `reason`. */
enum pool_health {
	POOL_STARTING,
	POOL_READY,
	POOL_CLI_NOT_FOUND,
	POOL_CLI_TOO_OLD,
	POOL_CLI_UNSAFE, /* the self-test found a safety item failing */
	POOL_NOT_LOGGED_IN,
	POOL_FAILING, /* workers do not start: the breaker is open */
	POOL_STOPPED
};

/* The pool's words to its owner (dispatch).  Never called from inside a pool_* call. */
struct pool_events {
	void (*capacity)(void *ctx); /* a job may find a worker, or health changed */
	void (*turn_end)(void *ctx, struct job *job); /* an attempt is over: job->result says how;
							 the job is the owner's again */
	void *ctx;
};

struct pool *
pool_new(uv_loop_t *loop,
	 const struct conf *conf); /* conf must outlive the pool; NULL: out of memory */
void pool_listen(struct pool *p, const struct pool_events *events);
int pool_start(
	struct pool *p); /* begins gate and spawning; 0 or -errno (state directory unusable) */
void pool_reconfigure(struct pool *p); /* the values behind `conf` have changed */

/* Gives the job to a worker that may serve its project.  0: running, turn_end will come.  -EBUSY:
 * none free for anybody; -EALREADY: its project's workers are all at work; -EAGAIN: a fresh worker
 * would be needed. */
int pool_run(struct pool *p, struct job *job);
/* How many queued jobs found no worker that their project may use: the pool makes room for fresh
 * ones. */
void pool_want_fresh(struct pool *p, unsigned jobs);
/* Interrupts the job's turn; turn_end comes with `why` (or with the answer, if that was complete
 * already). */
void pool_abort(struct pool *p, struct job *job, enum fault why);
void pool_pause(struct pool *p, struct job *job,
		bool paused); /* leave the worker's output unread */

enum pool_health pool_health(const struct pool *p);
const char *pool_health_name(enum pool_health health); /* "ready", "cli_not_found", ... */
const char *pool_health_detail(
	const struct pool *p); /* words for the operator, with the cure; never for clients */
bool pool_body_mode(const struct pool *p); /* false: replay; known once health is POOL_READY */
const struct models *
pool_models(const struct pool *p); /* the CLI's catalogue; empty until a worker has started */
const struct plan_limits *pool_plan(const struct pool *p);
const char *
pool_login_words(const struct pool *p); /* whose it is, as the CLI says; "": not known */
const char *pool_cli_version(const struct pool *p); /* of the tested program; "": not known yet */

struct pool_counts {
	unsigned starting, ready, busy, resetting, draining;
};
void pool_count(const struct pool *p, struct pool_counts *ret_counts);

/* ---- by an operator's order ---- */

/* 0; -ENOENT: there is no such worker; -EALREADY: it is leaving.  restart: at once, a request that
 * it serves is tried once more if it may be; drain: after the request that it serves. */
int pool_restart_worker(struct pool *p, unsigned id);
int pool_drain_worker(struct pool *p, unsigned id);
/* How many workers there are to be, until pool_reconfigure. */
void pool_scale(struct pool *p, unsigned workers);
unsigned pool_most_workers(const struct pool *p);
/* All processes are replaced, each after its request: what they were started with has changed. */
void pool_renew(struct pool *p);

struct gate_result;
const struct gate_result *pool_gate_result(const struct pool *p); /* of the last check */

/* Ends and reaps every worker, then calls `closed` from the loop and frees the pool. */
void pool_stop(struct pool *p, void (*closed)(void *ctx), void *ctx);
void pool_kill_all(struct pool *p); /* SIGKILL now; for the second SIGTERM */

#endif
