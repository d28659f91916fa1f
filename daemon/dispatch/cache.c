/* The front of the cache: look-ups, flights, aliases.
 *
 * A flight is what all who ask for one key share.  Facts about it, each by itself:
 *   looking    the back end was asked and has not answered; `lookers` wait for it
 *   leader     who has been told to lead; `followers` wait for the leader's end
 *   due        followers are to be told by the loop: of `answer`, or that the oldest one leads
 *   listed     new askers find it by its key
 * Somebody who does not look for a kept answer leads at once beside a look-up that is under
 * way.  The lookers take what comes first: the back end's answer or the leader's.  A leader's
 * answer unlists the flight: who comes after asks the back end.
 *
 * `ready` is called from three places: join, the back end's answer, and the loop.  It may do
 * anything, also end the flight.  So a ticket is out of its flight before its `ready` is called,
 * and a flight that is needed after is pinned.  A flight ends in release() when nothing is left of
 * it; one that is looking waits for the back end even when everybody has left. */
#include "daemon/dispatch/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "daemon/dispatch/cache_table.h"

enum { ALIAS_MAX = 65536 };

struct flight {
	unsigned char key[CACHE_KEY_SIZE];
	struct cache *cache;
	struct cache_ticket *leader, *lookers, *followers;
	struct answer *answer; /* the leader's; NULL: none yet */
	bool looking, due, listed;
	bool blind; /* the back end could not tell */
	unsigned pins;
	struct flight *prev, *next; /* in the list of those that are due */
	UT_hash_handle hh;
};

/* Names packed one behind the other, each with its NUL: a whole cache_alias is mostly air. */
struct alias {
	unsigned char hash[CACHE_KEY_SIZE], key[CACHE_KEY_SIZE];
	uint64_t generation;
	UT_hash_handle hh; /* its order is the order of arrival */
	bool stream, include_usage;
	char names[];
};

struct cache {
	struct cache_backend backend;
	struct flight *flights, *due;
	unsigned due_count;
	struct alias *aliases;
	struct cache_alias found; /* what cache_find_alias shows */
	int64_t hits, misses, followed;
	uv_idle_t teller;
	unsigned open_parts;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* ---- flights ---- */

static struct flight *find_flight(struct cache *c, const unsigned char *key)
{
	struct flight *f;

