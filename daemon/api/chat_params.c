/* Every parameter of a chat request but the messages: one table says its type, its bounds and what
 * becomes of it.
 *
 * A row either takes its value (`take`) or names a parameter that the backend cannot honour: then
 * the request still runs and the answer's header x-ccapi-ignored-params tells, unless the value
 * asks for nothing (`harmless`), or the client wants strictness.  null is the same as absent. Names
 * without a row are ignored, as OpenAI's API does. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"
#include "shared/str.h"

#include "daemon/api/chat_decode.h"
#include "daemon/api/fields.h"

enum { MAX_STOPS = 4, MAX_TOKENS_LIMIT = 10000000, SCHEMA_NAME_MAX = 64 };

enum kind { KIND_ANY, KIND_STRING, KIND_INT, KIND_NUMBER, KIND_BOOL, KIND_OBJECT, KIND_ARRAY };

struct param {
	const char *name;
	enum kind kind;
	double min, max; /* of numbers, when they differ */
	int (*take)(struct chat_decoder *d, const struct param *p, json_t *value);
	bool (*harmless)(const json_t *value);
};

static const char name_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				 "_-";

static bool has_kind(const json_t *value, enum kind kind)
{
	switch (kind) {
	case KIND_ANY:
		return true;
	case KIND_STRING:
		return json_is_string(value);
	case KIND_INT:
		return json_is_integer(value);
	case KIND_NUMBER:
		return json_is_number(value);
	case KIND_BOOL:
		return json_is_boolean(value);
	case KIND_OBJECT:
		return json_is_object(value);
	case KIND_ARRAY:
		return json_is_array(value);
	}
	return false;
}

static const char *kind_words(enum kind kind)
{
	static const char *const words[] = {"a value",   "a string",  "an integer", "a number",
					    "a boolean", "an object", "an array"};

	return words[kind];
}

/* Members of parameters that are objects. */
enum member {
	MEMBER_INCLUDE_USAGE,
	MEMBER_NO_CACHE,
	MEMBER_NO_STORE,
	MEMBER_TTL,
	MEMBER_SCHEMA_NAME,
	MEMBER_SCHEMA_STRICT,
	MEMBER_SCHEMA_DESCRIPTION
};

static const struct {
	const char *path;
	enum kind kind;
} members[] = {
	[MEMBER_INCLUDE_USAGE] = {"stream_options.include_usage", KIND_BOOL},
	[MEMBER_NO_CACHE] = {"cache.no_cache", KIND_BOOL},
	[MEMBER_NO_STORE] = {"cache.no_store", KIND_BOOL},
	[MEMBER_TTL] = {"cache.ttl", KIND_NUMBER},
	[MEMBER_SCHEMA_NAME] = {"response_format.json_schema.name", KIND_STRING},
	[MEMBER_SCHEMA_STRICT] = {"response_format.json_schema.strict", KIND_BOOL},
	[MEMBER_SCHEMA_DESCRIPTION] = {"response_format.json_schema.description", KIND_STRING},
};

/* NULL with *ret_bad false when absent. */
static json_t *member(struct chat_decoder *d, const json_t *object, enum member which,
		      bool *ret_bad)
{
	const char *path = members[which].path;
	json_t *value = json_object_get(object, strrchr(path, '.') + 1);

	*ret_bad = false;
	if (!value || json_is_null(value))
		return NULL;
	if (has_kind(value, members[which].kind))
		return value;
	chat_invalid(d, path, "%s: expected %s.", path, kind_words(members[which].kind));
	*ret_bad = true;
	return NULL;
}

static int take_string(struct chat_decoder *d, char **to, const json_t *value)
{
	*to = strdup(json_string_value(value));
	return *to ? 0 : chat_out_of_memory(d);
}

static int take_model(struct chat_decoder *d, const struct param *p, json_t *value)
{
	(void)p;
	return take_string(d, &d->out->model, value);
}

static int take_project(struct chat_decoder *d, const struct param *p, json_t *value)
{
	(void)p;
	return take_string(d, &d->out->project_id, value);
}

static int take_session(struct chat_decoder *d, const struct param *p, json_t *value)
{
	(void)p;
	return take_string(d, &d->out->session_id, value);
}

static int take_nothing(struct chat_decoder *d, const struct param *p, json_t *value)
{
	(void)d;
	(void)p;
	(void)value;
	return 0;
}

static int take_max_tokens(struct chat_decoder *d, const struct param *p, json_t *value)
{
	(void)p;
	d->prompt->max_tokens = json_integer_value(value);
	return 0;
}

