/* The daemon as a whole; only main.c asks for it. */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "daemon/conf/conf.h"
#include "daemon/conf/load.h"

/* Serves until a signal ends it.  `conf` is changed by reloads, which read `source` again; both
 * stay the caller's.  `file` is the configuration file that was read, NULL if none.  0: a clean
 * end; negative: could not start, or had to be cut short; the log says why. */
int daemon_run(struct conf *conf, const struct conf_source *source, const char *file);

#endif
