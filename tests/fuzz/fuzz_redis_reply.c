/* What Redis says, from its bytes to our values: hiredis's reader within our bounds, then the
 * decoders of cache, replays and sessions, and the words for refusals.  Whatever is taken must come
 * out as it went in when it is written again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/redis/cache_redis.h"
#include "daemon/redis/refusal.h"
#include "daemon/redis/reply_bounds.h"
#include "daemon/redis/sessions_redis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const char *one, const char *two)
{
	if (!one || !two || strcmp(one, two) != 0)
		abort();
}

static void as_cached(const char *text, size_t len)
{
	struct answer *a = answer_from_value(text, len), *b;
	char *once = a ? answer_to_json(a) : NULL, *twice;

	if (!a)
		return;
	if (!once)
		abort(); /* what is read can be written */
	b = answer_from_value(once, strlen(once));
	twice = b ? answer_to_json(b) : NULL;
	same(once, twice);
	free(once);
	free(twice);
	answer_unref(a);
	answer_unref(b);
}

static void as_replay(const char *text, size_t len)
{
	struct answer *a = replay_from_json(text, len), *b;
	char *once, *twice;

	if (!a)
		return;
	once = replay_to_json(a);
	b = once ? replay_from_json(once, strlen(once)) : NULL;
	twice = b ? replay_to_json(b) : NULL;
	same(once, twice);
	if (a->lost != b->lost || memcmp(a->body_hash, b->body_hash, sizeof a->body_hash) != 0)
		abort();
	free(once);
	free(twice);
	answer_unref(a);
	answer_unref(b);
}

static void as_session(const char *text, size_t len)
{
	struct session *s = session_from_value(text, len);
	char *json = s ? session_to_json(s) : NULL;

	free(json);
	session_unref(s);
}

static void as_refusal(const char *text)
{
	char to[200], kind[REFUSAL_KIND_SIZE];

	refusal_kind(text, kind);
	refusal_explain(text, "secret", to, sizeof to);
	if (strlen(kind) >= sizeof kind || strstr(to, "secret"))
		abort();
	refusal_is_final(text);
}

static void as_value(const char *text, size_t len)
{
	as_cached(text, len);
	as_replay(text, len);
	as_session(text, len);
	if (!memchr(text, '\0', len))
		as_refusal(text);
}

static void look(const redisReply *reply, unsigned depth)
{
	if (depth > 9)
		abort();
	switch (reply->type) {
	case REDIS_REPLY_STRING:
	case REDIS_REPLY_STATUS:
	case REDIS_REPLY_ERROR:
		as_value(reply->str, reply->len);
		break;
	case REDIS_REPLY_ARRAY:
		for (size_t i = 0; i < reply->elements; i++)
			look(reply->element[i], depth + 1);
		break;
	}
	redis_has_failed(reply);
}

/* In two pieces, as they may come. */
static void as_stream(const char *bytes, size_t size)
{
	redisReader *reader = redisReaderCreate();
	struct reply_bounds bounds;
	size_t half = size ? (unsigned char)bytes[0] % (size + 1) : 0;

	if (!reader)
		abort();
	reply_bounds_attach(&bounds, reader);
	for (int piece = 0; piece < 2 && !reader->err; piece++) {
		void *reply = NULL;

		redisReaderFeed(reader, piece ? bytes + half : bytes, piece ? size - half : half);
		while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply) {
			look(reply, 0);
			freeReplyObject(reply);
			if (bounds.bytes > REPLY_MAX)
				abort();
		}
	}
	redisReaderFree(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	as_stream(text, size);
	as_value(text, size);
	free(text);
	return 0;
}
