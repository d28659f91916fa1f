/* Micro-dollars as decimal dollars, without a float in between. */
#ifndef DAEMON_API_MONEY_H
#define DAEMON_API_MONEY_H

#include <stddef.h>
#include <stdint.h>

#include "shared/buf.h"

enum { MONEY_TEXT_SIZE = 32 };

/* 978 gives "0.000978"; negative amounts, which no price or cost is, give "0.000000". */
void money_format_usd(char to[MONEY_TEXT_SIZE], int64_t micro_usd);
void money_add_usd(struct buf *b, int64_t micro_usd);

#endif
