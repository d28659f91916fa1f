/* How many workers there should be and which should go: the arithmetic, without processes. */
#ifndef DAEMON_POOL_POPULATION_H
#define DAEMON_POOL_POPULATION_H

#include <stdbool.h>

struct population {
	unsigned workers, spares; /* as configured */
	bool bound;               /* workers serve one project each (reuse = project) */
	unsigned alive;           /* STARTING, READY, BUSY, RESETTING, and not to be retired */
	unsigned fresh;           /* of those: STARTING or READY without a project */
	unsigned idle_bound;      /* of those: READY with a project */
	unsigned wanting;         /* queued jobs whose project finds no worker */
};

enum population_step { POPULATION_FINE, POPULATION_START_ONE, POPULATION_RETIRE_ONE };

/* The next thing to do; asked again after each. */
enum population_step population_next(const struct population *p);

#endif
