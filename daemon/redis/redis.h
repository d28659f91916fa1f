/* The connection to Redis: one, asynchronous, pipelined, and never waited for longer than its
 * timeout.
 *
 * It is a help, not a need: while it is not up every command fails at once, and whoever asked goes
 * on without.  It comes up when Redis has answered to AUTH, SELECT and PING; it goes down when the
 * connection breaks, a command is not answered in time, or an answer makes no sense, and then all
 * that is open fails, too.  It is tried again with a growing, jittered wait.  Every change is
 * logged once, counted, and told as an event of the topic "redis".  All on the loop thread. */
#ifndef DAEMON_REDIS_REDIS_H
#define DAEMON_REDIS_REDIS_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* Where Redis is, taken apart from redis.url. */
struct redis_address {
	char *host; /* NULL: a Unix socket */
	int port;
	char *path;            /* of the Unix socket */
	char *user, *password; /* NULL: none; percent-decoded */
	int database;
};

/* 0, or ERR_SYNTAX and `why` says what is wrong, without the password. */
int redis_address_parse(const char *url, struct redis_address *ret_address, char *why, size_t size);
void redis_address_done(struct redis_address *a);

struct redis_conf {
	const char *url, *prefix; /* copied */
	int64_t timeout_ms;
};

struct redis;

struct redis *redis_new(uv_loop_t *loop, const struct redis_conf *conf); /* NULL: out of memory */
void redis_set_timeout(struct redis *r, int64_t timeout_ms);             /* on reload */
/* Fails what is open; `closed` is called from the loop when no handle is left, then r is freed. */
void redis_stop(struct redis *r, void (*closed)(void *ctx), void *ctx);

enum redis_state { REDIS_CONNECTING, REDIS_UP, REDIS_DOWN };
enum redis_state redis_state(const struct redis *r);
const char *redis_state_name(enum redis_state state); /* "connecting", "up", "down" */
const char *redis_detail(const struct redis *r);      /* why it is down, for an operator; "" */
const char *redis_prefix(const struct redis *r);

/* Asks.  `done` is called exactly once: with Redis's answer, which may be an error reply
 * (REDIS_REPLY_ERROR: counted and logged here) and is valid during the call, or with NULL when
 * there is none; from inside when it is known at once that there will be none, else from the loop,
 * within the timeout.  done may be NULL: nobody asks for the answer.  argv is copied. */
void redis_ask(struct redis *r, void (*done)(void *ctx, const redisReply *reply), void *ctx,
	       int argc, const char *const *argv, const size_t *lengths);
/* The same for words that end with NUL; at most 16. */
void redis_ask_words(struct redis *r, void (*done)(void *ctx, const redisReply *reply), void *ctx,
		     int argc, const char *const *argv);

/* Of a look-up's answer: it cannot be told from it whether anything is there.  A value of another
 * type under our key is nothing of ours, and no failure. */
bool redis_has_failed(const redisReply *reply);
/* Counts, and from time to time logs, that what stands under a key of ours is not what we would
 * have written. */
void redis_note_nonsense(struct redis *r, const char *key);

#endif
