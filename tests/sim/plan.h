/* Plan limits: what rate_limit_event says. */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include "tests/sim/sim.h"

/* Looks up a response header by its lower-case name; NULL when absent. */
typedef const char *(*plan_header)(void *context, const char *name);

/* Reads the anthropic-ratelimit-unified-* headers of an answer; status is its HTTP status. */
void plan_from_headers(struct sim *sim, int status, plan_header header, void *context);
/* Takes the [[sim:plan=...]] fault or error=plan of the turn, if any. */
void plan_from_fault(struct sim *sim);
/* Prints the event if something is known that was not printed yet. */
void plan_print(struct sim *sim);
/* Forgets what was read and not printed. */
void plan_drop(void);
/* True when the plan itself refused (not mere throttling). */
bool plan_rejected(const struct sim *sim);
void plan_done(void);

#endif
