/* One connection to the control socket, by lines.  It lives from link_open() to the closing of its
 * handle, and is used up after `ended`. */
#ifndef TUI_FEED_LINK_H
#define TUI_FEED_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct link;

/* link_close() may be called from each of them. */
struct link_events {
	void (*connected)(void *owner);
	void (*line)(void *owner, const char *line, size_t len); /* without its newline */
	/* Not connected, broken off, or a line without an end: code as of libuv.  Once, and nothing
	 * after it. */
	void (*ended)(void *owner, int code);
};

/* The events come from the loop.  NULL: out of memory. */
struct link *link_open(uv_loop_t *loop, const char *path, const struct link_events *events,
		       void *owner);
/* Takes the bytes (malloc'ed), also when it fails.  0, or a negative code. */
int link_write(struct link *l, char *bytes, size_t len);
/* What is still to be written is left out, unless the peer takes it at once; nothing is called any
 * more.  NULL ok. */
void link_close(struct link *l);

#endif
