/* A pool that runs nothing: the test says who may run, and ends attempts by hand. */
#ifndef TESTS_UNIT_DISPATCH_FAKES_H
#define TESTS_UNIT_DISPATCH_FAKES_H

#include "daemon/dispatch/dispatch.h"
#include "daemon/pool/pool.h"

enum { FAKE_JOBS_MAX = 32 };

struct fakes {
	uv_loop_t loop;
	struct dispatch *dispatch;
	struct dispatch_conf conf;

	/* the pool */
	struct pool_events events;
	enum pool_health health;
	struct plan_limits plan;
	unsigned free_workers;
	const char *refused_project; /* gets refused_rc instead of a worker */
	int refused_rc;
	struct job *running[FAKE_JOBS_MAX];
	unsigned running_count, runs, wanted;
	struct job *aborted, *paused;
	enum fault abort_fault;
	unsigned aborts;
	bool is_paused;

	/* jobs */
	struct job *jobs[FAKE_JOBS_MAX];
	unsigned done[FAKE_JOBS_MAX], jobs_count, restarts;
	char order[256]; /* ids of jobs in the order of their starts */
	bool in_call;    /* the test is inside a call of dispatch: done() must not come */
	void (*on_done)(struct job *job);
};

extern struct fakes fakes;

int fakes_setup(void **state); /* no free worker, queue of 4, clocks frozen */
int fakes_teardown(void **state);

/* A job of the given id; the test's reference is dropped by the teardown. */
struct job *fake_job(const char *id, enum job_lane lane);
enum fault fake_submit(struct job *job);
struct job *fake_submitted(const char *id, enum job_lane lane); /* accepted */
void fake_cancel(struct job *job);
unsigned fake_done(const struct job *job); /* calls of done() so far */

void fake_free_workers(unsigned n); /* so many more, and tells dispatch */
void fake_turn_end(struct job *job, enum fault fault);
void fake_loop(void); /* lets the loop bring what is due */
void fake_tick(void); /* the deadlines' timer fires, if it is armed */
bool fake_timer_is_armed(void);

#endif
