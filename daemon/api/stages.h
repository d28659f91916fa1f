/* The stages of pipeline.c that have a file of their own; nobody else includes this. */
#ifndef DAEMON_API_STAGES_H
#define DAEMON_API_STAGES_H

#include "daemon/api/call.h"

/* NEXT: go on; WAIT: pipeline_resume() will be called; DONE: the call is over, by call->failure or,
 * without one, by recall.answer. */
enum step { STEP_NEXT, STEP_WAIT, STEP_DONE };

/* Fills call->failure; returns STEP_DONE. */
enum step step_refuse(struct call *c, enum fault fault, const char *message);
enum step step_refused(struct call *c, const struct refusal *why);

/* What was waited for has come, from the loop: runs the stage that waited again, or ends the call
 * if its client left meanwhile. */
void pipeline_resume(struct call *c);

/* decode.c: the body, parsed; large ones on the thread pool. */
enum step stage_decode(struct call *c);

/* recall.c: an earlier answer to the same request. */
enum step stage_short_cut(struct call *c); /* by the raw body, before anything is parsed */
enum step stage_replay(struct call *c);    /* by Idempotency-Key, before its session is held */
enum step stage_recall(struct call *c);
void recall_abandon(struct call *c); /* the client left while an answer was looked for */
/* The call is over: what it answered goes to those who wait for it and is kept; NULL: it has not.
 */
void recall_settle(struct call *c, bool answered);
/* The answer as it is kept for Idempotency-Key, NULL: none is to be kept.  free() record->answer.
 */
bool recall_write_kept(struct call *c, struct idempotency_record *record);

/* available.c: the backend; while it starts the request waits. */
enum step stage_available(struct call *c);
void available_done(struct call *c); /* it waits no more */

/* session_stage.c: the conversation that the server keeps. */
enum step stage_session(struct call *c);
void session_abandon(struct call *c); /* the client left while it was looked up */
/* The call is over: keeps the turn if there is an answer.  `done` once, from inside or from the
 * loop. */
void session_keep(struct call *c, void (*done)(struct call *c));
void session_done(struct call *c); /* lets go of it */

/* charge.c: money. */
enum step stage_spent(struct call *c);   /* a key whose limit is reached, before its body is read */
enum step stage_used_up(struct call *c); /* a key whose budget has nothing left, likewise */
enum step stage_limit(struct call *c);   /* rate limits */
enum step stage_hold(struct call *c);    /* budgets */
bool charge_may_retry(struct call *c);
/* Charges what was used and writes the ledger's line; false: nothing is to be written.  When it is
 * durable, `done` is called. */
bool charge_settle(struct call *c, void (*done)(void *ctx, int rc));

#endif
