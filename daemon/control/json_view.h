/* Records of the modules as JSON for operators: the same names everywhere.  New references; NULL:
 * out of memory. */
#ifndef DAEMON_CONTROL_JSON_VIEW_H
#define DAEMON_CONTROL_JSON_VIEW_H

#include <jansson.h>
#include <stdint.h>

#include "daemon/admit/registry.h"
#include "daemon/observe/view.h"
#include "daemon/store/records.h"

json_t *view_list(const char *commas);
json_t *view_scopes(unsigned scopes);

/* Adds requests_per_minute, tokens_per_minute, concurrent. */
void view_add_limits(json_t *to, const struct rate_limits *limits);
/* Adds scope ("global", "project", "key") and the subject under that name. */
void view_add_subject(json_t *to, enum scope scope, const char *subject);

json_t *view_budget(const struct budget_view *b);
json_t *view_budgets(struct account_list *list, int64_t now_ms); /* an array; NULL list: empty */
json_t *view_project(struct registry *registry, struct project *p, int64_t now_ms);
json_t *view_key(const struct key *k, int64_t now_ms);
json_t *view_override(const struct override_record *o);
json_t *view_ledger_line(const struct ledger_record *l);

#endif
