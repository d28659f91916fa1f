/* JSON at the project's borders: bounded parsing over jansson, typed look-ups that never crash on a
 * peer's surprise, and a direct writer for the lines and frames that are built thousands of times a
 * second. */
#ifndef SHARED_JSON_H
#define SHARED_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buf.h"

/* What a text may hold.  jansson spends 64 bytes and more on every value, so a small body of a
 * million of them is an attack; both figures are checked before a value is made. */
struct json_bounds {
	size_t max_values; /* objects, arrays and commas */
	unsigned max_depth;
	bool integers_as_reals; /* so that integers beyond 64 bits are no error */
};

/* Parses one JSON value and nothing behind it.  Refuses duplicate keys, \u0000 and lone surrogates.
 * On failure NULL, and `why` (size why_size) says in a few words what is wrong and where. */
json_t *json_parse(const char *text, size_t len, const struct json_bounds *bounds, char *why,
		   size_t why_size);

/* Serialises compactly such that parsing gives an equal value again (doubles included); NULL: out
 * of memory.  free() it. */
char *json_dump_exact(const json_t *value, size_t *ret_len);

/* Look-ups for peers' objects: NULL or the default when the object is NULL, no object, or the
 * member is of another type. */
const char *json_get_str(const json_t *object, const char *key); /* borrowed, NUL-free UTF-8 */
int64_t json_get_int(const json_t *object, const char *key, int64_t otherwise);
double json_get_num(const json_t *object, const char *key, double otherwise);
bool json_get_true(const json_t *object, const char *key); /* only for the literal true */

/* Appends a quoted, escaped JSON string.  `s` must be UTF-8; the lossy form takes any bytes and
 * writes U+FFFD for bad ones. */
void json_add_string(struct buf *b, const char *s, size_t len);
void json_add_string_lossy(struct buf *b, const char *s);

#endif
