/* Kept answers in Redis.  Values are read with GETRANGE, so that what somebody else has put there
 * costs a bounded amount of memory; GETRANGE of a key that is not there is an empty text.
 *
 * The back end may be freed while Redis has not answered: it stays until the last command has come
 * back, but whoever looks something up is told at once. */
#include "daemon/redis/cache_redis.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/log.h"

enum {
	VALUE_MAX = 8 * 1024 * 1024,
	KEY_MAX = 192,
	NUMBER_MAX = 24,
	PAGE_KEYS_MAX = 10000 /* that one UNLINK takes; SCAN was asked for 500 */
};

struct backend {
	struct redis *redis;
	enum redis_kind kind;
	struct look_up *open;
	unsigned refs; /* its owner's, and one for each command that is open */
	int64_t stores;
};

struct look_up {
	struct backend *backend;
	char name[KEY_MAX];
	void (*found)(void *ctx, struct answer *answer, bool failed); /* NULL: was told */
	void *ctx;
	struct look_up *prev, *next;
};

static const char *const kind_names[] = {[REDIS_CACHE] = "cache", [REDIS_REPLAYS] = "replay"};

static void make_key(const struct backend *b, const unsigned char *key, char to[KEY_MAX])
{
	char hex[2 * CACHE_KEY_SIZE + 1];

	sodium_bin2hex(hex, sizeof hex, key, CACHE_KEY_SIZE);
	snprintf(to, KEY_MAX, "%s:v1:%s:%s", redis_prefix(b->redis), kind_names[b->kind], hex);
}

static void unref(struct backend *b)
{
	if (--b->refs == 0)
		free(b);
}

/* ---- get ---- */

struct answer *answer_from_value(const char *value, size_t len)
{
	if (len > VALUE_MAX || memchr(value, '\0', len))
		return NULL;
	return answer_from_json(value);
}

static struct answer *read_value(const struct look_up *l, const redisReply *reply)
{
	const struct backend *b = l->backend;
	struct answer *a = NULL;

	if (reply->type == REDIS_REPLY_ERROR ||
	    (reply->type == REDIS_REPLY_STRING && reply->len == 0))
		return NULL; /* counted; or there is none */
	if (reply->type == REDIS_REPLY_STRING)
		a = b->kind == REDIS_CACHE ? answer_from_value(reply->str, reply->len)
					   : replay_from_json(reply->str, reply->len);
	if (!a)
		redis_note_nonsense(b->redis, l->name);
	return a;
}

static void tell(struct look_up *l, struct answer *answer, bool failed)
{
	void (*found)(void *ctx, struct answer *answer, bool failed) = l->found;

	l->found = NULL;
	DL_DELETE(l->backend->open, l);
	found(l->ctx, answer, failed);
}

static void on_value(void *ctx, const redisReply *reply)
{
	struct look_up *l = ctx;
	struct answer *a = l->found && reply ? read_value(l, reply) : NULL;

	if (l->found)
		tell(l, a, !a && redis_has_failed(reply));
	answer_unref(a);
	unref(l->backend);
	free(l);
}

static void get(void *self, const unsigned char key[CACHE_KEY_SIZE],
		void (*found)(void *ctx, struct answer *answer, bool failed), void *ctx)
{
	struct backend *b = self;
	struct look_up *l = malloc(sizeof *l);
	char last[NUMBER_MAX];

	if (!l) {
		found(ctx, NULL, true);
		return;
	}
	*l = (struct look_up){.backend = b, .found = found, .ctx = ctx};
	make_key(b, key, l->name);
	DL_APPEND(b->open, l);
	b->refs++;
	snprintf(last, sizeof last, "%d",
		 VALUE_MAX); /* one more than what is put: then it is cut */
	redis_ask_words(b->redis, on_value, l, 4, (const char *[]){"GETRANGE", l->name, "0", last});
}

/* ---- put ---- */

static void on_put(void *ctx, const redisReply *reply)
{
	struct backend *b = ctx;

	/* Nil: the first one stays. */
	b->stores += reply && reply->type == REDIS_REPLY_STATUS;
	unref(b);
}

