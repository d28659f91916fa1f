/* The schema, as steps that lead from an empty file to the present one.  Steps are never changed
 * once they were released and never undone: a change of the schema is a step at the end. */
#ifndef DAEMON_STORE_MIGRATE_H
#define DAEMON_STORE_MIGRATE_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/store/db.h"

enum { STORE_APPLICATION_ID = 0x63636170 }; /* "ccap" */

struct migration {
	int version; /* the file's user_version once the step is done: 1, 2, ... */
	const char *sql;
};

const struct migration *migrate_steps(size_t *ret_count);
int migrate_newest(void); /* the version this program writes */

int migrate_read_version(struct db *db, int *ret_version);
/* Takes the steps that are missing, up to `version`, each in a transaction of its own.  0 or a
 * negative code; what was done before the failing step stays. */
int migrate_run(struct db *db, int version);

#endif
