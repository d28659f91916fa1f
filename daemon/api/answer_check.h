/* Whether an answer that was asked for as JSON is what was asked for. */
#ifndef DAEMON_API_ANSWER_CHECK_H
#define DAEMON_API_ANSWER_CHECK_H

#include <jansson.h>
#include <stddef.h>

/* schema NULL: any JSON object will do.  0; -EINVAL and `why` says what is wrong. */
int answer_check(const char *text, size_t len, const json_t *schema, char *why, size_t why_size);

#endif
