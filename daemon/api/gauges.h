/* What is read when somebody looks at the metrics. */
#ifndef DAEMON_API_GAUGES_H
#define DAEMON_API_GAUGES_H

struct api;
struct call;

/* Sets every gauge, and the counters that modules keep themselves. */
void gauges_read(struct api *api);

/* Counts a request for an answer that is over; by finish(). */
void gauges_count_call(const struct call *c);

#endif
