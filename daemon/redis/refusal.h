/* Redis's error replies, by their first word. */
#ifndef DAEMON_REDIS_REFUSAL_H
#define DAEMON_REDIS_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>

enum { REFUSAL_KIND_SIZE = 24 };

/* The first word: "OOM", "WRONGTYPE". */
void refusal_kind(const char *text, char ret_kind[REFUSAL_KIND_SIZE]);
/* The next command would be refused as well: the connection is of no use now. */
bool refusal_is_final(const char *text);
/* For an operator: what it means, and the reply itself; that is left out when it repeats the
 * `secret` (NULL or "": none), as Redis does with the arguments of a command that it does not
 * know. */
void refusal_explain(const char *text, const char *secret, char *to, size_t size);

#endif
