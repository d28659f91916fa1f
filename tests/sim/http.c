/* Why this exists: upstream mode needs a client that can be interrupted at any byte; a parser fed
 * from the main loop's poll is smaller than any library. */
#include "tests/sim/http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEAD_MAX (64u * 1024u)

void http_reset(struct http_response *response)
{
	jbuf_reset(&response->in);
	jbuf_reset(&response->head);
	jbuf_reset(&response->body);
	response->status = 0;
	response->chunked = response->done = response->broken = false;
	response->left = -1;
	response->seen = 0;
}

void http_done(struct http_response *response)
{
	jbuf_done(&response->in);
	jbuf_done(&response->head);
	jbuf_done(&response->body);
}

static void consume(struct jbuf *buf, size_t n)
{
	memmove(buf->data, buf->data + n, buf->len - n);
	buf->len -= n;
}

const char *http_header(struct http_response *response, const char *name)
{
	size_t len = strlen(name);
	const char *end = response->head.data + response->head.len;
	for (const char *line = response->head.data; line && line < end; line += strlen(line) + 1) {
		if (strncasecmp(line, name, len) || line[len] != ':')
			continue;
		const char *value = line + len + 1;
		return value + strspn(value, " \t");
	}
	return NULL;
}

static bool parse_head(struct http_response *r)
{
	char *end = memmem(r->in.data, r->in.len, "\r\n\r\n", 4);
	if (!end) {
		r->broken = r->in.len > HEAD_MAX;
		return false;
	}
	size_t len = (size_t)(end - r->in.data) + 2;
	jbuf_add(&r->head, r->in.data, len);
	consume(&r->in, len + 2);
	for (size_t i = 0; i + 1 < len; i++)
		if (r->head.data[i] == '\r' && r->head.data[i + 1] == '\n')
			r->head.data[i] = r->head.data[i + 1] = '\0';
	if (len < 12 || strncmp(r->head.data, "HTTP/1.", 7)) {
		r->broken = true;
		return false;
	}
	r->status = atoi(r->head.data + 9);
	const char *encoding = http_header(r, "transfer-encoding");
	const char *length = http_header(r, "content-length");
	r->chunked = encoding && !strcasecmp(encoding, "chunked");
	if (r->chunked)
		r->left = 0;
	else if (length)
		r->left = strtoll(length, NULL, 10);
	return true;
}

/* Reads "SIZE\r\n" of the next chunk; false: not there yet. */
static bool parse_chunk_size(struct http_response *r)
{
	char *end = memmem(r->in.data, r->in.len, "\r\n", 2);
	if (!end) {
		r->broken = r->in.len > 64;
		return false;
	}
	if (end == r->in.data) { /* the line end of the chunk before */
		consume(&r->in, 2);
		return true;
	}
	r->left = strtoll(r->in.data, NULL, 16);
	consume(&r->in, (size_t)(end - r->in.data) + 2);
	r->done = r->left == 0;
	return !r->done;
}

void http_parse(struct http_response *r)
{
	if (!r->status && !parse_head(r))
		return;
	while (r->in.len && !r->done && !r->broken) {
		if (r->chunked && r->left == 0) {
			if (!parse_chunk_size(r))
				return;
			continue;
		}
		size_t n = r->in.len;
		if (r->left >= 0 && (int64_t)n > r->left)
			n = (size_t)r->left;
		jbuf_add(&r->body, r->in.data, n);
		r->seen += (int64_t)n;
		consume(&r->in, n);
		if (r->left >= 0)
			r->left -= (int64_t)n;
		if (!r->chunked && r->left == 0)
			r->done = true;
		if (!n)
			return;
	}
	if (!r->chunked && r->left == 0)
		r->done = true;
}
