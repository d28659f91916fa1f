/* Plays the canned answer of a turn. */
#ifndef SIM_CANNED_H
#define SIM_CANNED_H

#include "tests/sim/sim.h"

/* The first token is due: the answer starts, or the error shows. */
void canned_first(struct sim *sim);
/* Plays the next delta or the end. */
void canned_step(struct sim *sim);
/* Fault: ends the process abruptly, after what was printed so far. */
void canned_crash(struct sim *sim);

#endif
