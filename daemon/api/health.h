/* Whether work can be taken, in the words of /ready. */
#ifndef DAEMON_API_HEALTH_H
#define DAEMON_API_HEALTH_H

struct api;

const char *health_reason(const struct api *api); /* "ready", or why not */

#endif
