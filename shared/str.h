/* Small questions about strings that more than one module asks. */
#ifndef SHARED_STR_H
#define SHARED_STR_H

#include <stdbool.h>
#include <stddef.h>

bool str_is_utf8(const char *s,
		 size_t len); /* well-formed UTF-8, no surrogates, no overlong forms */
bool str_is_blank(
	const char *s,
	size_t len); /* empty, or nothing but white space as JavaScript's trim() sees it */
bool str_in_set(const char *s, size_t min, size_t max,
		const char *set); /* min..max characters, all of them in set */

/* Whether a header's value, a list with commas, has the token, in any case; a token ends at space,
 * comma or slash.  value may be NULL. */
bool str_has_token(const char *value, const char *token);

/* Copies at most size-1 bytes, replaces control characters by '?', cuts at a character border;
 * always terminates. */
void str_copy_clean(char *to, size_t size, const char *from);

/* A fresh random (version 4) UUID; `out` holds 37 bytes. */
void str_uuid4(char out[37]);

#endif
