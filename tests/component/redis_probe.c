/* The connection to Redis and what is kept there, without the daemon, for test_redis_server.py and
 * test_redis_fake.py.  Usage: redis_probe URL PREFIX TIMEOUT_MS.  It reads commands, one per line;
 * each begins with a number of the test's own, and is answered by one line of JSON with that
 * number, when it is known.
 *
 *   N ask WORD...              the reply, {"type":...,"text":...}; null: none
 *   N get K, N put K TTL TEXT  the cache, K a letter; N rget, N rput: answers for Idempotency-Key
 *   N rlost K TTL              ... one that was too large to be kept
 *   N large K TTL BYTES        the cache, with a text of so many bytes
 *   N sget ID                  a session, project "p"; N sput ID VERSION TTL TEXT
 *   N many COUNT BYTES         ECHOes of so many bytes, all at once: how many were answered, failed
 *   N flush                    the cache
 *   N timeout MS               redis_set_timeout
 *   N state                    state, detail, counters, descriptors, handles, events so far
 *   N stop                     stops; the last line is the state, status 0 if nothing is left
 *
 * A look-up of hangs.test does not end before the test does; one of many.test gives an address
 * where nobody is and 127.0.0.1. */
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/log.h"

#include "daemon/observe/events.h"
#include "daemon/observe/metrics.h"
#include "daemon/redis/cache_redis.h"
#include "daemon/redis/redis.h"
#include "daemon/redis/sessions_redis.h"

#include "tests/component/probe_input.h"

enum { WORDS = 64, LINE_MAX_BYTES = 1 << 20 };

static uv_loop_t loop;
static uv_pipe_t input;
static struct redis *redis;
static struct cache_backend cache, replays;
static struct session_backend sessions;
static json_t *events;
static char *line;
static bool stopped;
static unsigned looking; /* look-ups in cache and replays that are open */

/* ---- names ---- */

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **res)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	struct addrinfo *second;
	int rc;

	while (node && strcmp(node, "hangs.test") == 0)
		pause();
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (!node || strcmp(node, "many.test") != 0)
		return real(node, service, hints, res);
	rc = real("127.0.0.2", service, hints, res);
	if (rc == 0 && real("127.0.0.1", service, hints, &second) == 0)
		(*res)->ai_next = second;
	return rc;
}

/* ---- answers ---- */

struct request {
	int number;
	unsigned answered, failed, open; /* of `many` */
};

static struct request *request_new(int number)
{
	struct request *q = calloc(1, sizeof *q);

	q->number = number;
	return q;
}

/* Takes both. */
static void answer(struct request *q, json_t *value)
{
	json_t *whole = json_pack("{si so}", "n", q->number, "is", value ? value : json_null());
	char *text = json_dumps(whole, JSON_COMPACT);

	puts(text);
	fflush(stdout);
	free(text);
	json_decref(whole);
	free(q);
}

static json_t *lossy(const char *text)
{
	json_t *value = json_string(text);

	return value ? value : json_string("(not UTF-8)");
}

static json_t *shown(const redisReply *reply)
{
	static const char *const types[] = {
		[REDIS_REPLY_STRING] = "string",   [REDIS_REPLY_ARRAY] = "array",
		[REDIS_REPLY_INTEGER] = "integer", [REDIS_REPLY_NIL] = "nil",
		[REDIS_REPLY_STATUS] = "status",   [REDIS_REPLY_ERROR] = "error"};

	if (!reply)
		return json_null();
	return json_pack(
		"{ss so sI sI}", "type", types[reply->type], "text",
		reply->str && reply->len < 1000 ? lossy(reply->str) : json_null(), "size",
		(json_int_t)(reply->type == REDIS_REPLY_ARRAY ? reply->elements : reply->len),
		"number", (json_int_t)(reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0));
}

static void on_reply(void *ctx, const redisReply *reply)
{
	answer(ctx, shown(reply));
}

static void on_one_of_many(void *ctx, const redisReply *reply)
{
	struct request *q = ctx;

	if (reply && reply->type != REDIS_REPLY_ERROR)
		q->answered++;
	else
		q->failed++;
	if (--q->open == 0)
		answer(q, json_pack("{si si}", "answered", (int)q->answered, "failed",
				    (int)q->failed));
}

