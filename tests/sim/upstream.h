/* The Messages API behind ANTHROPIC_BASE_URL.  All functions do nothing in canned mode. */
#ifndef SIM_UPSTREAM_H
#define SIM_UPSTREAM_H

#include "tests/sim/sim.h"

/* NULL and a message on stderr: not http://A.B.C.D:PORT or http://localhost:PORT. */
struct upstream *upstream_new(const char *base_url);
void upstream_free(struct upstream *upstream);
/* Sends the request of the turn. */
void upstream_start(struct sim *sim);
/* Drops the connection. */
void upstream_stop(struct sim *sim);
/* The descriptor to poll and for what, or -1. */
int upstream_fd(const struct sim *sim, short *ret_events);
/* The descriptor is ready. */
void upstream_io(struct sim *sim);
/* The turn's due moment came: headers or stream took too long. */
void upstream_timeout(struct sim *sim);

#endif
