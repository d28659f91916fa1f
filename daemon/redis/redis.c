/* The connection to Redis: its states and its commands; connect.c has how it comes up.
 *
 *   resolve -> connect -> AUTH, SELECT, PING -> up -> (broken, late, nonsense) -> down -> wait -+
 *      ^                                                                                        |
 *      +----------------------------------------------------------------------------------------+
 *
 * Commands are answered in their order, so the first one that is open is the one whose time runs
 * out first: one timer is enough, set to its deadline.  When it fires the connection is given up
 * as a whole, for what comes later on it would answer something that nobody waits for any more.
 * Everything open fails then, at once, and so does what is asked until the next connection is up.
 * A deadline that has passed is looked at once more after the loop has read its sockets, so that a
 * pause of this process is not taken for one of Redis.
 *
 * What must never happen: that an answer is taken for another command's, that a callback is called
 * twice or never, that the library calls us for a connection that we have given up. */
#include "daemon/redis/redis.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/log.h"
#include "shared/str.h"

#include "daemon/observe/events.h"
#include "daemon/observe/metrics.h"
#include "daemon/redis/adapter.h"
#include "daemon/redis/redis_private.h"

#define AREA "redis"

enum {
	PENDING_MAX = 10000,
	UNSENT_MAX = 64 * 1024 * 1024, /* bytes of commands that are not answered */
	ARGS_MAX = 16,                 /* of redis_ask_words() */
	TELL_AGAIN_MS = 60000
};

static const char *const state_names[] = {
	[REDIS_CONNECTING] = "connecting", [REDIS_UP] = "up", [REDIS_DOWN] = "down"};

/* ---- what is told ---- */

/* Each change once; that a try fails for the same reason as the one before is no change. */
static void tell(struct redis *r)
{
	bool up = r->state == REDIS_UP;
	char words[REDIS_DETAIL_MAX + 32];

	if (r->stopping || r->state == REDIS_CONNECTING ||
	    (r->state == r->told_state && strcmp(r->detail, r->told_detail) == 0))
		return;
	r->told_state = r->state;
	memcpy(r->told_detail, r->detail, sizeof r->told_detail);
	snprintf(words, sizeof words, up ? "redis is up" : "redis is down: %s", r->detail);
	events_publish(
		"redis", !up,
		json_pack("{s:s, s:s}", "state", redis_state_name(r->state), "detail", r->detail),
		words);
}

void redis_enter(struct redis *r, enum redis_state state, const char *detail)
{
	log_debug(AREA, "%s -> %s %s", state_names[r->state], state_names[state], detail);
	if (state == REDIS_UP)
		r->up_since_ms = clock_mono_ms();
	else if (r->state == REDIS_UP)
		redis_backoff_was_up(&r->backoff, clock_mono_ms() - r->up_since_ms);
	r->state = state;
	if (detail != r->detail)
		str_copy_clean(r->detail, sizeof r->detail, detail);
	metric_set(METRIC_REDIS_UP, state == REDIS_UP);
	tell(r);
}

enum redis_state redis_state(const struct redis *r)
{
	return r->state;
}

const char *redis_state_name(enum redis_state state)
{
	return state_names[state];
}

const char *redis_detail(const struct redis *r)
{
	return r->detail;
}

const char *redis_prefix(const struct redis *r)
{
	return r->prefix;
}

static void count_failure(const char *reason)
{
	metric_add_as(METRIC_REDIS_FAILURES, 1, reason);
}

/* Whether this kind of trouble is to be logged: when it begins, and from time to time while it
 * lasts.  A new kind takes the place of the one told longest ago. */
static bool is_news(struct redis *r, const char *kind)
{
	int64_t now = clock_mono_ms();
	struct told *oldest = &r->told[0];

	for (struct told *t = r->told; t < r->told + REDIS_REFUSALS; t++) {
		if (strcmp(t->kind, kind) == 0) {
			if (now - t->at_ms < TELL_AGAIN_MS)
				return false;
			t->at_ms = now;
			return true;
		}
		if (!t->kind[0] || (oldest->kind[0] && t->at_ms < oldest->at_ms))
			oldest = t;
	}
	snprintf(oldest->kind, sizeof oldest->kind, "%s", kind);
	oldest->at_ms = now;
	return true;
}

static void note_refusal(struct redis *r, const char *text)
{
	char kind[REFUSAL_KIND_SIZE], words[REDIS_DETAIL_MAX];

	refusal_kind(text, kind);
	if (strcmp(kind, "NOSCRIPT") == 0)
		return; /* part of the game: whoever asked sends the script */
	count_failure("error");
	if (!is_news(r, kind))
		return;
	refusal_explain(text, r->address.password, words, sizeof words);
	log_warn(AREA, "redis refuses a command: %s", words);
}

