/* What a verb's result looks like to a person. */
#ifndef CTL_PRESENT_H
#define CTL_PRESENT_H

#include <jansson.h>
#include <stdbool.h>

#include "ctl/command.h"

/* Prints the result of c->verb, as JSON if --json was given, and returns the program's exit code.
 */
int present(const struct command *c, const json_t *result);

/* A verb's own presentation; the others' are tables in present.c. */
int present_status(const struct command *c, const json_t *result);
int present_usage(const struct command *c, const json_t *result);
int present_secret(const struct command *c, const json_t *result);
int present_route(const struct command *c, const json_t *result);
int present_routing(const struct command *c, const json_t *result);
int present_cleared(const struct command *c, const json_t *result);
int present_workers(const struct command *c, const json_t *result);
int present_scale(const struct command *c, const json_t *result);
int present_requests(const struct command *c, const json_t *result);
int present_request(const struct command *c, const json_t *result);
int present_queue(const struct command *c, const json_t *result);
int present_drain(const struct command *c, const json_t *result);
int present_plan(const struct command *c, const json_t *result);
int present_config_check(const struct command *c, const json_t *result);

/* Of streams: a line for a request that has ended (NULL: the titles), and for one of the log as the
 * daemon itself would write it. */
void present_request_line(const json_t *request, bool quiet);
void present_log_line(const json_t *line);

/* A copy of a request with what follows from its times: queue_ms, first_ms, total_ms (null: not
 * known, or not yet), and in "shown" its state, or how it ended.  New reference. */
json_t *present_request_row(const json_t *request);

#endif
