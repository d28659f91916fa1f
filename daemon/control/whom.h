/* Of whom a request speaks: a project, a key or everybody. */
#ifndef DAEMON_CONTROL_WHOM_H
#define DAEMON_CONTROL_WHOM_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/admit/registry.h"
#include "daemon/control/internal.h"

struct whom {
	enum scope scope;
	const char *subject;     /* "" for everybody; borrowed from the request's parameters */
	struct project *project; /* of SCOPE_PROJECT; borrowed */
	struct key *key;         /* of SCOPE_KEY; borrowed */
};

/* How many of project, key and global are given. */
unsigned whom_count(const struct verb_call *r);
/* Exactly one of them, that exists.  False: the request has been refused. */
bool whom_read(struct verb_call *r, struct whom *ret_whom);

/* Project or key by the parameter of this name.  NULL: refused. */
struct project *whom_project(struct verb_call *r, const char *param);
struct key *whom_key(struct verb_call *r, const char *param);

/* The parameters requests_per_minute, tokens_per_minute and concurrent laid over `limits`. */
void whom_limits(const struct verb_call *r, struct rate_limits *limits);

/* A list parameter as "a,b" (malloc'ed; NULL for none) after a look at the catalogue of models;
 * "auto" may stand among them.  False: refused. */
bool whom_models(struct verb_call *r, const char *param, char **ret_models);
/* Whether the model is offered, or may be: nothing is known before the first worker has started.
 * False: refused. */
bool whom_check_model(struct verb_call *r, const char *param, const char *model);

#endif
