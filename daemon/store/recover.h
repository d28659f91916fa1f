/* What a daemon that died has left open. */
#ifndef DAEMON_STORE_RECOVER_H
#define DAEMON_STORE_RECOVER_H

#include <stdint.h>

#include "daemon/store/books.h"

/* Within a transaction: every open hold becomes a line "interrupted", charged with its prompt. Sets
 * ret_count.  0 or a negative code. */
int recover_holds(struct books *b, int64_t now_ms, int64_t *ret_count);

#endif
