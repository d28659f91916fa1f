/* The way of a request through the daemon; pipeline.c is where to read it. */
#ifndef DAEMON_API_PIPELINE_H
#define DAEMON_API_PIPELINE_H

#include <stdbool.h>

struct api;
struct call;
struct failure;
struct job_ops;
struct request;

/* Of every call's job. */
extern const struct job_ops pipeline_job_ops;

/* The header Idempotency-Key, malloc'ed; NULL: none.  Negative: f says why. */
int pipeline_idempotency_key(const struct request *r, char **ret_key, struct failure *f);
bool pipeline_is_strict(const struct request *r); /* by the header x-ccapi-strict */

/* Runs a new call from its first stage; it may be over, and freed, when this returns. */
void pipeline_begin(struct call *c);

/* The client went away.  The call may be freed by this. */
void pipeline_abort(struct call *c);

/* An operator ends it: whoever waits is told so.  False: it is ending already, and stays as it is.
 * The call may be freed by this. */
bool pipeline_cancel(struct call *c);

/* Looks after open calls: those that wait for the pool to start, and the encoders' own clocks. */
void pipeline_tick(struct api *api);

#endif
