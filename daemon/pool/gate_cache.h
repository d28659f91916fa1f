/* What the self-test found, kept by the program file's identity, so that a restart need not test
 * again. */
#ifndef DAEMON_POOL_GATE_CACHE_H
#define DAEMON_POOL_GATE_CACHE_H

#include <stdbool.h>

#include "daemon/pool/gate.h"

/* True: the cache at `path` was made for r->binary by this version of ccapid; version and report
 * are filled. */
bool gate_cache_load(const char *path, struct gate_result *r);
void gate_cache_store(
	const char *path,
	const struct gate_result *r); /* failure is logged: the next start tests again */

#endif
