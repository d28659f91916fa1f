/* What a turn cost, from the CLI's own figures. */
#ifndef DAEMON_POOL_USAGE_H
#define DAEMON_POOL_USAGE_H

#include <jansson.h>

#include "daemon/dispatch/job.h"

/* Adds a turn's usage to `turn`: model_usage_since_last_result where the CLI has it (from 2.1.309
 * on), else the growth of modelUsage since `*total`, which is kept up to date.  Also names the
 * model when `model_id` is empty. */
void usage_take_result(const json_t *result, struct job_usage *total, struct job_usage *turn,
		       char *model_id, size_t model_id_size);

/* Adds `more` to `to`, saturating at INT64_MAX. */
void usage_add(struct job_usage *to, const struct job_usage *more);

/* Takes the figures of a Messages API usage object (message_start, message_delta): the larger of
 * old and new each, because message_delta repeats what message_start said. */
void usage_take_stream(const json_t *usage, struct job_usage *seen);

#endif
