/* A blocking client of the control socket, for programs that ask one thing at a time, or listen to
 * one. */
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
	CLIENT_INTERRUPTED, /* what was to end the wait has come */
	CLIENT_NO_MEMORY
};

enum { CLIENT_WORDS_MAX = 768 };

/* Connects, reads the daemon's hello, says our own with the program's name, and checks that both
 * speak the same protocol.  On failure `words` says why and what to do about it, in one or more
 * lines. */
enum client_failure control_client_open(const char *path, const char *name, int64_t timeout_ms,
					struct control_client **ret_client,
					char words[CLIENT_WORDS_MAX]);
void control_client_close(struct control_client *c); /* NULL ok */
const struct control_hello *control_client_hello(const struct control_client *c);

/* Asks and waits.  params may be NULL, borrowed; ret_result: a new reference.  CLIENT_REFUSED fills
 * ret_error, the other failures `words`; after those the client is of no more use. */
enum client_failure control_client_call(struct control_client *c, const char *method,
					const json_t *params, json_t **ret_result,
					struct rpc_error *ret_error, char words[CLIENT_WORDS_MAX]);

/* The same with one parameter that is a secret: what held it is wiped as soon as it is sent. */
enum client_failure control_client_call_secret(struct control_client *c, const char *method,
					       const char *param, const char *secret,
					       json_t **ret_result, struct rpc_error *ret_error,
					       char words[CLIENT_WORDS_MAX]);

/* Asks without waiting; the answer comes by control_client_next(). */
enum client_failure control_client_send(struct control_client *c, const char *method,
					const json_t *params, char words[CLIENT_WORDS_MAX]);

/* The next notification, or the answer (also an error) to what was asked last.  Waits as long as it
 * takes, or until something can be read from wake_fd (-1: nothing ends the wait):
 * CLIENT_INTERRUPTED.  rpc_message_done() after CLIENT_OK. */
enum client_failure control_client_next(struct control_client *c, int wake_fd,
					struct rpc_message *ret_message,
					char words[CLIENT_WORDS_MAX]);

#endif
