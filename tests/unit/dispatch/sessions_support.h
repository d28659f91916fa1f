/* Sessions over a back end that keeps texts, as Redis would, and answers at once, later, with a
 * failure, or not until it is told to. */
#ifndef TESTS_UNIT_DISPATCH_SESSIONS_SUPPORT_H
#define TESTS_UNIT_DISPATCH_SESSIONS_SUPPORT_H

#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"

#include "daemon/dispatch/sessions.h"

#include "tests/unit/test.h"

enum { SHELF = 8, OPEN = 16, TTL_MS = 60000 };

#define START_US INT64_C(1700000000000000)

/* What is on the shelf is gone when its time is over. */
static struct shelf {
	struct session_key key;
	char *json;
	int64_t until_ms;
} shelf[SHELF];

static bool backend_later, backend_down;
static unsigned gets_asked, puts_asked;

static struct asked {
	struct session_key key;
	char *json; /* NULL: a get */
	int64_t ttl_ms;
	void (*found)(void *ctx, bool failed, struct session *s);
	void (*done)(void *ctx, bool failed, bool conflict);
	void *ctx;
} asked[OPEN];
static unsigned asked_count;

static inline struct shelf *shelf_find(const struct session_key *key)
{
	for (int i = 0; i < SHELF; i++) {
		if (shelf[i].json && clock_wall_ms() >= shelf[i].until_ms) {
			free(shelf[i].json);
			shelf[i].json = NULL;
		}
		if (shelf[i].json && memcmp(&shelf[i].key, key, sizeof *key) == 0)
			return &shelf[i];
	}
	return NULL;
}

/* NULL: nothing there; a reference. */
static inline struct session *shelf_get(const struct session_key *key)
{
	struct shelf *s = shelf_find(key);
	struct session *session = s ? session_from_json(s->json, strlen(s->json)) : NULL;

	assert_int_equal(s != NULL, session != NULL);
	return session;
}

/* True: kept. */
static inline bool shelf_put(const struct session_key *key, const char *json, int64_t ttl_ms)
{
	struct session *there = shelf_get(key), *new = session_from_json(json, strlen(json));
	bool conflict = there && there->version >= new->version;
	struct shelf *s = shelf_find(key);

	session_unref(there);
	session_unref(new);
	for (int i = 0; !s && i < SHELF; i++)
		s = shelf[i].json ? NULL : &shelf[i];
	assert_non_null(s);
	if (conflict)
		return false;
	assert_true(ttl_ms > 0 && ttl_ms <= TTL_MS);
	free(s->json);
	*s = (struct shelf){*key, strdup(json), clock_wall_ms() + ttl_ms};
	return true;
}

static inline void shelf_flush(void)
{
	for (int i = 0; i < SHELF; i++) {
		free(shelf[i].json);
		shelf[i].json = NULL;
	}
}

static inline void give(struct asked a, bool failed)
{
	struct session *s = a.json || failed ? NULL : shelf_get(&a.key);
	bool kept = a.json && !failed && shelf_put(&a.key, a.json, a.ttl_ms);

	if (a.found)
		a.found(a.ctx, failed, s);
	if (a.done)
		a.done(a.ctx, failed, a.json && !failed && !kept);
	session_unref(s);
	free(a.json);
}

static inline void ask(struct asked a)
{
	if (!backend_later) {
		give(a, backend_down);
		return;
	}
	assert_true(asked_count < OPEN);
	asked[asked_count++] = a;
}

static inline void backend_answers_nth(unsigned n)
{
	struct asked a = asked[n];

	assert_true(asked_count > n);
	memmove(asked + n, asked + n + 1, (--asked_count - n) * sizeof *asked);
	give(a, backend_down);
}

/* The oldest thing asked is answered. */
static inline void backend_answers(void)
{
	backend_answers_nth(0);
}

static inline void backend_get(void *self, const struct session_key *key,
			       void (*found)(void *ctx, bool failed, struct session *s), void *ctx)
{
	assert_ptr_equal(self, shelf);
	gets_asked++;
	ask((struct asked){.key = *key, .found = found, .ctx = ctx});
}

static inline void backend_put(void *self, const struct session_key *key, struct session *s,
			       int64_t ttl_ms, void (*done)(void *ctx, bool failed, bool conflict),
			       void *ctx)
{
	assert_ptr_equal(self, shelf);
	puts_asked++;
	ask((struct asked){.key = *key,
			   .json = session_to_json(s),
			   .ttl_ms = ttl_ms,
			   .done = done,
			   .ctx = ctx});
}

static const struct session_backend backend = {
	.get = backend_get, .put = backend_put, .self = shelf};

static inline struct sessions *daemon_new(bool alone)
{
	const struct sessions_conf conf = {
		.ttl_ms = TTL_MS, .max_size = 1 << 20, .max_bytes = 1 << 20};
	struct sessions *s = sessions_new(&conf, alone ? NULL : &backend);

	assert_non_null(s);
	return s;
}