	HASH_FIND(hh, c->flights, key, CACHE_KEY_SIZE, f);
	return f;
}

static void unlist(struct flight *f)
{
	if (f->listed)
		HASH_DEL(f->cache->flights, f);
	f->listed = false;
}

static struct flight *new_flight(struct cache *c, const unsigned char *key)
{
	struct flight *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	f->cache = c;
	memcpy(f->key, key, CACHE_KEY_SIZE);
	HASH_ADD(hh, c->flights, key, CACHE_KEY_SIZE, f);
	if (!f->hh.tbl) {
		free(f);
		return NULL;
	}
	f->listed = true;
	return f;
}

/* Ends the flight if nothing is left of it. */
static void release(struct flight *f)
{
	if (f->looking || f->due || f->pins || f->leader || f->lookers || f->followers)
		return;
	unlist(f);
	answer_unref(f->answer);
	free(f);
}

static void leave(struct flight *f, struct cache_ticket *t)
{
	if (t->leads)
		f->leader = NULL;
	else if (t->looks)
		DL_DELETE(f->lookers, t);
	else
		DL_DELETE(f->followers, t);
	t->flight = NULL;
	t->leads = t->looks = false;
}

static void tell_hit(struct cache_ticket *t, int64_t *count, struct answer *answer)
{
	leave(t->flight, t);
	*count += !t->fresh;
	t->ready(t->ctx, CACHE_HIT, answer);
}

static void tell_lead(struct flight *f, struct cache_ticket *t)
{
	leave(f, t);
	t->flight = f;
	t->leads = true;
	f->leader = t;
	f->cache->misses += !t->fresh && !f->blind;
	t->ready(t->ctx, f->blind && !t->fresh ? CACHE_BLIND : CACHE_LEAD, NULL);
}

/* ---- told from the loop ---- */

static void tell_followers(struct flight *f)
{
	struct cache *c = f->cache;
	struct cache_ticket *t;

	f->pins++;
	while (f->answer && (t = f->followers))
		tell_hit(t, &c->followed, f->answer);
	if (!f->answer && f->followers)
		tell_lead(f, f->followers);
	f->pins--;
	release(f);
}

/* Only those that are due by now: who becomes so meanwhile waits for the loop's next turn. */
static void tell_due(uv_idle_t *teller)
{
	struct cache *c = teller->data;

	for (unsigned n = c->due_count; n > 0; n--) {
		struct flight *f = c->due;

		DL_DELETE(c->due, f);
		c->due_count--;
		f->due = false;
		tell_followers(f);
	}
	if (!c->due)
		uv_idle_stop(teller);
}

static void set_due(struct flight *f)
{
	struct cache *c = f->cache;

	if (f->due || !f->followers)
		return;
	f->due = true;
	DL_APPEND(c->due, f);
	c->due_count++;
	uv_idle_start(&c->teller, tell_due);
}

/* ---- looking up ---- */

static void lookers_follow(struct flight *f)
{
	struct cache_ticket *t;

	DL_FOREACH(f->lookers, t)
	{
		t->looks = false;
	}
	DL_CONCAT(f->lookers, f->followers); /* they came first, mostly */
	f->followers = f->lookers;
	f->lookers = NULL;
}

static void found(void *ctx, struct answer *answer, bool failed)
{
	struct flight *f = ctx;
	struct cache_ticket *t;

	f->looking = false;
	f->blind = failed;
	f->pins++;
	if (answer) {
		if (!f->leader && !f->due)
			unlist(f);
		answer_ref(answer);
		while ((t = f->lookers))
			tell_hit(t, &f->cache->hits, answer);
		answer_unref(answer);
	} else {
		lookers_follow(f);
		if (!f->leader && !f->due && f->followers)
			tell_lead(f, f->followers);
	}
	f->pins--;
	release(f);
}

static void add_ticket(struct flight *f, struct cache_ticket *t, bool looks)
{
	t->flight = f;
	t->looks = looks;
	if (looks)
		DL_APPEND(f->lookers, t);
	else
		DL_APPEND(f->followers, t);
}

int cache_join(struct cache *c, const unsigned char key[CACHE_KEY_SIZE], enum cache_look look,
	       struct cache_ticket *t,
	       void (*ready)(void *ctx, enum cache_result result, struct answer *answer), void *ctx)
{
	struct flight *f = find_flight(c, key);
	bool is_new = !f, leads;

	if (is_new && !(f = new_flight(c, key)))
		return -ENOMEM;
	*t = (struct cache_ticket){.fresh = look == CACHE_FRESH, .ready = ready, .ctx = ctx};
	leads = look != CACHE_LOOK && !f->leader && !f->due;
	f->looking |= is_new && look == CACHE_LOOK;
	add_ticket(f, t, look == CACHE_LOOK && f->looking);
	if (leads)
		tell_lead(f, t);
	else if (is_new)
		c->backend.get(c->backend.self, key, found, f);
	return 0; /* ticket and flight may be gone */
}

/* ---- ending ---- */

void cache_leave(struct cache *c, struct cache_ticket *t)
{
	struct flight *f = t->flight;
	bool led = t->leads;

	(void)c;
	if (!f)
		return;
	leave(f, t);
	if (led)
		set_due(f);
	release(f);
}

void cache_settle(struct cache *c, struct cache_ticket *t, struct answer *answer, int64_t keep_ms)
{
	struct flight *f = t->flight;

	if (!f || !t->leads || !answer) {
		cache_leave(c, t);
		return;
	}
	if (keep_ms > 0)
		c->backend.put(c->backend.self, f->key, answer, keep_ms);
	f->answer = answer_ref(answer);
	unlist(f);
	lookers_follow(f);
	leave(f, t);
	set_due(f);
	release(f);
}

/* ---- short cuts ---- */

static struct alias *find_alias(struct cache *c, const unsigned char *hash)
{
	struct alias *a;

