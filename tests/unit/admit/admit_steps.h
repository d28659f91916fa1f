/* One request's way through admission, step by step, with what it came to. */
#ifndef TESTS_UNIT_ADMIT_ADMIT_STEPS_H
#define TESTS_UNIT_ADMIT_ADMIT_STEPS_H

#include "daemon/admit/admit.h"

#include "tests/unit/admit/fixture.h"
#include "tests/unit/test.h"

static struct refusal why;
static struct outcome held, settled;
static struct admission a;
static struct project *demo;
static struct key *key;

static const struct hold_request request = {
	.request_id = "req-1", .model = "claude-opus", .prompt = {100, 500}, .whole = {1000, 6000}};

static inline int setup(void **state)
{
	int rc = fakes_setup(state);

	held = settled = (struct outcome){0, 1};
	a = (struct admission){0};
	reg_new();
	demo = make_project("demo");
	key = make_key("demo", NULL);
	return rc;
}

static inline void begin(struct admission *one)
{
	admit_begin(one, reg, fakes_store(), demo, key);
}

static inline int hold(void)
{
	return admit_hold(&a, &request, outcome_done, &held, &why);
}

/* begin, hold, durable */
static inline void begin_held(void)
{
	int rc;

	begin(&a);
	held = (struct outcome){.calls = 0};
	rc = hold();
	fakes_end(0);
	assert_true(rc == ADMIT_HELD || (rc == 0 && held.calls == 1));
	assert_int_equal(held.rc, 0);
}

static inline struct ledger_record line_of(int64_t output)
{
	return (struct ledger_record){.request_id = "req-1",
				      .outcome = "ok",
				      .used = {.requests = 1,
					       .input_tokens = 1,
					       .cache_read_tokens = 20,
					       .cache_creation_tokens = 300,
					       .output_tokens = output,
					       .thinking_tokens = 7,
					       .cost_micro_usd = 90}};
}

static inline int settle(int64_t output)
{
	struct ledger_record line = line_of(output);

	return admit_settle(&a, &line, NULL, outcome_done, &settled);
}

static inline void limit(enum scope scope, const char *subject, int64_t rpm, int64_t tpm,
			 int64_t at_once)
{
	const struct rate_limits l = {rpm, tpm, at_once};

	assert_int_equal(registry_set_limits(reg, scope, subject, &l, outcome_done, &held, &why),
			 0);
	fakes_end_all();
	held = (struct outcome){0, 1};
}

static inline void budget(enum scope scope, const char *subject, int64_t tokens, int64_t micro_usd)
{
	struct budget_record b = budget_of(scope, subject, WINDOW_DAY, tokens, micro_usd);

	make_budget(&b);
}

#endif
