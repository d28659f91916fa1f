/* Why this exists: see jbuf.h. */
#include "tests/sim/jbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_MAX (1024u * 1024u)

void jbuf_done(struct jbuf *buf)
{
	free(buf->data);
	*buf = (struct jbuf){0};
}

void jbuf_reset(struct jbuf *buf)
{
	if (buf->cap > KEEP_MAX)
		jbuf_done(buf);
	buf->len = 0;
}

char *jbuf_room(struct jbuf *buf, size_t n)
{
	if (buf->cap - buf->len < n) {
		size_t cap = buf->cap ? buf->cap : 4096;
		while (cap - buf->len < n)
			cap *= 2;
		char *data = realloc(buf->data, cap);
		if (!data) {
			fputs("claude-sim: out of memory\n", stderr);
			exit(1);
		}
		buf->data = data;
		buf->cap = cap;
	}
	return buf->data + buf->len;
}

void jbuf_add(struct jbuf *buf, const char *data, size_t len)
{
	if (!len)
		return;
	memcpy(jbuf_room(buf, len), data, len);
	buf->len += len;
}

void jbuf_puts(struct jbuf *buf, const char *text)
{
	jbuf_add(buf, text, strlen(text));
}

void jbuf_printf(struct jbuf *buf, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	va_list again;
	va_copy(again, args);
	char *room = jbuf_room(buf, 512);
	int n = vsnprintf(room, 512, format, args);
	if (n >= 512) {
		room = jbuf_room(buf, (size_t)n + 1);
		vsnprintf(room, (size_t)n + 1, format, again);
	}
	if (n > 0)
		buf->len += (size_t)n;
	va_end(again);
	va_end(args);
}

static int needs_escape(unsigned char c)
{
	return c < 0x20 || c == '"' || c == '\\';
}

static void escape_one(struct jbuf *buf, unsigned char c)
{
	static const char shorts[] = "btn\0fr";
	char out[6] = {'\\'};
	if (c == '"' || c == '\\') {
		out[1] = (char)c;
		jbuf_add(buf, out, 2);
	} else if (c >= 8 && c <= 13 && shorts[c - 8]) {
		out[1] = shorts[c - 8];
		jbuf_add(buf, out, 2);
	} else {
		jbuf_printf(buf, "\\u%04x", c);
	}
}

void jbuf_escaped(struct jbuf *buf, const char *text, size_t len)
{
	size_t start = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (!needs_escape(c))
			continue;
		jbuf_add(buf, text + start, i - start);
		escape_one(buf, c);
		start = i + 1;
	}
	jbuf_add(buf, text + start, len - start);
}

void jbuf_string(struct jbuf *buf, const char *text, size_t len)
{
	jbuf_add(buf, "\"", 1);
	jbuf_escaped(buf, text, len);
	jbuf_add(buf, "\"", 1);
}
