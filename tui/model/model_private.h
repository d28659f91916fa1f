/* Inside of the model, for its two files: model.c (what the daemon tells), ask.c (what it is asked
 * for). */
#ifndef TUI_MODEL_MODEL_PRIVATE_H
#define TUI_MODEL_MODEL_PRIVATE_H

#include "tui/model/model.h"

#define PARTS_ASKED                                                                                \
	(PART_PROJECTS | PART_BUDGETS | PART_KEYS | PART_LIMITS | PART_ROUTING | PART_TODAY |      \
	 PART_CLOSEST)

/* A member of the status is another one from now on.  The parts that have changed. */
unsigned model_set_status(struct model *m, const char *member, const json_t *value);

#endif
