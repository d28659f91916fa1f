/* Lines from stdin. */
#ifndef SIM_INPUT_H
#define SIM_INPUT_H

#include "tests/sim/sim.h"

/* Handles one line without its line end.  A line the CLI dies of ends the process with its message.
 */
void input_line(struct sim *sim, const char *line, size_t len);

#endif
