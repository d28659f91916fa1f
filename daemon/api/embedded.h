/* Files that are part of the program: the OpenAPI document, put together from openapi/ by
 * tools/api_embed.c, and the pages of pages/ as they are. */
#ifndef DAEMON_API_EMBEDDED_H
#define DAEMON_API_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
	const char *name; /* without a folder */
	const void *data; /* a NUL stands behind it, which len does not count */
	size_t len;
};

extern const struct embedded_file embedded_files[];
extern const size_t embedded_count;

const struct embedded_file *embedded_find(const char *name); /* NULL: there is none */

#endif
