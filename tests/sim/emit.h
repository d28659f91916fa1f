/* The lines claude-sim prints, one function each.  All go to sim->out; sim_flush() writes them. */
#ifndef SIM_EMIT_H
#define SIM_EMIT_H

#include "tests/sim/sim.h"

/* How a turn ended: what differs between results. */
struct outcome {
	const char *subtype;
	bool is_error;
	const char *terminal_reason; /* NULL: left out */
	int api_status;              /* 0: null */
	const char *api_error_type, *api_error, *assistant_error;
	const char *errors; /* JSON array instead of a result text */
	const char *text;   /* NULL: left out */
	size_t text_len;
	const char *lifecycle; /* state of the closing command_lifecycle */
};

void emit_control_ok(struct sim *sim, const char *request_id, const char *response);
/* code and model may be NULL. */
void emit_control_error(struct sim *sim, const char *request_id, const char *error,
			const char *code, const char *model);
void emit_lifecycle(struct sim *sim, const char *command_uuid, const char *state);
void emit_init(struct sim *sim);
void emit_status(struct sim *sim);
void emit_blank_prompt(struct sim *sim);
void emit_api_retry(struct sim *sim, int delay_ms, int status, const char *error);
/* A stream_event around one raw API event; `first` adds what only the first message_start of a turn
 * carries. */
void emit_event(struct sim *sim, const char *event, size_t len, bool first);
/* Opens and closes the same line, for events written piecemeal to sim->out. */
void emit_event_open(struct sim *sim);
void emit_event_close(struct sim *sim);
/* One finished block; `content` is the inside of the content array. */
void emit_assistant(struct sim *sim, const char *uuid, const char *content, size_t len,
		    bool aborted);
/* The line that stands for an error. */
void emit_synthetic_assistant(struct sim *sim, const struct outcome *outcome);
/* Text or a block the CLI put in itself; `content` is one block as JSON. */
void emit_user(struct sim *sim, const char *content, bool synthetic);
void emit_refusal(struct sim *sim);
/* Prints rate_limit_info unless it is what was printed last. */
void emit_rate_limit(struct sim *sim, const struct jbuf *info);
void emit_result(struct sim *sim, const struct outcome *outcome);

#endif
