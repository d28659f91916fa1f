/* The deterministic answer of canned mode. */
#ifndef SIM_ANSWER_H
#define SIM_ANSWER_H

#include "tests/sim/sim.h"

/* Computes the answer of the turn's prompt into turn->answer and how it stops into
 * turn->planned_stop. */
void answer_make(struct sim *sim);
/* Length of the next delta at turn->answer_at. */
size_t answer_next_piece(const struct turn *turn);
/* Tokens of a text of this many bytes. */
int64_t token_count(size_t bytes);
/* Tokens of the prompt: everything the request would hold. */
int64_t prompt_tokens(const struct sim *sim);

#endif
