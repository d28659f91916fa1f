/* What a router holds: filled by router.c, read by router_decide.c. */
#ifndef DAEMON_DISPATCH_ROUTER_PRIVATE_H
#define DAEMON_DISPATCH_ROUTER_PRIVATE_H

#include <stddef.h>

#include "daemon/dispatch/router.h"
#include "daemon/dispatch/router_rules.h"

struct router {
	struct route_rule *rules;
	size_t count;
	struct route_index *index; /* of all rules' keywords; borrows their words */
	double sonnet_score, opus_score;
	struct override_record *overrides;
	size_t override_count;
};

#endif
