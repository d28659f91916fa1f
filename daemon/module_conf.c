#include "daemon/module_conf.h"

#include "shared/log.h"

void module_conf_log(const struct conf *conf)
{
	log_set_level((enum log_level)conf->log.level);
	log_set_format((enum log_format)conf->log.format);
}

struct dispatch_conf module_conf_dispatch(const struct conf *conf)
{
	return (struct dispatch_conf){
		.queue_max = (unsigned)conf->pool.queue,
		.queue_timeout_ms = conf->pool.queue_timeout,
		.request_timeout_ms = conf->pool.request_timeout,
		.plan_reserve = conf->plan.reserve,
	};
}

struct http_conf module_conf_http(const struct conf *conf, char **hosts)
{
	return (struct http_conf){
		.max_body = (size_t)conf->http.max_body,
		.max_head = (size_t)conf->http.max_head,
		.max_connections = (unsigned)conf->http.max_connections,
		.head_timeout = conf->http.head_timeout,
		.body_timeout = conf->http.body_timeout,
		.idle_timeout = conf->http.idle_timeout,
		.stall_timeout = conf->http.stall_timeout,
		.hosts = (const char *const *)hosts,
	};
}
