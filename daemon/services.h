/* Steps of daemon.c's table for what stands around the request path: books, keys, cache, routing,
 * control socket, webhook.  The rules for steps are daemon.c's. */
#ifndef DAEMON_SERVICES_H
#define DAEMON_SERVICES_H

struct daemon;

int services_start_log(struct daemon *d);
void services_stop_log(struct daemon *d);
int services_start_webhook(struct daemon *d);
void services_stop_webhook(struct daemon *d);
int services_start_store(struct daemon *d);
void services_stop_store(struct daemon *d);
int services_start_registry(struct daemon *d);
void services_stop_registry(struct daemon *d);
int services_start_redis(struct daemon *d);
void services_stop_redis(struct daemon *d);
int services_start_sessions(struct daemon *d);
void services_stop_sessions(struct daemon *d);
int services_start_cache(struct daemon *d);
void services_stop_cache(struct daemon *d);
int services_start_routing(struct daemon *d);
void services_stop_routing(struct daemon *d);
int services_start_websocket(struct daemon *d);
void services_stop_websocket(struct daemon *d);
int services_start_control(struct daemon *d);
void services_stop_control(struct daemon *d);

#endif
