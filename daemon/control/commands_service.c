/* status, cache.* and config.*: the daemon itself. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/json.h"

#include "daemon/conf/schema.h"
#include "daemon/control/commands.h"
#include "daemon/control/json_view.h"
#include "daemon/control/whom.h"
#include "daemon/observe/metrics.h"

#include "ccapi_version.h"

enum { VALUE_MAX = 1024 * 1024, ERRORS_MAX = 64 * 1024 };

/* ---- status ---- */

/* What to do about it, in one command or two; "": nothing. */
static const char *mend_pool(enum pool_health health)
{
	switch (health) {
	case POOL_CLI_NOT_FOUND:
		return "npm install -g @anthropic-ai/claude-code, or set claude.path";
	case POOL_CLI_TOO_OLD:
		return "claude update";
	case POOL_CLI_UNSAFE:
		return "install another version of Claude Code; the log names what failed";
	case POOL_NOT_LOGGED_IN:
		return "claude setup-token, and put the token into claude.token_file";
	case POOL_FAILING:
		return "look at the log for why the processes end, then ccapictl config reload";
	case POOL_STARTING:
	case POOL_READY:
	case POOL_STOPPED:
		break;
	}
	return "";
}

static json_t *pool_status(const struct control_deps *deps)
{
	enum pool_health health = pool_health(deps->pool);
	const char *detail = health == POOL_READY ? "" : pool_health_detail(deps->pool);
	struct pool_counts n;

	pool_count(deps->pool, &n);
	return json_pack(
		"{ss so so so so}", "health", pool_health_name(health), "detail", view_text(detail),
		"mend", view_text(mend_pool(health)), "mode",
		health == POOL_READY ? json_string(pool_body_mode(deps->pool) ? "body" : "replay")
				     : json_null(),
		"workers",
		json_pack("{si si si si si sI}", "starting", (int)n.starting, "ready", (int)n.ready,
			  "busy", (int)n.busy, "resetting", (int)n.resetting, "draining",
			  (int)n.draining, "most", (json_int_t)deps->conf->pool.workers));
}

static json_t *store_status(const struct control_deps *deps)
{
	struct store_counts n;

	store_count(deps->store, &n);
	return json_pack("{sb so ss sI sI sI sI sI}", "healthy", store_healthy(deps->store),
			 "detail", view_text(store_detail(deps->store)), "path",
			 store_path(deps->store), "schema_version", (json_int_t)n.schema_version,
			 "bytes", (json_int_t)n.file_bytes, "queued", (json_int_t)n.queued,
			 "writes", (json_int_t)n.writes, "commits", (json_int_t)n.commits);
}

static json_t *cache_status(const struct control_deps *deps)
{
	bool enabled = deps->cache && deps->conf->cache.enabled;
	struct cache_counts n = {0};

	if (deps->cache)
		cache_count(deps->cache, &n);
	return json_pack("{sb sI sI sI sI sI sI sI}", "enabled", enabled, "entries",
			 (json_int_t)n.entries, "bytes", (json_int_t)n.bytes, "hits",
			 (json_int_t)n.hits, "misses", (json_int_t)n.misses, "stores",
			 (json_int_t)n.stores, "evictions", (json_int_t)n.evictions, "followed",
			 (json_int_t)n.followed);
}

static json_t *sessions_status(const struct sessions *s)
{
	struct sessions_count n = {0};

	if (s)
		sessions_count(s, &n);
	return json_pack("{sI sI sI sI}", "entries", (json_int_t)n.entries, "bytes",
			 (json_int_t)n.bytes, "evictions", (json_int_t)n.evictions, "conflicts",
			 (json_int_t)n.conflicts);
}

/* null: none is used. */
static json_t *redis_status(const struct redis *r)
{
	if (!r)
		return json_null();
	return json_pack("{ss so}", "state", redis_state_name(redis_state(r)), "detail",
			 view_text(redis_detail(r)));
}

static json_t *window_status(const struct plan_window *w)
{
	return json_pack("{so so}", "utilization",
			 w->utilization < 0 ? json_null() : json_real(w->utilization), "resets_at",
			 view_time(w->resets_at * 1000));
}

