/* The pool as operators see it, as JSON (docs/control-protocol.md has the rows).  New references;
 * NULL: out of memory. */
#ifndef DAEMON_POOL_POOL_VIEW_H
#define DAEMON_POOL_POOL_VIEW_H

#include <jansson.h>

#include "shared/buf.h"

#include "daemon/pool/pool.h"

struct worker;

json_t *pool_view(const struct pool *p);         /* health, how many workers, whose login */
json_t *pool_view_workers(const struct pool *p); /* an array of rows, the oldest worker first */
json_t *pool_view_worker(const struct pool *p, unsigned id); /* a row; NULL: there is none */
json_t *pool_view_plan(const struct pool *p);
json_t *pool_view_rss(const struct pool *p); /* [{"id","rss_bytes"}] */

enum { WORKER_ROW_MAX = 8 * 1024 };
void worker_write_row(const struct worker *w,
		      struct buf *to); /* a row, as observe/row.h makes it */

/* What to do about its health, in one command or two; "": nothing. */
const char *pool_mend(const struct pool *p);

#endif
