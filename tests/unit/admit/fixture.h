/* A registry over the faked store, at a frozen time, for a test. */
#ifndef TESTS_UNIT_ADMIT_FIXTURE_H
#define TESTS_UNIT_ADMIT_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/admit/registry.h"
#include "daemon/observe/events.h"

#include "tests/unit/admit/fakes.h"

/* A `done` for changes; ctx is the outcome. */
struct outcome {
	int calls, rc;
};
void outcome_done(void *ctx, int rc);

extern struct registry *reg;

int fakes_setup(void **state); /* frozen clock, listening to events, no registry yet */
int fakes_teardown(void **state);
void reg_new(void);
void reg_free(void); /* until `closed`; ends writes that are open */

extern struct rate_limits unlimited;

struct project *make_project(const char *name); /* created and durable */
/* Created and durable, with chat and usage; secret may be NULL. */
struct key *make_key(const char *project, char secret[SECRET_SIZE]);
struct budget_record budget_of(enum scope scope, const char *subject, enum budget_window window,
			       int64_t tokens, int64_t micro_usd);
void make_budget(const struct budget_record *b);

/* The account of a window; fails the test if there is none. */
struct budget_view view_of(struct account_list *list, enum budget_window window);
bool has_account(struct account_list *list, enum budget_window window);

#endif
