/* Walks the members of one JSON object without building it.  The CLI prints an answer's text three
 * times, the last two as single lines of any size; of those lines only a few small members matter,
 * and this finds them at memory speed. */
#ifndef DAEMON_POOL_JSON_SCAN_H
#define DAEMON_POOL_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct json_slice {
	const char *at;
	size_t len;
};

struct json_scan {
	const char *at, *end;
	bool failed; /* the text is not an object of members */
};

/* Starts at the text's first byte; `failed` if it is no object. */
void json_scan_begin(struct json_scan *s, const char *text, size_t len);

/* The next member: its raw key without quotes and its raw value.  False at the end or on failure.
 */
bool json_scan_next(struct json_scan *s, struct json_slice *ret_key, struct json_slice *ret_value);

bool json_slice_is(const struct json_slice *s, const char *text);

#endif
