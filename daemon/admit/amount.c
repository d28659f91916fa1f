#include "daemon/admit/amount.h"

#include "shared/money.h"

static int64_t not_negative(int64_t n)
{
	return n > 0 ? n : 0;
}

struct amount amount_make(int64_t tokens, int64_t micro_usd)
{
	return (struct amount){not_negative(tokens), not_negative(micro_usd)};
}

struct amount amount_add(struct amount a, struct amount b)
{
	return (struct amount){sum_saturating(a.tokens, b.tokens),
			       sum_saturating(a.micro_usd, b.micro_usd)};
}

struct amount amount_less(struct amount a, struct amount b)
{
	return amount_make(a.tokens - b.tokens, a.micro_usd - b.micro_usd);
}

void amount_sum_add(struct amount_sum *sum, struct amount a)
{
	sum->tokens += a.tokens;
	sum->micro_usd += a.micro_usd;
}

void amount_sum_take(struct amount_sum *sum, struct amount a)
{
	sum->tokens -= a.tokens;
	sum->micro_usd -= a.micro_usd;
}

static int64_t narrow(__int128 n)
{
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

struct amount amount_of_sum(const struct amount_sum *sum)
{
	return (struct amount){narrow(sum->tokens), narrow(sum->micro_usd)};
}
