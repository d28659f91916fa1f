/* The self-test: whether this build of the CLI does what the daemon's safety and isolation rest on.
 * It drives one worker the way jobs are driven, against a server inside the daemon, and reads what
 * arrives there. */
#ifndef DAEMON_POOL_SELFTEST_H
#define DAEMON_POOL_SELFTEST_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/conf/conf.h"

enum selftest_item {
	SELFTEST_MENTION,       /* a: `@file` in a prompt stays text */
	SELFTEST_RESET,         /* b: after a reset nothing of the conversation is left */
	SELFTEST_SYSTEM_PROMPT, /* c: set_model changes the system prompt */
	SELFTEST_MAX_TOKENS,    /* d: the limit arrives */
	SELFTEST_NO_TOOLS,      /* e: no tool is offered to the model */
	SELFTEST_HISTORY,       /* f: earlier turns arrive in order */
	SELFTEST_NO_EMAIL,      /* g: the owner's address is not sent */
	SELFTEST_BODY, /* h: the request body replaces the conversation, and nothing of the host is
			  added */
	SELFTEST_ITEMS
};

struct selftest_report {
	bool passed[SELFTEST_ITEMS];
	/* Bytes that the CLI sends besides what is asked: around an empty prompt, in replay and in
	 * body mode; -1: not measured. */
	int64_t overhead[2];
	bool ran; /* false: the worker could not be driven at all; `error` says why */
	char error[192];
};

const char *
selftest_item_name(enum selftest_item item); /* "mention", for logs, the cache and doctor */
const char *selftest_item_text(enum selftest_item item); /* one line of English */

/* What serving needs whatever the mode: a, e, f, g. */
bool selftest_is_safe(const struct selftest_report *report);

struct selftest;

/* `scratch_dir` exists, is empty and is the daemon's; what the test makes there it removes.  `done`
 * is called once from the loop; the report is valid during the call, the test frees itself after.
 * NULL: could not begin. */
struct selftest *selftest_run(uv_loop_t *loop, const struct conf *conf, const char *cli_path,
			      int64_t cli_version, const char *scratch_dir,
			      void (*done)(void *ctx, const struct selftest_report *report),
			      void *ctx);
void selftest_cancel(struct selftest *t); /* `done` still comes, with ran = false */

#endif
