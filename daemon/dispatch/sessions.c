/* Sessions in memory, and in a back end if there is one.
 *
 * An entry is there while its session is kept or somebody holds it; `holder` says who.  The list
 * has them by their last turn: its end is what is dropped first, for want of room or because its
 * time is over.
 *
 * What is asked of the back end is a struct session_wait of its own, so that a ticket may be
 * released meanwhile: then nobody is told, and what comes back changes nothing that somebody else
 * may hold by now.
 *
 * Memory and back end may differ.  The newer one counts: memory is newer when the back end did not
 * answer at the last turn or has lost what it had, and then it is put there again; the back end is
 * newer when another daemon has gone on with the conversation.  A tombstone there ends it here,
 * too. */
#include "daemon/dispatch/sessions.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/str.h"

#include "daemon/dispatch/cache_table.h"

static const char id_prefix[] = "sess_";

struct entry {
	struct session_key key;
	struct session *s; /* NULL: not known here */
	struct session_ticket *holder;
	size_t cost;
	struct entry *prev, *next;
	UT_hash_handle hh;
};

struct sessions {
	struct sessions_conf conf;
	struct session_backend backend;
	bool has_backend;
	struct entry *table, *list;
	size_t bytes;
	int64_t evictions, conflicts;
};

/* What is open at the back end for a ticket. */
struct session_wait {
	struct sessions *sessions;
	struct session_ticket *ticket; /* NULL: released */
	struct session_key key;
	struct session *put; /* a reference: what is being saved */
	void (*ready)(void *ctx, enum session_found found, struct session *s);
	void (*saved)(void *ctx, bool conflict);
	void *ctx;
};

/* ---- entries ---- */

static struct entry *find(struct sessions *s, const struct session_key *key)
{
	struct entry *e;

	HASH_FIND(hh, s->table, key, sizeof *key, e);
	return e;
}

static struct entry *add(struct sessions *s, const struct session_key *key)
{
	struct entry *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	e->key = *key;
	HASH_ADD(hh, s->table, key, sizeof e->key, e);
	if (!e->hh.tbl) {
		free(e);
		return NULL;
	}
	DL_PREPEND(s->list, e);
	return e;
}

static void drop(struct sessions *s, struct entry *e)
{
	HASH_DEL(s->table, e);
	DL_DELETE(s->list, e);
	s->bytes -= e->cost;
	session_unref(e->s);
	free(e);
}

/* session NULL: forgotten. */
static void set(struct sessions *s, struct entry *e, struct session *session)
{
	struct session *old = e->s;

	s->bytes -= e->cost;
	e->s = session ? session_ref(session) : NULL;
	e->cost = session ? session_memory(session) : 0;
	s->bytes += e->cost;
	session_unref(old);
}

static void touch(struct sessions *s, struct entry *e)
{
	DL_DELETE(s->list, e);
	DL_PREPEND(s->list, e);
}

static int64_t left_ms(const struct sessions *s, const struct session *session)
{
	return s->conf.ttl_ms - (clock_wall_ms() - session->at_ms);
}

static bool is_good(const struct sessions *s, const struct session *session)
{
	return session && left_ms(s, session) > 0;
}

static void make_room(struct sessions *s)
{
	struct entry *e, *before;

	for (e = s->list ? s->list->prev : NULL; e && s->bytes > s->conf.max_bytes; e = before) {
		before = e == s->list ? NULL : e->prev;
		if (e->holder)
			continue;
		s->evictions++;
		drop(s, e);
	}
}

static void drop_old(struct sessions *s)
{
	while (s->list && !s->list->prev->holder && !is_good(s, s->list->prev->s))
		drop(s, s->list->prev);
}

/* ---- holding ---- */

/* False: somebody holds it, or there is no memory; ret_found says which. */
static bool hold(struct sessions *s, const struct session_key *key, struct session_ticket *t,
		 enum session_found *ret_found)
{
	struct entry *e;

	drop_old(s);
	e = find(s, key);
	*t = (struct session_ticket){.key = *key};
	*ret_found = e && e->holder ? SESSION_BUSY : SESSION_FAILED;
	if (e && e->holder)
		return false;
	if (!e)
		e = add(s, key);
	if (!e)
		return false;
	e->holder = t;
	t->held = true;
	return true;
}

void sessions_hold_new(struct sessions *s, const struct session_key *key, struct session_ticket *t)
{
	enum session_found found;

	hold(s, key, t, &found);
}

void sessions_release(struct sessions *s, struct session_ticket *t)
{
	struct entry *e = t->held ? find(s, &t->key) : NULL;

	if (t->wait)
		t->wait->ticket = NULL;
	t->wait = NULL;
	t->held = false;
	if (!e)
		return;
	e->holder = NULL;
	if (!e->s)
		drop(s, e);
	make_room(s);
}

