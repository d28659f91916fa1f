/* The way of a request through the daemon; pipeline.c is where to read it. */
#ifndef DAEMON_API_PIPELINE_H
#define DAEMON_API_PIPELINE_H

struct api;
struct call;

/* The client went away.  The call may be freed by this. */
void pipeline_abort(struct call *c);

/* Looks after open calls: those that wait for the pool to start, and the encoders' own clocks. */
void pipeline_tick(struct api *api);

#endif
