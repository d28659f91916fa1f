/* GET /v1/stream: WebSockets as the API sees them.  stream.c is where to read it: who may have one,
 * the messages of the client, the chats under way on one connection. */
#ifndef DAEMON_API_STREAM_H
#define DAEMON_API_STREAM_H

#include "daemon/api/api.h"
#include "daemon/http/upgrade.h"
#include "daemon/ws/ws.h"

struct failure;
struct key;

/* Looks at the head of an upgrade request that the listener has peeked at: path, Origin, WebSocket
 * version, subprotocol, key, room, drain.  What ws_server_adopt gets as `user`; NULL: the HTTP
 * server gets the connection, and says why by the same checks (api.c). */
void *api_stream_accept(struct api *api, const struct upgrade_head *head, const char *peer);

/* For ws_server_new, before any connection is handed over. */
struct ws_handlers api_stream_handlers(struct api *api);

/* Streams without a chat are closed with 1001, the others when their last chat has ended; new chats
 * are refused (by the pipeline). */
void api_drain_streams(struct api *api);

#endif