void redis_note_nonsense(struct redis *r, const char *key)
{
	count_failure("nonsense");
	if (is_news(r, "(nonsense)"))
		log_warn(AREA,
			 "what stands under %s in redis is not what we keep there; it is "
			 "passed over",
			 key);
}

bool redis_has_failed(const redisReply *reply)
{
	char kind[REFUSAL_KIND_SIZE];

	if (!reply || reply->type != REDIS_REPLY_ERROR)
		return !reply;
	refusal_kind(reply->str, kind);
	return strcmp(kind, "WRONGTYPE") != 0;
}

/* ---- the clock ---- */

/* -1: nothing is awaited. */
static int64_t deadline_ms(const struct redis *r)
{
	if (r->open)
		return r->open->begun_ms + r->timeout_ms;
	return r->state == REDIS_CONNECTING ? r->step_ms + r->timeout_ms : -1;
}

static void on_deadline(uv_timer_t *timer)
{
	struct redis *r = timer->data;
	int64_t until = deadline_ms(r), left = until - clock_mono_ms();
	char why[64];

	if (until < 0)
		return;
	if (left > 0 || !r->late) { /* 0 would be called before the loop looks at its sockets */
		r->late = left <= 0;
		uv_timer_start(timer, on_deadline, left > 0 ? (uint64_t)left : 1, 0);
		return;
	}
	snprintf(why, sizeof why, "no answer within %lld ms", (long long)r->timeout_ms);
	redis_give_up(r, "timeout", why);
}

static void arm(struct redis *r)
{
	int64_t until = deadline_ms(r), left = until - clock_mono_ms();

	if (until >= 0 && !uv_is_active((uv_handle_t *)&r->deadline))
		uv_timer_start(&r->deadline, on_deadline, left > 0 ? (uint64_t)left : 0, 0);
}

void redis_begin_step(struct redis *r)
{
	r->step_ms = clock_mono_ms();
	r->late = false;
	uv_timer_stop(&r->deadline);
	arm(r);
}

static void on_again(uv_timer_t *timer)
{
	redis_begin(timer->data);
}

static void try_later(struct redis *r)
{
	int64_t wait_ms = redis_backoff_next(&r->backoff, randombytes_random());

	uv_timer_start(&r->again, on_again, (uint64_t)wait_ms, 0);
}

/* ---- commands ---- */

static void forget(struct command *cmd)
{
	struct redis *r = cmd->r;

	DL_DELETE(r->open, cmd);
	r->open_count--;
	r->open_bytes -= cmd->bytes;
	r->late = false; /* it does answer: the next one gets its own look */
}

static void on_reply(redisAsyncContext *ac, void *data, void *priv)
{
	struct command *cmd = priv;
	struct redis *r = cmd->r;
	const redisReply *reply = data;
	bool surplus = reply && adapter_has_surplus(ac);

	if (!reply && r->ac == ac)
		redis_lost(r, ac); /* tells all that are open, this one as well */
	forget(cmd);
	if (reply && reply->type == REDIS_REPLY_ERROR)
		note_refusal(r, reply->str);
	if (cmd->done)
		cmd->done(cmd->ctx, reply);
	free(cmd);
	if (r->ac != ac)
		return; /* given up, just now or before */
	if (reply->type == REDIS_REPLY_ERROR && refusal_is_final(reply->str))
		redis_give_up_refused(r, reply->str);
	else if (surplus)
		redis_give_up(r, "nonsense", "it answers what was not asked");
}

static void fail(void (*done)(void *ctx, const redisReply *reply), void *ctx, const char *reason)
{
	count_failure(reason);
	if (done)
		done(ctx, NULL);
}

/* NULL: no memory, or too much is open. */
static struct command *new_command(struct redis *r, int argc, const size_t *lengths)
{
	struct command *cmd;
	size_t bytes = 0;

	for (int i = 0; i < argc; i++)
		if (__builtin_add_overflow(bytes, lengths[i], &bytes))
			return NULL;
	if (r->open_count >= PENDING_MAX || bytes > UNSENT_MAX - r->open_bytes)
		return NULL;
	cmd = malloc(sizeof *cmd);
	if (!cmd)
		return NULL;
	*cmd = (struct command){.r = r, .bytes = bytes, .begun_ms = clock_mono_ms()};
	DL_APPEND(r->open, cmd);
	r->open_count++;
	r->open_bytes += bytes;
	return cmd;
}

