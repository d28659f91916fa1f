/* What a client is told when its request fails: from the cause to status, type, code, message and
 * retry advice. */
#ifndef DAEMON_API_ERRORS_H
#define DAEMON_API_ERRORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buf.h"

#include "daemon/admit/refusal.h"
#include "daemon/dispatch/fault.h"

struct job;

/* One failed request.  Either `fault` says why or, for refusals of the HTTP layer, `status` does.
 */
struct failure {
	enum fault fault;       /* FAULT_NONE: see status */
	int status;             /* 0: the fault's */
	char message[256];      /* "": the fault's default */
	char param[96];         /* the request's field that is at fault, "": none */
	int64_t retry_after_ms; /* -1: the fault's default, if it has one */
};

/* Fills f; param may be NULL.  Always returns -EINVAL, so that callers can return it. */
int failure_set(struct failure *f, enum fault fault, const char *param, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int failure_set_status(struct failure *f, int status,
		       const char *message); /* the same for a refusal */
void failure_from_refusal(struct failure *f, const struct refusal *why);
void failure_from_job(struct failure *f, const struct job *job);

int failure_status(const struct failure *f);
const char *failure_name(const struct failure *f); /* for the log */
/* What the client reads as the message, cut to size. */
void failure_words(const struct failure *f, char *to, size_t size);

/* When the client may try again: milliseconds, -1: no time is told. */
int64_t failure_retry_after_ms(const struct failure *f);
bool failure_forbids_retry(const struct failure *f); /* x-should-retry: false */

/* The rows of the table, for the check of the OpenAPI document. */
struct error_view {
	const char *fault; /* its name */
	int status;
	const char *type, *code; /* code NULL: null */
	const char *retry;       /* "no", "yes", "after": with Retry-After */
};

bool failure_view(size_t i, struct error_view *ret); /* false: there is none behind the last */
/* A refusal by status alone, likewise; `fault` is "". */
void failure_view_status(int status, struct error_view *ret);

/* {"error":{"message","type","param","code"}} */
void failure_write_json(const struct failure *f, struct buf *to);
/* The object inside, with "retry_after" in seconds where one is told. */
void failure_write_object(const struct failure *f, struct buf *to);

#endif
