/* What may serve: the models in the order of their price, and what overrides and allowed lists
 * leave of them. */
#ifndef DAEMON_DISPATCH_ROUTER_LIMITS_H
#define DAEMON_DISPATCH_ROUTER_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/dispatch/router.h"

enum route_class { CLASS_HAIKU, CLASS_SONNET, CLASS_OPUS, CLASSES };

/* The model of that name; when the catalogue has none, the nearest by the factor between prices.
 * NULL: the catalogue is empty. */
const struct model *route_class_model(const struct models *models, enum route_class class);

/* < 0: a is cheaper than b.  Models without a list price stand where their class's usual price
 * would put them, those of no known class last. */
int route_model_compare(const struct model *a, const struct model *b);

/* Two rows of one model ("default" and "opus"). */
bool route_model_same(const struct model *a, const struct model *b);

/* The row of the same model with the best name: its class's, else any but "default", whose meaning
 * may change under a running worker. */
const struct model *route_model_canonical(const struct models *models, const struct model *m);

/* The overrides that concern a request, resolved against the catalogue. */
struct route_limits {
	const struct models *models;
	const struct route_query *q;
	const struct override_record *overrides;
	size_t count;
	int64_t now_ms;
	/* Of the narrowest scope that has one; NULL: none. */
	const struct override_record *force, *cap;
	const struct model *force_model, *cap_model;
};

/* Fills force and cap; those of models that the catalogue lacks are left out. */
void route_limits_find(struct route_limits *l);

bool route_override_expired(const struct override_record *o, int64_t now_ms);

/* The override that denies the model; NULL: none does. */
const struct override_record *route_limits_denied(const struct route_limits *l,
						  const struct model *m);

/* Whether the list (NULL: all) names the model, by one of its names or its id. */
bool route_list_allows(const char *list, const struct models *models, const struct model *m);
bool route_list_has_auto(const char *list);

/* Not denied, at most the cap, and in the allowed lists of the query's key [0] and project [1]
 * where that one is asked for. */
bool route_limits_permit(const struct route_limits *l, const struct model *m, const bool lists[2]);

/* The permitted model nearest to `from`: the dearest that is not dearer, else the cheapest that is.
 * NULL: none is permitted. */
const struct model *route_limits_nearest(const struct route_limits *l, const struct model *from,
					 const bool lists[2]);

#endif
