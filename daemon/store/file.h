/* The store's file before it is written to. */
#ifndef DAEMON_STORE_FILE_H
#define DAEMON_STORE_FILE_H

#include "daemon/store/db.h"
#include "daemon/store/problem.h"

/* Looks at the file and its WAL and changes neither: whose it is, its version, and (when it is
 * small or its last end was not orderly) whether it is whole.  0, also when there is no file; a
 * negative code and `why`. */
int file_inspect(const char *path, struct problem *why);

/* Makes the file if there is none, sees that only its owner may read it, opens it for writing (WAL,
 * synchronous=FULL) and brings its schema up to date.  0; a negative code and `why`, and then db is
 * closed. */
int file_open(struct db *db, const char *path, int patience_ms, struct problem *why);

#endif
