#include "daemon/api/openai.h"

#include "shared/clock.h"
#include "shared/json.h"
#include "shared/money.h"

const char *openai_finish_reason(enum job_stop stop)
{
	switch (stop) {
	case JOB_STOP_MAX_TOKENS:
		return "length";
	case JOB_STOP_REFUSAL:
		return "content_filter";
	case JOB_STOP_TOOL_USE:
		return "tool_calls";
	case JOB_STOP_NONE:
	case JOB_STOP_END_TURN:
	case JOB_STOP_SEQUENCE:
		break;
	}
	return "stop";
}

/* The CLI's figures are trusted to be sane, but a sum of them must not be undefined. */
static int64_t sum(int64_t a, int64_t b)
{
	int64_t r;

	return __builtin_add_overflow(a, b, &r) ? INT64_MAX : r;
}

void openai_add_usage(struct buf *b, const struct job_usage *u)
{
	int64_t prompt = sum(u->input_tokens, sum(u->cache_read_tokens, u->cache_creation_tokens));

	buf_printf(b,
		   "{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,\"total_tokens\":%lld,"
		   "\"prompt_tokens_details\":{\"cached_tokens\":%lld},"
		   "\"completion_tokens_details\":{\"reasoning_tokens\":%lld},\"cost_usd\":",
		   (long long)prompt, (long long)u->output_tokens,
		   (long long)sum(prompt, u->output_tokens), (long long)u->cache_read_tokens,
		   (long long)u->thinking_tokens);
	money_add_usd(b, u->cost_micro_usd);
	buf_add_char(b, '}');
}

const char *openai_model(const struct call *c)
{
	return c->job->result.model_id[0] ? c->job->result.model_id : c->model_id;
}

static int64_t queue_ms(const struct job_times *t)
{
	int64_t until = t->dispatched ? t->dispatched : t->ended;

	return until > t->submitted ? (until - t->submitted) / 1000 : 0;
}

/* All the time that was not spent in the CLI. */
int64_t openai_overhead_ms(const struct call *c)
{
	const struct job_times *t = &c->job->times;
	int64_t us = clock_mono_us() - c->req->started_us;

	if (t->dispatched && t->ended > t->dispatched)
		us -= t->ended - t->dispatched;
	return us > 0 ? us / 1000 : 0;
}

static const char *const cache_words[] = {
	[CACHE_STATE_BYPASS] = "bypass", [CACHE_STATE_MISS] = "miss", [CACHE_STATE_HIT] = "hit"};

/* "1s", "6m0s", "350ms", as OpenAI writes them. */
static void add_reset(struct exchange *x, const char *name, int64_t ms)
{
	long long s = (ms + 999) / 1000;

	if (ms < 1000)
		exchange_add_headerf(x, name, "%lldms", (long long)ms);
	else if (s < 60)
		exchange_add_headerf(x, name, "%llds", s);
	else
		exchange_add_headerf(x, name, "%lldm%llds", s / 60, s % 60);
}

static void add_limits(const struct call *c)
{
	struct exchange *x = c->req->x;
	struct rate_view v;

	if (!c->admission.project)
		return;
	admit_look(&c->admission, &v);
	if (v.limit_requests >= 0) {
		exchange_add_headerf(x, "x-ratelimit-limit-requests", "%lld",
				     (long long)v.limit_requests);
		exchange_add_headerf(x, "x-ratelimit-remaining-requests", "%lld",
				     (long long)v.remaining_requests);
		add_reset(x, "x-ratelimit-reset-requests", v.reset_requests_ms);
	}
	if (v.limit_tokens >= 0) {
		exchange_add_headerf(x, "x-ratelimit-limit-tokens", "%lld",
				     (long long)v.limit_tokens);
		exchange_add_headerf(x, "x-ratelimit-remaining-tokens", "%lld",
				     (long long)v.remaining_tokens);
		add_reset(x, "x-ratelimit-reset-tokens", v.reset_tokens_ms);
	}
}

void openai_add_headers(const struct call *c)
{
	const struct job *job = c->job;
	struct exchange *x = c->req->x;
	char usd[MONEY_TEXT_SIZE];

	if (job->result.model_id[0])
		exchange_add_header(x, "x-ccapi-model", job->result.model_id);
	if (c->route[0])
		exchange_add_header(x, "x-ccapi-route", c->route);
	exchange_add_header(x, "x-ccapi-cache", cache_words[c->cache_state]);
	if (call_session_id(c))
		exchange_add_header(x, "x-ccapi-session-id", call_session_id(c));
	if (call_session_fate(c))
		exchange_add_header(x, "x-ccapi-session", call_session_fate(c));
	add_limits(c);
	if (job->times.dispatched || job->times.ended)
		exchange_add_headerf(x, "x-ccapi-queue-ms", "%lld",
				     (long long)queue_ms(&job->times));
	if (!job->times.ended)
		return;
	money_format_usd(usd, job->result.usage.cost_micro_usd);
	exchange_add_header(x, "x-ccapi-cost-usd", usd);
	exchange_add_headerf(x, "x-ccapi-overhead-ms", "%lld", (long long)openai_overhead_ms(c));
}

void openai_add_ccapi(struct buf *b, const struct call *c)
{
	buf_add_str(b, "{\"model\":");
	json_add_string_lossy(b, openai_model(c));
	buf_printf(b, ",\"route\":\"%s\",\"cache\":\"%s\",\"cost_usd\":", c->route,
		   cache_words[c->cache_state]);
	money_add_usd(b, c->job->result.usage.cost_micro_usd);
	if (call_session_id(c))
		buf_printf(b, ",\"session_id\":\"%s\"", call_session_id(c));
	if (call_session_fate(c))
		buf_printf(b, ",\"session\":\"%s\"", call_session_fate(c));
	buf_printf(b, ",\"queue_ms\":%lld,\"overhead_ms\":%lld}",
		   (long long)queue_ms(&c->job->times), (long long)openai_overhead_ms(c));
}
