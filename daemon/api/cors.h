/* Cross-origin rules: nothing is allowed unless http.cors_origins lists the origin. */
#ifndef DAEMON_API_CORS_H
#define DAEMON_API_CORS_H

#include <stdbool.h>

#include "daemon/conf/conf.h"
#include "daemon/http/exchange.h"

/* Adds what a browser needs to read the answer.  False: the request's origin, if any, is not
 * listed. */
bool cors_add_headers(const struct conf *conf, struct exchange *x);
/* The same for the answer to a preflight; allow: the path's methods. */
void cors_add_preflight(const struct conf *conf, struct exchange *x, const char *allow);

#endif
