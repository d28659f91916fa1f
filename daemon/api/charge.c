/* Money on a request's way: rate limits, the hold before the work, the ledger's line after it.
 *
 * Before the work nobody knows what it will cost.  The hold is an estimate of the prompt and the
 * longest answer the request may get.  Prompts: two bytes a token, which natural languages and code
 * stay above; what is denser than that (digits, random letters) may cost more than was held, at
 * most twice the prompt, and the ledger counts that.  Answers: max_tokens, which the CLI obeys.
 * Where a budget speaks of the request and it names no max_tokens, it gets the one of the settings,
 * or as much as the budget has left. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/log.h"
#include "shared/money.h"

#include "daemon/api/stages.h"
#include "daemon/observe/metrics.h"

enum {
	BYTES_PER_TOKEN = 2,
	MESSAGE_TOKENS = 8,  /* a message's frame */
	CLI_TOKENS = 128,    /* what the CLI puts in front */
	REPLAY_TOKENS = 384, /* ... and what it adds of its own in replay mode */
	IMAGE_TOKENS = 4800, /* the largest that models take */
	LEAST_ANSWER = 16,   /* tokens that an answer under a budget must be able to have */
	DEAREST_INPUT = 25,  /* dollars a million tokens, when the CLI names no price */
	DEAREST_OUTPUT = 125,
	LONG_PROMPT =
		100000, /* above it some models cost up to twice the price that the CLI names */
	MICRO = 1000000
};

/* ---- estimates ---- */

static int64_t bytes_of(const json_t *content, int64_t *images)
{
	int64_t bytes = 0;
	json_t *block;
	size_t i;

	json_array_foreach(content, i, block)
	{
		const json_t *text = json_object_get(block, "text");

		if (text)
			bytes += (int64_t)json_string_length(text);
		else
			++*images;
	}
	return bytes;
}

