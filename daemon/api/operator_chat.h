/* An operator's test prompt: a call like any other, from admission to the ledger, that comes from
 * the control socket and needs no API key.  It is charged to the project that it names. */
#ifndef DAEMON_API_OPERATOR_CHAT_H
#define DAEMON_API_OPERATOR_CHAT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct api;
struct operator_chat;

struct operator_prompt {
	const char *text;
	const char *model, *project; /* NULL: auto, default */
	int64_t max_tokens;          /* 0: the model's own */
	const char *peer;            /* for the log: "uid 0, pid 4711" */
};

struct operator_chat_events {
	void (*text)(void *ctx, const char *text, size_t len); /* as it comes */
	/* Over, last call.  error: NULL, or what a client would have read, and finish_reason is
	 * NULL then.  request: the row of the operators' list (observe/activity.h), borrowed; NULL:
	 * out of memory. */
	void (*end)(void *ctx, const char *error, const char *finish_reason, const json_t *request);
	void *ctx;
};

/* The events may come from inside, also the last one; with it the chat is gone.  0 or -ENOMEM: none
 * comes. */
int operator_chat_begin(struct api *api, const struct operator_prompt *prompt,
			const struct operator_chat_events *events, struct operator_chat **ret_chat);
/* Nobody waits any more: no event comes after this. */
void operator_chat_abandon(struct operator_chat *chat);

#endif
