/* What tests of budgets at run time do again and again, with what it came to. */
#ifndef TESTS_UNIT_ADMIT_BUDGET_STEPS_H
#define TESTS_UNIT_ADMIT_BUDGET_STEPS_H

#include <errno.h>
#include <string.h>

#include "daemon/admit/admit.h"

#include "tests/unit/admit/fixture.h"
#include "tests/unit/test.h"

static struct refusal why;
static struct outcome outcome, settled;

static inline int put(const struct budget_record *b)
{
	outcome = (struct outcome){0, 1};
	return registry_put_budget(reg, b, outcome_done, &outcome, &why);
}

static inline int reset(const struct budget_record *b)
{
	outcome = (struct outcome){0, 1};
	return registry_reset_budget(reg, b, outcome_done, &outcome, &why);
}

static inline int delete_it(const struct budget_record *b)
{
	outcome = (struct outcome){0, 1};
	return registry_delete_budget(reg, b, outcome_done, &outcome, &why);
}

/* A request of the project that uses some tokens, and a micro-dollar for each. */
static inline void use(const char *project, int64_t tokens)
{
	struct ledger_record line = {
		.used = {.requests = 1, .output_tokens = tokens, .cost_micro_usd = tokens}};
	struct admission a;

	admit_begin(&a, reg, fakes_store(), registry_find_project(reg, project), NULL);
	assert_int_equal(admit_settle(&a, &line, NULL, outcome_done, &settled), 0);
	admit_end(&a);
}

static inline int64_t used(const char *project, enum budget_window w)
{
	struct account_list *list = project[0] ? registry_budgets(reg, SCOPE_PROJECT, project)
					       : registry_global_budgets(reg);

	return view_of(list, w).used.tokens;
}

static inline void assert_refused(int rc, enum fault fault, const char *param)
{
	assert_int_equal(rc, -EINVAL);
	assert_int_equal(why.fault, fault);
	assert_string_equal(why.param, param);
	assert_true(strlen(why.message) > 10);
}

#endif
