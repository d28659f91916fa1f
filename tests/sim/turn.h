/* One turn: from the user lines taken from the queue to the result line. */
#ifndef SIM_TURN_H
#define SIM_TURN_H

#include "tests/sim/sim.h"

/* Takes the queued user lines and begins their turn. */
void turn_begin(struct sim *sim);
/* Goes on as far as time allows; returns the moment to be called again (monotonic ns), or -1: only
 * input matters. */
int64_t turn_run(struct sim *sim);
/* Ends the turn as an interrupt does. */
void turn_abort(struct sim *sim);
/* Ends the turn with an error of errors.h. */
void turn_fail(struct sim *sim, const char *kind, const char *message);
/* The model refused: prints what comes before the message_delta that says so. */
void turn_refuse(struct sim *sim);
/* The message ended with message_stop: continuation or result. */
void turn_message_done(struct sim *sim);
/* Sends the request of the turn once more after a pause. */
void turn_retry(struct sim *sim, int64_t delay_ms);
void turn_done(struct sim *sim);

#endif
