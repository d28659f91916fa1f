/* A completion's way through the daemon.
 *
 *   decode -> authenticate -> admit -> route -> queue -> (worker) -> encode
 *
 * Each stage answers NEXT, WAIT (something will call advance() again) or DONE: the request is over
 * and call->failure says why.  After `queue` the job belongs to dispatch too: its text and its end
 * come through job_text() and job_done().
 *
 * A call ends in end_call() and nowhere else: when a stage fails, when the job is done, or, for a
 * client that left early, when nothing is under way any more.  Three things can be under way: the
 * thread pool decoding a large body, the wait for the pool's start, and the job.  Only the first
 * and the last outlive the client; the job is cancelled and its cost kept.
 *
 * The key was checked when the request's head came (api.c): a wrong one needs no body. */
#include "daemon/api/pipeline.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/log.h"
#include "shared/str.h"

#include "daemon/api/answer_check.h"
#include "daemon/api/auth.h"
#include "daemon/api/call.h"
#include "daemon/api/handlers.h"

enum {
	INLINE_BODY_MAX = 64 * 1024,
	LOGGED_MAX = 1024, /* of a prompt */
};

enum step { STEP_NEXT, STEP_WAIT, STEP_DONE };

static enum step decode(struct call *c);
static enum step authenticate(struct call *c);
static enum step admit(struct call *c);
static enum step route(struct call *c);
static enum step queue(struct call *c);

static enum step (*const stages[])(struct call *c) = {decode, authenticate, admit, route, queue};

enum { STAGES = sizeof stages / sizeof *stages };

static void end_call(struct call *c);

static void advance(struct call *c)
{
	while (c->stage < STAGES) {
		switch (stages[c->stage](c)) {
		case STEP_NEXT:
			c->stage++;
			break;
		case STEP_WAIT:
			return;
		case STEP_DONE:
			c->encoder->fail(c, &c->failure);
			end_call(c);
			return;
		}
	}
}

/* ---- The call itself ---- */

static void job_text(struct job *job, const char *text, size_t len);
static void job_restart(struct job *job);
static void job_done(struct job *job);

static const struct job_ops job_ops = {.text = job_text, .restart = job_restart, .done = job_done};

static struct call *new_call(struct request *r)
{
	struct call *c = calloc(1, sizeof *c);
	unsigned char random[12];

	if (!c)
		return NULL;
	c->job = job_new(&job_ops, c);
	if (!c->job) {
		free(c);
		return NULL;
	}
	c->req = r;
	c->api = r->api;
	c->encoder = &openai_json;
	chat_request_init(&c->chat);
	randombytes_buf(random, sizeof random);
	memcpy(c->id, "chatcmpl-", 9);
	sodium_bin2hex(c->id + 9, sizeof c->id - 9, random, sizeof random);
	c->created = clock_wall_ms() / 1000;
	buf_init(&c->answer, (size_t)c->api->deps.conf->pool.max_answer);
	memcpy(c->job->id, r->entry.request_id, sizeof r->entry.request_id);
	r->entry.completion = true;
	r->call = c;
	request_ref(r);
	DL_APPEND(c->api->calls, c);
	api_run_timer(c->api);
	return c;
}

static void note_for_log(const struct call *c)
{
	struct access_entry *e = &c->req->entry;
	const struct job_result *result = &c->job->result;
	const struct job_times *t = &c->job->times;

	memcpy(e->project, c->job->project, sizeof e->project);
	snprintf(e->model, sizeof e->model, "%s",
		 result->model_id[0] ? result->model_id : c->model_id);
	e->route = c->route;
	if (t->dispatched)
		e->queue_ms = (t->dispatched - t->submitted) / 1000;
	if (t->first_text)
		e->ttft_ms = (t->first_text - c->req->started_us) / 1000;
	e->input_tokens = result->usage.input_tokens + result->usage.cache_read_tokens +
			  result->usage.cache_creation_tokens;
	e->output_tokens = result->usage.output_tokens;
	e->cost_micro_usd = result->usage.cost_micro_usd;
	e->worker_id = result->worker_id;
	if (!e->fault && c->failure.fault != FAULT_NONE)
		e->fault = failure_name(&c->failure);
}

static void stop_waiting(struct call *c)
{
	if (c->waiting) {
		c->waiting = false;
		c->api->waiting--;
		api_run_timer(c->api);
	}
}

static void end_call(struct call *c)
{
	note_for_log(c);
	stop_waiting(c);
	DL_DELETE(c->api->calls, c);
	api_run_timer(c->api);
	job_unref(c->job);
	chat_request_done(&c->chat);
	buf_done(&c->answer);
	buf_done(&c->sse.prefix);
	buf_done(&c->sse.frame);
	free(c->body);
	c->req->call = NULL;
	request_unref(c->req);
	free(c);
}

