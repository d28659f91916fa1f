/* The router with what it needs to know: catalogue, operator's overrides, budgets, plan.  The one
 * place where `model:"auto"`, POST /v1/route and the operator's `routing test` ask. */
#ifndef DAEMON_API_ROUTING_H
#define DAEMON_API_ROUTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/admit/registry.h"
#include "daemon/conf/conf.h"
#include "daemon/dispatch/router.h"
#include "daemon/pool/pool.h"

struct routing;

struct routing *routing_new(const struct conf *conf, struct registry *registry, struct pool *pool);
void routing_free(struct routing *r); /* NULL ok */
/* The rules of the settings have changed.  0, or ERR_SYNTAX, logged: the old ones stay. */
int routing_reconfigure(struct routing *r);

struct route_ask {
	const char *model; /* as asked, "auto" too; NULL: none was named */
	const struct route_features *features;
	struct project *project; /* NULL: none, for the operator's test */
	struct key *key;         /* NULL: none */
	bool explain;            /* fill d->reasoning also when all is well */
};

/* 0, or the fault with words for the client in d->reasoning. */
enum fault routing_decide(struct routing *r, const struct route_ask *ask, struct route_decision *d);

/* {"recommended_model","model_id","rule","reasoning","score","alternatives":[...]} as POST
 * /v1/route answers.  context_tokens: of the estimate for the alternatives' cost. */
void routing_write(const struct routing *r, const struct route_decision *d, int64_t context_tokens,
		   struct buf *to);

/* Rises when rules, overrides, keys, projects or the catalogue have changed: what was decided
 * before may be decided otherwise now. */
uint64_t routing_generation(const struct routing *r);

/* The rules in force, for the operator: see router_write_rules. */
const struct router *routing_rules(const struct routing *r);

#endif
