/* What the verbs do, one function each.  Called with checked parameters on the loop thread; each
 * answers the request exactly once, at once or when its change is durable. */
#ifndef DAEMON_CONTROL_COMMANDS_H
#define DAEMON_CONTROL_COMMANDS_H

struct request;

void command_status(struct request *r);

void command_projects_list(struct request *r);
void command_projects_create(struct request *r);
void command_projects_show(struct request *r);
void command_projects_set(struct request *r);
void command_projects_delete(struct request *r);

void command_keys_list(struct request *r);
void command_keys_create(struct request *r);
void command_keys_show(struct request *r);
void command_keys_set(struct request *r);
void command_keys_rotate(struct request *r);
void command_keys_revoke(struct request *r);

void command_budgets_list(struct request *r);
void command_budgets_show(struct request *r);
void command_budgets_set(struct request *r);
void command_budgets_reset(struct request *r);
void command_budgets_delete(struct request *r);

void command_limits_show(struct request *r);
void command_limits_set(struct request *r);

void command_routing_show(struct request *r);
void command_routing_set(struct request *r);
void command_routing_clear(struct request *r);
void command_routing_test(struct request *r);

void command_usage(struct request *r);
void command_ledger_tail(struct request *r);

void command_cache_stats(struct request *r);
void command_cache_flush(struct request *r);

void command_config_show(struct request *r);
void command_config_check(struct request *r);
void command_config_reload(struct request *r);

void command_subscribe(struct request *r);

/* The function of a method of the verbs' table; NULL: it has none. */
void (*command_find(const char *method))(struct request *r);

#endif
