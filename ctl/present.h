/* What a verb's result looks like to a person. */
#ifndef CTL_PRESENT_H
#define CTL_PRESENT_H

#include <jansson.h>

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
int present_config_check(const struct command *c, const json_t *result);

#endif
