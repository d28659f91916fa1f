/* The one table of routes: it drives dispatch, 404, 405 with Allow, OPTIONS and the index at "/".
 */
#ifndef DAEMON_API_ROUTES_H
#define DAEMON_API_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/buf.h"

struct request;

struct route {
	const char *method;
	const char *path; /* a last segment in braces stands for any non-empty segment */
	const char *about;
	bool json_body; /* needs Content-Type: application/json */
	bool open;      /* answers whatever key is presented */
	unsigned scope; /* enum key_scopes that a key needs; 0: any key will do */
	void (*handle)(struct request *r);
};

enum route_match { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };

/* ret_arg: what stands for the braces, a pointer into path, or NULL.  HEAD finds GET routes. */
enum route_match route_find(const char *method, const char *path, const struct route **ret_route,
			    const char **ret_arg);

void route_write_allow(const char *path,
		       struct buf *to); /* "GET, HEAD, OPTIONS"; nothing: no such path */

/* The rows in order; NULL behind the last. */
const struct route *route_at(size_t i);

#endif
