/* Connections that read, beside the writer: on libuv's thread pool for questions at run time, on
 * the loop thread for loading at the start. */
#ifndef DAEMON_STORE_READERS_H
#define DAEMON_STORE_READERS_H

#include <uv.h>

#include "daemon/store/db.h"

enum { READERS_KEPT = 4 }; /* as many as the thread pool has threads */

struct reader {
	struct db db;
	struct reader *next;
};

struct readers {
	const char *path; /* borrowed */
	uv_mutex_t lock;
	struct reader *idle;
	int idle_count;
};

int readers_init(struct readers *r, const char *path); /* 0, -ENOMEM */
void readers_done(struct readers *r);                  /* all must have been put back */

/* Any thread.  An idle connection or a new one; NULL and ret_rc. */
struct reader *readers_take(struct readers *r, int *ret_rc);
/* rc: of the last use; after a failure the connection is not kept. */
void readers_put(struct readers *r, struct reader *reader, int rc);

#endif
