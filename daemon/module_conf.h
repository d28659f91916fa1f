/* What each module gets of the settings, at start and after a reload. */
#ifndef DAEMON_MODULE_CONF_H
#define DAEMON_MODULE_CONF_H

#include "daemon/conf/conf.h"
#include "daemon/dispatch/dispatch.h"
#include "daemon/http/server.h"

void module_conf_log(const struct conf *conf); /* applies it */
struct dispatch_conf module_conf_dispatch(const struct conf *conf);
struct http_conf module_conf_http(const struct conf *conf, char **hosts); /* borrows `hosts` */

#endif
