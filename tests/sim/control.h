/* Control requests. */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include "tests/sim/sim.h"

/* Answers one control request; request is its "request" object. */
void control_handle(struct sim *sim, const char *request_id, const json_t *request);

#endif
