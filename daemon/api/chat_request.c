#include "daemon/api/chat_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "daemon/api/chat_decode.h"

static const struct json_bounds bounds = {.max_values = 200000, .max_depth = 64};

static const char json_instruction[] =
	"Answer with a single valid JSON object and nothing else: no introduction, no explanation, "
	"no Markdown code fence.";

void chat_request_init(struct chat_request *c)
{
	*c = (struct chat_request){.lane = JOB_LANE_NORMAL, .cache_ttl_s = -1};
}

void chat_request_done(struct chat_request *c)
{
	free(c->model);
	free(c->project_id);
	free(c->session_id);
	json_decref(c->schema);
	chat_request_init(c);
}

int chat_out_of_memory(struct chat_decoder *d)
{
	return failure_set(d->failure, FAULT_INTERNAL, NULL, "The server is out of memory.");
}

int chat_put_extra(struct chat_decoder *d, const char *key, json_t *value)
{
	if (!d->prompt->extra)
		d->prompt->extra = json_object();
	if (json_object_set_new(d->prompt->extra, key, value))
		return chat_out_of_memory(d);
	return 0;
}

void chat_needs_body_mode(struct chat_decoder *d, const char *param)
{
	char *to = d->out->body_mode_param;

	if (!*to)
		snprintf(to, sizeof d->out->body_mode_param, "%s", param);
}

static int decode(struct chat_decoder *d)
{
	int r;

	if (!json_is_object(d->root))
		return chat_invalid(d, NULL, "The body must be a JSON object.");
	r = chat_decode_params(d);
	if (r)
		return r;
	r = chat_decode_messages(d);
	if (r)
		return r;
	return job_prompt_seal(d->prompt) ? chat_out_of_memory(d) : 0;
}

int chat_request_parse(struct chat_request *c, struct job_prompt *prompt, const char *body,
		       size_t len, bool strict, struct failure *f)
{
	char why[200] = "";
	json_t *root = json_parse(body, len, &bounds, why, sizeof why);
	struct chat_decoder d = {
		.out = c, .prompt = prompt, .failure = f, .root = root, .strict = strict};
	int r;

	if (!root)
		return failure_set(f, FAULT_INVALID_REQUEST, NULL,
				   "The body is not valid JSON: %s.", why);
	r = decode(&d);
	json_decref(root);
	return r;
}

int chat_request_check_mode(const struct chat_request *c, bool body_mode, struct failure *f)
{
	if (body_mode || !c->body_mode_param[0])
		return 0;
	return failure_set(f, FAULT_UNSUPPORTED_BY_CLI, c->body_mode_param,
			   "The installed Claude Code CLI cannot honour %s.", c->body_mode_param);
}

int chat_request_finish_system(const struct chat_request *c, struct job_prompt *prompt,
			       const char *fallback)
{
	const char *given = prompt->system ? prompt->system : fallback ? fallback : "";
	char *joined;

	if (c->format != CHAT_FORMAT_JSON_OBJECT)
		return 0;
	if (asprintf(&joined, "%s%s%s", given, *given ? "\n\n" : "", json_instruction) < 0)
		return -ENOMEM;
	free(prompt->system);
	prompt->system = joined;
	return 0;
}
