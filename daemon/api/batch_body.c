/* The body of a batch.  It may be as large as http.max_body lets it, so its items are found by
 * walking over the text, and built one at a time when their turn comes. */
#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "daemon/api/batch.h"
#include "daemon/api/fields.h"

static const struct json_bounds small = {.max_values = 16, .max_depth = 2};
static const struct json_bounds item_bounds = {.max_values = 200000, .max_depth = 64};

enum { CUSTOM_ID_MAX = 256 };

enum head_field {
	HEAD_REQUESTS,
	HEAD_PARALLEL,
	HEAD_STREAM,
	HEAD_MODEL,
	HEAD_PROJECT,
	HEAD_FIELDS
};

const char *const batch_fields[] = {
	[HEAD_REQUESTS] = "requests", [HEAD_PARALLEL] = "parallel",  [HEAD_STREAM] = "stream",
	[HEAD_MODEL] = "model",       [HEAD_PROJECT] = "project_id", [HEAD_FIELDS] = NULL};

enum item_field { ITEM_CUSTOM_ID, ITEM_PROMPT, ITEM_SYSTEM, ITEM_MESSAGES };

const char *const batch_item_fields[] = {[ITEM_CUSTOM_ID] = "custom_id",
					 [ITEM_PROMPT] = "prompt",
					 [ITEM_SYSTEM] = "system",
					 [ITEM_MESSAGES] = "messages",
					 NULL};

/* The batch's own count. */
const char *const batch_item_dropped[] = {"stream", "stream_options", "project_id", NULL};

static int invalid(struct failure *f, const char *param, const char *words)
{
	return failure_set(f, FAULT_INVALID_REQUEST, param, "%s: %s", param, words);
}

static int read_flag(const json_t *value, const char *name, bool *to, struct failure *f)
{
	if (json_is_null(value))
		return 0;
	if (!json_is_boolean(value))
		return invalid(f, name, "expected a boolean.");
	*to = json_is_true(value);
	return 0;
}

