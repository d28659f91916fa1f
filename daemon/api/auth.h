/* Who asks.  Keyless mode: no keys exist, every request belongs to the project that it names. */
#ifndef DAEMON_API_AUTH_H
#define DAEMON_API_AUTH_H

#include "daemon/api/errors.h"
#include "daemon/http/exchange.h"

/* Refuses keys that look like ours, since none exist; SDKs insist on sending some key, so any other
 * is no key at all. 0, or -EINVAL and f says why. */
int auth_check_key(const struct exchange *x, struct failure *f);

/* The project a request belongs to; asked: its project_id or NULL.  0, or -EINVAL and f says why.
 */
int auth_project(const char *asked, char ret_project[65], struct failure *f);

#endif
