/* Everything that can end a request without an answer, by cause.  What a client sees of each is
 * api/errors.c's table. */
#ifndef DAEMON_DISPATCH_FAULT_H
#define DAEMON_DISPATCH_FAULT_H

enum fault {
	FAULT_NONE,
	FAULT_INVALID_REQUEST, /* ours to find, or upstream's 400 */
	FAULT_INVALID_KEY,
	FAULT_PERMISSION,
	FAULT_NOT_FOUND, /* no such route */
	FAULT_MODEL_NOT_FOUND,
	FAULT_SESSION_NOT_FOUND,
	FAULT_METHOD,
	FAULT_CONTEXT_LENGTH,
	FAULT_TOO_LARGE,
	FAULT_MEDIA_TYPE,
	FAULT_UNSUPPORTED_BY_CLI, /* replay mode cannot honour it */
	FAULT_RATE_LIMIT,         /* upstream throttles */
	FAULT_LIMIT_REQUESTS,     /* our limit of requests, per minute or at one time */
	FAULT_LIMIT_TOKENS,       /* our limit of tokens per minute */
	FAULT_BUDGET,             /* a budget is used up */
	FAULT_CONFLICT,           /* Idempotency-Key with another body; a change under way */
	FAULT_STORE,              /* the store does not work: nothing is served unaccounted */
	FAULT_PLAN_LIMIT,
	FAULT_OVERLOADED,          /* queue full, draining, paused */
	FAULT_BACKEND_UNAVAILABLE, /* CLI missing, not logged in, unsafe */
	FAULT_UPSTREAM,            /* upstream failing or overloaded */
	FAULT_WORKER,              /* a worker crashed or misbehaved */
	FAULT_SLOW_READER,         /* the client does not take its answer */
	FAULT_TIMEOUT,
	FAULT_CANCELLED, /* the client went away and sees nothing of it, or an operator's order */
	FAULT_INTERNAL,
	FAULTS
};

const char *fault_name(enum fault fault); /* "plan_limit", for logs */

#endif
