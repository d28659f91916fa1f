/* Conversations that the server keeps: the messages of the turns so far, by project and id, for
 * sessions.ttl after the last turn.
 *
 * A session is made by sessions_new_id() and its first turn; one that is not there (never was, has
 * run out, was deleted, is another project's) is not made by asking for it, so that a client never
 * goes on without its past unknowingly.
 *
 * They are kept in memory, within a bound: what was used longest ago goes first.  With Redis they
 * are kept there as well, for other daemons and the next start; what memory has serves while Redis
 * does not answer, and goes there again when it does.  Turns are added by version: a session that
 * another daemon has gone on with meanwhile is not overwritten.  All on the loop thread. */
#ifndef DAEMON_DISPATCH_SESSIONS_H
#define DAEMON_DISPATCH_SESSIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SESSION_ID_SIZE = 40 }; /* "sess_" and 32 hexadecimal digits, NUL */

/* Of a tombstone: newer than any turn, so that none is ever put over it.  The largest integer that
 * every reader of JSON takes exactly. */
#define SESSION_LAST_VERSION INT64_C(9007199254740991)

struct session_key {
	char project[65], id[SESSION_ID_SIZE];
};

/* Filled to the end, because keys are compared as bytes. */
void session_key_set(struct session_key *key, const char *project, const char *id);

/* Immutable once shared; counted references. */
struct session {
	unsigned refs;
	int64_t version;           /* turns so far, 0: none yet; or SESSION_LAST_VERSION */
	int64_t created_ms, at_ms; /* wall clock; at: of the last turn */
	bool deleted;              /* a tombstone, for daemons that have a copy */
	char *system;              /* of the last turn that brought one; NULL: none did */
	json_t *messages;          /* as in struct job_prompt; empty at first */
	size_t size;               /* bytes of the messages as JSON text */
};

struct session *session_new(void);
struct session *session_ref(struct session *s);
void session_unref(struct session *s); /* NULL ok */
/* For a back end; NULL: out of memory, or text that session_to_json would not write, of another
 * version of the format, say. */
char *session_to_json(const struct session *s);
struct session *session_from_json(const char *json, size_t len);

/* After a turn: what was there (NULL: nothing), the system prompt that serves from now on and all
 * messages of the conversation, the answer among them, whose JSON text has `size` bytes.  Takes a
 * reference to messages, which nobody may change any more.  NULL: out of memory. */
struct session *session_after(const struct session *before, const char *system, json_t *messages,
			      size_t size);
/* What counts against sessions.max_size: messages and system prompt. */
size_t session_bytes(const struct session *s);
/* About what it takes in memory, where many small messages weigh more than their text. */
size_t session_memory(const struct session *s);

/* Where sessions are kept besides memory. */
struct session_backend {
	/* `found` exactly once, from inside or from the loop: failed means that it could not be
	 * told; s NULL: nothing there. */
	void (*get)(void *self, const struct session_key *key,
		    void (*found)(void *ctx, bool failed, struct session *s), void *ctx);
	/* Puts it unless what is there has s's version or a newer one (then conflict).  `done`
	 * exactly once; may be NULL. */
	void (*put)(void *self, const struct session_key *key, struct session *s, int64_t ttl_ms,
		    void (*done)(void *ctx, bool failed, bool conflict), void *ctx);
	void *self;
};

struct sessions_conf {
	int64_t ttl_ms;
	size_t max_size, max_bytes;
};

struct sessions;

/* backend NULL: memory alone; copied. */
struct sessions *sessions_new(const struct sessions_conf *conf,
			      const struct session_backend *backend);
/* The same for sessions that were made without, before any is asked for. */
void sessions_use_backend(struct sessions *s, const struct session_backend *backend);
void sessions_configure(struct sessions *s, const struct sessions_conf *conf);
/* NULL ok.  No call of sessions_open may be under way; the back end must have answered all (it is
 * stopped first). */
void sessions_free(struct sessions *s);

void sessions_new_id(char ret_id[SESSION_ID_SIZE]);
bool sessions_id_is_valid(const char *id);

enum session_found {
	SESSION_FOUND,
	SESSION_NONE,   /* never was, has run out, was deleted, is another project's */
	SESSION_BUSY,   /* another request of it is under way here */
	SESSION_FAILED, /* the back end does not answer and memory has no copy; no memory */
};

/* One request's hold on its session; embedded, zero before use. */
struct session_ticket {
	struct session_key key;
	bool held; /* nobody else may have it */
	/* Below: the module's. */
	struct session_wait *wait; /* for the back end; NULL: for nothing */
};

/* Looks it up for a turn and holds it until sessions_release().  `ready` is called once, from
 * inside or from the loop; s is borrowed; not called after a release. */
void sessions_open(struct sessions *s, const struct session_key *key, struct session_ticket *t,
		   void (*ready)(void *ctx, enum session_found found, struct session *s),
		   void *ctx);
/* For a new one: holds it without a look; t->held false: no memory. */
void sessions_hold_new(struct sessions *s, const struct session_key *key, struct session_ticket *t);

/* Keeps the session as it is after a turn: `next` has the version after the one that was found; a
 * reference is taken.  In memory at once; `done` when the back end has it, too, or cannot: from
 * inside or from the loop, within the back end's timeout; not called after a release.  conflict:
 * another daemon was faster, and its turn stays. */
void sessions_save(struct sessions *s, struct session_ticket *t, struct session *next,
		   void (*done)(void *ctx, bool conflict), void *ctx);
void sessions_release(struct sessions *s, struct session_ticket *t); /* a no-op if not held */

/* The same look-up without a hold: it neither waits for a turn that is under way nor stands in the
 * way of one, and never finds SESSION_BUSY.  `t` is for sessions_release() only. */
void sessions_look(struct sessions *s, const struct session_key *key, struct session_ticket *t,
		   void (*ready)(void *ctx, enum session_found found, struct session *s),
		   void *ctx);

/* Forgets it here and in the back end (a tombstone tells other daemons).  `done` once, from inside
 * or from the loop.  found: whether it was there; SESSION_BUSY: it is in use here, and stays;
 * SESSION_FAILED: the back end could not be told, and it stays. */
void sessions_delete(struct sessions *s, const struct session_key *key,
		     void (*done)(void *ctx, enum session_found found), void *ctx);

struct sessions_count {
	size_t entries, bytes; /* those in use among them; bytes: session_memory() */
	int64_t evictions, conflicts;
};
void sessions_count(const struct sessions *s, struct sessions_count *ret_count);

#endif
