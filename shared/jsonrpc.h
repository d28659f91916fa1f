/* JSON-RPC 2.0 by lines, as the control socket speaks it: one object per line, no batches, every
 * request has an id. */
#ifndef SHARED_JSONRPC_H
#define SHARED_JSONRPC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "shared/buf.h"

enum {
	RPC_REQUEST_MAX = 64 * 1024, /* bytes of a request's line, its newline not counted */
	RPC_RESPONSE_MAX = 64 * 1024 * 1024,
	RPC_ID_MAX = 64 /* bytes of an id that is a string */
};

enum rpc_code {
	RPC_PARSE_ERROR = -32700, /* no JSON, or a line that is too long */
	RPC_INVALID_REQUEST = -32600,
	RPC_METHOD_NOT_FOUND = -32601,
	RPC_INVALID_PARAMS = -32602, /* data.field names the one at fault */
	RPC_INTERNAL = -32603,
	RPC_NOT_PERMITTED = -32001,
	RPC_NOT_FOUND = -32002,
	RPC_CONFLICT = -32003,     /* exists already, or is being changed at this moment */
	RPC_REFUSED = -32004,      /* not possible in the present state */
	RPC_STORE_FAILED = -32005, /* nothing was changed */
	RPC_TOO_MANY = -32006,     /* connections */
	RPC_TIMEOUT = -32007,      /* a change may have been made all the same */
	RPC_VERSION = -32008       /* the client speaks another protocol */
};

/* "" where there is nothing to say. */
struct rpc_error {
	int code;
	char message[512];
	char field[64];
	char hint[1024]; /* what to do about it */
};

/* field may be NULL; the hint is emptied. */
void rpc_error_set(struct rpc_error *e, enum rpc_code code, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

struct rpc_request {
	json_t *message; /* holds the rest */
	json_t *id;      /* borrowed; NULL after a failure without a usable one */
	const char *method;
	const json_t *params; /* an object, or NULL */
};

/* 0; or -EINVAL with the error to answer, and then r->id (if any) may still be used.
 * rpc_request_done either way. */
int rpc_request_parse(struct rpc_request *r, const char *line, size_t len,
		      struct rpc_error *ret_error);
void rpc_request_done(struct rpc_request *r);

/* Each appends one line with its newline.  id NULL: null. */
void rpc_write_request(struct buf *to, int id, const char *method, const json_t *params);
void rpc_write_result(struct buf *to, const json_t *id, const char *result, size_t len);
void rpc_write_error(struct buf *to, const json_t *id, const struct rpc_error *e);
void rpc_write_notification(struct buf *to, const char *method, const json_t *params);

/* What a server sent; exactly one of method, result and error is set. */
struct rpc_message {
	json_t *message;      /* holds the rest */
	const char *method;   /* a notification */
	const json_t *params; /* its parameters, an object or NULL */
	json_t *result;
	bool failed;
	struct rpc_error error;
	int id; /* of a response; 0: null or none of ours */
};

/* 0, or ERR_SYNTAX and why: not of the protocol. */
int rpc_message_parse(struct rpc_message *m, const char *line, size_t len, char *why,
		      size_t why_size);
void rpc_message_done(struct rpc_message *m);

#endif
