/* Micro-dollars: as decimal dollars without a float in between, and sums that cannot overflow. */
#ifndef SHARED_MONEY_H
#define SHARED_MONEY_H

#include <stddef.h>
#include <stdint.h>

#include "shared/buf.h"

enum { MONEY_TEXT_SIZE = 32 };

/* 978 gives "0.000978"; negative amounts, which no price or cost is, give "0.000000". */
void money_format_usd(char to[MONEY_TEXT_SIZE], int64_t micro_usd);
void money_add_usd(struct buf *b, int64_t micro_usd);

/* "5", "0.25", "12.000001": digits with at most six after the point.  0, ERR_SYNTAX, ERR_LIMIT
 * (above 1e12 dollars). */
int money_parse_usd(const char *text, int64_t *ret_micro_usd);

/* Rounded up; saturates at INT64_MAX.  Negative arguments count as 0. */
int64_t money_cost(int64_t tokens, int64_t micro_usd_per_mtok);

int64_t sum_saturating(int64_t a, int64_t b);

#endif
