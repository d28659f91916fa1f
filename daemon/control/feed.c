/* Events for subscribers.  An event is written once and copied to each connection that wants it; a
 * subscriber that lets too much wait is cut, so that it costs the daemon a bounded amount of memory
 * and knows that it has missed something. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/log.h"

#include "daemon/control/commands.h"
#include "daemon/control/internal.h"
#include "daemon/control/json_view.h"

enum { EVENT_MAX = 256 * 1024 };

static bool wants(const struct conn *conn, const char *topic)
{
	json_t *item;
	size_t i;

	if (!conn->subscribed || conn->closing)
		return false;
	if (!conn->topics)
		return true;
	json_array_foreach(conn->topics, i, item)
	{
		if (strcmp(json_string_value(item), topic) == 0)
			return true;
	}
	return false;
}

static void tell(struct conn *conn, const struct buf *line)
{
	char *copy;

	if (conn_waiting(conn) + line->len > control_limits.feed_max) {
		log_warn(CONTROL_AREA, "uid %u, pid %d: cut: it does not read the events",
			 (unsigned)conn->peer.uid, (int)conn->peer.pid);
		conn_close(conn);
		return;
	}
	copy = malloc(line->len);
	if (copy)
		memcpy(copy, line->data, line->len);
	conn_send(conn, copy, line->len);
}

void feed_event(void *ctx, const struct event *e)
{
	struct control *c = ctx;
	struct conn *conn, *next;
	struct buf line;

	buf_init(&line, EVENT_MAX);
	DL_FOREACH_SAFE(c->conns, conn, next)
	{
		if (!wants(conn, e->topic))
			continue;
		if (line.len == 0) {
			json_t *params = json_pack("{sI so ss sO}", "seq", (json_int_t)e->seq, "at",
						   view_time_ms(e->at_ms), "topic", e->topic,
						   "data", (json_t *)e->data);

			rpc_write_notification(&line, "event", params);
			json_decref(params);
		}
		if (line.failed) {
			log_error(CONTROL_AREA, "event %llu is too large for subscribers",
				  (unsigned long long)e->seq);
			break;
		}
		tell(conn, &line);
	}
	buf_done(&line);
}

void command_subscribe(struct verb_call *r)
{
	struct conn *conn = r->conn;
	json_t *topics = json_object_get(r->params, "topics");

	json_decref(conn->topics);
	conn->topics = json_incref(topics);
	conn->subscribed = !conn->eof;
	verb_call_answer(r, json_pack("{sI}", "seq", (json_int_t)events_seq()));
}
