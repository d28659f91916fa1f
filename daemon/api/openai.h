/* What OpenAI's plain and streamed answers have in common. */
#ifndef DAEMON_API_OPENAI_H
#define DAEMON_API_OPENAI_H

#include "daemon/api/call.h"

const char *openai_finish_reason(enum job_stop stop);
void openai_add_usage(struct buf *b, const struct job_usage *usage); /* the object */
const char *openai_model(const struct call *c); /* full id that answers, as well as known now */

int64_t openai_overhead_ms(const struct call *c); /* all the time that was not spent in the CLI */

/* The x-ccapi-* headers, as far as known now. */
void openai_add_headers(const struct call *c);
void openai_add_ccapi(struct buf *b,
		      const struct call *c); /* the same as an object, for the end of a stream */

#endif