void handle_chat_completions(struct request *r)
{
	struct call *c = new_call(r);
	const char *strict = exchange_header(r->x, "x-ccapi-strict");
	struct failure f;

	if (!c) {
		failure_set(&f, FAULT_INTERNAL, NULL, "The server is out of memory.");
		request_fail(r, &f);
		return;
	}
	c->strict = strict && strcmp(strict, "true") == 0;
	advance(c);
}

void pipeline_abort(struct call *c)
{
	if (c->submitted)
		dispatch_cancel(c->api->deps.dispatch, c->job);
	else if (c->on_thread)
		uv_cancel((uv_req_t *)&c->work); /* either way after_decode() comes */
	else
		end_call(c);
}

/* ---- decode ---- */

static void parse(struct call *c, const char *body, size_t len)
{
	c->parse_result =
		chat_request_parse(&c->chat, &c->job->prompt, body, len, c->strict, &c->failure);
}

static enum step decoded(struct call *c)
{
	if (c->parse_result)
		return STEP_DONE;
	if (c->chat.stream)
		c->encoder = &openai_sse;
	if (c->chat.ignored[0])
		exchange_add_header(c->req->x, "x-ccapi-ignored-params", c->chat.ignored);
	return STEP_NEXT;
}

static void on_decode_thread(uv_work_t *work)
{
	struct call *c = work->data;

	parse(c, c->body, c->body_len);
}

static void after_decode(uv_work_t *work, int status)
{
	struct call *c = work->data;

	(void)status; /* only UV_ECANCELED, and then the client is gone */
	c->on_thread = false;
	free(c->body);
	c->body = NULL;
	if (!c->req->x)
		end_call(c);
	else
		advance(c);
}

/* The body is copied, because it goes with the exchange when the client leaves. */
static bool decode_on_thread(struct call *c, const char *body, size_t len)
{
	c->body = malloc(len + 1);
	if (!c->body)
		return false;
	memcpy(c->body, body, len);
	c->body[len] = '\0';
	c->body_len = len;
	c->work.data = c;
	if (uv_queue_work(c->api->deps.loop, &c->work, on_decode_thread, after_decode))
		return false;
	c->on_thread = true;
	return true;
}

static enum step decode(struct call *c)
{
	size_t len;
	const char *body = exchange_body(c->req->x, &len);

	if (c->body_len)
		return decoded(c); /* back from the thread pool */
	if (len > INLINE_BODY_MAX && decode_on_thread(c, body, len))
		return STEP_WAIT;
	parse(c, body ? body : "", len);
	return decoded(c);
}

/* ---- authenticate ---- */

static enum step authenticate(struct call *c)
{
	const struct conf *conf = c->api->deps.conf;
	struct job *job = c->job;

	if (auth_project(c->chat.project_id, job->project, &c->failure))
		return STEP_DONE;
	job->lane = c->chat.lane;
	job->timeout_ms = c->chat.timeout_ms;
	if (job->timeout_ms > conf->pool.request_timeout)
		job->timeout_ms = conf->pool.request_timeout;
	return STEP_NEXT;
}

/* ---- admit ---- */

static enum step refuse(struct call *c, enum fault fault, const char *message)
{
	failure_set(&c->failure, fault, NULL, "%s", message);
	return STEP_DONE;
}

/* Until the first worker has started neither the models nor the CLI's abilities are known. */
static enum step wait_for_pool(struct call *c)
{
	const struct conf *conf = c->api->deps.conf;
	int64_t now = clock_mono_us(), limit_ms = conf->pool.queue_timeout;

	if (c->waiting)
		return now < c->wait_until_us
			       ? STEP_WAIT
			       : refuse(c, FAULT_TIMEOUT, "The backend did not start in time.");
	if (c->api->waiting >= (uint64_t)conf->pool.queue)
		return refuse(c, FAULT_OVERLOADED, "Too many requests wait for the start.");
	if (c->job->timeout_ms && c->job->timeout_ms < limit_ms)
		limit_ms = c->job->timeout_ms;
	c->wait_from_us = now;
	c->wait_until_us = now + limit_ms * 1000;
	c->waiting = true;
	c->api->waiting++;
	api_run_timer(c->api);
	return STEP_WAIT;
}

/* What was spent on waiting is no longer there for the job. */
static void charge_wait(struct call *c)
{
	int64_t waited_ms = (clock_mono_us() - c->wait_from_us) / 1000, left_ms;

	stop_waiting(c);
	left_ms = c->job->timeout_ms ? c->job->timeout_ms : c->api->deps.conf->pool.request_timeout;
	left_ms -= waited_ms;
	c->job->timeout_ms = left_ms > 1 ? left_ms : 1;
}

static enum step admit(struct call *c)
{
	const struct api_deps *deps = &c->api->deps;
	int64_t plan_ms = plan_limits_wait_ms(pool_plan(deps->pool), clock_wall_ms());