static int take_extra(struct chat_decoder *d, const struct param *p, json_t *value)
{
	chat_needs_body_mode(d, p->name);
	return chat_put_extra(d, p->name, json_incref(value));
}

static int check_stop(struct chat_decoder *d, const json_t *stop)
{
	if (!json_is_string(stop) ||
	    str_is_blank(json_string_value(stop), json_string_length(stop)))
		return chat_invalid(d, "stop",
				    "stop: expected a string, or an array of 1 to 4 strings, that "
				    "are not blank.");
	return 0;
}

static int take_stop(struct chat_decoder *d, const struct param *p, json_t *value)
{
	json_t *list, *item;
	size_t i;

	if (json_is_array(value)) {
		if (!json_array_size(value) || json_array_size(value) > MAX_STOPS)
			return check_stop(d, NULL);
		json_array_foreach(value, i, item)
		{
			if (check_stop(d, item))
				return -EINVAL;
		}
		list = json_incref(value);
	} else {
		if (check_stop(d, value))
			return -EINVAL;
		list = json_pack("[O]", value);
	}
	chat_needs_body_mode(d, p->name);
	return chat_put_extra(d, "stop_sequences", list);
}

static int take_effort(struct chat_decoder *d, const struct param *p, json_t *value)
{
	static const struct {
		const char *name;
		enum job_effort effort;
		bool no_thinking;
	} efforts[] = {
		{"none", JOB_EFFORT_LOW, true},   {"minimal", JOB_EFFORT_LOW, false},
		{"low", JOB_EFFORT_LOW, false},   {"medium", JOB_EFFORT_MEDIUM, false},
		{"high", JOB_EFFORT_HIGH, false}, {"xhigh", JOB_EFFORT_XHIGH, false},
		{"max", JOB_EFFORT_MAX, false},
	};

	for (size_t i = 0; i < sizeof efforts / sizeof *efforts; i++) {
		if (strcmp(json_string_value(value), efforts[i].name) != 0)
			continue;
		d->prompt->effort = efforts[i].effort;
		d->prompt->no_thinking = efforts[i].no_thinking;
		return 0;
	}
	return chat_invalid(d, p->name,
			    "%s: expected none, minimal, low, medium, high, xhigh or max.",
			    p->name);
}

/* The parts of json_schema besides the schema itself. */
static int check_schema_names(struct chat_decoder *d, const json_t *spec)
{
	bool bad;
	const json_t *name = member(d, spec, MEMBER_SCHEMA_NAME, &bad);

	if (bad)
		return -EINVAL;
	if (!name || !str_in_set(json_string_value(name), 1, SCHEMA_NAME_MAX, name_chars))
		return chat_invalid(d, "response_format.json_schema.name",
				    "response_format.json_schema.name: expected 1 to 64 characters "
				    "of A-Z a-z 0-9 _ -.");
	member(d, spec, MEMBER_SCHEMA_STRICT, &bad);
	if (bad)
		return -EINVAL;
	member(d, spec, MEMBER_SCHEMA_DESCRIPTION, &bad);
	return bad ? -EINVAL : 0;
}

static int take_json_schema(struct chat_decoder *d, const json_t *format)
{
	static const char path[] = "response_format.json_schema.schema";
	const json_t *spec = json_object_get(format, "json_schema"), *type;
	json_t *schema = json_object_get(spec, "schema");

	if (!json_is_object(spec))
		return chat_invalid(d, "response_format.json_schema",
				    "response_format.json_schema: expected an object.");
	if (check_schema_names(d, spec))
		return -EINVAL;
	if (!json_is_object(schema))
		return chat_invalid(d, path, "%s: expected a JSON Schema object.", path);
	type = json_object_get(schema, "type");
	if (type && (!json_is_string(type) || strcmp(json_string_value(type), "object") != 0))
		return chat_invalid(d, path, "%s: expected a schema whose type is \"object\".",
				    path);
	d->out->format = CHAT_FORMAT_JSON_SCHEMA;
	d->out->schema = json_incref(schema);
	chat_needs_body_mode(d, "response_format");
	return chat_put_extra(
		d, "output_config",
		json_pack("{s:{s:s, s:O}}", "format", "type", "json_schema", "schema", schema));
}

static int take_format(struct chat_decoder *d, const struct param *p, json_t *value)
{
	const char *type = json_get_str(value, "type");

	(void)p;
	if (type && strcmp(type, "json_schema") == 0)
		return take_json_schema(d, value);
	if (type && strcmp(type, "json_object") == 0)
		d->out->format = CHAT_FORMAT_JSON_OBJECT;
	else if (!type || strcmp(type, "text") != 0)
		return chat_invalid(d, "response_format.type",
				    "response_format.type: expected text, json_object or "
				    "json_schema.");
	return 0;
}

