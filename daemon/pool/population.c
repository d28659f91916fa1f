#include "daemon/pool/population.h"

/* Fresh workers wanted: the spares, or as many as waiting jobs could use. */
static unsigned fresh_wanted(const struct population *p)
{
	unsigned wanted = p->spares;

	if (!p->bound)
		return 0;
	if (p->wanting > wanted)
		wanted = p->wanting;
	return wanted < p->workers ? wanted : p->workers > p->spares ? p->workers : p->spares;
}

enum population_step population_next(const struct population *p)
{
	unsigned cap = p->workers + p->spares;

	if (p->alive > cap)
		return p->idle_bound + p->fresh > 0 ? POPULATION_RETIRE_ONE : POPULATION_FINE;
	if (p->alive < cap)
		return POPULATION_START_ONE;
	if (p->fresh < fresh_wanted(p) && p->idle_bound > 0)
		return POPULATION_RETIRE_ONE; /* another project's place becomes a fresh worker */
	return POPULATION_FINE;
}
