/* An object of JSON as text, member by member: for rows that watchers are told hundreds of times a
 * second, where objects of the JSON library cost more than all the rest.  Names are literals. */
#ifndef DAEMON_OBSERVE_ROW_H
#define DAEMON_OBSERVE_ROW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"

void row_open(struct buf *to);
void row_close(struct buf *to);

/* The next member's name; its value is to follow. */
void row_name(struct buf *to, const char *name);

void row_text(struct buf *to, const char *name, const char *s); /* null for "" and NULL */
void row_int(struct buf *to, const char *name, int64_t n);
void row_int_or_null(struct buf *to, const char *name, int64_t n); /* null for -1 */
void row_bool(struct buf *to, const char *name, bool b);
void row_null(struct buf *to, const char *name);
void row_usd(struct buf *to, const char *name, int64_t micro); /* dollars; null for -1 */
void row_time(struct buf *to, const char *name,
	      int64_t wall_ms); /* with milliseconds; null for 0 */

/* The text as a value of the JSON library; NULL: out of memory. */
json_t *row_parse(const struct buf *text);

#endif
