/* One short run of the CLI (`--version`, `auth status`): output collected, bounded in size and
 * time. */
#ifndef DAEMON_POOL_COMMAND_H
#define DAEMON_POOL_COMMAND_H

#include <stdint.h>
#include <uv.h>

#include "daemon/pool/spawn.h"

struct command;

enum { COMMAND_FAILED = -1, COMMAND_CANCELLED = -2 };

/* `done` is called once from the loop, with the exit status (COMMAND_FAILED: could not run, was
 * killed or took too long) and the first 64 KB of stdout as a string; the command frees itself
 * after.  0 or -ENOMEM (then done is not called). */
int command_run(uv_loop_t *loop, const struct spawn_spec *spec, int64_t timeout_ms,
		void (*done)(void *ctx, int status, const char *output), void *ctx,
		struct command **ret_command);

/* Kills it; `done` still comes, with COMMAND_CANCELLED.  NULL ok. */
void command_cancel(struct command *c);

#endif
