/* What each module gets of the settings, at start and after a reload. */
#ifndef DAEMON_MODULE_CONF_H
#define DAEMON_MODULE_CONF_H

#include "daemon/admit/registry.h"
#include "daemon/conf/load.h"
#include "daemon/dispatch/dispatch.h"
#include "daemon/dispatch/sessions.h"
#include "daemon/http/server.h"
#include "daemon/observe/webhook.h"
#include "daemon/ws/ws.h"

/* What the modules have to say of their settings: struct conf_source's check. */
void module_conf_check(struct conf_reader *r, const struct conf *conf);

/* limits.* and budget.*, into the registry.  0, -ENOMEM. */
int module_conf_registry(const struct conf *conf, struct registry *registry);
struct webhook_conf module_conf_webhook(const struct conf *conf); /* borrows */

void module_conf_log(const struct conf *conf); /* applies it */
struct dispatch_conf module_conf_dispatch(const struct conf *conf);
struct sessions_conf module_conf_sessions(const struct conf *conf);
struct ws_conf module_conf_ws(const struct conf *conf);
struct http_conf module_conf_http(const struct conf *conf, char **hosts); /* borrows `hosts` */

#endif
