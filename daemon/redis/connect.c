/* How the connection comes up: the host's addresses, one after the other; AUTH, SELECT, PING.  Each
 * step has redis.timeout.  A name that has several addresses (localhost, mostly) is not down
 * because the first of them refuses. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "shared/str.h"

#include "daemon/observe/metrics.h"
#include "daemon/redis/adapter.h"
#include "daemon/redis/redis_private.h"

/* ---- introduction ---- */

static void ask(struct redis *r, void (*done)(void *ctx, const redisReply *reply), int argc,
		const char *const *argv)
{
	size_t lengths[3];

	for (int i = 0; i < argc; i++)
		lengths[i] = strlen(argv[i]);
	redis_command(r, done, r, argc, argv, lengths);
}

static bool is_status(const redisReply *reply, const char *text)
{
	return reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, text) == 0;
}

/* True: the answer is the one there should be.  Else the connection is given up. */
static bool expect(struct redis *r, const redisReply *reply, const char *text)
{
	if (!reply || r->state != REDIS_CONNECTING) {
		r->spoilt = true; /* no memory to ask; or it was given up already */
		return false;
	}
	if (is_status(reply, text))
		return true;
	if (reply->type == REDIS_REPLY_ERROR)
		redis_give_up_refused(r, reply->str);
	else
		redis_give_up(r, "nonsense", "it does not answer as Redis does");
	return false;
}

static void on_ok(void *ctx, const redisReply *reply)
{
	expect(ctx, reply, "OK");
}

static void on_pong(void *ctx, const redisReply *reply)
{
	struct redis *r = ctx;

	if (!expect(r, reply, "PONG"))
		return;
	if (r->spoilt) {
		redis_give_up(r, "busy", "out of memory");
		return;
	}
	if (r->address_count)
		r->first = (r->first + r->tried - 1) % r->address_count;
	r->tried = 0;
	metric_add(METRIC_REDIS_CONNECTS, 1);
	redis_enter(r, REDIS_UP, "");
}

static void introduce(struct redis *r)
{
	const struct redis_address *a = &r->address;
	char database[16];

	redis_begin_step(r);
	r->spoilt = false;
	if (a->user)
		ask(r, on_ok, 3, (const char *[]){"AUTH", a->user, a->password});
	else if (a->password)
		ask(r, on_ok, 2, (const char *[]){"AUTH", a->password});
	snprintf(database, sizeof database, "%d", a->database);
	if (a->database)
		ask(r, on_ok, 2, (const char *[]){"SELECT", database});
	ask(r, on_pong, 1, (const char *[]){"PING"});
}

/* ---- the connection ---- */

static void connect_next(struct redis *r);

void redis_disconnect(struct redis *r)
{
	redisAsyncContext *ac = r->ac;

	r->ac = NULL;
	if (ac) {
		ac->data = NULL;
		redisAsyncFree(ac); /* now, or when its callback has returned */
	}
}

void redis_lost(struct redis *r, redisAsyncContext *ac)
{
	char why[REDIS_DETAIL_MAX];

	r->ac = NULL; /* the library frees it */
	ac->data = NULL;
	switch (ac->err) {
	case REDIS_ERR_PROTOCOL:
		snprintf(why, sizeof why, "it does not speak Redis's protocol: %s", ac->errstr);
		redis_give_up(r, "nonsense", why);
		break;
	case REDIS_ERR_OOM:
		redis_give_up(r, "nonsense", "its answer is too large");
		break;
	case REDIS_ERR_OTHER: /* an error that it said before it closed */
		redis_give_up_refused(r, ac->errstr);
		break;
	default:
		redis_give_up(r, "down", ac->err ? ac->errstr : "the connection was closed");
	}
}

static void on_connect(const redisAsyncContext *ac, int status)
{
	struct redis *r = ac->data;
	char why[REDIS_DETAIL_MAX];

	if (!r || r->ac != ac)
		return;
	if (status == REDIS_OK) {
		introduce(r);
		return;
	}
	r->ac = NULL; /* the library frees it */
	if (r->tried < r->address_count) {
		connect_next(r);
		return;
	}
	str_copy_clean(why, sizeof why, ac->c.errstr[0] ? ac->c.errstr : "no connection");
	redis_give_up(r, "down", why);
}

static void on_disconnect(const redisAsyncContext *ac, int status)
{
	struct redis *r = ac->data;

	(void)status;
	if (r && r->ac == ac)
		redis_lost(r, r->ac);
}

static void on_broken(void *ctx, bool nonsense, const char *why)
{
	struct redis *r = ctx;

	if (r->ac) /* else it is one that was given up, and is about to be freed */
		redis_give_up(r, nonsense ? "nonsense" : "down", why);
}

static void on_adapter_closed(void *ctx)
{
	struct redis *r = ctx;

	r->handles--;
	redis_part_closed(r);
}

static void connect_with(struct redis *r, redisAsyncContext *ac)
{
	const struct adapter_events events = {
		.broken = on_broken, .closed = on_adapter_closed, .ctx = r};
	char why[REDIS_DETAIL_MAX];

	if (!ac || ac->err || adapter_attach(ac, r->loop, &events) < 0) {
		str_copy_clean(why, sizeof why,
			       ac && ac->err ? ac->errstr : "out of memory or descriptors");
		if (ac)
			redisAsyncFree(ac);
		if (r->tried < r->address_count)
			connect_next(r);
		else
			redis_give_up(r, "down", why);
		return;
	}
	r->handles++;
	r->ac = ac;
	ac->data = r;
	redis_begin_step(r);
	redisAsyncSetConnectCallback(ac, on_connect);
	redisAsyncSetDisconnectCallback(ac, on_disconnect);
}

/* ---- the host ---- */

static void connect_next(struct redis *r)
{
	unsigned at = (r->first + r->tried++) % r->address_count;

	connect_with(r, redisAsyncConnect(r->addresses[at], r->address.port));
}

static void keep_addresses(struct redis *r, const struct addrinfo *list)
{
	r->address_count = 0;
	for (; list && r->address_count < REDIS_ADDRESSES; list = list->ai_next)
		if (getnameinfo(list->ai_addr, list->ai_addrlen, r->addresses[r->address_count],
				REDIS_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) == 0)
			r->address_count++;
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
	struct redis *r = req->data;
	char why[REDIS_DETAIL_MAX];

	r->resolves = false;
	if (status == 0)
		keep_addresses(r, list);
	uv_freeaddrinfo(list);
	if (r->stopping) {
		redis_part_closed(r);
		return;
	}
	if (r->state != REDIS_CONNECTING)
		return; /* it took too long, and the next try asks again */
	if (status == 0 && r->address_count) {
		connect_next(r);
		return;
	}
	snprintf(why, sizeof why, "its host is not found: %s",
		 status ? uv_strerror(status) : "it has no address");
	redis_give_up(r, "down", why);
}

static void resolve(struct redis *r)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};

	if (r->resolves)
		return; /* the resolver still takes its time; this try waits for it, too */
	r->resolving.data = r;
	r->resolves = uv_getaddrinfo(r->loop, &r->resolving, on_resolved, r->address.host, NULL,
				     &hints) == 0;
	if (!r->resolves)
		redis_give_up(r, "down", "its host cannot be looked up");
}

void redis_begin(struct redis *r)
{
	r->first += r->tried; /* what was silent is not the first again */
	r->tried = 0;
	redis_enter(r, REDIS_CONNECTING, r->detail);
	redis_begin_step(r);
	if (r->address.path)
		connect_with(r, redisAsyncConnectUnix(r->address.path));
	else
		resolve(r);
}
