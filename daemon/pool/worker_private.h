/* What the three files of a worker share: worker.c (states, turns, time), worker_process.c (start
 * and end of the process), worker_io.c (its pipes).  For nobody else. */
#ifndef DAEMON_POOL_WORKER_PRIVATE_H
#define DAEMON_POOL_WORKER_PRIVATE_H

#include "daemon/pool/worker.h"

/* What the worker's one timer stands for. */
enum timer_kind {
	TIMER_NONE,
	TIMER_START,
	TIMER_LATE_INIT,
	TIMER_FIRST_BYTE,
	TIMER_IDLE,
	TIMER_INTERRUPT,
	TIMER_RESET,
	TIMER_PIPE_CLOSED,
	TIMER_TERM,
	TIMER_KILL
};

/* ---- worker.c ---- */

void worker_enter(struct worker *w,
		  enum worker_state state); /* the only place that changes the state */
void worker_set_timer(struct worker *w, enum timer_kind kind, int64_t ms);
void worker_write_initialize(struct worker *w, const char *system_prompt, struct buf *out);
void worker_take_line(struct worker *w, const char *line, size_t len);

/* ---- worker_process.c ---- */

/* For anything doubtful: the process is killed and the owner told why. */
void worker_distrust(struct worker *w, const char *why);

/* ---- worker_io.c ---- */

int worker_read_begin(struct worker *w);               /* stdout and stderr */
void worker_read_pause(struct worker *w, bool paused); /* stdout only */
void worker_read_rest(struct worker *w);               /* of a dead process that was at work */

/* Writes the buffer's content, which is taken.  When that cannot be done the process is killed. */
void worker_write(struct worker *w, struct buf *lines);

#endif