static void on_found(void *ctx, struct answer *a, bool failed)
{
	looking--;
	answer(ctx, json_pack("{sb so sb si sI}", "failed", failed, "text",
			      a && a->len < 1000 ? lossy(a->text) : json_null(), "lost",
			      a && a->lost, "hash", a ? a->body_hash[0] : -1, "size",
			      (json_int_t)(a ? (json_int_t)a->len : -1)));
}

static void on_session(void *ctx, bool failed, struct session *s)
{
	answer(ctx, json_pack("{sb sI sO}", "failed", failed, "version",
			      (json_int_t)(s ? s->version : -1), "messages",
			      s ? s->messages : json_null()));
}

static void on_saved(void *ctx, bool failed, bool conflict)
{
	answer(ctx, json_pack("{sb sb}", "failed", failed, "conflict", conflict));
}

/* ---- state ---- */

static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static void count_handle(uv_handle_t *handle, void *count)
{
	(void)handle;
	++*(int *)count;
}

static json_t *state(void)
{
	struct cache_kept kept = {0};
	int handles = 0;

	uv_walk(&loop, count_handle, &handles);
	if (redis)
		cache.measure(cache.self, &kept);
	return json_pack(
		"{ss ss sI sI sI sI sI si si sO}", "state",
		redis ? redis_state_name(redis_state(redis)) : "", "detail",
		redis ? redis_detail(redis) : "", "up", (json_int_t)metric_value(METRIC_REDIS_UP),
		"connects", (json_int_t)metric_value(METRIC_REDIS_CONNECTS), "commands",
		(json_int_t)metric_value(METRIC_REDIS_COMMANDS), "failures",
		(json_int_t)metric_value(METRIC_REDIS_FAILURES), "stores", (json_int_t)kept.stores,
		"fds", open_descriptors(), "handles", handles, "events", events);
}

static void on_event(void *ctx, const struct event *e)
{
	(void)ctx;
	json_array_append_new(
		events, json_pack("[ss]", json_string_value(json_object_get(e->data, "state")),
				  json_string_value(json_object_get(e->data, "detail"))));
}

/* ---- commands ---- */

static const unsigned char *key_of(const char *letter)
{
	static unsigned char key[CACHE_KEY_SIZE];

	memset(key, *letter, sizeof key);
	return key;
}

static void put_text(struct cache_backend *to, const char *k, int64_t ttl, const char *text,
		     bool lost)
{
	struct answer *a = answer_new(text, strlen(text));

	strcpy(a->model_id, "m");
	a->lost = lost;
	memset(a->body_hash, *k, sizeof a->body_hash);
	to->put(to->self, key_of(k), a, ttl);
	answer_unref(a);
}

static void put_large(const char *k, int64_t ttl, size_t bytes)
{
	char *text = malloc(bytes + 1);

	memset(text, 'x', bytes);
	text[bytes] = '\0';
	put_text(&cache, k, ttl, text, false);
	free(text);
}

static struct session_key session_key_of(const char *id)
{
	struct session_key key = {.project = "p"};

	snprintf(key.id, sizeof key.id, "%s", id);
	return key;
}

static void save(struct request *q, char **w)
{
	struct session_key key = session_key_of(w[0]);
	struct session *s = session_new();

	s->version = atoll(w[1]);
	s->created_ms = s->at_ms = 1; /* the same command makes the same text */
	json_array_append_new(s->messages, json_pack("{ss s[{ssss}]}", "role", "user", "content",
						     "type", "text", "text", w[3]));
	sessions.put(sessions.self, &key, s, atoll(w[2]), on_saved, q);
	session_unref(s);
}

static void ask_many(struct request *q, unsigned count, size_t bytes)
{
	char *text = malloc(bytes + 1);
	const char *const words[] = {"ECHO", text};

	memset(text, 'x', bytes);
	text[bytes] = '\0';
	q->open = count + 1; /* one for the asking itself */
	for (unsigned i = 0; i < count; i++)
		redis_ask_words(redis, on_one_of_many, q, 2, words);
	if (--q->open == 0)
		answer(q, json_pack("{si si}", "answered", (int)q->answered, "failed",
				    (int)q->failed));
	free(text);
}

