/* The Messages API request of a turn. */
#ifndef SIM_REQUEST_H
#define SIM_REQUEST_H

#include "tests/sim/sim.h"

/* Appends the request body the CLI would send. */
void request_body(struct sim *sim, struct jbuf *buf);

#endif