static inline int support_setup(void **state)
{
	(void)state;
	clock_freeze(1000000, START_US);
	backend_later = backend_down = false;
	gets_asked = puts_asked = asked_count = 0;
	return 0;
}

static inline int support_teardown(void **state)
{
	(void)state;
	assert_int_equal(asked_count, 0);
	shelf_flush();
	clock_thaw();
	return 0;
}

static inline struct session_key key_of(char project, char id)
{
	char p[2] = {project}, i[SESSION_ID_SIZE] = "sess_";
	struct session_key key;

	memset(i + 5, id, 32);
	i[37] = '\0';
	session_key_set(&key, p, i);
	return key;
}

/* What one request does. */
struct turn {
	struct session_ticket ticket;
	struct session *s; /* a reference to what was found */
	enum session_found found;
	unsigned told, saved;
	bool conflict;
};

static inline void on_ready(void *ctx, enum session_found found, struct session *s)
{
	struct turn *t = ctx;

	t->told++;
	t->found = found;
	assert_int_equal(s != NULL, found == SESSION_FOUND);
	t->s = s ? session_ref(s) : NULL;
}

static inline void on_saved(void *ctx, bool conflict)
{
	struct turn *t = ctx;

	t->saved++;
	t->conflict = conflict;
}

static inline void turn_open(struct sessions *s, struct turn *t, struct session_key key)
{
	*t = (struct turn){.told = 0};
	sessions_open(s, &key, &t->ticket, on_ready, t);
}

static inline void turn_new(struct sessions *s, struct turn *t, struct session_key key)
{
	*t = (struct turn){.told = 0};
	sessions_hold_new(s, &key, &t->ticket);
	assert_true(t->ticket.held);
}

/* `before` and one message more; its text is of `len` characters. */
static inline struct session *after(const struct session *before, char text, size_t len)
{
	char words[4096];
	json_t *messages = before ? json_copy(before->messages) : json_array();
	struct session *next;
	char *json;

	assert_true(len < sizeof words);
	memset(words, text, len);
	json_array_append_new(messages, json_pack("{s:s, s:[{s:s, s:s%}]}", "role", "user",
						  "content", "type", "text", "text", words, len));
	json = json_dumps(messages, JSON_COMPACT);
	next = session_after(before, NULL, messages, strlen(json));
	assert_non_null(next);
	free(json);
	json_decref(messages);
	return next;
}

static inline void turn_save(struct sessions *s, struct turn *t, char text)
{
	struct session *next = after(t->s, text, 1);

	sessions_save(s, &t->ticket, next, on_saved, t);
	session_unref(next);
}

static inline void turn_end(struct sessions *s, struct turn *t)
{
	sessions_release(s, &t->ticket);
	session_unref(t->s);
	t->s = NULL;
}

/* A turn that is found, answered with `text` and kept, at once. */
static inline void whole_turn(struct sessions *s, struct session_key key, char text)
{
	struct turn t;

	turn_open(s, &t, key);
	assert_int_equal(t.told, 1);
	assert_int_equal(t.found, SESSION_FOUND);
	turn_save(s, &t, text);
	assert_int_equal(t.saved, 1);
	assert_false(t.conflict);
	turn_end(s, &t);
}

static inline void first_turn(struct sessions *s, struct session_key key, char text)
{
	struct turn t;

	turn_new(s, &t, key);
	turn_save(s, &t, text);
	assert_int_equal(t.saved, 1);
	turn_end(s, &t);
}

/* "abc": one letter a message. */
static inline void texts_of(const struct session *s, char *to, size_t size)
{
	json_t *message;
	size_t i;

	to[0] = '\0';
	json_array_foreach(s->messages, i, message)
	{
		json_t *block = json_array_get(json_object_get(message, "content"), 0);

		assert_true(i + 1 < size);
		to[i] = json_string_value(json_object_get(block, "text"))[0];
		to[i + 1] = '\0';
	}
}

/* texts NULL: it is not there. */
static inline void assert_kept(struct sessions *s, struct session_key key, const char *texts)
{
	struct turn t;
	char got[64];

	t = (struct turn){.told = 0};
	sessions_look(s, &key, &t.ticket, on_ready, &t);
	assert_int_equal(t.told, 1);
	assert_int_equal(t.found, texts ? SESSION_FOUND : SESSION_NONE);
	if (texts) {
		texts_of(t.s, got, sizeof got);
		assert_string_equal(got, texts);
		assert_int_equal(t.s->version, strlen(texts));
	}
	session_unref(t.s);
}

static inline void on_deleted(void *ctx, enum session_found found)
{
	int *told = ctx;

	assert_int_equal(*told, -1);
	*told = (int)found;
}

/* What was told; -1: nothing yet. */
static inline int delete_now(struct sessions *s, struct session_key key)
{
	int told = -1;

	sessions_delete(s, &key, on_deleted, &told);
	return told;
}

static inline struct sessions_count counts(const struct sessions *s)
{
	struct sessions_count n;

	sessions_count(s, &n);
	return n;
}

#endif
