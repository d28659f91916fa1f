/* Answers that are always the same bytes: kept once in memory, however many read them. */
#ifndef DAEMON_API_STATIC_FILE_H
#define DAEMON_API_STATIC_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct request;

enum { ETAG_SIZE = 35 /* with its quotes */ };

struct static_file {
	const char *type; /* Content-Type */
	const void *data; /* of embedded.h, or heap's own */
	void *heap;
	size_t len;
	char etag[ETAG_SIZE];
};

enum static_caching {
	STATIC_REVALIDATE, /* asks each time, and is answered 304 while nothing has changed */
	STATIC_IMMUTABLE   /* the URL changes with the content */
};

/* Of memory that outlives it. */
void static_file_set(struct static_file *f, const char *type, const void *data, size_t len);
/* Reads it from a folder: a regular file of at most `max` bytes.  0, -errno, -EFBIG. */
int static_file_read(struct static_file *f, const char *type, const char *dir, const char *name,
		     size_t max);
void static_file_done(struct static_file *f);

/* The file has to live until the request is over. */
void static_file_reply(struct request *r, const struct static_file *f, enum static_caching caching);

#endif
