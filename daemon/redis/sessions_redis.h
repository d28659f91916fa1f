/* Sessions in Redis: struct session_backend.
 *
 * Key PREFIX:v1:session:PROJECT:ID; value "VERSION JSON", the version in front so that the script
 * that puts a newer one can compare. */
#ifndef DAEMON_REDIS_SESSIONS_REDIS_H
#define DAEMON_REDIS_SESSIONS_REDIS_H

#include "daemon/dispatch/sessions.h"
#include "daemon/redis/redis.h"

/* r must outlive what is asked of the back end; redis_stop() answers what is open. */
void sessions_redis_backend(struct redis *r, struct session_backend *ret_backend);

/* A value, taken apart; NULL: no such value, no memory. */
struct session *session_from_value(const char *value, size_t len);

#endif