static int64_t estimate_tokens(const struct job_prompt *p)
{
	int64_t bytes = p->system ? (int64_t)strlen(p->system) : 0, images = 0;
	int64_t messages = (int64_t)json_array_size(p->messages);
	const json_t *format = json_object_get(p->extra, "output_config");
	json_t *message;
	size_t i;

	json_array_foreach(p->messages, i, message)
	{
		bytes += bytes_of(json_object_get(message, "content"), &images);
	}
	if (format) {
		char *text = json_dumps(format, JSON_COMPACT);

		bytes += text ? (int64_t)strlen(text) : 0;
		free(text);
	}
	return (bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN + messages * MESSAGE_TOKENS +
	       images * IMAGE_TOKENS + CLI_TOKENS;
}

struct prices {
	int64_t input, output; /* micro-dollars per million tokens */
};

static struct prices prices_of(const struct call *c)
{
	const struct models *models = pool_models(c->api->deps.pool);
	const struct model *m = models_find(models, c->model_id);
	struct prices p = {m ? m->input_micro_usd_per_mtok : -1,
			   m ? m->output_micro_usd_per_mtok : -1};

	if (p.input < 0)
		p.input = (int64_t)DEAREST_INPUT * MICRO;
	if (p.output < 0)
		p.output = (int64_t)DEAREST_OUTPUT * MICRO;
	if (c->prompt_estimate.tokens > LONG_PROMPT) {
		p.input *= 2;
		p.output *= 2;
	}
	return p;
}

/* ---- rate limits ---- */

static bool is_over(struct rate *rate)
{
	int64_t wait_ms;

	return rate && rate_check(rate, 0, clock_mono_us(), &wait_ms) != RATE_OK;
}

/* Who is over a limit whatever he asks is refused without a look at what he asks: it is he who asks
 * most. */
enum step stage_spent(struct call *c)
{
	struct registry *registry = c->api->deps.registry;
	struct key *key = c->req->key;
	struct refusal why;

	if (!key || (!is_over(&key->rate) && !is_over(&key->project->rate) &&
		     !is_over(registry_global_rate(registry))))
		return STEP_NEXT;
	admit_begin(&c->admission, registry, c->api->deps.store, key->project, key);
	memcpy(c->job->project, key->record.project, sizeof c->job->project);
	if (admit_limit(&c->admission, 0, &why))
		return step_refused(c, &why);
	admit_end(&c->admission); /* it has just become free */
	return STEP_NEXT;
}

/* Whose budget has nothing left cannot be served, whatever he asks; but for what was answered
 * before: the short cut has looked, and an Idempotency-Key has a promise to be kept. */
enum step stage_used_up(struct call *c)
{
	struct key *key = c->req->key;
	struct budget_hold hold = {.open = false};
	int64_t now_ms = clock_wall_ms();
	struct amount left;
	struct refusal why;

	if (!key || c->idempotency_key)
		return STEP_NEXT;
	struct account_list *const lists[HOLD_LISTS] = {
		&key->budgets, &key->project->budgets,
		registry_global_budgets(c->api->deps.registry)};

	left = budget_left(lists, now_ms);
	if (left.tokens > 0 && left.micro_usd > 0)
		return STEP_NEXT;
	memcpy(c->job->project, key->record.project, sizeof c->job->project);
	if (budget_hold_take(&hold, lists, &(struct amount){1, 1}, now_ms, &why)) {
		metric_add(METRIC_REFUSED_BUDGET, 1);
		return step_refused(c, &why);
	}
	budget_hold_settle(&hold, &(struct amount){0, 0}, now_ms);
	return STEP_NEXT;
}

enum step stage_limit(struct call *c)
{
	struct refusal why;

	if (!store_healthy(c->api->deps.store))
		return step_refuse(c, FAULT_STORE, "");
	c->prompt_estimate.tokens = c->parsed ? estimate_tokens(&c->job->prompt) : 0;
	if (admit_limit(&c->admission, c->prompt_estimate.tokens, &why))
		return step_refused(c, &why);
	return STEP_NEXT;
}

/* ---- the hold ---- */

static int64_t tokens_for(int64_t micro_usd, int64_t micro_usd_per_mtok)
{
	__int128 tokens =
		(__int128)micro_usd * MICRO / (micro_usd_per_mtok ? micro_usd_per_mtok : 1);

	return tokens > INT64_MAX ? INT64_MAX : (int64_t)tokens;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The longest answer where the client names none. */
static int64_t longest_answer(const struct call *c, const struct prices *prices)
{
	struct amount left = admit_left(&c->admission),
		      *prompt = (struct amount *)&c->prompt_estimate;
	int64_t most = c->api->deps.conf->budget.max_answer_tokens;

	if (left.tokens == INT64_MAX && left.micro_usd == INT64_MAX)
		return 0; /* no budget: the model's own */
	if (left.tokens != INT64_MAX)
		most = least(most, left.tokens - prompt->tokens);
	if (left.micro_usd != INT64_MAX)
		most = least(most, tokens_for(left.micro_usd - prompt->micro_usd, prices->output));
	return most < LEAST_ANSWER ? LEAST_ANSWER : most;
}

static void held(void *ctx, int rc)
{
	struct call *c = ctx;

	if (rc < 0)
		step_refuse(c, FAULT_STORE, "");
	else
		c->held = true;
	pipeline_resume(c);
}

/* What goes to the subscription's limit is refused before anything is written. */
static bool plan_refuses(struct call *c)
{
	int64_t wait_ms = plan_limits_wait_ms(pool_plan(c->api->deps.pool), clock_wall_ms());

	if (wait_ms <= 0)
		return false;
	step_refuse(c, FAULT_PLAN_LIMIT, "");
	c->failure.retry_after_ms = wait_ms;
	return true;
}

enum step stage_hold(struct call *c)
{
	const struct prices prices = prices_of(c);
	struct job_prompt *prompt = &c->job->prompt;
	struct hold_request request = {.request_id = c->job->id, .model = c->model_id};
	struct refusal why;
	int rc;

	if (c->held)
		return STEP_NEXT;
	if (call_failed(c) || plan_refuses(c))
		return STEP_DONE;
	if (!pool_body_mode(c->api->deps.pool))
		c->prompt_estimate.tokens += REPLAY_TOKENS;
	c->prompt_estimate.micro_usd = money_cost(c->prompt_estimate.tokens, prices.input);
	if (!prompt->max_tokens)
		prompt->max_tokens = longest_answer(c, &prices);
	request.prompt = request.whole = c->prompt_estimate;
	request.whole.tokens = sum_saturating(request.whole.tokens, prompt->max_tokens);
	request.whole.micro_usd = sum_saturating(request.whole.micro_usd,
						 money_cost(prompt->max_tokens, prices.output));
	c->busy = BUSY_HOLDING;
	rc = admit_hold(&c->admission, &request, held, c, &why);
	if (rc == 0)
		return STEP_WAIT;
	c->busy = BUSY_NOT;
	if (rc < 0)
		return step_refused(c, &why);
	c->held = true; /* for the record: there is nothing to wait for */
	return STEP_NEXT;
}

/* ---- settlement ---- */

static int64_t cost_of(const struct job_usage *u, const struct prices *prices)
{
	return sum_saturating(
		money_cost(u->input_tokens, prices->input),
		sum_saturating(
			money_cost(u->cache_read_tokens, prices->input / 10),
			sum_saturating(money_cost(u->cache_creation_tokens, prices->input * 2),
				       money_cost(u->output_tokens, prices->output))));
}

/* What an attempt has cost when the CLI has not said so, as one that died in the middle. */
static void complete_cost(struct call *c)
{
	const struct prices prices = prices_of(c);
	const struct job_usage *before = &c->earlier;
	struct job_usage *u = &c->job->result.usage;

	if (u->cost_micro_usd == before->cost_micro_usd)
		u->cost_micro_usd = sum_saturating(u->cost_micro_usd,
						   cost_of(u, &prices) - cost_of(before, &prices));
	c->earlier = *u;
}

/* A process that died in the middle of a turn, of itself or because it did not heed that the turn
 * was cut, has told at most how many tokens came; one that died before may have sent the prompt all
 * the same. */
static void complete_usage(struct call *c)
{
	const struct job_result *result = &c->job->result;
	struct job_usage *u = &c->job->result.usage;

	if ((result->fault == FAULT_WORKER || result->lost) && !u->input_tokens &&
	    !u->output_tokens)
		u->input_tokens = c->prompt_estimate.tokens;
	complete_cost(c);
}

bool charge_may_retry(struct call *c)
{
	if (!admit_hold_again(&c->admission))
		return false;
	complete_cost(c); /* the next attempt's figures come on top */
	return true;
}

static const char *outcome_of(const struct call *c)
{
	if (c->failure.fault != FAULT_NONE)
		return fault_name(c->failure.fault);
	return c->job->result.fault != FAULT_NONE ? fault_name(c->job->result.fault) : "ok";
}

static int64_t ms_between(int64_t from_us, int64_t to_us)
{
	return from_us && to_us ? (to_us - from_us) / 1000 : -1;
}

static void fill_line(struct call *c, struct ledger_record *line)
{
	const struct job_times *t = &c->job->times;
	struct job_usage *u = &c->job->result.usage;

	if (t->dispatched)
		complete_usage(c);
	*line = (struct ledger_record){
		.at_ms = clock_wall_ms(),
		.used = {.requests = 1,
			 .errors = call_failed(c),
			 .input_tokens = u->input_tokens,
			 .output_tokens = u->output_tokens,
			 .cache_read_tokens = u->cache_read_tokens,
			 .cache_creation_tokens = u->cache_creation_tokens,
			 .thinking_tokens = u->thinking_tokens,
			 .cost_micro_usd = u->cost_micro_usd},
		.queue_ms = ms_between(t->submitted, t->dispatched),
		.first_text_ms = ms_between(c->req->started_us, t->first_text),
		.total_ms = ms_between(c->req->started_us, clock_mono_us()),
	};
	memcpy(line->request_id, c->job->id, sizeof line->request_id);
	snprintf(line->model, sizeof line->model, "%s",
		 c->job->result.model_id[0] ? c->job->result.model_id : c->model_id);
	memcpy(line->route, c->route, sizeof line->route);
	snprintf(line->outcome, sizeof line->outcome, "%s", outcome_of(c));
}

bool charge_settle(struct call *c, void (*done)(void *ctx, int rc))
{
	struct idempotency_record kept = {.answer = NULL};
	struct ledger_record line;
	bool keeps;
	int rc;

	if (!c->held)
		return c->recall.answer && !c->recall.replayed && !call_failed(c) &&
		       admit_settle_hit(&c->admission, c->recall.answer->model_id, done, c) == 0;
	c->held = false;
	fill_line(c, &line);
	keeps = recall_write_kept(c, &kept);
	rc = admit_settle(&c->admission, &line, keeps ? &kept : NULL, done, c);
	free(kept.answer);
	if (rc == 0)
		return true;
	step_refuse(c, FAULT_STORE, "");
	return false;
}
