/* What the CLI's result line means: an answer, or which fault.  Decided on the fields in the order
 * terminal_reason, api_error, api_error_status, assistant error, text; the text alone is the last
 * resort because it changes with releases. */
#ifndef DAEMON_POOL_OUTCOME_H
#define DAEMON_POOL_OUTCOME_H

#include <jansson.h>
#include <stdbool.h>

#include "daemon/dispatch/job.h"

/* How a turn ended, apart from what was counted. */
struct outcome {
	enum fault fault;
	enum job_stop stop;
	bool interrupted;    /* the turn was aborted by an interrupt */
	bool login_rejected; /* upstream or the CLI says that the login is no good */
	int64_t retry_after_ms;
	char message[256]; /* fit for a client; "" when the fault's own words will do */
	char param[64];
};

/* `assistant_error`: the `error` of the turn's synthetic assistant line, or "". */
void outcome_of_result(const json_t *result, const char *assistant_error, struct outcome *out);

/* A Messages API stop_reason; JOB_STOP_NONE for an unknown or missing one. */
enum job_stop outcome_stop_reason(const char *stop_reason);

#endif
