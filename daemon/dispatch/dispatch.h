/* Who runs when: the queue in front of the pool, deadlines, the single retry, cancellation. */
#ifndef DAEMON_DISPATCH_DISPATCH_H
#define DAEMON_DISPATCH_DISPATCH_H

#include <stdbool.h>
#include <uv.h>

#include "daemon/dispatch/job.h"

struct pool;
struct dispatch;

struct dispatch_conf {
	unsigned queue_max;
	int64_t queue_timeout_ms, request_timeout_ms;
	double plan_reserve; /* low lane waits while a plan window is used beyond this */
};

struct dispatch *dispatch_new(uv_loop_t *loop, struct pool *pool, const struct dispatch_conf *conf);
void dispatch_configure(struct dispatch *d, const struct dispatch_conf *conf);

/* Admits the job to the queue.  FAULT_NONE: accepted, ops->done will come (never during this call).
 * Otherwise refused: job->result says why (retry_after_ms, message), ops->done is not called. */
enum fault dispatch_submit(struct dispatch *d, struct job *job);

/* The client went away, or an operator ends it.  ops->done still comes, with FAULT_CANCELLED and
 * what was spent.  No-op for ended jobs. */
void dispatch_cancel(struct dispatch *d, struct job *job);

/* The client reads too slowly (true) or has caught up (false): the worker's output is left unread
 * meanwhile. */
void dispatch_pause(struct dispatch *d, struct job *job, bool paused);

/* By an operator's order: jobs are taken and wait, none is given to a worker.  The queue's time-out
 * stands still meanwhile, and so does the job's own unless its client has asked for one; nothing is
 * refused until the queue is full. */
void dispatch_hold(struct dispatch *d, bool held);
bool dispatch_is_held(const struct dispatch *d);
int64_t dispatch_held_us(const struct dispatch *d); /* how long it was held so far, in all */

void dispatch_drain(struct dispatch *d);     /* refuse new jobs, finish the accepted ones */
void dispatch_abort_all(struct dispatch *d); /* end every job now, with FAULT_OVERLOADED */
unsigned dispatch_open_jobs(const struct dispatch *d); /* queued and running */
unsigned dispatch_queued(const struct dispatch *d);
unsigned dispatch_running(const struct dispatch *d);
bool dispatch_draining(const struct dispatch *d);
void dispatch_free(struct dispatch *d, void (*closed)(void *ctx),
		   void *ctx); /* no jobs may be open */

#endif
