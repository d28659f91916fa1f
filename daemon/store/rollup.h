/* Sums of usage per quarter of an hour and per day.  What the lines of one transaction add is
 * merged here and written once per row before its COMMIT. */
#ifndef DAEMON_STORE_ROLLUP_H
#define DAEMON_STORE_ROLLUP_H

#include <stdint.h>

#include "daemon/store/db.h"
#include "daemon/store/records.h"

struct rollup_row;

struct rollup {
	struct rollup_row *rows; /* zeroed before the first use */
};

/* Adds a line to the four rows that it counts in: its project's and everybody's, quarter and day.
 * 0 or -ENOMEM, and then a part may have been added: the transaction must not be committed. */
int rollup_add(struct rollup *r, const struct ledger_record *line);
int rollup_write(struct rollup *r, struct db *db); /* 0: nothing is pending any more */
void rollup_forget(struct rollup *r);              /* the transaction was rolled back */

/* The begin of the bucket of `width` ms that holds at_ms; before 1970 is 1970. */
int64_t bucket_start(int64_t at_ms, int64_t width);

#endif
