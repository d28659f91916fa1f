/* A blocking client of the control socket, for programs that ask one thing at a time. */
#ifndef SHARED_CONTROL_CLIENT_H
#define SHARED_CONTROL_CLIENT_H

#include <jansson.h>
#include <stdint.h>

#include "shared/jsonrpc.h"
#include "shared/verbs.h"

struct control_client;

/* What the daemon says of itself before anything is asked. */
struct control_hello {
	int protocol;
	char name[32], version[32];
	int64_t pid;
	enum verb_right right; /* what we may do */
};

enum client_failure {
	CLIENT_OK,
	CLIENT_UNREACHABLE, /* nobody listens there, or it broke off or was too slow */
	CLIENT_FORBIDDEN,   /* the socket may not be opened */
	CLIENT_MISMATCH,    /* not our protocol, or another number of it */
	CLIENT_REFUSED,     /* the daemon answered with an error */
	CLIENT_NO_MEMORY
};

enum { CLIENT_WORDS_MAX = 768 };

/* Connects, reads the hello and checks it.  On failure `words` says why and what to do about it, in
 * one or more lines. */
enum client_failure control_client_open(const char *path, int64_t timeout_ms,
					struct control_client **ret_client,
					char words[CLIENT_WORDS_MAX]);
void control_client_close(struct control_client *c); /* NULL ok */
const struct control_hello *control_client_hello(const struct control_client *c);

/* Asks and waits.  params may be NULL, borrowed; ret_result: a new reference.  CLIENT_REFUSED fills
 * ret_error, the other failures `words`; after those the client is of no more use. */
enum client_failure control_client_call(struct control_client *c, const char *method,
					const json_t *params, json_t **ret_result,
					struct rpc_error *ret_error, char words[CLIENT_WORDS_MAX]);

#endif
