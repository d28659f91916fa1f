/* The names that requests may use, as the code that reads them has them: tools/api_doc.c prints
 * them, and the OpenAPI document is checked against that. */
#ifndef DAEMON_API_FIELDS_H
#define DAEMON_API_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

struct field {
	const char *name; /* a path: "cache.ttl" */
	const char *type; /* JSON Schema's; "null": refused; NULL: of several types */
	double min, max;  /* of numbers, when they differ */
	bool ignored;     /* named in x-ccapi-ignored-params */
};

/* Of a completion, but for its messages.  False: there is none behind the last. */
bool chat_param_field(size_t i, struct field *ret);

/* NULL behind the last. */
extern const char *const chat_message_fields[]; /* of one message */
extern const char *const batch_fields[];
extern const char *const batch_item_fields[];  /* besides those of a completion */
extern const char *const batch_item_dropped[]; /* of a completion, but not of an item */
extern const char *const route_fields[];       /* besides those of a completion */
extern const char *const usage_args[];         /* of the query */
extern const char *const stream_fields[];      /* of a WebSocket's message, likewise */
extern const char *const cors_exposed_headers[];

#endif