static int refuse_tools(struct chat_decoder *d, const struct param *p, json_t *value)
{
	(void)value;
	return chat_invalid(d, p->name, "%s: tools are not supported yet.", p->name);
}

static int take_metadata(struct chat_decoder *d, const struct param *p, json_t *value)
{
	const char *key;
	json_t *item;

	json_object_foreach(value, key, item)
	{
		if (!json_is_string(item))
			return chat_invalid(d, p->name,
					    "metadata: expected an object whose values are "
					    "strings.");
	}
	return 0;
}

static int take_cache(struct chat_decoder *d, const struct param *p, json_t *value)
{
	const json_t *ttl;
	double seconds;
	bool bad;

	(void)p;
	d->out->no_cache = json_is_true(member(d, value, MEMBER_NO_CACHE, &bad));
	if (bad)
		return -EINVAL;
	d->out->no_store = json_is_true(member(d, value, MEMBER_NO_STORE, &bad));
	if (bad)
		return -EINVAL;
	ttl = member(d, value, MEMBER_TTL, &bad);
	if (bad)
		return -EINVAL;
	if (!ttl)
		return 0;
	seconds = json_number_value(ttl);
	if (!(seconds >= 0 && seconds <= 1e9))
		return chat_invalid(d, "cache.ttl", "cache.ttl: expected seconds from 0 to 1e9.");
	d->out->cache_ttl_s = (int64_t)seconds;
	return 0;
}

static int take_priority(struct chat_decoder *d, const struct param *p, json_t *value)
{
	static const struct {
		const char *name;
		enum job_lane lane;
	} lanes[] = {{"high", JOB_LANE_HIGH}, {"normal", JOB_LANE_NORMAL}, {"low", JOB_LANE_LOW}};

	for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++) {
		if (strcmp(json_string_value(value), lanes[i].name) != 0)
			continue;
		d->out->lane = lanes[i].lane;
		return 0;
	}
	return chat_invalid(d, p->name, "priority: expected low, normal or high.");
}

static int take_timeout(struct chat_decoder *d, const struct param *p, json_t *value)
{
	double seconds = json_number_value(value);

	if (!(seconds > 0))
		return chat_invalid(d, p->name, "timeout: expected seconds, more than 0.");
	d->out->timeout_ms = seconds >= 1e9 ? (int64_t)1e12 : (int64_t)ceil(seconds * 1000);
	return 0;
}

static int take_stream(struct chat_decoder *d, const struct param *p, json_t *value)
{
	(void)p;
	d->out->stream = json_is_true(value);
	return 0;
}

/* Stands behind `stream` in the table. */
static int take_stream_options(struct chat_decoder *d, const struct param *p, json_t *value)
{
	bool bad;

	if (!d->out->stream)
		return chat_invalid(d, p->name, "stream_options: only with \"stream\": true.");
	d->out->include_usage = json_is_true(member(d, value, MEMBER_INCLUDE_USAGE, &bad));
	return bad ? -EINVAL : 0;
}

static bool is_one(const json_t *value)
{
	return json_integer_value(value) == 1;
}

static bool is_zero(const json_t *value)
{
	return json_number_value(value) == 0;
}

static bool is_false(const json_t *value)
{
	return json_is_false(value);
}

static bool is_empty(const json_t *value)
{
	return json_object_size(value) == 0;
}

static bool is_text_only(const json_t *value)
{
	const char *only = json_string_value(json_array_get(value, 0));

	return json_array_size(value) == 0 ||
	       (json_array_size(value) == 1 && only && strcmp(only, "text") == 0);
}

static bool is_default_tier(const json_t *value)
{
	return strcmp(json_string_value(value), "auto") == 0 ||
	       strcmp(json_string_value(value), "default") == 0;
}

