/* A Messages API of one sentence on a free loopback port: the self-test reads there what the CLI
 * really sends. */
#ifndef DAEMON_POOL_SELFTEST_UPSTREAM_H
#define DAEMON_POOL_SELFTEST_UPSTREAM_H

#include <jansson.h>
#include <uv.h>

struct selftest_upstream;

struct selftest_upstream *selftest_upstream_new(uv_loop_t *loop); /* NULL: no port or memory */
unsigned selftest_upstream_port(const struct selftest_upstream *u);

/* The body of the last POST /v1/messages, and how many came since the last call of _forget; NULL:
 * none. */
const json_t *selftest_upstream_body(const struct selftest_upstream *u);
unsigned selftest_upstream_requests(const struct selftest_upstream *u);
void selftest_upstream_forget(struct selftest_upstream *u);

void selftest_upstream_stop(struct selftest_upstream *u, void (*closed)(void *ctx),
			    void *ctx); /* frees it at the end */

#endif
