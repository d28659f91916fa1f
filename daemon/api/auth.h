/* Who asks: the key of a request's head, and the project that the request is for. */
#ifndef DAEMON_API_AUTH_H
#define DAEMON_API_AUTH_H

#include "daemon/admit/registry.h"
#include "daemon/api/errors.h"
#include "daemon/api/request.h"

/* Sets r->key for a good key that has the route's scope.  Servers without keys take requests
 * without one and, since SDKs insist on sending some key, any that does not look like ours.  0, or
 * -EINVAL and f says why. */
int auth_check_key(struct request *r, struct failure *f);

/* Where a head's values come from: an exchange, or a head that was only peeked at. */
struct head_view {
	const char *(*get)(const void *from, const char *name); /* NULL: not sent */
	const void *from;
};

const char *auth_presented(const struct head_view *head); /* NULL: no key */
/* The same check for a key that came elsewhere; NULL or "": none came. */
int auth_check_secret(struct request *r, const char *secret, struct failure *f);

/* Whether the key is still good, some time after that check: it may have been revoked while the
 * body came, or while other parts of a batch ran.  0, or -EINVAL and f says why. */
int auth_check_again(const struct request *r, struct failure *f);

/* The name of the project that a request is for, borrowed; asked: its project_id or NULL.  NULL and
 * f says why. */
const char *auth_project_name(const struct request *r, const char *asked, struct failure *f);

/* That project, borrowed; on servers without keys it is made if it does not exist. */
struct project *auth_project(const struct request *r, const char *asked, struct failure *f);

#endif
