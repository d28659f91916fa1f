/* Parser of one HTTP/1.x response that arrives in pieces. */
#ifndef SIM_HTTP_H
#define SIM_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/jbuf.h"

struct http_response {
	struct jbuf in;   /* received, not yet parsed */
	struct jbuf head; /* status line and headers, lines ended by NUL */
	struct jbuf body; /* decoded; the caller consumes it */
	int status;       /* 0 until the head is complete */
	bool chunked, done, broken;
	int64_t left; /* of the chunk or of the body; -1: until the connection closes */
	int64_t seen;
};

void http_reset(struct http_response *response);
void http_done(struct http_response *response);
/* Parses what was appended to response->in. */
void http_parse(struct http_response *response);
/* Value of a header (lower-case name), or NULL. */
const char *http_header(struct http_response *response, const char *name);

#endif
