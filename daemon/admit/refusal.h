/* Why admission says no. */
#ifndef DAEMON_ADMIT_REFUSAL_H
#define DAEMON_ADMIT_REFUSAL_H

#include <stdint.h>

#include "daemon/dispatch/fault.h"

struct refusal {
	enum fault fault;
	char message[256];      /* for the client or the operator, English */
	char param[64];         /* the field at fault, "": none */
	int64_t retry_after_ms; /* -1: not known */
};

/* Fills r; param may be NULL.  Always returns -EINVAL, so that callers can return it. */
int refusal_set(struct refusal *r, enum fault fault, const char *param, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
