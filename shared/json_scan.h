/* Walks the members of one JSON object, or the items of one array, without building them.  For
 * large texts of which little is looked at: the CLI's lines that repeat an answer, and batches,
 * whose items are parsed one at a time. */
#ifndef SHARED_JSON_SCAN_H
#define SHARED_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct json_slice {
	const char *at;
	size_t len;
};

struct json_scan {
	const char *at, *end;
	bool begun;
	bool failed; /* the text is not what it was said to be */
};

/* Starts at the text's first byte; `failed` if it is no object. */
void json_scan_begin(struct json_scan *s, const char *text, size_t len);

/* The next member: its raw key without quotes and its raw value.  False at the end or on failure.
 */
bool json_scan_next(struct json_scan *s, struct json_slice *ret_key, struct json_slice *ret_value);

/* The same for an array and its items. */
void json_scan_begin_array(struct json_scan *s, const char *text, size_t len);
bool json_scan_next_item(struct json_scan *s, struct json_slice *ret_item);

bool json_slice_is(const struct json_slice *s, const char *text);

#endif