static struct session_wait *wait_new(struct sessions *s, struct session_ticket *t, void *ctx)
{
	struct session_wait *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->sessions = s;
	w->ticket = t;
	w->key = t->key;
	w->ctx = ctx;
	t->wait = w;
	return w;
}

/* The ticket is out of it before anybody is told. */
static struct session_ticket *wait_end(struct session_wait *w)
{
	struct session_ticket *t = w->ticket;

	if (t)
		t->wait = NULL;
	return t;
}

/* ---- looking up ---- */

static void put(struct sessions *s, const struct session_key *key, struct session *session,
		void (*done)(void *ctx, bool failed, bool conflict), void *ctx)
{
	s->backend.put(s->backend.self, key, session, left_ms(s, session), done, ctx);
}

/* Which of both counts, borrowed; NULL: neither. */
static struct session *newer(const struct sessions *s, struct session *ours, struct session *theirs)
{
	if (theirs && theirs->deleted)
		return NULL;
	if (is_good(s, ours) && (!theirs || ours->version > theirs->version))
		return ours;
	return is_good(s, theirs) ? theirs : NULL;
}

static void merge(struct sessions *s, struct entry *e, struct session *theirs)
{
	struct session *ours = e->s, *one = newer(s, ours, theirs);

	if (one && one == ours) {
		put(s, &e->key, ours, NULL, NULL);
		return;
	}
	s->conflicts += one && is_good(s, ours) && ours->version == one->version &&
			ours->at_ms != one->at_ms;
	set(s, e, one);
	touch(s, e);
}

/* s is kept alive while it is told of. */
static void tell(void (*ready)(void *ctx, enum session_found found, struct session *s), void *ctx,
		 struct session *s, bool failed)
{
	if (s)
		ready(ctx, SESSION_FOUND, s);
	else
		ready(ctx, failed ? SESSION_FAILED : SESSION_NONE, NULL);
	session_unref(s);
}

/* Ends a look-up for a turn, whose entry is held. */
static void opened(struct sessions *s, struct session_ticket *t, bool failed,
		   void (*ready)(void *ctx, enum session_found found, struct session *s), void *ctx)
{
	struct entry *e = find(s, &t->key);
	struct session *one = is_good(s, e->s) ? session_ref(e->s) : NULL;

	if (!one) {
		set(s, e, NULL);
		sessions_release(s, t);
	}
	make_room(s);
	tell(ready, ctx, one, failed);
}

static void on_got(void *ctx, bool failed, struct session *theirs)
{
	struct session_wait *w = ctx;
	struct session_ticket *t = wait_end(w);

	if (t && !failed)
		merge(w->sessions, find(w->sessions, &w->key), theirs);
	if (t)
		opened(w->sessions, t, failed, w->ready, w->ctx);
	free(w);
}

void sessions_open(struct sessions *s, const struct session_key *key, struct session_ticket *t,
		   void (*ready)(void *ctx, enum session_found found, struct session *s), void *ctx)
{
	struct session_wait *w;
	enum session_found found;

	if (!hold(s, key, t, &found)) {
		ready(ctx, found, NULL);
		return;
	}
	w = s->has_backend ? wait_new(s, t, ctx) : NULL;
	if (!w) {
		opened(s, t, s->has_backend, ready, ctx);
		return;
	}
	w->ready = ready;
	s->backend.get(s->backend.self, &t->key, on_got, w);
}

static struct session *find_good(struct sessions *s, const struct session_key *key)
{
	struct entry *e = find(s, key);

	return e && is_good(s, e->s) ? e->s : NULL;
}

static void on_seen(void *ctx, bool failed, struct session *theirs)
{
	struct session_wait *w = ctx;
	struct session *one = find_good(w->sessions, &w->key);

	if (!failed)
		one = newer(w->sessions, one, theirs);
	if (wait_end(w))
		tell(w->ready, w->ctx, one ? session_ref(one) : NULL, failed);
	free(w);
}

void sessions_look(struct sessions *s, const struct session_key *key, struct session_ticket *t,
		   void (*ready)(void *ctx, enum session_found found, struct session *s), void *ctx)
{
	struct session_wait *w = NULL;
	struct session *one;

	*t = (struct session_ticket){.key = *key};
	if (s->has_backend)
		w = wait_new(s, t, ctx);
	if (!w) {
		one = find_good(s, key);
		tell(ready, ctx, one ? session_ref(one) : NULL, s->has_backend);
		return;
	}
	w->ready = ready;
	s->backend.get(s->backend.self, &w->key, on_seen, w);
}

