/* What the verbs do, one function each.  Called with checked parameters on the loop thread; each
 * answers the request exactly once, at once or when its change is durable. */
#ifndef DAEMON_CONTROL_COMMANDS_H
#define DAEMON_CONTROL_COMMANDS_H

struct verb_call;

void command_hello(struct verb_call *r);
void command_status(struct verb_call *r);
void command_plan(struct verb_call *r);
void command_doctor(struct verb_call *r);

void command_workers_list(struct verb_call *r);
void command_workers_restart(struct verb_call *r);
void command_workers_drain(struct verb_call *r);
void command_workers_scale(struct verb_call *r);

void command_requests_list(struct verb_call *r);
void command_requests_show(struct verb_call *r);
void command_requests_cancel(struct verb_call *r);

void command_pause(struct verb_call *r);
void command_resume(struct verb_call *r);
void command_drain(struct verb_call *r);
void command_chat(struct verb_call *r);
void command_logs(struct verb_call *r);
void command_login_set(struct verb_call *r);

void command_projects_list(struct verb_call *r);
void command_projects_create(struct verb_call *r);
void command_projects_show(struct verb_call *r);
void command_projects_set(struct verb_call *r);
void command_projects_delete(struct verb_call *r);

void command_keys_list(struct verb_call *r);
void command_keys_create(struct verb_call *r);
void command_keys_show(struct verb_call *r);
void command_keys_set(struct verb_call *r);
void command_keys_rotate(struct verb_call *r);
void command_keys_revoke(struct verb_call *r);

void command_budgets_list(struct verb_call *r);
void command_budgets_show(struct verb_call *r);
void command_budgets_set(struct verb_call *r);
void command_budgets_reset(struct verb_call *r);
void command_budgets_delete(struct verb_call *r);

void command_limits_show(struct verb_call *r);
void command_limits_set(struct verb_call *r);

void command_routing_show(struct verb_call *r);
void command_routing_set(struct verb_call *r);
void command_routing_clear(struct verb_call *r);
void command_routing_test(struct verb_call *r);

void command_usage(struct verb_call *r);
void command_ledger_tail(struct verb_call *r);

void command_cache_stats(struct verb_call *r);
void command_cache_flush(struct verb_call *r);

void command_config_show(struct verb_call *r);
void command_config_check(struct verb_call *r);
void command_config_reload(struct verb_call *r);

void command_subscribe(struct verb_call *r);

/* The function of a method of the verbs' table; NULL: it has none. */
void (*command_find(const char *method))(struct verb_call *r);

#endif