void redis_command(struct redis *r, void (*done)(void *ctx, const redisReply *reply), void *ctx,
		   int argc, const char *const *argv, const size_t *lengths)
{
	struct command *cmd = new_command(r, argc, lengths);

	if (!cmd) {
		fail(done, ctx, "busy");
		return;
	}
	metric_add(METRIC_REDIS_COMMANDS, 1);
	if (redisAsyncCommandArgv(r->ac, on_reply, cmd, argc, (const char **)(uintptr_t)argv,
				  lengths) != REDIS_OK) {
		forget(cmd);
		free(cmd);
		fail(done, ctx, "down");
		return;
	}
	cmd->done = done;
	cmd->ctx = ctx;
	arm(r);
}

void redis_ask(struct redis *r, void (*done)(void *ctx, const redisReply *reply), void *ctx,
	       int argc, const char *const *argv, const size_t *lengths)
{
	if (r->state == REDIS_UP && r->ac)
		redis_command(r, done, ctx, argc, argv, lengths);
	else
		fail(done, ctx, "down");
}

void redis_ask_words(struct redis *r, void (*done)(void *ctx, const redisReply *reply), void *ctx,
		     int argc, const char *const *argv)
{
	size_t lengths[ARGS_MAX];

	for (int i = 0; i < argc && i < ARGS_MAX; i++)
		lengths[i] = strlen(argv[i]);
	redis_ask(r, done, ctx, argc, argv, lengths);
}

/* ---- going down ---- */

/* The library calls the callbacks of what is open itself, but only when it frees a connection,
 * which it may put off; nobody shall wait for that. */
static void fail_open(struct redis *r, const char *reason)
{
	struct command *cmd;

	DL_FOREACH(r->open, cmd)
	{
		void (*done)(void *ctx, const redisReply *reply) = cmd->done;

		cmd->done = NULL;
		fail(done, cmd->ctx, reason);
	}
}

void redis_give_up(struct redis *r, const char *reason, const char *why)
{
	char detail[REDIS_DETAIL_MAX];

	str_copy_clean(detail, sizeof detail, why); /* it may be the connection's own text */
	uv_timer_stop(&r->deadline);
	r->late = false;
	redis_enter(r, REDIS_DOWN, detail);
	fail_open(r, reason);
	redis_disconnect(r);
	if (!r->stopping)
		try_later(r);
}

void redis_give_up_refused(struct redis *r, const char *text)
{
	char why[REDIS_DETAIL_MAX];

	refusal_explain(text, r->address.password, why, sizeof why);
	redis_give_up(r, "error", why);
}

/* ---- life ---- */

/* What is waited for began under the old one and ends by the new one. */
void redis_set_timeout(struct redis *r, int64_t timeout_ms)
{
	r->timeout_ms = timeout_ms;
	if (r->stopping)
		return;
	uv_timer_stop(&r->deadline);
	arm(r);
}

struct redis *redis_new(uv_loop_t *loop, const struct redis_conf *conf)
{
	struct redis *r = calloc(1, sizeof *r);
	char why[REDIS_DETAIL_MAX];

	if (!r)
		return NULL;
	r->prefix = strdup(conf->prefix);
	if (!r->prefix || redis_address_parse(conf->url, &r->address, why, sizeof why)) {
		free(r->prefix);
		free(r);
		return NULL;
	}
	r->loop = loop;
	r->timeout_ms = conf->timeout_ms;
	uv_timer_init(loop, &r->deadline);
	uv_timer_init(loop, &r->again);
	r->deadline.data = r->again.data = r;
	r->handles = 2;
	redis_begin(r);
	return r;
}

void redis_part_closed(struct redis *r)
{
	if (r->handles || r->resolves || !r->stopping)
		return;
	r->closed(r->closed_ctx);
	redis_address_done(&r->address);
	free(r->prefix);
	free(r);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct redis *r = handle->data;

	r->handles--;
	redis_part_closed(r);
}

void redis_stop(struct redis *r, void (*closed)(void *ctx), void *ctx)
{
	r->stopping = true;
	r->closed = closed;
	r->closed_ctx = ctx;
	if (r->resolves)
		uv_cancel((uv_req_t *)&r->resolving); /* it comes back either way */
	redis_give_up(r, "down", "the daemon is shutting down");
	uv_close((uv_handle_t *)&r->deadline, on_timer_closed);
	uv_close((uv_handle_t *)&r->again, on_timer_closed);
}
