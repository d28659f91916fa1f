#include "daemon/control/whom.h"

#include <stdlib.h>
#include <string.h>

#include "shared/json.h"
#include "shared/str.h"
#include "shared/verb_value.h"

#define MODEL_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:_-[]@/"

enum { CLEAN_SIZE = 80, MODELS_TEXT_MAX = 8192 };

/* ---- projects and keys ---- */

struct project *whom_project(struct verb_call *r, const char *param)
{
	const char *name = json_get_str(r->params, param);
	struct project *p = registry_find_project(r->control->deps.registry, name ? name : "");
	char clean[CLEAN_SIZE];
	struct rpc_error e;

	if (p && !p->deleted)
		return p;
	str_copy_clean(clean, sizeof clean, name ? name : "");
	rpc_error_set(&e, RPC_NOT_FOUND, param, "there is no project '%s'", clean);
	snprintf(e.hint, sizeof e.hint, "ccapictl projects list");
	verb_call_fail(r, &e);
	return NULL;
}

struct key *whom_key(struct verb_call *r, const char *param)
{
	const char *id = json_get_str(r->params, param);
	struct key *k = registry_find_key(r->control->deps.registry, id ? id : "");
	char clean[CLEAN_SIZE];
	struct rpc_error e;

	if (k)
		return k;
	str_copy_clean(clean, sizeof clean, id ? id : "");
	rpc_error_set(&e, RPC_NOT_FOUND, param, "there is no key '%s'", clean);
	snprintf(e.hint, sizeof e.hint, "ccapictl keys list");
	verb_call_fail(r, &e);
	return NULL;
}

unsigned whom_count(const struct verb_call *r)
{
	return (unsigned)param_given(r->params, "project") +
	       (unsigned)param_given(r->params, "key") +
	       (unsigned)json_get_true(r->params, "global");
}

bool whom_read(struct verb_call *r, struct whom *ret_whom)
{
	struct whom w = {.scope = SCOPE_GLOBAL, .subject = ""};

	if (whom_count(r) != 1) {
		verb_call_refuse(r, RPC_INVALID_PARAMS, "project",
				 "name one of project, key and global: whom it is about");
		return false;
	}
	if (param_given(r->params, "project")) {
		w.project = whom_project(r, "project");
		if (!w.project)
			return false;
		w.scope = SCOPE_PROJECT;
		w.subject = json_get_str(r->params, "project");
	} else if (param_given(r->params, "key")) {
		w.key = whom_key(r, "key");
		if (!w.key)
			return false;
		w.scope = SCOPE_KEY;
		w.subject = json_get_str(r->params, "key");
	}
	*ret_whom = w;
	return true;
}

/* ---- what several verbs take ---- */

static void lay_over(const struct verb_call *r, const char *param, int64_t *limit)
{
	if (param_given(r->params, param))
		*limit = param_count(r->params, param, -1);
}

void whom_limits(const struct verb_call *r, struct rate_limits *limits)
{
	lay_over(r, "requests_per_minute", &limits->requests_per_minute);
	lay_over(r, "tokens_per_minute", &limits->tokens_per_minute);
	lay_over(r, "concurrent", &limits->concurrent);
}

static void name_models(const struct models *models, char *to, size_t size)
{
	struct buf names;

	buf_init(&names, size - 1);
	for (size_t i = 0; i < models->count; i++)
		buf_printf(&names, "%s%s", i == 0 ? "there are " : ", ", models->items[i].name);
	snprintf(to, size, "%s", names.data ? names.data : "");
	buf_done(&names);
}

bool whom_check_model(struct verb_call *r, const char *param, const char *model)
{
	const struct models *models = pool_models(r->control->deps.pool);
	char clean[CLEAN_SIZE];
	struct rpc_error e;

	if (models->count > 0 ? models_find(models, model) != NULL
			      : str_in_set(model, 1, MODEL_NAME_SIZE - 1, MODEL_CHARS))
		return true;
	str_copy_clean(clean, sizeof clean, model);
	rpc_error_set(&e, RPC_INVALID_PARAMS, param, "%s: there is no model '%s'", param, clean);
	name_models(models, e.hint, sizeof e.hint);
	verb_call_fail(r, &e);
	return false;
}

bool whom_models(struct verb_call *r, const char *param, char **ret_models)
{
	json_t *list = json_object_get(r->params, param), *item;
	struct buf text;
	size_t i;

	buf_init(&text, MODELS_TEXT_MAX);
	json_array_foreach(list, i, item)
	{
		const char *name = json_string_value(item);

		if (strcmp(name, "auto") != 0 && !whom_check_model(r, param, name)) {
			buf_done(&text);
			return false;
		}
		buf_printf(&text, "%s%s", i ? "," : "", name);
	}
	if (text.failed) {
		buf_done(&text);
		verb_call_refuse(r, RPC_INTERNAL, param, "out of memory");
		return false;
	}
	*ret_models = text.len ? buf_take(&text, NULL) : NULL;
	return true;
}
