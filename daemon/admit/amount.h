/* Amounts that budgets count: tokens and micro-dollars side by side, never negative.  Single ones
 * saturate at INT64_MAX; sums of many are wide enough to be exact. */
#ifndef DAEMON_ADMIT_AMOUNT_H
#define DAEMON_ADMIT_AMOUNT_H

#include <stdint.h>

struct amount {
	int64_t tokens, micro_usd;
};

/* Of fewer than 2^63 amounts. */
struct amount_sum {
	__int128 tokens, micro_usd;
};

struct amount amount_make(int64_t tokens, int64_t micro_usd); /* below 0 counts as 0 */
struct amount amount_add(struct amount a, struct amount b);   /* saturates */
struct amount amount_less(struct amount a, struct amount b);  /* a - b, at least 0 */

void amount_sum_add(struct amount_sum *sum, struct amount a);
void amount_sum_take(struct amount_sum *sum, struct amount a); /* what was added before */
struct amount amount_of_sum(const struct amount_sum *sum);     /* saturates */

#endif
