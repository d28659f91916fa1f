#include "daemon/module_conf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "shared/err.h"
#include "shared/log.h"
#include "shared/str.h"

#include "daemon/admit/window.h"
#include "daemon/dispatch/router.h"
#include "daemon/redis/redis.h"

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

struct sessions_conf module_conf_sessions(const struct conf *conf)
{
	return (struct sessions_conf){.ttl_ms = conf->sessions.ttl,
				      .max_size = (size_t)conf->sessions.max_size,
				      .max_bytes = (size_t)conf->sessions.max_bytes};
}

struct ws_conf module_conf_ws(const struct conf *conf)
{
	return (struct ws_conf){
		.max_connections = (unsigned)conf->websocket.max_connections,
		.max_message = (size_t)conf->websocket.max_message,
		.max_rate = conf->websocket.max_rate,
		.ping_interval = conf->websocket.ping_interval,
		.stall_timeout = conf->http.stall_timeout,
	};
}

static void check_rules(struct conf_reader *r, const struct conf *conf)
{
	char why[200];

	for (size_t i = 0; i < conf->routing.rules.count; i++)
		if (router_check_rule(conf->routing.rules.items[i], why, sizeof why))
			conf_reader_error(r, ERR_SYNTAX, "routing.rules", "rule %zu: %s", i + 1,
					  why);
	if (!(conf->routing.sonnet_score < conf->routing.opus_score))
		conf_reader_error(r, ERR_LIMIT, "routing.opus_score",
				  "must be more than routing.sonnet_score");
}

static void check_budget(struct conf_reader *r, const struct conf *conf)
{
	enum budget_window window;
	int64_t rolling_ms;

	if (window_parse(conf->budget.window, &window, &rolling_ms))
		conf_reader_error(r, ERR_UNKNOWN, "budget.window",
				  "%.30s must be hour, day, week, month, total or rolling:LENGTH "
				  "with whole quarters of an hour from 1h to 366d",
				  conf->budget.window);
	if (window_set_zone(conf->budget.zone))
		conf_reader_error(r, ERR_UNKNOWN, "budget.zone", "%.64s is no known time zone",
				  conf->budget.zone);
}

static void check_redis(struct conf_reader *r, const struct conf *conf)
{
	static const char characters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-";
	struct redis_address address;
	char why[160];

	if (!str_in_set(conf->redis.prefix, 1, 64, characters))
		conf_reader_error(r, ERR_SYNTAX, "redis.prefix",
				  "must be of the characters A-Z a-z 0-9 _.:-");
	if (!*conf->redis.url)
		return;
	if (redis_address_parse(conf->redis.url, &address, why, sizeof why))
		conf_reader_error(r, ERR_SYNTAX, "redis.url", "%s", why);
	else
		redis_address_done(&address);
}

static void check_webhook(struct conf_reader *r, const struct conf *conf)
{
	static const char *const topics[] = {"budget",   "key",   "project", "limit",
					     "override", "store", "reload",  "redis"};
	const char *url = conf->webhook.url;

	if (url[0] && strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		conf_reader_error(r, ERR_SYNTAX, "webhook.url",
				  "must begin with http:// or https://");
	for (size_t i = 0; i < conf->webhook.topics.count; i++) {
		size_t k = 0, known = sizeof topics / sizeof *topics;

		while (k < known && strcmp(topics[k], conf->webhook.topics.items[i]) != 0)
			k++;
		if (k == known)
			conf_reader_error(r, ERR_UNKNOWN, "webhook.topics",
					  "%.40s is no topic: budget, key, project, limit, "
					  "override, store, reload, redis",
					  conf->webhook.topics.items[i]);
	}
}

void module_conf_check(struct conf_reader *r, const struct conf *conf)
{
	check_rules(r, conf);
	check_budget(r, conf);
	check_redis(r, conf);
	check_webhook(r, conf);
}

static int64_t limit_of(int64_t setting)
{
	return setting ? setting : -1;
}

int module_conf_registry(const struct conf *conf, struct registry *registry)
{
	const struct rate_limits limits = {
		.requests_per_minute = limit_of(conf->limits.requests_per_minute),
		.tokens_per_minute = limit_of(conf->limits.tokens_per_minute),
		.concurrent = limit_of(conf->limits.concurrent),
	};
	struct budget_record budget = {
		.scope = SCOPE_GLOBAL,
		.limit_tokens = limit_of(conf->budget.tokens),
		.limit_micro_usd = limit_of(llround(conf->budget.usd * 1e6)),
		.soft = conf->budget.soft,
		.warn_percent = (int)conf->budget.warn_percent,
	};
	int rc = window_parse(conf->budget.window, &budget.window, &budget.rolling_ms);

	if (rc < 0)
		return rc;
	registry_set_conf_limits(registry, &limits);
	return registry_set_conf_budget(registry, &budget);
}

struct webhook_conf module_conf_webhook(const struct conf *conf)
{
	return (struct webhook_conf){
		.url = conf->webhook.url,
		.topics = conf->webhook.topics.count
				  ? (const char *const *)conf->webhook.topics.items
				  : NULL,
		.topic_count = conf->webhook.topics.count,
		.timeout_ms = (long)conf->webhook.timeout,
	};
}
