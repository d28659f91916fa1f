/* What somebody probably meant to write. */
#ifndef SHARED_SUGGEST_H
#define SHARED_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>

enum { SUGGEST_MAX_LEN = 64 }; /* longer names are near to nothing */

/* Insertions, deletions and replacements between the first a_len bytes of `a`, and `b`. */
unsigned suggest_distance(const char *a, size_t a_len, const char *b);

/* How far a name may be from `written` to be worth proposing. */
unsigned suggest_allowed(const char *written);

/* Looks for the nearest of several names: begin with zero, offer each, `best` is NULL if none is
 * near.  Names are borrowed. */
struct suggestion {
	const char *best;
	unsigned distance;
};
void suggest_offer(struct suggestion *s, const char *written, const char *name);

#endif
