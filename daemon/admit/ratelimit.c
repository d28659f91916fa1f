/* Token buckets.
 *
 * What is left is a double: it grows by fractions at every look.  Its rounding errors are far below
 * SLACK of a bucket, by which a request may be short, so that whoever waits as long as it was told
 * is let through and nobody waits a millisecond for nothing. */
#include "daemon/admit/ratelimit.h"

#define MINUTE_MS 60000.0
#define MINUTE_US 60000000.0
#define SLACK 1e-9

/* A limit of 0 lets nothing through; whoever is refused may ask again in a minute. */
#define NEVER_MS INT64_C(60000)

static int64_t to_int(double d)
{
	if (d >= 9223372036854775808.0)
		return INT64_MAX;
	return d > -9223372036854775808.0 ? (int64_t)d : INT64_MIN;
}

static int64_t round_up(double d)
{
	int64_t i = to_int(d);

	return (double)i < d && i < INT64_MAX ? i + 1 : i;
}

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

static double filled(double left, int64_t limit, double elapsed_us)
{
	double capacity = (double)limit;

	if (limit < 0)
		return 0;
	return smaller(capacity, left + elapsed_us * (capacity / MINUTE_US));
}

static void fill(struct rate *r, int64_t now_us)
{
	double elapsed_us;

	if (now_us <= r->filled_us)
		return;
	elapsed_us = (double)((uint64_t)now_us - (uint64_t)r->filled_us);
	r->requests = filled(r->requests, r->limits.requests_per_minute, elapsed_us);
	r->tokens = filled(r->tokens, r->limits.tokens_per_minute, elapsed_us);
	r->filled_us = now_us;
}

void rate_init(struct rate *r, const struct rate_limits *limits, int64_t now_us)
{
	*r = (struct rate){
		.limits = *limits,
		.requests = (double)limits->requests_per_minute,
		.tokens = (double)limits->tokens_per_minute,
		.filled_us = now_us,
	};
}

/* Where there was no limit nothing was counted: the new bucket is full. */
static double carried_over(double left, int64_t old_limit, int64_t new_limit)
{
	return old_limit < 0 ? (double)new_limit : smaller(left, (double)new_limit);
}

void rate_set_limits(struct rate *r, const struct rate_limits *limits, int64_t now_us)
{
	fill(r, now_us);
	r->requests = carried_over(r->requests, r->limits.requests_per_minute,
				   limits->requests_per_minute);
	r->tokens = carried_over(r->tokens, r->limits.tokens_per_minute, limits->tokens_per_minute);
	r->limits = *limits;
}

/* Milliseconds until `need` is there, 0 if it is. */
static int64_t wait_ms(double left, int64_t limit, double need)
{
	double capacity = (double)limit;
	int64_t ms;

	if (limit < 0 || left >= need - SLACK * capacity)
		return 0;
	ms = round_up(((need - left) / capacity - SLACK / 2) * MINUTE_MS);
	return ms < 1 ? 1 : ms;
}

enum rate_verdict rate_check(struct rate *r, int64_t tokens, int64_t now_us, int64_t *ret_wait_ms)
{
	const struct rate_limits *l = &r->limits;
	int64_t for_request, for_tokens;
	double need;

	fill(r, now_us);
	*ret_wait_ms = -1;
	if (l->concurrent >= 0 && r->running >= l->concurrent)
		return RATE_CONCURRENT;
	need = smaller(tokens > 0 ? (double)tokens : 0, (double)l->tokens_per_minute);
	for_request = l->requests_per_minute == 0 ? NEVER_MS
						  : wait_ms(r->requests, l->requests_per_minute, 1);
	for_tokens = l->tokens_per_minute == 0 ? NEVER_MS
					       : wait_ms(r->tokens, l->tokens_per_minute, need);
	*ret_wait_ms = for_tokens > for_request ? for_tokens : for_request;
	if (*ret_wait_ms == 0)
		return RATE_OK;
	return for_tokens > for_request ? RATE_TOKENS : RATE_REQUESTS;
}

void rate_take(struct rate *r, int64_t tokens)
{
	r->running++;
	if (r->limits.requests_per_minute >= 0)
		r->requests -= 1;
	if (tokens > 0)
		rate_adjust(r, tokens);
}

void rate_adjust(struct rate *r, int64_t more_tokens)
{
	if (r->limits.tokens_per_minute >= 0)
		r->tokens = smaller((double)r->limits.tokens_per_minute,
				    r->tokens - (double)more_tokens);
}

void rate_release(struct rate *r)
{
	if (r->running > 0)
		r->running--;
}

static void look(double left, int64_t limit, int64_t *ret_limit, int64_t *ret_remaining,
		 int64_t *ret_reset_ms)
{
	double capacity = (double)limit, whole = left + smaller(SLACK * capacity, 0.001);

	*ret_limit = *ret_remaining = *ret_reset_ms = -1;
	if (limit < 0)
		return;
	*ret_limit = limit;
	*ret_remaining = left < 0 ? 0 : to_int(smaller(whole, capacity));
	*ret_reset_ms = limit == 0 ? 0 : wait_ms(left, limit, capacity);
}

void rate_look(struct rate *r, int64_t now_us, struct rate_view *ret_view)
{
	fill(r, now_us);
	look(r->requests, r->limits.requests_per_minute, &ret_view->limit_requests,
	     &ret_view->remaining_requests, &ret_view->reset_requests_ms);
	look(r->tokens, r->limits.tokens_per_minute, &ret_view->limit_tokens,
	     &ret_view->remaining_tokens, &ret_view->reset_tokens_ms);
}
