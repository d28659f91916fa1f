/* One request on one worker: the lines to write, what has come back so far, and when it is over.
 * Knows the protocol and the rules about what may be forwarded; knows no process, timer or pool. */
#ifndef DAEMON_POOL_TURN_H
#define DAEMON_POOL_TURN_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/buf.h"

#include "daemon/dispatch/job.h"
#include "daemon/pool/claude_protocol.h"

/* What the worker has to do after an event. */
enum turn_step {
	TURN_GO_ON,
	TURN_WRITE,     /* write what was appended to `out` */
	TURN_INTERRUPT, /* ask the CLI to end the turn; its result will follow */
	TURN_OVER,      /* job->result is complete; reset the conversation */
	TURN_BROKEN     /* job->result is complete; the process cannot be trusted any more */
};

enum turn_phase {
	TURN_HISTORY, /* replay: earlier turns are being acknowledged one by one */
	TURN_ASKED,   /* the question is out, nothing came back */
	TURN_ANSWERING,
	TURN_CUT /* an interrupt is out or due: nothing is forwarded any more, the result is awaited
		  */
};

struct turn {
	struct job *job; /* NULL: no turn */
	enum turn_phase phase;
	bool body_mode;
	const char *default_system;
	size_t max_answer;
	unsigned serial;
	char first_uuid[37],
		last_uuid[37];  /* of user lines written: what a rewind must name; "" none */
	size_t next_message;    /* replay: index of the first message not written yet */
	enum fault abort_fault; /* why it was cut; FAULT_NONE: because the answer is complete
				   (max_tokens) */
	bool login_rejected;
	unsigned starts; /* message_start events */
	size_t answer_bytes;
	char assistant_error[48];
	struct job_usage streamed; /* figures of the stream, for turns that never got a result */
};

/* Begins: appends the first lines to `out`. */
void turn_begin(struct turn *t, struct job *job, unsigned serial, struct buf *out);

/* Takes one event of the worker's output.  CLI_RATE_LIMIT and CLI_CONTROL_REQUEST are the worker's
 * business. */
enum turn_step turn_event(struct turn *t, const struct cli_event *ev, struct job_usage *usage_total,
			  struct buf *out);

/* Asks to end the turn for the given reason; true: send the interrupt now (false: it is cut
 * already). */
bool turn_cut(struct turn *t, enum fault why);

/* Ends the turn without a result (crash, kill): fills job->result with `fault` and what the stream
 * told of usage. */
void turn_lost(struct turn *t, enum fault fault, const char *why);

#endif