/* In the order in which they are taken: the later of two that mean the same wins. */
static const struct param params[] = {
	{"model", KIND_STRING, 0, 0, take_model, NULL},
	{"max_tokens", KIND_INT, 1, MAX_TOKENS_LIMIT, take_max_tokens, NULL},
	{"max_completion_tokens", KIND_INT, 1, MAX_TOKENS_LIMIT, take_max_tokens, NULL},
	{"stream", KIND_BOOL, 0, 0, take_stream, NULL},
	{"stream_options", KIND_OBJECT, 0, 0, take_stream_options, NULL},
	{"stop", KIND_ANY, 0, 0, take_stop, NULL},
	{"temperature", KIND_NUMBER, 0, 2, take_extra, NULL},
	{"top_p", KIND_NUMBER, 0, 1, take_extra, NULL},
	{"reasoning_effort", KIND_STRING, 0, 0, take_effort, NULL},
	{"response_format", KIND_OBJECT, 0, 0, take_format, NULL},
	{"tools", KIND_ANY, 0, 0, refuse_tools, NULL},
	{"tool_choice", KIND_ANY, 0, 0, refuse_tools, NULL},
	{"parallel_tool_calls", KIND_ANY, 0, 0, refuse_tools, NULL},
	{"functions", KIND_ANY, 0, 0, refuse_tools, NULL},
	{"function_call", KIND_ANY, 0, 0, refuse_tools, NULL},
	{"user", KIND_STRING, 0, 0, take_nothing, NULL},
	{"safety_identifier", KIND_STRING, 0, 0, take_nothing, NULL},
	{"prompt_cache_key", KIND_STRING, 0, 0, take_nothing, NULL},
	{"metadata", KIND_OBJECT, 0, 0, take_metadata, NULL},
	{"project_id", KIND_STRING, 0, 0, take_project, NULL},
	{"session_id", KIND_STRING, 0, 0, take_session, NULL},
	{"cache", KIND_OBJECT, 0, 0, take_cache, NULL},
	{"priority", KIND_STRING, 0, 0, take_priority, NULL},
	{"timeout", KIND_NUMBER, 0, 0, take_timeout, NULL},
	{"n", KIND_INT, 1, 128, NULL, is_one},
	{"seed", KIND_INT, 0, 0, NULL, NULL},
	{"logprobs", KIND_BOOL, 0, 0, NULL, is_false},
	{"top_logprobs", KIND_INT, 0, 20, NULL, is_zero},
	{"presence_penalty", KIND_NUMBER, -2, 2, NULL, is_zero},
	{"frequency_penalty", KIND_NUMBER, -2, 2, NULL, is_zero},
	{"logit_bias", KIND_OBJECT, 0, 0, NULL, is_empty},
	{"audio", KIND_OBJECT, 0, 0, NULL, NULL},
	{"modalities", KIND_ARRAY, 0, 0, NULL, is_text_only},
	{"prediction", KIND_OBJECT, 0, 0, NULL, NULL},
	{"web_search_options", KIND_OBJECT, 0, 0, NULL, NULL},
	{"verbosity", KIND_STRING, 0, 0, NULL, NULL},
	{"service_tier", KIND_STRING, 0, 0, NULL, is_default_tier},
	{"store", KIND_BOOL, 0, 0, NULL, is_false},
};

static int check_value(struct chat_decoder *d, const struct param *p, const json_t *value)
{
	double number = json_number_value(value);

	if (!has_kind(value, p->kind))
		return chat_invalid(d, p->name, "%s: expected %s.", p->name, kind_words(p->kind));
	if (p->min < p->max && !(number >= p->min && number <= p->max))
		return chat_invalid(d, p->name, "%s: expected %s from %.10g to %.10g.", p->name,
				    kind_words(p->kind), p->min, p->max);
	return 0;
}

static int list_ignored(struct chat_decoder *d, const struct param *p)
{
	char *list = d->out->ignored;
	size_t len = strlen(list);

	if (d->strict)
		return chat_invalid(d, p->name,
				    "%s: cannot be honoured, and x-ccapi-strict asks for that.",
				    p->name);
	snprintf(list + len, sizeof d->out->ignored - len, "%s%s", len ? ", " : "", p->name);
	return 0;
}

int chat_decode_params(struct chat_decoder *d)
{
	for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
		const struct param *p = &params[i];
		json_t *value = json_object_get(d->root, p->name);
		int r;

		if (!value || json_is_null(value))
			continue;
		r = check_value(d, p, value);
		if (!r && p->take)
			r = p->take(d, p, value);
		else if (!r && !(p->harmless && p->harmless(value)))
			r = list_ignored(d, p);
		if (r)
			return r;
	}
	return 0;
}

bool chat_param_field(size_t i, struct field *ret)
{
	static const char *const types[] = {NULL,      "string", "integer", "number",
					    "boolean", "object", "array"};
	enum {
		PARAMS = sizeof params / sizeof *params,
		MEMBERS = sizeof members / sizeof *members
	};
	const struct param *p;

	if (i >= PARAMS + MEMBERS)
		return false;
	if (i >= PARAMS) {
		*ret = (struct field){.name = members[i - PARAMS].path,
				      .type = types[members[i - PARAMS].kind]};
		return true;
	}
	p = &params[i];
	*ret = (struct field){
		.name = p->name,
		.type = p->take == refuse_tools ? "null" : types[p->kind],
		.min = p->min,
		.max = p->max,
		.ignored = !p->take,
	};
	return true;
}
