/* The CLI's stream-json protocol: the only place that writes lines to a worker or reads one of its
 * lines.
 *
 * Out: every line is built here from validated parts, one JSON object per line, never from client
 * text spliced in. In: one line becomes one struct cli_event; unknown types are CLI_OTHER, never an
 * error. */
#ifndef DAEMON_POOL_CLAUDE_PROTOCOL_H
#define DAEMON_POOL_CLAUDE_PROTOCOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buf.h"

/* What a request sets on the process.  Values stay until overwritten, so the whole set is sent
 * every time. */
struct cli_settings {
	int64_t max_tokens; /* 0: the model's own */
	const char *effort; /* NULL: the CLI's default */
	bool no_thinking;
	const char *extra_body; /* JSON object as text; NULL: none */
	size_t extra_body_len;
};

void cli_write_initialize(struct buf *b, const char *request_id, const char *system_prompt);
void cli_write_settings(struct buf *b, const char *request_id, const struct cli_settings *settings);
void cli_write_set_model(struct buf *b, const char *request_id, const char *model,
			 const char *system_prompt);
/* `content`: a string or an array of blocks.  `query` false: an earlier turn of the conversation,
 * nothing is asked. */
void cli_write_user(struct buf *b, const char *uuid, const json_t *content, bool query);
void cli_write_assistant(struct buf *b, const json_t *content);
void cli_write_rewind(struct buf *b, const char *request_id, const char *first_uuid,
		      const char *last_uuid);
void cli_write_interrupt(struct buf *b, const char *request_id);
void cli_write_refusal(struct buf *b,
		       const char *request_id); /* to a control request that nobody expected */

enum cli_event_type {
	CLI_GARBAGE, /* not a JSON object: the worker cannot be trusted any more */
	CLI_OTHER,
	CLI_CONTROL_REPLY,   /* request_id, ok, value = the reply's payload (may be NULL) */
	CLI_CONTROL_REQUEST, /* request_id */
	CLI_TEXT,            /* value = a string, the next piece of the answer's text */
	CLI_STREAM,          /* value = another Messages API event that says something of a turn */
	CLI_ASSISTANT,       /* error: "" unless the CLI made the message up to report one */
	CLI_RESULT,          /* value = the result without its text where that is long */
	CLI_RATE_LIMIT       /* value = rate_limit_info */
};

struct cli_event {
	enum cli_event_type type;
	bool ok;
	char request_id[48];
	char error[48];
	json_t *value; /* owned by the event */
};

void cli_event_parse(struct cli_event *ev, const char *line, size_t len);
void cli_event_done(struct cli_event *ev);

#endif
