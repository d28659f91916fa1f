/* A complete answer, kept: what cache, single flight and Idempotency-Key hold, and encoders write
 * again.  Counted references; immutable once shared. */
#ifndef DAEMON_DISPATCH_ANSWER_H
#define DAEMON_DISPATCH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/dispatch/job.h"

struct answer {
	unsigned refs;
	char id[40];     /* "chatcmpl-..." of the first answer */
	int64_t created; /* Unix seconds */
	char model_id[96];
	char route[64];
	char session_id[40]; /* of answers kept for Idempotency-Key; "": none */
	enum job_stop stop;
	struct job_usage usage;      /* what the first answer cost */
	unsigned char body_hash[32]; /* of what was asked: of answers kept for Idempotency-Key */
	bool lost;                   /* ... and too large to be kept: there is no text */
	size_t len;
	char text[]; /* NUL-terminated */
};

struct answer *answer_new(const char *text, size_t len); /* one reference; NULL: out of memory */
struct answer *answer_ref(struct answer *a);
void answer_unref(struct answer *a); /* NULL ok */

/* To and from JSON text, for the store; body_hash and lost are not in it.  NULL: out of memory,
 * text that is not UTF-8 or has a NUL in it, JSON that answer_to_json would not write. */
char *answer_to_json(const struct answer *a);
struct answer *answer_from_json(const char *json);

#endif
