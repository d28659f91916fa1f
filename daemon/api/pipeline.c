/* A completion's way through the daemon.
 *
 *   permit -> spent -> short cut -> decode -> identify -> replay -> session -> limit -> available
 *                                                                                           |
 *   encode <- finish <- keep <- settle <- (worker) <- queue <- hold <- recall <- route <----+
 *
 * Each stage answers NEXT, WAIT (pipeline_resume() will be called) or DONE: the call is over, by
 * call->failure or by an earlier answer that was found.  After `queue` the job belongs to dispatch
 * too: its text and its end come through job_text() and job_done().
 *
 * However a call ends, it goes through conclude(): what was held is settled in the ledger, the turn
 * of a session is kept, and only when that is done does finish() write the last bytes of the
 * answer.  A client that leaves
 * early ends the call at once when nothing is under way; else call->busy says what has to come back
 * first: the job is cancelled, its cost kept.
 *
 * The key was checked when the request's head came (api.c): a wrong one needs no body.  `permit`
 * looks again, because a body, and the parts of a batch before this one, take their time. */
#include "daemon/api/pipeline.h"

#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/log.h"
#include "shared/str.h"

#include "daemon/api/answer_check.h"
#include "daemon/api/auth.h"
#include "daemon/api/gauges.h"
#include "daemon/api/handlers.h"
#include "daemon/api/stages.h"

enum { LOGGED_MAX = 1024, /* of a prompt */ IDEMPOTENCY_KEY_MAX = 255 };

static enum step permit(struct call *c);
static enum step identify(struct call *c);
static enum step route(struct call *c);
static enum step queue(struct call *c);

static enum step (*const stages[])(struct call *c) = {
	permit,   stage_spent,  stage_short_cut, stage_used_up, stage_decode,
	identify, stage_replay, stage_session,   stage_limit,   stage_available,
	route,    stage_recall, stage_hold,      queue};

enum { STAGES = sizeof stages / sizeof *stages };

static void conclude(struct call *c);

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
			conclude(c);
			return;
		}
	}
}

static void refuse_cancelled(struct call *c)
{
	if (!call_failed(c))
		step_refuse(c, FAULT_CANCELLED,
			    "The request was cancelled by the server's operator.");
}

void pipeline_resume(struct call *c)
{
	c->busy = BUSY_NOT;
	if (c->cancelled)
		refuse_cancelled(c);
	if (call_is_wanted(c) && !c->cancelled)
		advance(c);
	else
		conclude(c);
}

void pipeline_begin(struct call *c)
{
	activity_begin(&c->activity);
	advance(c);
}

int pipeline_idempotency_key(const struct request *r, char **ret_key, struct failure *f)
{
	const char *given = exchange_header(r->x, "Idempotency-Key");
	char *key;

	if (given && (!*given || strlen(given) > IDEMPOTENCY_KEY_MAX))
		return failure_set(f, FAULT_INVALID_REQUEST, "Idempotency-Key",
				   "Idempotency-Key must be 1 to %d characters.",
				   IDEMPOTENCY_KEY_MAX);
	key = given ? strdup(given) : NULL;
	if (given && !key)
		return failure_set(f, FAULT_INTERNAL, NULL, "The server is out of memory.");
	*ret_key = key;
	return 0;
}

bool pipeline_is_strict(const struct request *r)
{
	const char *strict = exchange_header(r->x, "x-ccapi-strict");

	return strict && strcmp(strict, "true") == 0;
}

void handle_chat_completions(struct request *r)
{
	struct call *c = call_new(r, &openai_json, NULL, 0);
	struct failure f;

	if (!c) {
		failure_set(&f, FAULT_INTERNAL, NULL, "The server is out of memory.");
		request_fail(r, &f);
		return;
	}
	c->strict = pipeline_is_strict(r);
	if (pipeline_idempotency_key(r, &c->idempotency_key, &c->failure)) {
		conclude(c);
		return;
	}
	pipeline_begin(c);
}

enum step step_refuse(struct call *c, enum fault fault, const char *message)
{
	failure_set(&c->failure, fault, NULL, "%s", message);
	return STEP_DONE;
}

enum step step_refused(struct call *c, const struct refusal *why)
{
	failure_from_refusal(&c->failure, why);
	return STEP_DONE;
}

/* ---- permit ---- */

static enum step permit(struct call *c)
{
	return auth_check_again(c->req, &c->failure) ? STEP_DONE : STEP_NEXT;
}

/* ---- identify ---- */

static enum step identify(struct call *c)
{
	const struct conf *conf = c->api->deps.conf;
	const struct key *key = c->req->key;
	struct project *project = auth_project(c->req, c->chat.project_id, &c->failure);
	struct job *job = c->job;

