/* The start-up gate: which CLI runs, whether it may, in which mode, with whose login.  Opened
 * before the first worker and again whenever the program file has changed or a cure may have come.
 */
#ifndef DAEMON_POOL_GATE_H
#define DAEMON_POOL_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/conf/conf.h"
#include "daemon/pool/cli_binary.h"
#include "daemon/pool/login.h"
#include "daemon/pool/pool.h"
#include "daemon/pool/selftest.h"

struct gate_result {
	enum pool_health health; /* POOL_READY: workers may be started */
	char detail[512];        /* for the operator: what is wrong and how to mend it */
	struct cli_binary binary;
	int64_t version;
	char version_text[64];
	bool is_sim;
	struct selftest_report report;
	bool body_mode, one_shot, late_init;
	struct login login;
};

struct gate;

struct gate *gate_new(uv_loop_t *loop, const struct conf *conf);

/* Runs the checks; `done` is called once from the loop, unless the gate is closed before.  Not to
 * be called again before. */
void gate_check(struct gate *g, void (*done)(void *ctx), void *ctx);
const struct gate_result *gate_result(const struct gate *g); /* of the last check */

/* Whether the program file is still the one that was checked. */
bool gate_is_current(const struct gate *g);

/* The cached result is not true any more: the program behind the file has changed, though not the
 * file (a wrapper script, say).  The next check tests again. */
void gate_forget(struct gate *g);

/* Asks the CLI for the state of the login; `done` may be told before or after workers have started,
 * and is not told any more once the next check has begun.  0 or -ENOMEM. */
int gate_ask_login(struct gate *g, void (*done)(void *ctx, const struct login_status *status),
		   void *ctx);

void gate_close(struct gate *g, void (*closed)(void *ctx), void *ctx); /* frees it at the end */

#endif
