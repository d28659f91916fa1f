/* GET and DELETE /v1/sessions/{id}: what is kept, and to have it forgotten. */
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "daemon/api/auth.h"
#include "daemon/api/handlers.h"
#include "daemon/api/request.h"

enum { ANSWER_EXTRA = 1024 };

/* A look-up that may outlive its exchange. */
struct look {
	struct request *r; /* a reference */
	struct session_ticket ticket;
	char project[65];
};

static void fail(struct request *r, enum session_found found)
{
	struct failure f;

	if (found == SESSION_NONE)
		failure_set(&f, FAULT_SESSION_NOT_FOUND, "id", "%s", "");
	else if (found == SESSION_BUSY)
		failure_set(&f, FAULT_CONFLICT, "id", "A request of this session is under way.");
	else
		failure_set(&f, FAULT_OVERLOADED, NULL,
			    "The session cannot be looked up at the moment.");
	request_fail(r, &f);
}

/* The session that the path names, as this request may see it: 0, or the request is answered. */
static int find_key(struct request *r, struct session_key *ret_key)
{
	struct failure f;
	const char *project = auth_project_name(r, exchange_arg(r->x, "project_id"), &f);

	if (!project) {
		request_fail(r, &f);
		return -1;
	}
	if (!sessions_id_is_valid(r->arg)) {
		fail(r, SESSION_NONE);
		return -1;
	}
	session_key_set(ret_key, project, r->arg);
	return 0;
}

static void add_time(struct buf *b, const char *name, int64_t ms)
{
	buf_printf(b, ",\"%s\":%lld", name, (long long)(ms / 1000));
}

static void answer(struct look *l, const struct session *s)
{
	struct request *r = l->r;
	size_t len = 0;
	char *messages = json_dump_exact(s->messages, &len);
	struct failure f;
	struct buf b;

	buf_init(&b, len + ANSWER_EXTRA + (s->system ? 6 * strlen(s->system) : 0));
	buf_printf(&b, "{\"id\":\"%s\",\"object\":\"session\",\"project_id\":\"%s\"",
		   l->ticket.key.id, l->project);
	add_time(&b, "created", s->created_ms);
	add_time(&b, "expires_at", s->at_ms + r->api->deps.conf->sessions.ttl);
	buf_printf(&b, ",\"turns\":%lld,\"bytes\":%zu,\"system\":", (long long)s->version,
		   session_bytes(s));
	if (s->system) {
		json_add_string(&b, s->system, strlen(s->system));
	} else {
		buf_add_str(&b, "null");
	}
	buf_add_str(&b, ",\"messages\":");
	if (messages)
		buf_add(&b, messages, len);
	buf_add_char(&b, '}');
	free(messages);
	if (messages && !b.failed) {
		request_reply(r, 200, "application/json", &b);
	} else {
		failure_set(&f, FAULT_INTERNAL, NULL, "The server is out of memory.");
		request_fail(r, &f);
	}
	buf_done(&b);
}

static void free_look(struct look *l)
{
	l->r->user = NULL;
	request_unref(l->r);
	free(l);
}

static void on_found(void *ctx, enum session_found found, struct session *s)
{
	struct look *l = ctx;

	if (found == SESSION_FOUND)
		answer(l, s);
	else
		fail(l->r, found);
	free_look(l);
}

static void on_gone(struct request *r)
{
	struct look *l = r->user;

	if (!l)
		return;
	sessions_release(r->api->deps.sessions, &l->ticket);
	free_look(l);
}

static struct look *look_new(struct request *r, const struct session_key *key)
{
	struct look *l = calloc(1, sizeof *l);
	struct failure f;

	if (!l) {
		failure_set(&f, FAULT_INTERNAL, NULL, "The server is out of memory.");
		request_fail(r, &f);
		return NULL;
	}
	l->r = r;
	memcpy(l->project, key->project, sizeof l->project);
	request_ref(r);
	return l;
}

void handle_session(struct request *r)
{
	struct session_key key;
	struct look *l = find_key(r, &key) == 0 ? look_new(r, &key) : NULL;

	if (!l)
		return;
	r->user = l;
	r->gone = on_gone;
	sessions_look(r->api->deps.sessions, &key, &l->ticket, on_found, l);
}

/* ---- DELETE ---- */

static void on_deleted(void *ctx, enum session_found found)
{
	struct look *l = ctx;
	struct request *r = l->r;
	struct buf b;

	if (r->x && found == SESSION_FOUND) {
		buf_init(&b, ANSWER_EXTRA);
		buf_printf(&b, "{\"id\":\"%s\",\"object\":\"session\",\"deleted\":true}",
			   l->ticket.key.id);
		request_reply(r, 200, "application/json", &b);
		buf_done(&b);
	} else if (r->x) {
		fail(r, found);
	}
	free_look(l);
}

/* Once asked for it is done, also when the client does not wait. */
void handle_session_delete(struct request *r)
{
	struct session_key key;
	struct look *l = find_key(r, &key) == 0 ? look_new(r, &key) : NULL;

	if (!l)
		return;
	l->ticket.key = key;
	sessions_delete(r->api->deps.sessions, &key, on_deleted, l);
}