	if (!project)
		return STEP_DONE;
	if (c->chat.lane == JOB_LANE_HIGH && key && !(key->record.scopes & KEY_HIGH_PRIORITY)) {
		failure_set(&c->failure, FAULT_PERMISSION, "priority",
			    "This API key lacks the scope 'high_priority'.");
		return STEP_DONE;
	}
	memcpy(job->project, project->record.name, sizeof job->project);
	if (!c->owner || c->chat.lane != JOB_LANE_NORMAL)
		job->lane = c->chat.lane; /* parts of a batch come low unless they say otherwise */
	job->timeout_ms = c->chat.timeout_ms;
	job->own_timeout = c->chat.timeout_ms > 0;
	if (job->timeout_ms > conf->pool.request_timeout)
		job->timeout_ms = conf->pool.request_timeout;
	admit_begin(&c->admission, c->api->deps.registry, c->api->deps.store, project, c->req->key);
	return STEP_NEXT;
}

/* ---- route ---- */

static enum step route(struct call *c)
{
	const struct api_deps *deps = &c->api->deps;
	struct job_prompt *prompt = &c->job->prompt;
	struct route_features features;
	struct route_decision decision;
	const struct route_ask ask = {.model = c->chat.model,
				      .explain = true,
				      .features = &features,
				      .project = c->admission.project,
				      .key = c->admission.key};
	enum fault fault;

	route_features_of_messages(&features, prompt->messages, prompt->system);
	features.wants_json = c->chat.format != CHAT_FORMAT_TEXT;
	fault = routing_decide(deps->routing, &ask, &decision);
	memcpy(c->route, decision.rule, sizeof c->route);
	str_copy_clean(c->reason, sizeof c->reason, decision.reasoning);
	if (fault != FAULT_NONE) {
		failure_set(&c->failure, fault, "model", "%s", decision.reasoning);
		return STEP_DONE;
	}
	if (chat_request_check_mode(&c->chat, pool_body_mode(deps->pool), &c->failure))
		return STEP_DONE;
	memcpy(c->model_id, decision.model->id, sizeof c->model_id);
	prompt->model = strdup(decision.model->name);
	if (!prompt->model ||
	    chat_request_finish_system(&c->chat, prompt, deps->conf->claude.system_prompt))
		return step_refuse(c, FAULT_INTERNAL, "The server is out of memory.");
	return STEP_NEXT;
}

/* ---- queue ---- */

/* For debugging, and only where the operator has asked for it: prompts are private.  Who may only
 * look at the control socket does not see them. */
static void log_prompt(const struct call *c)
{
	const struct job_prompt *prompt = &c->job->prompt;
	char system[LOGGED_MAX], body[LOGGED_MAX];
	const struct log_field fields[] = {
		LOG_STR("request_id", c->job->id), LOG_STR("project", c->job->project),
		LOG_SECRET("system", prompt->system ? system : NULL), LOG_SECRET("body", body)};

	str_copy_clean(system, sizeof system, prompt->system ? prompt->system : "");
	str_copy_clean(body, sizeof body, prompt->body);
	log_event(LOG_LEVEL_INFO, "prompt", fields, sizeof fields / sizeof *fields, "prompt");
}

static enum step queue(struct call *c)
{
	c->job->streams = c->encoder->streams;
	if (c->api->deps.conf->log.bodies)
		log_prompt(c);
	if (dispatch_submit(c->api->deps.dispatch, c->job) != FAULT_NONE) {
		failure_from_job(&c->failure, c->job);
		return STEP_DONE;
	}
	c->busy = BUSY_RUNNING;
	if (c->job->state == JOB_QUEUED)
		activity_changed(&c->activity, CHANGE_QUEUED);
	return STEP_NEXT; /* past the last stage: the job goes on by itself */
}

/* ---- the answer ---- */

static void give_text(struct call *c, const char *text, size_t len)
{
	if (c->must_keep && !call_keep_text(c, text, len))
		return;
	if (!c->must_keep && c->may_keep)
		buf_add(&c->answer, text, len);
	if (c->may_keep && c->answer.failed)
		c->may_keep = false;
	if (call_is_wanted(c))
		c->encoder->text(c, text, len);
}

static void job_runs(struct job *job)
{
	struct call *c = job->user;

	activity_changed(&c->activity, CHANGE_DISPATCHED);
}

static void job_text(struct job *job, const char *text, size_t len)
{
	struct call *c = job->user;

	activity_count_text(len);
	c->text_bytes += len;
	if (c->text_bytes == len && len > 0)
		activity_changed(&c->activity, CHANGE_FIRST_TOKEN);

	if (call_is_wanted(c) && !call_failed(c) && len)
		give_text(c, text, len);
}

