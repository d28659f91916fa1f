/* Growable byte buffer with a maximum.  Appending past the maximum or out of memory sets `failed`
 * and drops the bytes; callers append freely and check once.  The content is always followed by a
 * NUL that len does not count. */
#ifndef SHARED_BUF_H
#define SHARED_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data; /* NULL while nothing was appended */
	size_t len, cap, max;
	bool failed;
};

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);  /* frees; the buffer may be used again with the same maximum */
void buf_clear(struct buf *b); /* len = 0 and failed = false, keeps the memory */

void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_add_str(struct buf *b, const char *str);
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_drop_front(struct buf *b, size_t len); /* removes the first len bytes (at most all) */

/* Makes room for `more` bytes behind the content and returns where they go, NULL (and failed) when
 * that is too much. */
char *buf_reserve(struct buf *b, size_t more);

/* The content as a malloc'ed string, which the caller owns; the buffer is empty after.  NULL if
 * failed or out of memory. */
char *buf_take(struct buf *b, size_t *ret_len);

#endif