/* ---- saving ---- */

/* What could not be put is in memory, and is put at the next turn. */
static void on_saved(void *ctx, bool failed, bool conflict)
{
	struct session_wait *w = ctx;
	struct sessions *s = w->sessions;
	struct entry *e = find(s, &w->key);

	(void)failed;
	s->conflicts += conflict;
	if (conflict && e && e->s == w->put) {
		set(s, e, NULL); /* the next look-up finds theirs */
		if (!e->holder)
			drop(s, e);
	}
	session_unref(w->put);
	if (wait_end(w))
		w->saved(w->ctx, conflict);
	free(w);
}

void sessions_save(struct sessions *s, struct session_ticket *t, struct session *next,
		   void (*done)(void *ctx, bool conflict), void *ctx)
{
	struct entry *e = find(s, &t->key);
	struct session_wait *w;

	set(s, e, next);
	touch(s, e);
	make_room(s);
	w = s->has_backend ? wait_new(s, t, ctx) : NULL;
	if (!w) {
		done(ctx, false);
		return;
	}
	w->saved = done;
	w->put = session_ref(next);
	put(s, &t->key, next, on_saved, w);
}

/* ---- deleting ---- */

struct deletion {
	struct sessions *sessions;
	struct session_ticket ticket;
	void (*done)(void *ctx, enum session_found found);
	void *ctx;
};

static void end_deletion(struct deletion *d, enum session_found found)
{
	struct sessions *s = d->sessions;

	if (found == SESSION_FOUND)
		set(s, find(s, &d->ticket.key), NULL);
	sessions_release(s, &d->ticket);
	d->done(d->ctx, found);
	free(d);
}

/* Only a tombstone is as new as one: another daemon's deletion is as good as ours. */
static void on_buried(void *ctx, bool failed, bool conflict)
{
	(void)conflict;
	end_deletion(ctx, failed ? SESSION_FAILED : SESSION_FOUND);
}

static void on_found_to_delete(void *ctx, enum session_found found, struct session *session)
{
	struct deletion *d = ctx;
	struct sessions *s = d->sessions;
	struct session *stone;

	(void)session;
	if (found != SESSION_FOUND || !s->has_backend) {
		end_deletion(d, found);
		return;
	}
	stone = session_new();
	if (!stone) {
		end_deletion(d, SESSION_FAILED);
		return;
	}
	stone->version = SESSION_LAST_VERSION;
	stone->deleted = true;
	put(s, &d->ticket.key, stone, on_buried, d);
	session_unref(stone);
}

void sessions_delete(struct sessions *s, const struct session_key *key,
		     void (*done)(void *ctx, enum session_found found), void *ctx)
{
	struct deletion *d = calloc(1, sizeof *d);

	if (!d) {
		done(ctx, SESSION_FAILED);
		return;
	}
	*d = (struct deletion){.sessions = s, .done = done, .ctx = ctx};
	sessions_open(s, key, &d->ticket, on_found_to_delete, d);
}

/* ---- ids, counts, life ---- */

void sessions_new_id(char ret_id[SESSION_ID_SIZE])
{
	unsigned char random[16];

	randombytes_buf(random, sizeof random);
	memcpy(ret_id, id_prefix, sizeof id_prefix - 1);
	sodium_bin2hex(ret_id + sizeof id_prefix - 1, SESSION_ID_SIZE - sizeof id_prefix + 1,
		       random, sizeof random);
}

bool sessions_id_is_valid(const char *id)
{
	return strncmp(id, id_prefix, sizeof id_prefix - 1) == 0 &&
	       str_in_set(id + sizeof id_prefix - 1, 32, 32, "0123456789abcdef");
}

void sessions_count(const struct sessions *s, struct sessions_count *ret_count)
{
	*ret_count = (struct sessions_count){.entries = HASH_COUNT(s->table),
					     .bytes = s->bytes,
					     .evictions = s->evictions,
					     .conflicts = s->conflicts};
}

void sessions_configure(struct sessions *s, const struct sessions_conf *conf)
{
	s->conf = *conf;
	drop_old(s);
	make_room(s);
}

struct sessions *sessions_new(const struct sessions_conf *conf,
			      const struct session_backend *backend)
{
	struct sessions *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	cache_table_init();
	s->conf = *conf;
	if (backend)
		sessions_use_backend(s, backend);
	return s;
}

void sessions_use_backend(struct sessions *s, const struct session_backend *backend)
{
	s->backend = *backend;
	s->has_backend = true;
}

void sessions_free(struct sessions *s)
{
	while (s && s->list)
		drop(s, s->list);
	free(s);
}
