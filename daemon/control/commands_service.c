/* cache.* and config.*. */
#include <stdlib.h>
#include <string.h>

#include "shared/err.h"
#include "shared/json.h"

#include "daemon/conf/schema.h"
#include "daemon/control/commands.h"
#include "daemon/control/json_view.h"
#include "daemon/control/whom.h"

enum { VALUE_MAX = 1024 * 1024, ERRORS_MAX = 64 * 1024 };

/* ---- cache ---- */

void command_cache_stats(struct verb_call *r)
{
	verb_call_answer(r, cache_view(&r->control->deps));
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
