#include "daemon/api/money.h"

#include <stdio.h>

void money_format_usd(char to[MONEY_TEXT_SIZE], int64_t micro_usd)
{
	long long micro = micro_usd > 0 ? micro_usd : 0;

	snprintf(to, MONEY_TEXT_SIZE, "%lld.%06lld", micro / 1000000, micro % 1000000);
}

void money_add_usd(struct buf *b, int64_t micro_usd)
{
	char text[MONEY_TEXT_SIZE];

	money_format_usd(text, micro_usd);
	buf_add_str(b, text);
}
