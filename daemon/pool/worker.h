/* One CLI process and the one request it may be serving.  See worker.c for its life. */
#ifndef DAEMON_POOL_WORKER_H
#define DAEMON_POOL_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "shared/buf.h"

#include "daemon/dispatch/job.h"
#include "daemon/pool/spawn.h"
#include "daemon/pool/turn.h"

enum worker_state {
	WORKER_STARTING,  /* spawned, initialize is not answered */
	WORKER_READY,     /* waits for a job */
	WORKER_BUSY,      /* serves one */
	WORKER_RESETTING, /* the job has ended, the conversation is being removed */
	WORKER_DRAINING,  /* told to end, not yet gone */
	WORKER_DEAD
};

/* How workers are run; shared by all of a pool, outlives them. */
struct worker_spec {
	struct spawn_spec spawn; /* env without the temp directory, which is each worker's own */
	const char *tmp_root;    /* each worker gets tmp_root/<id>, removed when it is gone */
	const char *config_dir; /* where a killed process may leave its session file; NULL: not ours
				   to tidy */
	const char *system_prompt;
	bool body_mode;
	bool one_shot;  /* no reset: one job per process */
	bool late_init; /* set_model cannot change the system prompt: initialize only when the job
			   is known */
	int64_t start_timeout, first_byte_timeout, idle_timeout, interrupt_timeout,
		stop_timeout; /* ms */
	size_t max_line, max_answer;
};

struct worker;

/* The worker's words to its owner; called from the loop, never from inside a worker_* call.  The
 * worker is in its new state already, and stays allocated until `gone` returns. */
struct worker_events {
	void (*ready)(struct worker *w); /* STARTING or RESETTING -> READY */
	void (*turn_end)(struct worker *w, struct job *job,
			 bool login_rejected); /* the job is the owner's again */
	void (*initialized)(struct worker *w, const json_t *reply); /* version, models, account */
	void (*plan)(struct worker *w, const json_t *info);
	void (*failed)(struct worker *w, const char *why); /* left the path of duty: now DRAINING */
	void (*gone)(struct worker *w);                    /* reaped; the owner calls worker_free */
	/* It has entered another state, or a request has begun; also from inside worker_* calls:
	 * for the record only.  NULL: nobody keeps one. */
	void (*changed)(struct worker *w);
};

struct worker {
	unsigned id;
	enum worker_state state;
	char project[65]; /* bound to it; "" while fresh */
	unsigned requests;
	int64_t started_us, idle_since_us, last_rss_check_us;
	int64_t since_us; /* in this state */
	int64_t rss;      /* bytes, as last looked at; 0: not yet */
	bool retire;      /* not to be given another job */
	bool was_ready;   /* came to READY at least once */
	char version[32];
	char why[96]; /* what it failed by; "": it did not */
	struct turn turn;
	void *owner;
	struct worker *prev, *next; /* the owner's list */

	/* private */
	const struct worker_spec *spec;
	const struct worker_events *events;
	struct child child;
	uv_timer_t timer;
	unsigned timer_kind;
	bool timer_closed, child_closed, initialize_sent, paused, reading;
	char *tmp_dir;
	struct buf in;  /* bytes of stdout that make no whole line yet */
	size_t scanned; /* of `in`: known to hold no newline */
	struct buf err; /* the last bytes of stderr */
	int64_t last_output_us;
	struct job_usage usage_total;
	unsigned serial; /* of control requests */
};

/* Starts a process; NULL when that fails at once (logged).  The events follow from the loop. */
struct worker *worker_start(uv_loop_t *loop, unsigned id, const struct worker_spec *spec,
			    const struct worker_events *events, void *owner);
void worker_free(struct worker *w); /* only after `gone` */

void worker_run(struct worker *w, struct job *job);  /* READY -> BUSY */
void worker_abort(struct worker *w, enum fault why); /* BUSY: ends the turn by an interrupt */
void worker_pause(struct worker *w, bool paused);    /* BUSY: leave the output unread */
void worker_stop(struct worker *w);                  /* -> DRAINING, politely */
void worker_kill(struct worker *w);                  /* -> DRAINING, at once */

const char *worker_state_name(enum worker_state state);
int64_t worker_read_rss(struct worker *w); /* bytes from /proc; 0 if it cannot be told */

#endif
