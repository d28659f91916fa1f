/* The body of a batch.  It may be as large as http.max_body lets it, so its items are found by
 * walking over the text, and built one at a time when their turn comes. */
#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "daemon/api/batch.h"

static const struct json_bounds small = {.max_values = 16, .max_depth = 2};
static const struct json_bounds item_bounds = {.max_values = 200000, .max_depth = 64};

enum { CUSTOM_ID_MAX = 256 };

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

static int read_member(struct batch_head *h, const struct json_slice *key, const json_t *value,
		       struct failure *f)
{
	if (json_slice_is(key, "parallel"))
		return read_flag(value, "parallel", &h->parallel, f);
	if (json_slice_is(key, "stream"))
		return read_flag(value, "stream", &h->stream, f);
	if (json_slice_is(key, "model"))
		return read_text(value, "model", &h->model, f);
	return read_text(value, "project_id", &h->project_id, f);
}

/* NULL: it is passed over. */
static const char *known_name(const struct json_slice *key)
{
	static const char *const names[] = {"parallel", "stream", "model", "project_id"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (json_slice_is(key, names[i]))
			return names[i];
	return NULL;
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
	const char *name = known_name(key);
	char why[160] = "";
	json_t *json;
	int rc;

	if (json_slice_is(key, "requests")) {
		h->items = *value;
		return 0;
	}
	if (!name)
		return 0;
	json = json_parse(value->at, value->len, &small, why, sizeof why);
	if (!json)
		return failure_set(f, FAULT_INVALID_REQUEST, name, "%s: not valid: %s.", name, why);
	rc = read_member(h, key, json, f);
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
	json_t *id = json_object_get(item, "custom_id");

	if (!id || json_is_null(id))
		return 0;
	if (!json_is_string(id) || json_string_length(id) > CUSTOM_ID_MAX)
		return failure_set(f, FAULT_INVALID_REQUEST, "custom_id",
				   "custom_id: expected a string of at most %d bytes.",
				   CUSTOM_ID_MAX);
	*ret_id = json_dumps(id, JSON_ENCODE_ANY);
	json_object_del(item, "custom_id");
	return *ret_id ? 0 : failure_set(f, FAULT_INTERNAL, NULL, "The server is out of memory.");
}

static json_t *message(const char *role, json_t *content)
{
	return json_pack("{s:s, s:O}", "role", role, "content", content);
}

/* `prompt` is a conversation of one message, `system` goes in front of either. */
static int take_messages(json_t *item, struct failure *f)
{
	json_t *prompt = json_object_get(item, "prompt"), *system = json_object_get(item, "system");
	json_t *messages = json_object_get(item, "messages");

	if (json_is_null(prompt))
		prompt = NULL;
	if (!prompt == !messages)
		return failure_set(f, FAULT_INVALID_REQUEST, "prompt",
				   "Expected either prompt or messages.");
	if (prompt && !json_is_string(prompt))
		return invalid(f, "prompt", "expected a string.");
	if (system && !json_is_null(system) && !json_is_string(system))
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

	json_object_del(item, "stream");
	json_object_del(item, "stream_options");
	json_object_del(item, "project_id"); /* the batch's own counts */
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
