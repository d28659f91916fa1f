/* A router with a catalogue as the CLI lists it, and a query to change; used by each test of the
 * router, once per program. */
#ifndef TESTS_UNIT_DISPATCH_ROUTER_SUPPORT_H
#define TESTS_UNIT_DISPATCH_ROUTER_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/dispatch/router.h"

#include "tests/unit/test.h"

enum { NOW = 1000 };

/* As the CLI lists them: "default" first, and one that is dearer than every class. */
static struct model full[] = {
	{.name = "default", .id = "claude-opus-5-5", .input_micro_usd_per_mtok = 4000000},
	{.name = "opus", .id = "claude-opus-5-5", .input_micro_usd_per_mtok = 4000000},
	{.name = "fable", .id = "claude-fable-5-2", .input_micro_usd_per_mtok = 8000000},
	{.name = "sonnet", .id = "claude-sonnet-5-5", .input_micro_usd_per_mtok = 2000000},
	{.name = "haiku", .id = "claude-haiku-5-5", .input_micro_usd_per_mtok = 100000},
};

static struct models models;
static struct router *router;
static struct route_features features;
static struct route_query query;
static struct route_decision decision;

static inline void use_rules(const char *const *rules, size_t count)
{
	char why[512];

	router_free(router);
	router = router_new(rules, count, ROUTER_SONNET_SCORE, ROUTER_OPUS_SCORE, why, sizeof why);
	if (!router)
		fail_msg("%s", why);
}

static inline int setup(void **state)
{
	(void)state;
	models = (struct models){.items = full, .count = 5};
	route_features_of_text(&features, "hello", -1);
	query = (struct route_query){
		.features = &features,
		.budget_left_tokens = INT64_MAX,
		.project = "demo",
		.key_id = "k_1",
		.explain = true,
	};
	use_rules(router_seed_rules, router_seed_rule_count);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	router_free(router);
	router = NULL;
	return 0;
}

static inline void expect(const char *model, const char *rule)
{
	enum fault fault = router_decide(router, &models, &query, NOW, &decision);

	if (fault)
		fail_msg("%s: %s", fault_name(fault), decision.reasoning);
	if (strcmp(decision.model->name, model) != 0 || strcmp(decision.rule, rule) != 0)
		fail_msg("%s by %s, expected %s by %s: %s", decision.model->name, decision.rule,
			 model, rule, decision.reasoning);
}

static inline void expect_fault(enum fault fault, const char *words)
{
	enum fault got = router_decide(router, &models, &query, NOW, &decision);

	if (got != fault || !strstr(decision.reasoning, words))
		fail_msg("%s: %s; expected %s: %s", fault_name(got), decision.reasoning,
			 fault_name(fault), words);
	assert_null(decision.model);
}

static inline void says(const char *reasoning)
{
	assert_string_equal(decision.reasoning, reasoning);
}

static inline struct override_record override(enum scope scope, const char *subject,
					      enum override_action action, const char *model)
{
	struct override_record o = {.scope = scope, .action = action};

	snprintf(o.subject, sizeof o.subject, "%s", subject);
	snprintf(o.model, sizeof o.model, "%s", model);
	return o;
}

static inline void set(const struct override_record *o, size_t count)
{
	assert_int_equal(router_set_overrides(router, o, count), 0);
}

static inline void set_one(enum scope scope, const char *subject, enum override_action action,
			   const char *model)
{
	struct override_record o = override(scope, subject, action, model);

	set(&o, 1);
}

static inline void ask(const char *text, int64_t context)
{
	route_features_of_text(&features, text, context);
}

#endif