static json_t *plan_status(const struct pool *pool)
{
	static const char *const names[] = {[PLAN_UNKNOWN] = "unknown",
					    [PLAN_ALLOWED] = "allowed",
					    [PLAN_WARNING] = "warning",
					    [PLAN_REJECTED] = "rejected"};
	const struct plan_limits *p = pool_plan(pool);

	return json_pack("{ss so so so so so}", "status", names[p->status], "limit",
			 view_text(p->type), "resets_at", view_time(p->resets_at * 1000),
			 "five_hour", window_status(&p->five_hour), "seven_day",
			 window_status(&p->seven_day), "received_at", view_time(p->received_ms));
}

static json_t *counter(enum metric m)
{
	int64_t value = metric_value(m);

	return metric_families[m].micro ? json_real((double)value / 1e6) : json_integer(value);
}

/* Those that modules keep themselves stand in their own parts of the answer. */
static json_t *counters(void)
{
	json_t *to = json_object();

	for (int m = 0; m < METRICS; m++)
		if (metric_families[m].type == METRIC_COUNTER && !metric_families[m].copied)
			json_object_set_new(to, metric_name((enum metric)m),
					    counter((enum metric)m));
	return to;
}

static json_t *texts(const struct conf_list *list)
{
	json_t *to = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(to, json_string(list->items[i]));
	return to;
}

static const char *service_state(const struct control *c)
{
	if (c->draining)
		return "draining";
	if (!store_healthy(c->deps.store))
		return "store_failed";
	return pool_health(c->deps.pool) == POOL_READY ? "serving" : "not_ready";
}

void command_status(struct verb_call *r)
{
	const struct control *c = r->control;
	const struct control_deps *deps = &c->deps;
	json_t *to = json_pack("{ss ss sI sI}", "state", service_state(c), "version", CCAPI_VERSION,
			       "pid", (json_int_t)getpid(), "uptime_s",
			       (json_int_t)((clock_mono_ms() - c->began_ms) / 1000));

	json_object_set_new(to, "listen", texts(&deps->conf->listen));
	json_object_set_new(to, "control_socket", json_string(deps->conf->control.socket));
	json_object_set_new(to, "state_dir", json_string(deps->conf->state_dir));
	json_object_set_new(to, "auth_required", json_boolean(deps->conf->auth.required));
	json_object_set_new(to, "pool", pool_status(deps));
	json_object_set_new(to, "queue",
			    json_pack("{si si sI}", "waiting", (int)dispatch_queued(deps->dispatch),
				      "open", (int)dispatch_open_jobs(deps->dispatch), "most",
				      (json_int_t)deps->conf->pool.queue));
	json_object_set_new(to, "store", store_status(deps));
	json_object_set_new(to, "projects",
			    json_integer((json_int_t)registry_count_projects(deps->registry)));
	json_object_set_new(to, "keys",
			    json_integer((json_int_t)registry_count_keys(deps->registry)));
	json_object_set_new(to, "cache", cache_status(deps));
	json_object_set_new(to, "sessions", sessions_status(deps->sessions));
	json_object_set_new(to, "redis", redis_status(deps->redis));
	json_object_set_new(to, "plan", plan_status(deps->pool));
	json_object_set_new(to, "control_connections", json_integer(c->conn_count));
	json_object_set_new(to, "counters", counters());
	verb_call_answer(r, to);
}

/* ---- cache ---- */

void command_cache_stats(struct verb_call *r)
{
	verb_call_answer(r, cache_status(&r->control->deps));
}

void command_cache_flush(struct verb_call *r)
{
	struct cache *cache = r->control->deps.cache;
	struct cache_counts before;

	if (!cache) {
		verb_call_refuse(r, RPC_REFUSED, NULL, "the response cache is off");
		return;
	}
	if (r->control->deps.redis && redis_state(r->control->deps.redis) != REDIS_UP) {
		verb_call_refuse(r, RPC_REFUSED, NULL,
				 "the cache is in Redis, which does not answer");
		return;
	}
	cache_count(cache, &before);
	cache_flush(cache);
	verb_call_answer(r, json_pack("{sI}", "flushed", (json_int_t)before.entries));
}

