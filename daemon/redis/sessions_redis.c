/* Sessions in Redis.  A put is a script, so that the look at the version and the write are one. */
#include "daemon/redis/sessions_redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_MAX = 68 * 1024 * 1024, KEY_MAX = 256, NUMBER_MAX = 24 };

/* ARGV: version, value, milliseconds.  1: it is there now; 0: what was there is as new.  What is of
 * another type, or no value of ours, gives way.  The same value once more is no conflict: the
 * answer to the first one may have been lost on the way. */
static const char script[] =
	"local head = redis.pcall('GETRANGE', KEYS[1], 0, 63) "
	"if type(head) == 'string' then "
	"local version, same = string.match(head, '^(%d+) {\"v\":1,\"version\":(%d+),') "
	"local there = version and version == same and tonumber(version) "
	"local new = tonumber(ARGV[1]) "
	"if there and (there > new or there == new and redis.call('GET', KEYS[1]) ~= ARGV[2]) then "
	"return 0 end "
	"end "
	"redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) "
	"return 1";

/* By which Redis knows it once it has run: its SHA-1. */
static const char script_sum[] = "50bec64514187adb2fc923bcca75f0dc89f93b23";

struct look_up {
	struct redis *redis;
	char name[KEY_MAX];
	void (*found)(void *ctx, bool failed, struct session *s);
	void *ctx;
};

/* A put on its way; kept whole in case Redis does not know the script yet. */
struct change {
	struct redis *redis;
	void (*done)(void *ctx, bool failed, bool conflict);
	void *ctx;
	char name[KEY_MAX], version[NUMBER_MAX], ttl[NUMBER_MAX];
	char *value;
	bool spelt_out; /* the script itself was sent */
};

static void make_key(struct redis *r, const struct session_key *key, char to[KEY_MAX])
{
	snprintf(to, KEY_MAX, "%s:v1:session:%s:%s", redis_prefix(r), key->project, key->id);
}

/* ---- get ---- */

struct session *session_from_value(const char *value, size_t len)
{
	const char *space = len > VALUE_MAX ? NULL : memchr(value, ' ', len);
	size_t digits = space ? (size_t)(space - value) : 0;

	if (digits == 0 || digits >= NUMBER_MAX || strspn(value, "0123456789") != digits)
		return NULL;
	return session_from_json(space + 1, len - digits - 1);
}

static void on_value(void *ctx, const redisReply *reply)
{
	struct look_up *l = ctx;
	struct session *s = NULL;
	bool is_text = reply && reply->type == REDIS_REPLY_STRING;

	if (is_text && reply->len > 0)
		s = session_from_value(reply->str, reply->len);
	if (reply && !s && reply->type != REDIS_REPLY_ERROR && !(is_text && reply->len == 0))
		redis_note_nonsense(l->redis, l->name);
	l->found(l->ctx, redis_has_failed(reply), s);
	session_unref(s);
	free(l);
}

static void get(void *self, const struct session_key *key,
		void (*found)(void *ctx, bool failed, struct session *s), void *ctx)
{
	struct look_up *l = malloc(sizeof *l);
	char last[NUMBER_MAX];

	if (!l) {
		found(ctx, true, NULL);
		return;
	}
	*l = (struct look_up){.redis = self, .found = found, .ctx = ctx};
	make_key(self, key, l->name);
	snprintf(last, sizeof last, "%d",
		 VALUE_MAX); /* one more than what is put: then it is cut */
	redis_ask_words(self, on_value, l, 4, (const char *[]){"GETRANGE", l->name, "0", last});
}

/* ---- put ---- */

static void free_change(struct change *c)
{
	if (c)
		free(c->value);
	free(c);
}

static void on_changed(void *ctx, const redisReply *reply);

static void put_now(struct change *c)
{
	const char *const words[] = {c->spelt_out ? "EVAL" : "EVALSHA",
				     c->spelt_out ? script : script_sum,
				     "1",
				     c->name,
				     c->version,
				     c->value,
				     c->ttl};

	redis_ask_words(c->redis, on_changed, c, sizeof words / sizeof *words, words);
}

static void on_changed(void *ctx, const redisReply *reply)
{
	struct change *c = ctx;
	bool told = reply && reply->type == REDIS_REPLY_INTEGER;

	if (reply && reply->type == REDIS_REPLY_ERROR && !c->spelt_out &&
	    strncmp(reply->str, "NOSCRIPT", 8) == 0) {
		c->spelt_out = true;
		put_now(c);
		return;
	}
	if (c->done)
		c->done(c->ctx, !told, told && reply->integer == 0);
	free_change(c);
}

/* "VERSION JSON"; NULL: no memory, or too large to be read back. */
static char *make_value(const struct session *s, const char *version)
{
	char *json = session_to_json(s), *value = NULL;

	if (json && strlen(json) <= VALUE_MAX - NUMBER_MAX &&
	    asprintf(&value, "%s %s", version, json) < 0)
		value = NULL;
	free(json);
	return value;
}

static void put(void *self, const struct session_key *key, struct session *s, int64_t ttl_ms,
		void (*done)(void *ctx, bool failed, bool conflict), void *ctx)
{
	struct change *c = malloc(sizeof *c);

	if (c) {
		*c = (struct change){.redis = self, .done = done, .ctx = ctx};
		make_key(self, key, c->name);
		snprintf(c->version, sizeof c->version, "%lld", (long long)s->version);
		snprintf(c->ttl, sizeof c->ttl, "%lld", (long long)ttl_ms);
		c->value = make_value(s, c->version);
	}
	if (c && c->value) {
		put_now(c);
		return;
	}
	free_change(c);
	if (done)
		done(ctx, true, false);
}

void sessions_redis_backend(struct redis *r, struct session_backend *ret_backend)
{
	*ret_backend = (struct session_backend){.get = get, .put = put, .self = r};
}
