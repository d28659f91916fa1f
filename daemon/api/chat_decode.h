/* Between the files that decode a chat request; nobody else includes this. */
#ifndef DAEMON_API_CHAT_DECODE_H
#define DAEMON_API_CHAT_DECODE_H

#include "daemon/api/chat_request.h"

struct chat_decoder {
	struct chat_request *out;
	struct job_prompt *prompt;
	struct failure *failure;
	const json_t *root;
	bool strict;
};

/* Both return 0, or -EINVAL with d->failure filled. */
int chat_decode_messages(struct chat_decoder *d);
int chat_decode_params(struct chat_decoder *d);

#define chat_invalid(d, param, ...)                                                                \
	failure_set((d)->failure, FAULT_INVALID_REQUEST, param, __VA_ARGS__)
int chat_out_of_memory(struct chat_decoder *d);

/* Puts a value into prompt->extra; takes the reference.  0 or -EINVAL. */
int chat_put_extra(struct chat_decoder *d, const char *key, json_t *value);

/* Remembers the first field that replay mode cannot honour. */
void chat_needs_body_mode(struct chat_decoder *d, const char *param);

#endif
