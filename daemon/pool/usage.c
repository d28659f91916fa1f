#include "daemon/pool/usage.h"

#include <math.h>
#include <stdio.h>

#include "shared/json.h"

/* Counts come from another program: negative or absurd ones are taken as 0. */
static int64_t count_of(const json_t *object, const char *key)
{
	int64_t n = json_get_int(object, key, 0);

	return n > 0 && n < INT64_C(1) << 50 ? n : 0;
}

static int64_t micro_usd(double usd)
{
	return usd > 0 && usd < 1e9 ? (int64_t)llround(usd * 1e6) : 0;
}

static void add_saturating(int64_t *to, int64_t more)
{
	if (__builtin_add_overflow(*to, more, to))
		*to = INT64_MAX;
}

void usage_add(struct job_usage *to, const struct job_usage *more)
{
	add_saturating(&to->input_tokens, more->input_tokens);
	add_saturating(&to->output_tokens, more->output_tokens);
	add_saturating(&to->cache_read_tokens, more->cache_read_tokens);
	add_saturating(&to->cache_creation_tokens, more->cache_creation_tokens);
	add_saturating(&to->thinking_tokens, more->thinking_tokens);
	add_saturating(&to->cost_micro_usd, more->cost_micro_usd);
}

static struct job_usage sum_models(const json_t *by_model)
{
	struct job_usage sum = {0};
	const char *model;
	json_t *row;

	json_object_foreach((json_t *)by_model, model, row)
	{
		struct job_usage one = {
			.input_tokens = count_of(row, "inputTokens"),
			.output_tokens = count_of(row, "outputTokens"),
			.cache_read_tokens = count_of(row, "cacheReadInputTokens"),
			.cache_creation_tokens = count_of(row, "cacheCreationInputTokens"),
			.thinking_tokens = count_of(row, "thinkingTokens"),
			.cost_micro_usd = micro_usd(json_get_num(row, "costUSD", 0)),
		};

		usage_add(&sum, &one);
	}
	return sum;
}

static int64_t growth(int64_t now, int64_t before)
{
	return now > before ? now - before : 0;
}

static struct job_usage difference(const struct job_usage *now, const struct job_usage *before)
{
	return (struct job_usage){
		.input_tokens = growth(now->input_tokens, before->input_tokens),
		.output_tokens = growth(now->output_tokens, before->output_tokens),
		.cache_read_tokens = growth(now->cache_read_tokens, before->cache_read_tokens),
		.cache_creation_tokens =
			growth(now->cache_creation_tokens, before->cache_creation_tokens),
		.thinking_tokens = growth(now->thinking_tokens, before->thinking_tokens),
		.cost_micro_usd = growth(now->cost_micro_usd, before->cost_micro_usd),
	};
}

void usage_take_result(const json_t *result, struct job_usage *total, struct job_usage *turn,
		       char *model_id, size_t model_id_size)
{
	const json_t *since = json_object_get(result, "model_usage_since_last_result");
	const json_t *all = json_object_get(result, "modelUsage");
	struct job_usage now = sum_models(all), this_turn;

	this_turn = json_is_object(since) ? sum_models(since) : difference(&now, total);
	usage_add(turn, &this_turn);
	if (json_is_object(all))
		*total = now;
	if (!model_id[0] && json_object_size(since) == 1)
		snprintf(model_id, model_id_size, "%s",
			 json_object_iter_key(json_object_iter((json_t *)since)));
}

static void raise_to(int64_t *to, int64_t value)
{
	if (value > *to)
		*to = value;
}

void usage_take_stream(const json_t *usage, struct job_usage *seen)
{
	raise_to(&seen->input_tokens, count_of(usage, "input_tokens"));
	raise_to(&seen->output_tokens, count_of(usage, "output_tokens"));
	raise_to(&seen->cache_read_tokens, count_of(usage, "cache_read_input_tokens"));
	raise_to(&seen->cache_creation_tokens, count_of(usage, "cache_creation_input_tokens"));
}
