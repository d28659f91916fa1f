/* A call as operators see it.  Read at any moment of its life, so every part of it may be missing;
 * while the thread pool works on it, what that writes is not looked at. */
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/str.h"

#include "daemon/api/call.h"
#include "daemon/api/pipeline.h"

enum { BYTES_PER_TOKEN = 4, STATUS_CLIENT_GONE = 499 };

static enum activity_state state_of(const struct call *c)
{
	switch (c->job->state) {
	case JOB_QUEUED:
		return ACTIVITY_QUEUED;
	case JOB_RUNNING:
	case JOB_ENDED:
		return ACTIVITY_RUNNING;
	case JOB_NEW:
		break;
	}
	return ACTIVITY_PREPARING;
}

static void record_who(const struct call *c, struct activity_record *to)
{
	static const char *const lanes[JOB_LANES] = {"high", "normal", "low"};
	const struct access_entry *e = &c->req->entry;
	const struct key *key = c->req->key;

	memcpy(to->id, c->job->id, sizeof to->id);
	memcpy(to->method, e->method, sizeof to->method);
	str_copy_clean(to->path, sizeof to->path, e->path);
	memcpy(to->peer, e->peer, sizeof to->peer);
	to->priority = lanes[c->job->lane];
	memcpy(to->project, c->job->project, sizeof to->project);
	if (key) {
		snprintf(to->key_id, sizeof to->key_id, "%s", key->record.id);
		str_copy_clean(to->key_label, sizeof to->key_label, key->record.label);
	}
}

static void record_times(const struct call *c, struct activity_record *to)
{
	const struct job_times *t = &c->job->times;

	to->accepted_ms = clock_wall_ms_at(c->req->started_us);
	to->queued_ms = clock_wall_ms_at(t->submitted);
	to->dispatched_ms = clock_wall_ms_at(t->dispatched);
	to->first_token_ms = clock_wall_ms_at(t->first_text);
}

static void record_route(const struct call *c, struct activity_record *to)
{
	const struct job_result *result = &c->job->result;

	str_copy_clean(to->model_asked, sizeof to->model_asked, c->chat.model ? c->chat.model : "");
	to->stream = c->encoder->streams;
	str_copy_clean(to->model, sizeof to->model,
		       result->model_id[0] ? result->model_id : c->model_id);
	memcpy(to->route, c->route, sizeof to->route);
	memcpy(to->reason, c->reason, sizeof to->reason);
	to->cache = c->recall.caches || c->recall.answer ? call_cache_word(c) : NULL;
	to->worker = result->worker_id;
	to->attempts = result->attempts;
	to->warm = result->worker_id ? result->warm : -1;
}

/* The exact figures come with the end; until then the text that came tells about how many. */
static void record_usage(const struct call *c, struct activity_record *to)
{
	const struct job_usage *u = &c->job->result.usage;

	if (c->recall.answer)
		return; /* it was used earlier */
	to->input_tokens = u->input_tokens + u->cache_read_tokens + u->cache_creation_tokens;
	to->cache_read_tokens = u->cache_read_tokens;
	to->cache_creation_tokens = u->cache_creation_tokens;
	to->output_tokens = u->output_tokens;
	to->cost_micro_usd = u->cost_micro_usd;
	if (c->job->state == JOB_RUNNING) {
		to->output_tokens += (int64_t)(c->text_bytes / BYTES_PER_TOKEN);
		to->output_estimated = true;
	}
	if (c->held) {
		to->held_tokens = c->admission.estimate.tokens;
		to->held_micro_usd = c->admission.estimate.micro_usd;
	}
}

static void record_outcome(const struct call *c, struct activity_record *to)
{
	if (call_failed(c)) {
		snprintf(to->outcome, sizeof to->outcome, "%s", failure_name(&c->failure));
		to->status = failure_status(&c->failure);
		failure_words(&c->failure, to->error, sizeof to->error);
	} else if (c->job->state == JOB_ENDED || c->recall.answer) {
		snprintf(to->outcome, sizeof to->outcome, "ok");
		to->status = c->gone ? STATUS_CLIENT_GONE : 200;
	}
}

void call_record(void *ctx, struct activity_record *to)
{
	const struct call *c = ctx;

	to->state = state_of(c);
	record_who(c, to);
	record_times(c, to);
	if (c->busy == BUSY_DECODING)
		return;
	record_route(c, to);
	record_usage(c, to);
	record_outcome(c, to);
}

bool call_cancel(void *ctx)
{
	return pipeline_cancel(ctx);
}
