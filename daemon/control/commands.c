#include "daemon/control/commands.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *method;
	void (*run)(struct verb_call *r);
} commands[] = {
	{"hello", command_hello},
	{"status", command_status},
	{"plan", command_plan},
	{"doctor", command_doctor},
	{"workers.list", command_workers_list},
	{"workers.restart", command_workers_restart},
	{"workers.drain", command_workers_drain},
	{"workers.scale", command_workers_scale},
	{"requests.list", command_requests_list},
	{"requests.show", command_requests_show},
	{"requests.cancel", command_requests_cancel},
	{"pause", command_pause},
	{"resume", command_resume},
	{"drain", command_drain},
	{"chat", command_chat},
	{"logs", command_logs},
	{"login.set", command_login_set},
	{"projects.list", command_projects_list},
	{"projects.create", command_projects_create},
	{"projects.show", command_projects_show},
	{"projects.set", command_projects_set},
	{"projects.delete", command_projects_delete},
	{"keys.list", command_keys_list},
	{"keys.create", command_keys_create},
	{"keys.show", command_keys_show},
	{"keys.set", command_keys_set},
	{"keys.rotate", command_keys_rotate},
	{"keys.revoke", command_keys_revoke},
	{"budgets.list", command_budgets_list},
	{"budgets.show", command_budgets_show},
	{"budgets.set", command_budgets_set},
	{"budgets.reset", command_budgets_reset},
	{"budgets.delete", command_budgets_delete},
	{"limits.show", command_limits_show},
	{"limits.set", command_limits_set},
	{"routing.show", command_routing_show},
	{"routing.set", command_routing_set},
	{"routing.clear", command_routing_clear},
	{"routing.test", command_routing_test},
	{"usage", command_usage},
	{"ledger.tail", command_ledger_tail},
	{"cache.stats", command_cache_stats},
	{"cache.flush", command_cache_flush},
	{"config.show", command_config_show},
	{"config.check", command_config_check},
	{"config.reload", command_config_reload},
	{"subscribe", command_subscribe},
};

void (*command_find(const char *method))(struct verb_call *r)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i].method, method) == 0)
			return commands[i].run;
	return NULL;
}
