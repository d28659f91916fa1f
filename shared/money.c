#include "shared/money.h"

#include <stdio.h>
#include <string.h>

#include "shared/err.h"

#define MICRO INT64_C(1000000)

#define MOST_USD INT64_C(1000000000000)

enum { DECIMALS = 6 };

void money_format_usd(char to[MONEY_TEXT_SIZE], int64_t micro_usd)
{
	long long micro = micro_usd > 0 ? micro_usd : 0;

	snprintf(to, MONEY_TEXT_SIZE, "%lld.%06lld", micro / MICRO, micro % MICRO);
}

void money_add_usd(struct buf *b, int64_t micro_usd)
{
	char text[MONEY_TEXT_SIZE];

	money_format_usd(text, micro_usd);
	buf_add_str(b, text);
}

/* Leading zeros do not count towards the limit. */
static int parse_dollars(const char *text, size_t digits, int64_t *ret)
{
	int64_t value = 0;

	for (size_t i = 0; i < digits; i++) {
		value = value * 10 + (text[i] - '0');
		if (value > MOST_USD)
			return ERR_LIMIT;
	}
	*ret = value;
	return 0;
}

int money_parse_usd(const char *text, int64_t *ret_micro_usd)
{
	size_t whole = strspn(text, "0123456789"), part = 0;
	int64_t dollars, micro = 0;
	int rc;

	if (whole == 0)
		return ERR_SYNTAX;
	if (text[whole] == '.') {
		part = strspn(text + whole + 1, "0123456789");
		if (part == 0 || part > DECIMALS)
			return ERR_SYNTAX;
		for (size_t i = 0; i < DECIMALS; i++)
			micro = micro * 10 + (i < part ? text[whole + 1 + i] - '0' : 0);
		part++;
	}
	if (text[whole + part])
		return ERR_SYNTAX;
	rc = parse_dollars(text, whole, &dollars);
	if (rc == 0 && dollars == MOST_USD && micro > 0)
		rc = ERR_LIMIT;
	if (rc == 0)
		*ret_micro_usd = dollars * MICRO + micro;
	return rc;
}

int64_t money_cost(int64_t tokens, int64_t micro_usd_per_mtok)
{
	__int128 micro;

	if (tokens <= 0 || micro_usd_per_mtok <= 0)
		return 0;
	micro = ((__int128)tokens * micro_usd_per_mtok + MICRO - 1) / MICRO;
	return micro > INT64_MAX ? INT64_MAX : (int64_t)micro;
}

int64_t sum_saturating(int64_t a, int64_t b)
{
	int64_t r;

	if (!__builtin_add_overflow(a, b, &r))
		return r;
	return a > 0 ? INT64_MAX : INT64_MIN;
}
