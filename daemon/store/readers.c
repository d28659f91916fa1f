#include "daemon/store/readers.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

enum { PATIENCE_MS = 1000 }; /* readers of a WAL wait for nobody, but for its recovery */

int readers_init(struct readers *r, const char *path)
{
	*r = (struct readers){.path = path};
	return uv_mutex_init(&r->lock) == 0 ? 0 : -ENOMEM;
}

static void reader_free(struct reader *reader)
{
	db_close(&reader->db);
	free(reader);
}

void readers_done(struct readers *r)
{
	struct reader *reader, *next;

	LL_FOREACH_SAFE(r->idle, reader, next)
	reader_free(reader);
	uv_mutex_destroy(&r->lock);
}

static struct reader *reader_new(const char *path, int *ret_rc)
{
	struct reader *reader = calloc(1, sizeof *reader);
	int rc = reader ? db_open(&reader->db, path, DB_READ) : -ENOMEM;

	if (rc == 0) {
		db_set_patience(&reader->db, PATIENCE_MS);
		rc = db_exec(&reader->db, "PRAGMA query_only = ON; PRAGMA cell_size_check = ON");
	}
	if (rc == 0)
		return reader;
	*ret_rc = rc;
	if (reader)
		reader_free(reader);
	return NULL;
}

struct reader *readers_take(struct readers *r, int *ret_rc)
{
	struct reader *reader;

	uv_mutex_lock(&r->lock);
	reader = r->idle;
	if (reader) {
		LL_DELETE(r->idle, reader);
		r->idle_count--;
	}
	uv_mutex_unlock(&r->lock);
	return reader ? reader : reader_new(r->path, ret_rc);
}

void readers_put(struct readers *r, struct reader *reader, int rc)
{
	bool keep;

	uv_mutex_lock(&r->lock);
	keep = rc >= 0 && r->idle_count < READERS_KEPT;
	if (keep) {
		LL_PREPEND(r->idle, reader);
		r->idle_count++;
	}
	uv_mutex_unlock(&r->lock);
	if (!keep)
		reader_free(reader);
}
