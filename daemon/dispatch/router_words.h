/* Words of a text and the index that finds keywords among them.
 *
 * A word is a run of ASCII letters, digits, underscores and letters of other alphabets; a Chinese,
 * Japanese or Korean character is a word of its own, since those scripts do not separate words (or
 * join particles to them).  All else separates.  Bytes that are not UTF-8 do no harm. */
#ifndef DAEMON_DISPATCH_ROUTER_WORDS_H
#define DAEMON_DISPATCH_ROUTER_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ROUTE_KEYWORD_MAX = 64,           /* bytes of a keyword */
	ROUTE_GROUPS_MAX = 4096,          /* conditions with keywords, over all rules */
	ROUTE_LOOKED_AT_BYTES = 16 * 1024 /* of a text, from its start and from its end each */
};

/* Which groups of keywords occur. */
struct route_hits {
	uint64_t bits[ROUTE_GROUPS_MAX / 64];
};

bool route_hits_has(const struct route_hits *hits, unsigned group);

/* A part [from, to) of a text, and where a longer text is cut. */
struct route_window {
	size_t from, to;
};

/* The parts of a text of `len` bytes that are looked at: all of it, or its first and last
 * ROUTE_LOOKED_AT_BYTES.  How many there are (0 to 2). */
unsigned route_windows(size_t len, struct route_window out[2]);

/* Whether the text's first byte begins a word. */
bool route_begins_word(const char *text, size_t len);
unsigned char route_fold(char c); /* ASCII letters to lower case */

struct route_index;

/* Keywords are lower-case, single-spaced and begin with a word.  `group` is what a hit sets;
 * at_start: only as the first word of the text.  The index borrows the text. */
struct route_keyword {
	const char *text;
	unsigned group;
	bool at_start;
};

/* NULL: out of memory.  count may be 0. */
struct route_index *route_index_new(const struct route_keyword *keywords, size_t count);
void route_index_free(struct route_index *index); /* NULL ok */

/* Adds what occurs in the text's windows to `hits`, in time linear in them. */
void route_index_find(const struct route_index *index, const char *text, size_t len,
		      struct route_hits *hits);

#endif
