#include "daemon/dispatch/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

struct job *job_new(const struct job_ops *ops, void *user)
{
	struct job *job = calloc(1, sizeof *job);

	if (!job)
		return NULL;
	job->ops = ops;
	job->user = user;
	job->lane = JOB_LANE_NORMAL;
	job->result.retry_after_ms = -1;
	job->refs = 1;
	return job;
}

struct job *job_ref(struct job *job)
{
	job->refs++;
	return job;
}

void job_unref(struct job *job)
{
	if (!job || --job->refs > 0)
		return;
	job_prompt_done(&job->prompt);
	free(job);
}

void job_prompt_done(struct job_prompt *prompt)
{
	free(prompt->model);
	free(prompt->system);
	free(prompt->body);
	json_decref(prompt->messages);
	json_decref(prompt->extra);
}

/* Written member by member: a merged copy of `extra` and `messages` would double a large prompt. */
int job_prompt_seal(struct job_prompt *prompt)
{
	size_t extra_len = 0, messages_len = 0, at;
	char *messages = json_dump_exact(prompt->messages, &messages_len);
	char *extra = NULL, *body = NULL;

	if (json_object_size(prompt->extra) > 0)
		extra = json_dump_exact(prompt->extra, &extra_len);
	if (messages && (extra || json_object_size(prompt->extra) == 0))
		body = malloc(extra_len + messages_len + sizeof "{\"messages\":,}");
	if (body) {
		at = strlen(strcpy(body, "{\"messages\":"));
		memcpy(body + at, messages, messages_len);
		at += messages_len;
		if (extra) {
			body[at++] = ',';
			memcpy(body + at, extra + 1, extra_len - 2);
			at += extra_len - 2;
		}
		strcpy(body + at, "}");
		free(prompt->body);
		prompt->body = body;
		prompt->body_len = at + 1;
		prompt->messages_len = messages_len;
	}
	free(messages);
	free(extra);
	return body ? 0 : -ENOMEM;
}
