/* Cache hits.  They come by tens of thousands a second and cost nothing, so those of the same
 * project, key and model that come before the writer takes the queue share one operation and one
 * line of the ledger; a hit that joins costs a look into a hash and an entry in an array. */
#define HASH_NONFATAL_OOM 1
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "shared/err.h"

#include "daemon/store/ledger.h"
#include "daemon/store/store_private.h"

struct waiter {
	void (*done)(void *ctx, int rc);
	void *ctx;
};

struct hit_name {
	int64_t bucket; /* hits of two buckets make two lines */
	char project[PROJECT_NAME_SIZE], key_id[KEY_ID_SIZE], model[MODEL_NAME_SIZE];
};

struct hit_op {
	struct op op;
	struct store *store;
	struct hit_name name; /* zeros behind the texts: it is hashed as bytes */
	bool open;            /* in store->hits */
	UT_hash_handle hh;
	/* Shared with the writer until it has taken the operation, under its lock. */
	int64_t at_ms, count, seq;
	/* The loop thread's. */
	struct waiter *waiters;
	size_t waiting, room;
};

static int run_hits(struct op *op, struct books *books)
{
	struct hit_op *hits = (struct hit_op *)op;
	struct ledger_record line = {.at_ms = hits->at_ms,
				     .outcome = "cache_hit",
				     .used = {.requests = hits->count, .cache_hits = hits->count},
				     .queue_ms = -1,
				     .first_text_ms = -1,
				     .total_ms = -1};

	strcpy(line.project, hits->name.project);
	strcpy(line.key_id, hits->name.key_id);
	strcpy(line.model, hits->name.model);
	return books_append(books, &line, &hits->seq);
}

static void tell_hits(struct op *op, int rc)
{
	struct hit_op *hits = (struct hit_op *)op;

	for (size_t i = 0; i < hits->waiting; i++)
		if (hits->waiters[i].done)
			hits->waiters[i].done(hits->waiters[i].ctx, rc);
}

/* No more hits may join. */
static void close_hits(struct hit_op *hits)
{
	if (!hits->open)
		return;
	HASH_DEL(hits->store->hits, hits);
	hits->open = false;
}

static void free_hits(struct op *op)
{
	struct hit_op *hits = (struct hit_op *)op;

	close_hits(hits);
	free(hits->waiters);
	free(hits);
}

static int make_room(struct hit_op *hits)
{
	size_t room = hits->room ? 2 * hits->room : 8;
	struct waiter *waiters;

	if (hits->waiting < hits->room)
		return 0;
	waiters = reallocarray(hits->waiters, room, sizeof *waiters);
	if (!waiters)
		return -ENOMEM;
	hits->waiters = waiters;
	hits->room = room;
	return 0;
}

static void add_hit(struct op *op, void *at_ms)
{
	struct hit_op *hits = (struct hit_op *)op;

	hits->count++;
	hits->at_ms = *(const int64_t *)at_ms;
}

static struct hit_op *open_hits(struct store *s, const struct hit_name *name, int64_t at_ms)
{
	struct hit_op *hits = store_op_new(sizeof *hits, run_hits);

	if (!hits)
		return NULL;
	hits->op.tell = tell_hits;
	hits->op.free = free_hits;
	hits->op.relaxed = true; /* they cost nothing */
	hits->store = s;
	hits->name = *name;
	add_hit(&hits->op, &at_ms);
	HASH_ADD(hh, s->hits, name, sizeof hits->name, hits);
	hits->open = hits->hh.tbl != NULL;
	if (hits->open && make_room(hits) == 0)
		return hits;
	free_hits(&hits->op);
	return NULL;
}

/* Joins an operation that the writer has not taken yet: 0; -ENOENT: there is none; -ENOMEM. */
static int join(struct store *s, const struct hit_name *name, int64_t at_ms,
		struct hit_op **ret_hits)
{
	struct hit_op *hits = NULL;

	HASH_FIND(hh, s->hits, name, sizeof *name, hits);
	if (!hits)
		return -ENOENT;
	if (make_room(hits) != 0)
		return -ENOMEM;
	if (!writer_amend(s->writer, &hits->op, add_hit, &at_ms)) {
		close_hits(hits);
		return -ENOENT;
	}
	*ret_hits = hits;
	return 0;
}

static bool fill_name(struct hit_name *name, const char *project, const char *key_id,
		      const char *model, int64_t at_ms)
{
	if (strlen(project) >= sizeof name->project || strlen(key_id) >= sizeof name->key_id ||
	    strlen(model) >= sizeof name->model)
		return false;
	memset(name, 0, sizeof *name); /* padding too */
	name->bucket = bucket_start(at_ms, BUCKET_MS);
	strcpy(name->project, project);
	strcpy(name->key_id, key_id);
	strcpy(name->model, model);
	return true;
}

int store_cache_hit(struct store *s, const char *project, const char *key_id, const char *model,
		    int64_t at_ms, void (*done)(void *ctx, int rc), void *ctx)
{
	struct hit_name name;
	struct hit_op *hits = NULL;
	bool fresh;
	int rc;

	if (s->stopping || !store_healthy(s))
		return ERR_STATE;
	if (!fill_name(&name, project, key_id, model, at_ms))
		return ERR_LIMIT;
	rc = join(s, &name, at_ms, &hits);
	if (rc == -ENOMEM)
		return rc;
	fresh = rc == -ENOENT;
	if (fresh)
		hits = open_hits(s, &name, at_ms);
	if (!hits)
		return -ENOMEM;
	hits->waiters[hits->waiting++] = (struct waiter){.done = done, .ctx = ctx};
	return fresh ? store_write(s, &hits->op) : 0;
}