	HASH_FIND(hh, c->aliases, hash, CACHE_KEY_SIZE, a);
	return a;
}

static void drop_alias(struct cache *c, struct alias *a)
{
	HASH_DEL(c->aliases, a);
	free(a);
}

void cache_put_alias(struct cache *c, const unsigned char hash[CACHE_KEY_SIZE],
		     const struct cache_alias *alias, uint64_t generation)
{
	size_t model = strlen(alias->model_id) + 1, route = strlen(alias->route) + 1,
	       project = strlen(alias->project) + 1;
	struct alias *a = find_alias(c, hash);

	if (a)
		drop_alias(c, a);
	a = malloc(sizeof *a + model + route + project);
	if (!a)
		return;
	*a = (struct alias){.generation = generation,
			    .stream = alias->stream,
			    .include_usage = alias->include_usage};
	memcpy(a->hash, hash, CACHE_KEY_SIZE);
	memcpy(a->key, alias->key, CACHE_KEY_SIZE);
	memcpy(a->names, alias->model_id, model);
	memcpy(a->names + model, alias->route, route);
	memcpy(a->names + model + route, alias->project, project);
	HASH_ADD(hh, c->aliases, hash, CACHE_KEY_SIZE, a);
	if (!a->hh.tbl)
		free(a);
	else if (HASH_COUNT(c->aliases) > ALIAS_MAX)
		drop_alias(c, c->aliases);
}

/* Copies the string at `from` and returns where the next one begins. */
static const char *unpack(char *to, const char *from)
{
	size_t size = strlen(from) + 1;

	memcpy(to, from, size);
	return from + size;
}

const struct cache_alias *
cache_find_alias(struct cache *c, const unsigned char hash[CACHE_KEY_SIZE], uint64_t generation)
{
	struct alias *a = find_alias(c, hash);
	const char *names;

	if (!a)
		return NULL;
	if (a->generation != generation) {
		drop_alias(c, a);
		return NULL;
	}
	memcpy(c->found.key, a->key, CACHE_KEY_SIZE);
	c->found.stream = a->stream;
	c->found.include_usage = a->include_usage;
	names = unpack(c->found.model_id, a->names);
	names = unpack(c->found.route, names);
	unpack(c->found.project, names);
	return &c->found;
}

struct answer *cache_peek(struct cache *c, const unsigned char key[CACHE_KEY_SIZE])
{
	return c->backend.peek ? c->backend.peek(c->backend.self, key) : NULL;
}

void cache_fetch(struct cache *c, const unsigned char key[CACHE_KEY_SIZE],
		 void (*found_it)(void *ctx, struct answer *answer, bool failed), void *ctx)
{
	c->backend.get(c->backend.self, key, found_it, ctx);
}

bool cache_tells_at_once(const struct cache *c)
{
	return c->backend.peek != NULL;
}

static void drop_aliases(struct cache *c)
{
	while (c->aliases)
		drop_alias(c, c->aliases);
}

void cache_flush(struct cache *c)
{
	drop_aliases(c);
	c->backend.flush(c->backend.self);
}

/* ---- counts and life ---- */

void cache_note_hit(struct cache *c)
{
	c->hits++;
}

void cache_count(const struct cache *c, struct cache_counts *ret_counts)
{
	struct cache_kept kept = {0};

	c->backend.measure(c->backend.self, &kept);
	*ret_counts = (struct cache_counts){.hits = c->hits,
					    .misses = c->misses,
					    .followed = c->followed,
					    .stores = kept.stores,
					    .evictions = kept.evictions,
					    .entries = kept.entries,
					    .bytes = kept.bytes};
}

struct cache *cache_new(uv_loop_t *loop, const struct cache_backend *backend)
{
	struct cache *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	cache_table_init();
	c->backend = *backend;
	uv_idle_init(loop, &c->teller);
	c->teller.data = c;
	return c;
}

static void part_closed(void *ctx)
{
	struct cache *c = ctx;

	if (--c->open_parts > 0)
		return;
	if (c->closed)
		c->closed(c->closed_ctx);
	free(c);
}

static void teller_closed(uv_handle_t *handle)
{
	part_closed(handle->data);
}

void cache_free(struct cache *c, void (*closed)(void *ctx), void *ctx)
{
	c->closed = closed;
	c->closed_ctx = ctx;
	c->open_parts = 2;
	drop_aliases(c);
	uv_close((uv_handle_t *)&c->teller, teller_closed);
	c->backend.free(c->backend.self, part_closed, c);
}
