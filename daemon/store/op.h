/* One change of the file, as the loop thread queues it and the writer runs it. */
#ifndef DAEMON_STORE_OP_H
#define DAEMON_STORE_OP_H

#include <stdbool.h>

#include "daemon/store/books.h"

struct op;

/* News of an operation on its way to the loop thread. */
struct note {
	struct note *prev, *next;
	struct op *op;
	int rc;
};

/* The head of every operation; zeroed, then filled in by who queues it. */
struct op {
	/* Writer's thread, within the transaction; maybe several times, after rollbacks.  Must not
	 * touch books->rollup before its last statement.  0 or a negative code of db.h. */
	int (*run)(struct op *op, struct books *books);
	/* Loop thread, exactly once: 0 when it is durable. */
	void (*tell)(struct op *op, int rc);
	/* Loop thread: the writer needs it no more; follows tell. */
	void (*free)(struct op *op);
	bool lasting; /* is not given up when it fails: tried again as soon as the file works */
	bool relaxed; /* may be lost in a power cut, not with the process: no sync for it alone */
	bool sums;    /* reads the rollups, so those of this transaction must be written before */

	/* The writer's. */
	struct op *prev, *next;
	struct note failed, ended; /* failed: a lasting one, once */
	int rc;
	bool taken;  /* by the writer, under its lock */
	bool warned; /* `failed` is on its way or was delivered */
	bool told;   /* loop thread */
};

/* Runs the operations of a list (utlist's, may be empty) in one transaction, in their order, and
 * deletes answers that have run out when that is due.  0: it is durable, and op->rc is what became
 * of each.  A negative code: nothing was written, and the file is to blame. */
int ops_write(struct books *b, struct op *ops);

#endif