/* ---- settings ---- */

/* `pool` names every pool.*; NULL names all. */
static bool is_asked(const struct conf_key *key, const char *name)
{
	size_t len = name ? strlen(name) : 0;

	return len == 0 || strcmp(key->name, name) == 0 ||
	       (strncmp(key->name, name, len) == 0 && key->name[len] == '.');
}

static json_t *rendered(const struct conf_key *key, const void *conf)
{
	struct buf text;
	json_t *value;

	buf_init(&text, VALUE_MAX);
	conf_value_render(key, conf, &text);
	value = text.failed ? NULL : json_stringn(text.data ? text.data : "", text.len);
	buf_done(&text);
	return value;
}

static json_t *view_setting(const struct conf_key *key, const void *conf, const void *defaults)
{
	return json_pack("{ss so so sb sb ss}", "name", key->name, "value", rendered(key, conf),
			 "default", rendered(key, defaults), "changed",
			 !conf_value_equal(key, conf, defaults), "reloadable", key->reloadable,
			 "help", key->doc);
}

void command_config_show(struct verb_call *r)
{
	const char *name = json_get_str(r->params, "name");
	struct conf defaults;
	char near[80];
	const char *meant;
	struct rpc_error e;
	json_t *rows;

	if (conf_table_defaults(&conf_schema, &defaults) < 0) {
		verb_call_refuse(r, RPC_INTERNAL, NULL, "out of memory");
		return;
	}
	rows = json_array();
	for (size_t i = 0; i < conf_schema.count; i++)
		if (is_asked(&conf_schema.keys[i], name))
			json_array_append_new(rows, view_setting(&conf_schema.keys[i],
								 r->control->deps.conf, &defaults));
	conf_table_done(&conf_schema, &defaults);
	if (json_array_size(rows) > 0) {
		verb_call_answer(r, json_pack("{so}", "settings", rows));
		return;
	}
	json_decref(rows);
	rpc_error_set(&e, RPC_NOT_FOUND, "name", "there is no such setting");
	meant = conf_table_suggest(&conf_schema, name, near, sizeof near);
	if (meant)
		snprintf(e.hint, sizeof e.hint, "did you mean '%s'?", meant);
	verb_call_fail(r, &e);
}

static json_t *lines_of(const struct buf *text)
{
	const char *at = text->data ? text->data : "";
	json_t *lines = json_array();

	while (*at) {
		size_t len = strcspn(at, "\n");
		char *line = len ? strndup(at, len) : NULL;

		if (line) {
			json_t *item = json_string(line);

			/* A settings file may hold any bytes. */
			json_array_append_new(lines, item ? item : json_string("(not UTF-8)"));
		}
		free(line);
		at += len + (at[len] == '\n');
	}
	return lines;
}

void command_config_check(struct verb_call *r)
{
	struct conf fresh;
	struct buf errors;
	char *file = NULL;
	int rc;

	buf_init(&errors, ERRORS_MAX);
	rc = conf_load(&fresh, r->control->deps.source, &errors, &file);
	if (rc == 0)
		conf_done(&fresh);
	else if (errors.len == 0)
		buf_printf(&errors, "%s\n", err_str(rc));
	verb_call_answer(r, json_pack("{sb so so}", "ok", rc == 0, "file", view_text(file),
				      "errors", lines_of(&errors)));
	free(file);
	buf_done(&errors);
}

void command_config_reload(struct verb_call *r)
{
	const struct control_deps *deps = &r->control->deps;
	struct rpc_error e;
	struct buf errors;
	int rc;

	buf_init(&errors, ERRORS_MAX);
	rc = deps->reload(deps->ctx, &errors);
	if (rc == 0) {
		verb_call_answer(r, json_pack("{sb}", "reloaded", 1));
	} else {
		rpc_error_set(&e, RPC_REFUSED, NULL,
			      "the settings were not reloaded, the running ones stay: %s",
			      err_str(rc));
		snprintf(e.hint, sizeof e.hint, "%s", errors.data ? errors.data : "");
		verb_call_fail(r, &e);
	}
	buf_done(&errors);
}
