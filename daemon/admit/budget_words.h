/* How a budget's refusal is put into words, for clients and operators. */
#ifndef DAEMON_ADMIT_BUDGET_WORDS_H
#define DAEMON_ADMIT_BUDGET_WORDS_H

#include "daemon/admit/account.h"
#include "daemon/admit/refusal.h"

/* Fills why: the budget, what is left of it, what was wanted.  Tokens are spoken of if they do not
 * fit, else money.  held: by open holds.  Returns -EINVAL. */
int budget_refuse(struct refusal *why, const struct account *a, const struct amount *held,
		  const struct amount *wanted);

#endif
