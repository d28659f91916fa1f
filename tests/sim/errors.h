/* The rows of errors a turn can end with. */
#ifndef SIM_ERRORS_H
#define SIM_ERRORS_H

#include "tests/sim/emit.h"

/* Fills *ret_outcome for an error kind such as "429", "plan", "reset".  `message` is what the
 * upstream said (may be empty); the text is put into *text, which must outlive the outcome.  False:
 * unknown kind. */
bool error_outcome(struct sim *sim, const char *kind, const char *message, struct jbuf *text,
		   struct outcome *ret_outcome);
/* The HTTP status that goes with an API error type such as "overloaded_error"; 0: unknown. */
int error_status_of(const char *type);

#endif