static int read_text(const json_t *value, const char *name, char **to, struct failure *f)
{
	if (json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return invalid(f, name, "expected a string.");
	free(*to);
	*to = strdup(json_string_value(value));
	return *to ? 0 : failure_set(f, FAULT_INTERNAL, NULL, "The server is out of memory.");
}

static int read_member(struct batch_head *h, enum head_field field, const json_t *value,
		       struct failure *f)
{
	const char *name = batch_fields[field];

	switch (field) {
	case HEAD_PARALLEL:
		return read_flag(value, name, &h->parallel, f);
	case HEAD_STREAM:
		return read_flag(value, name, &h->stream, f);
	case HEAD_MODEL:
		return read_text(value, name, &h->model, f);
	case HEAD_PROJECT:
		return read_text(value, name, &h->project_id, f);
	case HEAD_REQUESTS:
	case HEAD_FIELDS:
		break;
	}
	return 0;
}

/* HEAD_FIELDS: it is passed over. */
static enum head_field field_of(const struct json_slice *key)
{
	enum head_field i = 0;

	while (i < HEAD_FIELDS && !json_slice_is(key, batch_fields[i]))
		i++;
	return i;
}

static int count_items(struct batch_head *h, size_t most, struct failure *f)
{
	struct json_slice item;
	struct json_scan scan;

	json_scan_begin_array(&scan, h->items.at, h->items.len);
	while (json_scan_next_item(&scan, &item))
		h->count++;
	if (scan.failed)
		return invalid(f, "requests", "expected an array.");
	if (h->count == 0)
		return invalid(f, "requests", "expected at least one request.");
	if (h->count > most)
		return failure_set(f, FAULT_INVALID_REQUEST, "requests",
				   "requests: at most %zu requests in one batch, not %zu.", most,
				   h->count);
	return 0;
}

static int read_slice(struct batch_head *h, const struct json_slice *key,
		      const struct json_slice *value, struct failure *f)
{
	enum head_field field = field_of(key);
	const char *name = batch_fields[field];
	char why[160] = "";
	json_t *json;
	int rc;

	if (!name)
		return 0;
	if (h->seen[field])
		return invalid(f, name, "stands there twice.");
	h->seen[field] = true;
	if (field == HEAD_REQUESTS) {
		h->items = *value;
		return 0;
	}
	json = json_parse(value->at, value->len, &small, why, sizeof why);
	if (!json)
		return failure_set(f, FAULT_INVALID_REQUEST, name, "%s: not valid: %s.", name, why);
	rc = read_member(h, field, json, f);
	json_decref(json);
	return rc;
}

int batch_head_read(struct batch_head *h, const char *body, size_t len, size_t most,
		    struct failure *f)
{
	struct json_slice key, value;
	struct json_scan scan;

	*h = (struct batch_head){.parallel = true};
	crypto_generichash(h->hash, sizeof h->hash, (const unsigned char *)body, len, NULL, 0);
	json_scan_begin(&scan, body, len);
	while (json_scan_next(&scan, &key, &value))
		if (read_slice(h, &key, &value, f))
			return -EINVAL;
	if (scan.failed)
		return failure_set(f, FAULT_INVALID_REQUEST, NULL,
				   "The body is not a valid JSON object.");
	if (!h->items.at)
		return invalid(f, "requests", "expected an array of requests.");
	return count_items(h, most, f);
}

void batch_head_done(struct batch_head *h)
{
	free(h->model);
	free(h->project_id);
	*h = (struct batch_head){.count = 0};
}

/* ---- items ---- */

static int take_id(json_t *item, char **ret_id, struct failure *f)
{
	const char *name = batch_item_fields[ITEM_CUSTOM_ID];
	json_t *id = json_object_get(item, name);

	if (!id || json_is_null(id))
		return 0;
	if (!json_is_string(id) || json_string_length(id) > CUSTOM_ID_MAX)
		return failure_set(f, FAULT_INVALID_REQUEST, name,
				   "custom_id: expected a string of at most %d bytes.",
				   CUSTOM_ID_MAX);
	*ret_id = json_dumps(id, JSON_ENCODE_ANY);
	json_object_del(item, name);
	return *ret_id ? 0 : failure_set(f, FAULT_INTERNAL, NULL, "The server is out of memory.");
}

static json_t *message(const char *role, json_t *content)
{
	return json_pack("{s:s, s:O}", "role", role, "content", content);
}

/* null is the same as absent. */
static json_t *given(json_t *item, enum item_field field)
{
	json_t *value = json_object_get(item, batch_item_fields[field]);

	return json_is_null(value) ? NULL : value;
}

/* `prompt` is a conversation of one message, `system` goes in front of either. */
static int take_messages(json_t *item, struct failure *f)
{
	json_t *prompt = given(item, ITEM_PROMPT), *system = given(item, ITEM_SYSTEM);
	json_t *messages = given(item, ITEM_MESSAGES);

	if (!prompt == !messages)
		return failure_set(f, FAULT_INVALID_REQUEST, "prompt",
				   "Expected either prompt or messages.");
	if (prompt && !json_is_string(prompt))
		return invalid(f, "prompt", "expected a string.");
	if (system && !json_is_string(system))
		return invalid(f, "system", "expected a string.");
	if (messages && !json_is_array(messages))
		return invalid(f, "messages", "expected an array.");
	messages = prompt ? json_pack("[o]", message("user", prompt)) : json_incref(messages);
	if (json_is_string(system) &&
	    json_array_insert_new(messages, 0, message("system", system))) {
		json_decref(messages);
		messages = NULL;
	}
	json_object_del(item, "prompt");
	json_object_del(item, "system");
	if (json_object_set_new(item, "messages", messages))
		return failure_set(f, FAULT_INTERNAL, NULL, "The server is out of memory.");
	return 0;
}

static int take_defaults(const struct batch_head *h, json_t *item, struct failure *f)
{
	json_t *model = json_object_get(item, "model");
	int rc = 0;

	for (size_t i = 0; batch_item_dropped[i]; i++)
		json_object_del(item, batch_item_dropped[i]);
	if (h->project_id)
		rc |= json_object_set_new(item, "project_id", json_string(h->project_id));
	if (h->model && (!model || json_is_null(model)))
		rc |= json_object_set_new(item, "model", json_string(h->model));
	return rc ? failure_set(f, FAULT_INTERNAL, NULL, "The server is out of memory.") : 0;
}

char *batch_item_body(const struct batch_head *h, const struct json_slice *item, char **ret_id,
		      size_t *ret_len, struct failure *f)
{
	char why[200] = "", *text = NULL;
	json_t *json = json_parse(item->at, item->len, &item_bounds, why, sizeof why);

	*ret_id = NULL;
	if (!json) {
		failure_set(f, FAULT_INVALID_REQUEST, NULL, "The request is not valid JSON: %s.",
			    why);
	} else if (!json_is_object(json)) {
		failure_set(f, FAULT_INVALID_REQUEST, NULL, "The request must be an object.");
	} else if (!take_id(json, ret_id, f) && !take_messages(json, f) &&
		   !take_defaults(h, json, f)) {
		text = json_dump_exact(json, ret_len);
		if (!text)
			failure_set(f, FAULT_INTERNAL, NULL, "The server is out of memory.");
	}
	json_decref(json);
	return text;
}