static void job_restart(struct job *job)
{
	struct call *c = job->user;

	buf_clear(&c->answer);
	c->text_bytes = 0;
}

static bool job_may_retry(struct job *job)
{
	return charge_may_retry(job->user);
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

	c->busy = BUSY_NOT;
	if (!call_failed(c) && job->result.fault != FAULT_NONE)
		failure_from_job(&c->failure, job);
	if (call_is_wanted(c) && !call_failed(c))
		check_format(c);
	conclude(c);
}

const struct job_ops pipeline_job_ops = {.runs = job_runs,
					 .text = job_text,
					 .restart = job_restart,
					 .may_retry = job_may_retry,
					 .done = job_done};

/* ---- settle, finish ---- */

static void finish(struct call *c)
{
	const struct answer *found = c->recall.answer;
	bool answered = !call_failed(c);

	available_done(c);
	if (found && answered && call_is_wanted(c))
		give_text(c, found->text, found->len);
	recall_settle(c, answered && !call_failed(c) && c->job->state == JOB_ENDED);
	gauges_count_call(c);
	if (call_is_wanted(c) && call_failed(c))
		c->encoder->fail(c, &c->failure);
	else if (call_is_wanted(c))
		c->encoder->end(c);
	call_free(c);
}

static void kept(struct call *c)
{
	c->busy = BUSY_NOT;
	finish(c);
}

/* The turn of a session is kept before its answer's last byte leaves, so that the next one finds
 * it. */
static void keep_and_finish(struct call *c)
{
	c->busy = BUSY_SETTLING;
	session_keep(c, kept);
}

/* An answer whose line is not in the ledger is not given out: the line itself waits, and is written
 * when the store works again. */
static void settled(void *ctx, int rc)
{
	struct call *c = ctx;

	if (rc < 0 && !call_failed(c))
		step_refuse(c, FAULT_STORE, "");
	keep_and_finish(c);
}

static void conclude(struct call *c)
{
	if (!call_is_wanted(c) && !call_failed(c) && c->job->state != JOB_ENDED)
		step_refuse(c, FAULT_CANCELLED, "");
	c->busy = BUSY_SETTLING;
	if (!charge_settle(c, settled))
		keep_and_finish(c);
}

/* What is under way is ended, or its end is awaited; then the call goes to conclude(). */
static void stop(struct call *c)
{
	switch (c->busy) {
	case BUSY_NOT:
		conclude(c);
		break;
	case BUSY_DECODING:
		uv_cancel((uv_req_t *)&c->work); /* either way it comes back */
		break;
	case BUSY_SESSION:
		session_abandon(c);
		pipeline_resume(c);
		break;
	case BUSY_RECALLING:
		recall_abandon(c);
		pipeline_resume(c);
		break;
	case BUSY_RUNNING:
		dispatch_cancel(c->api->deps.dispatch, c->job);
		break;
	case BUSY_HOLDING:
	case BUSY_SETTLING:
		break;
	}
}

void pipeline_abort(struct call *c)
{
	c->gone = true;
	stop(c);
}

/* While the thread pool decodes, the failure is its to write: pipeline_resume() fills it in. */
bool pipeline_cancel(struct call *c)
{
	if (!call_is_wanted(c) || c->busy == BUSY_SETTLING)
		return false;
	if (c->cancelled)
		return true;
	c->cancelled = true;
	if (c->busy == BUSY_NOT || c->busy == BUSY_RUNNING)
		refuse_cancelled(c);
	stop(c);
	return true;
}

/* ---- the clock ---- */

/* Who waits for another request's answer has no job yet whose time could run out.  Like a job's it
 * stands still while the queue is held, unless the client has named it. */
static bool waited_too_long(const struct call *c, int64_t now)
{
	int64_t limit_ms =
		c->job->timeout_ms ? c->job->timeout_ms : c->api->deps.conf->pool.request_timeout;
	int64_t held_us =
		c->job->own_timeout ? 0 : dispatch_held_us(c->api->deps.dispatch) - c->held_us;

	return c->busy == BUSY_RECALLING && now - c->req->started_us - held_us >= limit_ms * 1000;
}

void pipeline_tick(struct api *api)
{
	int64_t now = clock_mono_us();
	struct call *c;

	for (c = api->calls; c; c = api->next_call) {
		api->next_call = c->next; /* moved on when that one is freed meanwhile */
		if (c->waiting) {
			advance(c);
		} else if (waited_too_long(c, now)) {
			recall_abandon(c);
			c->busy = BUSY_NOT;
			step_refuse(c, FAULT_TIMEOUT, "");
			conclude(c);
		} else if (c->busy != BUSY_NOT && c->busy != BUSY_DECODING && call_is_wanted(c)) {
			c->encoder->tick(c, now);
		}
	}
}