static void put(void *self, const unsigned char key[CACHE_KEY_SIZE], struct answer *answer,
		int64_t ttl_ms)
{
	struct backend *b = self;
	char name[KEY_MAX], ttl[NUMBER_MAX];
	char *value = ttl_ms <= 0              ? NULL
		      : b->kind == REDIS_CACHE ? answer_to_json(answer)
					       : replay_to_json(answer);

	make_key(b, key, name);
	snprintf(ttl, sizeof ttl, "%lld", (long long)ttl_ms);
	if (value && strlen(value) <= VALUE_MAX) {
		b->refs++;
		redis_ask_words(b->redis, on_put, b, b->kind == REDIS_CACHE ? 5 : 6,
				(const char *[]){"SET", name, value, "PX", ttl, "NX"});
	}
	free(value);
}

/* ---- flush ---- */

/* Goes through the keys a few hundred at a time, so that Redis serves others in between. */
struct flush {
	struct redis *redis;
	char pattern[KEY_MAX];
};

static void on_page(void *ctx, const redisReply *reply);

static void next_page(struct flush *f, const char *cursor)
{
	redis_ask_words(f->redis, on_page, f, 6,
			(const char *[]){"SCAN", cursor, "MATCH", f->pattern, "COUNT", "500"});
}

static void unlink_keys(struct redis *r, const redisReply *keys)
{
	const char **argv = calloc(keys->elements + 1, sizeof *argv);
	size_t *lengths = calloc(keys->elements + 1, sizeof *lengths);

	if (argv && lengths && keys->elements) {
		argv[0] = "UNLINK";
		lengths[0] = strlen(argv[0]);
		for (size_t i = 0; i < keys->elements; i++) {
			argv[i + 1] = keys->element[i]->str;
			lengths[i + 1] = keys->element[i]->len;
		}
		redis_ask(r, NULL, NULL, (int)keys->elements + 1, argv, lengths);
	}
	free(argv);
	free(lengths);
}

static bool is_page(const redisReply *reply)
{
	const redisReply *keys;

	if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    reply->element[0]->type != REDIS_REPLY_STRING ||
	    reply->element[1]->type != REDIS_REPLY_ARRAY)
		return false;
	keys = reply->element[1];
	for (size_t i = 0; i < keys->elements; i++)
		if (keys->element[i]->type != REDIS_REPLY_STRING)
			return false;
	return keys->elements <= PAGE_KEYS_MAX;
}

static void on_page(void *ctx, const redisReply *reply)
{
	struct flush *f = ctx;

	if (is_page(reply)) {
		unlink_keys(f->redis, reply->element[1]);
		if (strcmp(reply->element[0]->str, "0") != 0) {
			next_page(f, reply->element[0]->str);
			return;
		}
	} else {
		log_warn("redis", "not all kept answers could be removed; what is left runs out by "
				  "itself, or is removed by another flush");
	}
	free(f);
}

static void flush(void *self)
{
	struct backend *b = self;
	struct flush *f = b->kind == REDIS_CACHE ? malloc(sizeof *f) : NULL;

	if (!f)
		return; /* what was promised is not forgotten; no memory: it runs out by itself */
	f->redis = b->redis;
	snprintf(f->pattern, sizeof f->pattern, "%s:v1:cache:*", redis_prefix(b->redis));
	next_page(f, "0");
}

/* ---- life ---- */

static void measure(void *self, struct cache_kept *ret_kept)
{
	const struct backend *b = self;

	*ret_kept = (struct cache_kept){.stores = b->stores};
}

static void backend_free(void *self, void (*closed)(void *ctx), void *ctx)
{
	struct backend *b = self;

	while (b->open)
		tell(b->open, NULL, true);
	unref(b);
	closed(ctx);
}

int cache_redis_new(struct redis *r, enum redis_kind kind, struct cache_backend *ret_backend)
{
	struct backend *b = calloc(1, sizeof *b);

	if (!b)
		return -ENOMEM;
	b->redis = r;
	b->kind = kind;
	b->refs = 1;
	*ret_backend = (struct cache_backend){.get = get,
					      .put = put,
					      .flush = flush,
					      .measure = measure,
					      .free = backend_free,
					      .self = b};
	return 0;
}
