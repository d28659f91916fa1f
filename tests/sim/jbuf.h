/* Growable byte buffer with a JSON string writer: claude-sim writes its lines by hand, since
 * building a tree for every line would cost more than everything else it does. */
#ifndef SIM_JBUF_H
#define SIM_JBUF_H

#include <stddef.h>

struct jbuf {
	char *data;
	size_t len;
	size_t cap;
};

void jbuf_done(struct jbuf *buf);
/* Empties the buffer; memory beyond 1 MiB is given back, so that one huge answer is not kept for
 * ever. */
void jbuf_reset(struct jbuf *buf);
/* Makes room for n more bytes and returns where they start; the caller adds to len.  Out of memory
 * ends the process. */
char *jbuf_room(struct jbuf *buf, size_t n);
void jbuf_add(struct jbuf *buf, const char *data, size_t len);
void jbuf_puts(struct jbuf *buf, const char *text);
void jbuf_printf(struct jbuf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3), nonnull(2)));
/* Appends text as a JSON string with its quotes. */
void jbuf_string(struct jbuf *buf, const char *text, size_t len);
/* The same without quotes, for strings put together from parts. */
void jbuf_escaped(struct jbuf *buf, const char *text, size_t len);

#endif