	if (dispatch_draining(deps->dispatch))
		return refuse(c, FAULT_OVERLOADED, "The server is shutting down.");
	if (plan_ms > 0) {
		refuse(c, FAULT_PLAN_LIMIT, "");
		c->failure.retry_after_ms = plan_ms;
		return STEP_DONE;
	}
	if (pool_health(deps->pool) == POOL_STARTING)
		return wait_for_pool(c);
	if (c->waiting)
		charge_wait(c);
	if (pool_health(deps->pool) != POOL_READY || !pool_models(deps->pool)->count)
		return refuse(c, FAULT_BACKEND_UNAVAILABLE, "");
	return STEP_NEXT;
}

/* ---- route ---- */

static enum step route(struct call *c)
{
	const struct api_deps *deps = &c->api->deps;
	const char *asked = c->chat.model ? c->chat.model : deps->conf->routing.default_model;
	const struct model *model = models_find(pool_models(deps->pool), asked);
	struct job_prompt *prompt = &c->job->prompt;

	c->route = c->chat.model ? "requested" : "auto:default";
	if (!model) {
		failure_set(&c->failure, FAULT_MODEL_NOT_FOUND, "model",
			    "The model '%.100s' does not exist; GET /v1/models lists those on "
			    "offer.",
			    asked);
		return STEP_DONE;
	}
	if (chat_request_check_mode(&c->chat, pool_body_mode(deps->pool), &c->failure))
		return STEP_DONE;
	memcpy(c->model_id, model->id, sizeof c->model_id);
	prompt->model = strdup(model->name);
	if (!prompt->model ||
	    chat_request_finish_system(&c->chat, prompt, deps->conf->claude.system_prompt))
		return refuse(c, FAULT_INTERNAL, "The server is out of memory.");
	return STEP_NEXT;
}

/* ---- queue ---- */

/* For debugging, and only where the operator has asked for it: prompts are private. */
static void log_prompt(const struct call *c)
{
	const struct job_prompt *prompt = &c->job->prompt;
	char system[LOGGED_MAX], body[LOGGED_MAX];
	const struct log_field fields[] = {
		LOG_STR("request_id", c->job->id), LOG_STR("project", c->job->project),
		LOG_STR("system", prompt->system ? system : NULL), LOG_STR("body", body)};

	str_copy_clean(system, sizeof system, prompt->system ? prompt->system : "");
	str_copy_clean(body, sizeof body, prompt->body);
	log_event(LOG_LEVEL_INFO, "prompt", fields, sizeof fields / sizeof *fields, "prompt");
}

static enum step queue(struct call *c)
{
	c->job->streams = c->chat.stream;
	if (c->api->deps.conf->log.bodies)
		log_prompt(c);
	if (dispatch_submit(c->api->deps.dispatch, c->job) != FAULT_NONE) {
		failure_from_job(&c->failure, c->job);
		return STEP_DONE;
	}
	c->submitted = true;
	return STEP_NEXT; /* past the last stage: the job goes on by itself */
}

/* ---- encode ---- */

bool call_keep_text(struct call *c, const char *text, size_t len)
{
	buf_add(&c->answer, text, len);
	if (!c->answer.failed)
		return true;
	failure_set(&c->failure, FAULT_UPSTREAM, NULL,
		    "The answer is longer than this server "
		    "takes.");
	dispatch_cancel(c->api->deps.dispatch, c->job);
	return false;
}

void call_pause(struct call *c, bool paused)
{
	if (c->submitted)
		dispatch_pause(c->api->deps.dispatch, c->job, paused);
}

static void job_text(struct job *job, const char *text, size_t len)
{
	struct call *c = job->user;

	if (c->req->x && !c->failure.fault && len)
		c->encoder->text(c, text, len);
}

static void job_restart(struct job *job)
{
	struct call *c = job->user;

	buf_clear(&c->answer);
}

/* An answer that was cut short or refused cannot be what was asked for, and says so by its
 * finish_reason. */
static void check_format(struct call *c)
{
	const struct job_result *result = &c->job->result;
	char why[160];

	if (c->chat.format == CHAT_FORMAT_TEXT || result->stop == JOB_STOP_MAX_TOKENS ||
	    result->stop == JOB_STOP_REFUSAL)
		return;
	if (answer_check(c->answer.data, c->answer.len, c->chat.schema, why, sizeof why))
		failure_set(&c->failure, FAULT_UPSTREAM, NULL, "%s", why);
}

static void job_done(struct job *job)
{
	struct call *c = job->user;

	c->submitted = false;
	if (!c->failure.fault && job->result.fault != FAULT_NONE)
		failure_from_job(&c->failure, job);
	if (c->req->x && !c->failure.fault)
		check_format(c);
	if (c->req->x && c->failure.fault)
		c->encoder->fail(c, &c->failure);
	else if (c->req->x)
		c->encoder->end(c);
	end_call(c);
}

/* ---- the clock ---- */

void pipeline_tick(struct api *api)
{
	int64_t now = clock_mono_us();
	struct call *c, *next;

	DL_FOREACH_SAFE(api->calls, c, next)
	{
		if (c->waiting)
			advance(c);
		else if (c->submitted && c->req->x)
			c->encoder->tick(c, now);
	}
}
