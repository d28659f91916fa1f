/* GET /docs and what it loads, GET /openapi.json.  docs.c is where to read it. */
#ifndef DAEMON_API_DOCS_H
#define DAEMON_API_DOCS_H

#include "daemon/conf/conf.h"

struct docs;

/* Reads the files of the interface, which need not be there.  NULL: out of memory. */
struct docs *docs_new(const struct conf *conf);
void docs_free(struct docs *docs);

#endif
