/* The books: the one connection that writes, and what belongs to the transaction under way.  Opened
 * on the thread of store_new() or on the writer's, used by the writer's. */
#ifndef DAEMON_STORE_BOOKS_H
#define DAEMON_STORE_BOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/store/db.h"
#include "daemon/store/problem.h"
#include "daemon/store/records.h"
#include "daemon/store/rollup.h"

struct books {
	struct db db;
	struct rollup rollup;
	int64_t next_seq;   /* of the ledger; numbers of lines that were not written stay unused */
	int64_t covered_id; /* ids below it need no further reservation */
	int64_t first_id;   /* the first that this opening may give out */
	int64_t holds_closed;
	bool relaxed;                     /* synchronous = NORMAL at the moment */
	int64_t purge_at;                 /* monotonic ms */
	bool purge_again;                 /* more answers had run out than one round deletes */
	int64_t wal_pages, checkpoint_at; /* pages in the WAL, and at how many it is emptied */
};

/* Looks at the file without changing it, then makes or migrates it and closes the holds of a dead
 * daemon.  0, or a negative code and `why`, and then the books are closed.  A file that is corrupt,
 * newer or not ours is not touched. */
int books_open(struct books *b, const char *path, int patience_ms, struct problem *why);
/* clean: an orderly end, which spares the next start the check of a large file. */
void books_close(struct books *b, bool clean);

/* For the transactions to come: relaxed ones are in the file when they are committed, and on the
 * disk with the next one that is not. */
int books_relax(struct books *b, bool relaxed);
int books_begin(struct books *b);
int books_commit(struct books *b);     /* writes the rollups first; on failure: roll back */
void books_roll_back(struct books *b); /* also without a transaction */

/* Puts the line into the ledger and the rollups; *seq is given if it is 0, and kept on failure: the
 * same line with the same seq is written once, however often this is called. */
int books_append(struct books *b, const struct ledger_record *line, int64_t *seq);

/* To be called in the transaction that writes a row with this id: sees that no later opening gives
 * it out again. */
int books_cover_id(struct books *b, int64_t id);

/* Moves the WAL into the file where it has grown large: some ms, so when nobody waits for it.  0
 * also when readers kept a part from being moved. */
int books_checkpoint(struct books *b);

/* Kept answers that have run out are deleted once a minute, some at a time. */
bool books_purge_due(const struct books *b);
int books_purge_answers(struct books *b, int64_t now_ms);
/* How long the writer may sleep without work. */
uint64_t books_rest_ms(const struct books *b);

bool books_moved(struct books *b); /* another file, or none, is at the path now */

#endif
