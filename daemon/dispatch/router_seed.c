/* The rules that come with the program.  tests/eval says how well they do; docs/routing.md shows
 * it. Weights: 3 is enough for sonnet, 7 for opus. */
#include "daemon/dispatch/router.h"

const char *const router_seed_rules[] = {
	"budget:low: haiku when budget_left < 1000",
};

const size_t router_seed_rule_count = sizeof router_seed_rules / sizeof router_seed_rules[0];
