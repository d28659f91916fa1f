/* POST /v1/route: what `model:"auto"` would choose, and why.  Asks the same function. */
#include <errno.h>

#include "shared/json.h"

#include "daemon/api/auth.h"
#include "daemon/api/chat_request.h"
#include "daemon/api/fields.h"
#include "daemon/api/handlers.h"
#include "daemon/api/request.h"

enum { BODY_MAX = 64 * 1024 };

static const struct json_bounds bounds = {.max_values = 200000, .max_depth = 64};

enum route_field { ROUTE_TEXT, ROUTE_SIZE, ROUTE_MESSAGES, ROUTE_PROJECT };

const char *const route_fields[] = {[ROUTE_TEXT] = "task_description",
				    [ROUTE_SIZE] = "context_size",
				    [ROUTE_MESSAGES] = "messages",
				    [ROUTE_PROJECT] = "project_id",
				    NULL};

struct advice {
	json_t *root;
	struct job_prompt prompt; /* of messages */
	struct chat_request chat;
	struct route_features features;
	const char *project_id;
};

static int invalid(struct failure *f, const char *param, const char *words)
{
	return failure_set(f, FAULT_INVALID_REQUEST, param, "%s: %s", param, words);
}

static int read_text(struct advice *a, const json_t *text, const json_t *size, struct failure *f)
{
	int64_t context = size ? json_integer_value(size) : -1;

	if (!json_is_string(text) || json_string_length(text) == 0)
		return invalid(f, "task_description", "expected a string that is not empty.");
	if (size && (!json_is_integer(size) || context < 0 || context > INT64_C(1000000000)))
		return invalid(f, "context_size", "expected an integer from 0 to 1e9.");
	route_features_of_text(&a->features, json_string_value(text), context);
	return 0;
}

/* The conversation is checked like one that is to be answered. */
static int read_messages(struct advice *a, const char *body, size_t len, struct failure *f)
{
	int rc = chat_request_parse(&a->chat, &a->prompt, body, len, false, f);

	if (rc)
		return rc;
	route_features_of_messages(&a->features, a->prompt.messages, a->prompt.system);
	a->features.wants_json = a->chat.format != CHAT_FORMAT_TEXT;
	return 0;
}

static const json_t *given(const json_t *root, enum route_field field)
{
	const json_t *value = json_object_get(root, route_fields[field]);

	return json_is_null(value) ? NULL : value;
}

static int read_advice(struct advice *a, const char *body, size_t len, struct failure *f)
{
	const json_t *text, *messages, *project;
	char why[200] = "";

	a->root = json_parse(body ? body : "", len, &bounds, why, sizeof why);
	if (!a->root)
		return failure_set(f, FAULT_INVALID_REQUEST, NULL,
				   "The body is not valid JSON: %s.", why);
	if (!json_is_object(a->root))
		return failure_set(f, FAULT_INVALID_REQUEST, NULL,
				   "The body must be a JSON object.");
	text = given(a->root, ROUTE_TEXT);
	messages = given(a->root, ROUTE_MESSAGES);
	project = given(a->root, ROUTE_PROJECT);
	if (project && !json_is_string(project))
		return invalid(f, "project_id", "expected a string.");
	a->project_id = json_string_value(project);
	if (!text == !messages)
		return failure_set(f, FAULT_INVALID_REQUEST, "task_description",
				   "Expected either task_description or messages.");
	return text ? read_text(a, text, given(a->root, ROUTE_SIZE), f)
		    : read_messages(a, body, len, f);
}

static int advise(struct request *r, const struct advice *a, struct failure *f)
{
	const struct api_deps *deps = &r->api->deps;
	struct route_ask ask = {
		.model = "auto", .features = &a->features, .key = r->key, .explain = true};
	struct route_decision d;
	const char *name;
	enum fault fault;
	struct buf b;

	if (!pool_models(deps->pool)->count)
		return failure_set(f, FAULT_BACKEND_UNAVAILABLE, NULL,
				   "The models are not known, because no worker has started yet.");
	name = auth_project_name(r, a->project_id, f);
	if (!name)
		return -EINVAL;
	ask.project = registry_find_project(deps->registry, name);
	fault = routing_decide(deps->routing, &ask, &d);
	if (fault != FAULT_NONE)
		return failure_set(f, fault, "model", "%s", d.reasoning);
	buf_init(&b, BODY_MAX);
	routing_write(deps->routing, &d, a->features.context_tokens, &b);
	request_reply(r, 200, "application/json", &b);
	buf_done(&b);
	return 0;
}

void handle_route(struct request *r)
{
	struct advice a = {.root = NULL};
	struct failure f;
	size_t len;
	const char *body = exchange_body(r->x, &len);

	chat_request_init(&a.chat);
	if (read_advice(&a, body, len, &f) || advise(r, &a, &f))
		request_fail(r, &f);
	chat_request_done(&a.chat);
	job_prompt_done(&a.prompt);
	json_decref(a.root);
}
