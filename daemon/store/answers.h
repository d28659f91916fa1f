/* Answers kept for Idempotency-Key: a day long, by project and hash of the key. */
#ifndef DAEMON_STORE_ANSWERS_H
#define DAEMON_STORE_ANSWERS_H

#include "daemon/store/db.h"
#include "daemon/store/records.h"

/* Writer's thread.  An answer that is there and has not run out stays. */
int answers_keep(struct db *db, const struct idempotency_record *record);

/* record NULL: 0 and *ret_copy NULL.  A copy to be freed with answers_free_copy(); -ENOMEM. */
int answers_copy(const struct idempotency_record *record, struct idempotency_record **ret_copy);
void answers_free_copy(struct idempotency_record *copy); /* NULL ok */

#endif
