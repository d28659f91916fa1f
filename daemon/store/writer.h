/* The writer: the one thread that changes the file.  The loop thread queues operations; all that
 * are queued when the writer looks become one transaction, and each comes back to the loop thread
 * once it is durable or has failed. */
#ifndef DAEMON_STORE_WRITER_H
#define DAEMON_STORE_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/store/op.h"
#include "daemon/store/problem.h"

struct writer;

/* What the loop thread knows of the writer. */
struct writer_report {
	struct problem problem;
	bool opened; /* the file was opened and can be read */
	int64_t first_id, holds_closed;
	size_t lost; /* at the end: lasting operations that could not be written */
};

struct writer_events { /* all on the loop thread */
	void (*report)(void *ctx, const struct writer_report *report);
	void (*stopped)(void *ctx); /* everything was told and freed */
	void *ctx;
};

/* Opens the file on this thread and starts the other; ret_report: how it went.  The path is
 * borrowed.  NULL: out of memory. */
struct writer *writer_new(uv_loop_t *loop, const char *path, const struct writer_events *events,
			  struct writer_report *ret_report);

void writer_queue(struct writer *w, struct op *op); /* owned until op->free */

/* Calls change() if the operation is still queued, untouched by the writer: true. */
bool writer_amend(struct writer *w, struct op *op, void (*change)(struct op *op, void *arg),
		  void *arg);

struct writer_counts {
	int64_t commits, writes, queued;
};
void writer_count(struct writer *w, struct writer_counts *ret_counts);

/* Writes what is queued and ends the thread; then stopped(), and after that writer_free(). */
void writer_stop(struct writer *w);
/* Only after stopped(); `closed` comes from the loop. */
void writer_free(struct writer *w, void (*closed)(void *ctx), void *ctx);

#endif
