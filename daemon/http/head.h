/* What is checked in a request's head before anybody acts on it: the target, the framing of the
 * body, the Host.  Pure functions over bytes of a peer. */
#ifndef DAEMON_HTTP_HEAD_H
#define DAEMON_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A request target taken apart.  One block of memory; path is NULL when there is none. */
struct head_target {
	char *path;      /* decoded, UTF-8, begins with '/', or is "*" */
	char *query;     /* as sent, without the '?'; "" if there is none */
	char *authority; /* of an absolute-form target; NULL: origin-form */
	char *args;      /* the query decoded: name NUL value NUL ... */
	size_t args_len;
};

/* 0, ERR_SYNTAX or -ENOMEM; on success head_target_done() frees. */
int head_target_parse(const char *raw, size_t len, struct head_target *ret_target);
void head_target_done(struct head_target *target);
const char *head_target_arg(const struct head_target *target,
			    const char *name); /* the first; NULL: none */

/* Is a Host value (with or without port, "[v6]" or a name in any case) in the list? */
bool head_host_allowed(const char *const *hosts, const char *host, size_t len);

/* What the header lines say about framing; all-zero at first, head_note() takes each line in order.
 */
struct head_fields {
	const char *host, *length, *encoding; /* the first of each, borrowed */
	size_t host_len, length_len, encoding_len;
	unsigned hosts, encodings;
	bool lengths_differ, malformed;
};

void head_note(struct head_fields *f, const char *name, size_t name_len, const char *value,
	       size_t value_len);

struct head_rules {
	const char *const *hosts;
	size_t max_body;
	bool host_required; /* HTTP/1.1 */
	bool chunked_known; /* HTTP/1.1 */
};

/* 0, or the status to refuse with, and why. */
int head_check(const struct head_fields *f, const struct head_target *target,
	       const struct head_rules *rules, const char **ret_message);

bool head_is_token(const char *s,
		   size_t len); /* a method's or header name's characters, at least one */

#endif
