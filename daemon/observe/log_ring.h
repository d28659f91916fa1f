/* The newest lines of the log, kept for operators, and told to watchers as events of the topic
 * "log": {"at","level","area","message","fields"}, or {"lost":n} where so many came at once that
 * they could not be told.  A line is told from the loop a moment later, never from inside
 * log_event().  One a process. */
#ifndef DAEMON_OBSERVE_LOG_RING_H
#define DAEMON_OBSERVE_LOG_RING_H

#include <jansson.h>
#include <stddef.h>
#include <uv.h>

#include "shared/log.h"

enum { LOG_RING_LINES = 500 };

struct log_ring;

struct log_ring *log_ring_new(uv_loop_t *loop); /* NULL: out of memory */
void log_ring_free(struct log_ring *r, void (*closed)(void *ctx), void *ctx);

/* The newest `count` lines no less important than `level`, the oldest first; a new array.  r
 * NULL: none are kept. */
json_t *log_ring_lines(const struct log_ring *r, size_t count, enum log_level level);

#endif
