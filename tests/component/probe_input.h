/* Commands on standard input, a line each, for the probes of this folder. */
#ifndef TESTS_COMPONENT_PROBE_INPUT_H
#define TESTS_COMPONENT_PROBE_INPUT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static struct {
	char *line;
	size_t len, size;
	void (*command)(char *line);
} probe_input;

static void probe_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	(void)handle;
	(void)size;
	*buf = uv_buf_init(probe_input.line + probe_input.len,
			   (unsigned)(probe_input.size - probe_input.len));
}

static void probe_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
	char *line = probe_input.line, *end;

	(void)stream;
	(void)buf;
	if (count < 0) {
		fprintf(stderr, "input ended\n");
		exit(2);
	}
	probe_input.len += (size_t)count;
	while ((end = memchr(line, '\n', probe_input.len))) {
		*end = '\0';
		probe_input.command(line);
		probe_input.len -= (size_t)(end + 1 - line);
		memmove(line, end + 1, probe_input.len);
	}
}

/* Calls `command` for each line; line: room for the longest, of `size` bytes. */
static void probe_read_commands(uv_stream_t *stream, char *line, size_t size,
				void (*command)(char *line))
{
	probe_input.line = line;
	probe_input.size = size;
	probe_input.command = command;
	uv_read_start(stream, probe_alloc, probe_read);
}

#endif
