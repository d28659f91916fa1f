#include "daemon/api/call.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/clock.h"

#include "daemon/api/openai.h"
#include "daemon/api/pipeline.h"
#include "daemon/api/stages.h"

struct call *call_new(struct request *r, const struct encoder *encoder, char *body, size_t len)
{
	struct call *c = calloc(1, sizeof *c);
	unsigned char random[12];

	if (!c)
		goto fail;
	c->job = job_new(&pipeline_job_ops, c);
	if (!c->job)
		goto fail;
	c->req = r;
	c->api = r->api;
	c->encoder = encoder;
	c->body = body;
	c->body_len = len;
	chat_request_init(&c->chat);
	randombytes_buf(random, sizeof random);
	memcpy(c->id, "chatcmpl-", 9);
	sodium_bin2hex(c->id + 9, sizeof c->id - 9, random, sizeof random);
	c->created = clock_wall_ms() / 1000;
	c->held_us = dispatch_held_us(c->api->deps.dispatch);
	buf_init(&c->answer, (size_t)c->api->deps.conf->pool.max_answer);
	memcpy(c->job->id, r->entry.request_id, sizeof r->entry.request_id);
	r->entry.completion = true;
	r->call = c;
	request_ref(r);
	DL_APPEND(c->api->calls, c);
	api_run_timer(c->api);
	c->activity = (struct activity){
		.record = call_record, .cancel = call_cancel, .ctx = c, .id = c->job->id};
	return c;
fail:
	free(c);
	free(body);
	return NULL;
}

const char *call_cache_word(const struct call *c)
{
	static const char *const words[] = {[CACHE_STATE_BYPASS] = "bypass",
					    [CACHE_STATE_MISS] = "miss",
					    [CACHE_STATE_HIT] = "hit"};

	return words[c->cache_state];
}

static void note_for_log(const struct call *c)
{
	struct access_entry *e = &c->req->entry;
	const struct job_result *result = &c->job->result;
	const struct job_times *t = &c->job->times;
	const struct job_usage *used = &result->usage;

	memcpy(e->project, c->job->project, sizeof e->project);
	snprintf(e->key_id, sizeof e->key_id, "%s", c->req->key ? c->req->key->record.id : "");
	snprintf(e->model, sizeof e->model, "%s",
		 result->model_id[0] ? result->model_id : c->model_id);
	snprintf(e->route, sizeof e->route, "%s", c->route);
	e->cache = call_cache_word(c);
	if (t->dispatched)
		e->queue_ms = (t->dispatched - t->submitted) / 1000;
	if (t->first_text)
		e->ttft_ms = (t->first_text - c->req->started_us) / 1000;
	if (t->ended)
		e->overhead_ms = openai_overhead_ms(c);
	if (!c->recall.answer) { /* else it was used, and logged, earlier */
		e->input_tokens =
			used->input_tokens + used->cache_read_tokens + used->cache_creation_tokens;
		e->cache_read_tokens = used->cache_read_tokens;
		e->cache_creation_tokens = used->cache_creation_tokens;
		e->output_tokens = used->output_tokens;
		e->cost_micro_usd = used->cost_micro_usd;
	}
	e->worker_id = result->worker_id;
	if (!e->fault && call_failed(c))
		e->fault = failure_name(&c->failure);
}

void call_free(struct call *c)
{
	struct request *r = c->req;

	activity_end(&c->activity);
	note_for_log(c);
	r->call = NULL;
	admit_end(&c->admission);
	answer_unref(c->recall.answer);
	if (c->api->next_call == c)
		c->api->next_call = c->next;
	DL_DELETE(c->api->calls, c);
	api_run_timer(c->api);
	if (c->over)
		c->over(c);
	job_unref(c->job);
	chat_request_done(&c->chat);
	buf_done(&c->answer);
	buf_done(&c->sse.prefix);
	buf_done(&c->sse.frame);
	free(c->body);
	session_done(c);
	free(c->recall.word);
	free(c->idempotency_key);
	request_unref(r);
	free(c);
}

bool call_is_wanted(const struct call *c)
{
	return !c->gone && (c->owner || c->req->x);
}

bool call_failed(const struct call *c)
{
	return c->failure.fault != FAULT_NONE || c->failure.status != 0;
}

/* A new session of a request that failed was never there. */
const char *call_session_id(const struct call *c)
{
	if (!c->session.id[0] || (call_failed(c) && !c->session.before))
		return NULL;
	return c->session.id;
}

const char *call_session_fate(const struct call *c)
{
	static const char *const words[] = {[SESSION_FATE_NONE] = NULL,
					    [SESSION_FATE_CONFLICT] = "conflict",
					    [SESSION_FATE_LOST] = "lost"};

	return words[c->session.fate];
}

bool call_keep_text(struct call *c, const char *text, size_t len)
{
	buf_add(&c->answer, text, len);
	if (!c->answer.failed)
		return true;
	failure_set(&c->failure, FAULT_UPSTREAM, NULL,
		    "The answer is longer than this server takes.");
	if (c->busy == BUSY_RUNNING)
		dispatch_cancel(c->api->deps.dispatch, c->job);
	return false;
}

void call_pause(struct call *c, bool paused)
{
	if (c->busy == BUSY_RUNNING)
		dispatch_pause(c->api->deps.dispatch, c->job, paused);
}