static void on_stopped(void *ctx)
{
	redis = NULL;
	answer(ctx, state());
	stopped = true;
}

static void closed(void *ctx)
{
	++*(int *)ctx;
}

/* Whoever looks something up is told before the back ends have closed, whatever Redis does. */
static void stop(struct request *q)
{
	int count = 0;

	cache.free(cache.self, closed, &count);
	replays.free(replays.self, closed, &count);
	if (count != 2 || looking)
		exit(3);
	redis_stop(redis, on_stopped, q);
	uv_close((uv_handle_t *)&input, NULL);
}

static void run(struct request *q, const char *verb, char **w, int count)
{
	struct session_key key = session_key_of(count ? w[0] : "");

	looking += strcmp(verb, "get") == 0 || strcmp(verb, "rget") == 0;
	if (strcmp(verb, "ask") == 0)
		redis_ask_words(redis, on_reply, q, count, (const char *const *)w);
	else if (strcmp(verb, "get") == 0)
		cache.get(cache.self, key_of(w[0]), on_found, q);
	else if (strcmp(verb, "rget") == 0)
		replays.get(replays.self, key_of(w[0]), on_found, q);
	else if (strcmp(verb, "sget") == 0)
		sessions.get(sessions.self, &key, on_session, q);
	else if (strcmp(verb, "sput") == 0)
		save(q, w);
	else if (strcmp(verb, "many") == 0)
		ask_many(q, (unsigned)atoi(w[0]), (size_t)atoll(w[1]));
	else if (strcmp(verb, "stop") == 0)
		stop(q);
	else if (strcmp(verb, "state") == 0)
		answer(q, state());
	else
		exit(2);
}

/* Those that have nothing to wait for. */
static bool run_at_once(const char *verb, char **w)
{
	if (strcmp(verb, "put") == 0)
		put_text(&cache, w[0], atoll(w[1]), w[2], false);
	else if (strcmp(verb, "rput") == 0)
		put_text(&replays, w[0], atoll(w[1]), w[2], false);
	else if (strcmp(verb, "rlost") == 0)
		put_text(&replays, w[0], atoll(w[1]), "", true);
	else if (strcmp(verb, "large") == 0)
		put_large(w[0], atoll(w[1]), (size_t)atoll(w[2]));
	else if (strcmp(verb, "flush") == 0)
		cache.flush(cache.self);
	else if (strcmp(verb, "timeout") == 0)
		redis_set_timeout(redis, atoll(w[0]));
	else
		return false;
	return true;
}

static void command(char *text)
{
	char *words[WORDS], *rest = text;
	struct request *q;
	int count = 0;

	while (count < WORDS && (words[count] = strsep(&rest, " ")))
		count++;
	if (count < 2)
		exit(2);
	q = request_new(atoi(words[0]));
	if (run_at_once(words[1], words + 2))
		answer(q, json_true());
	else
		run(q, words[1], words + 2, count - 2);
}

int main(int argc, char **argv)
{
	struct event_listener listener = {.event = on_event};
	struct redis_conf conf;

	if (argc != 4)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_INFO);
	conf = (struct redis_conf){argv[1], argv[2], atoll(argv[3])};
	line = malloc(LINE_MAX_BYTES);
	events = json_array();
	events_listen(&listener);
	uv_loop_init(&loop);
	uv_pipe_init(&loop, &input, 0);
	uv_pipe_open(&input, STDIN_FILENO);
	probe_read_commands((uv_stream_t *)&input, line, LINE_MAX_BYTES, command);
	redis = redis_new(&loop, &conf);
	if (!redis || cache_redis_new(redis, REDIS_CACHE, &cache) < 0 ||
	    cache_redis_new(redis, REDIS_REPLAYS, &replays) < 0)
		return 1;
	sessions_redis_backend(redis, &sessions);
	uv_run(&loop, UV_RUN_DEFAULT);
	json_decref(events);
	free(line);
	return stopped && uv_loop_close(&loop) == 0 ? 0 : 1;
}
