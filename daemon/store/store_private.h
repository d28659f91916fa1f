/* Of the files that implement store.h and the headers beside it. */
#ifndef DAEMON_STORE_STORE_PRIVATE_H
#define DAEMON_STORE_STORE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/store/readers.h"
#include "daemon/store/store.h"
#include "daemon/store/writer.h"

struct hit_op;

struct store {
	uv_loop_t *loop;
	char *path;
	struct writer *writer;
	struct readers readers;
	struct writer_report now; /* what the writer said last */
	int64_t next_id;
	struct hit_op *hits; /* those that may still be joined, by project, key and model */

	size_t reading; /* jobs on the thread pool */
	bool stopping;
	void (*health)(void *ctx);
	void *health_ctx;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* ---- writes ---- */

/* Zeroed, with op as the first member; NULL: out of memory. */
void *store_op_new(size_t size, int (*run)(struct op *op, struct books *books));
/* 0: queued; ERR_STATE: the store does not work, and the operation was freed. */
int store_write(struct store *s, struct op *op);

/* An operation whose `done` takes a code and nothing more. */
struct plain_op {
	struct op op;
	void (*done)(void *ctx, int rc); /* NULL: nobody asks */
	void *ctx;
};
void *store_plain_new(size_t size, int (*run)(struct op *op, struct books *books),
		      void (*done)(void *ctx, int rc), void *ctx);

/* ---- reads ---- */

/* The head of a question that runs on the thread pool. */
struct read_job {
	uv_work_t work;
	struct store *store;
	int (*run)(struct read_job *job, struct db *db); /* thread pool; 0 or a negative code */
	void (*tell)(struct read_job *job, int rc);      /* loop thread, once; frees the job */
	int rc;
};

bool store_can_read(const struct store *s);
/* 0: tell() comes; ERR_STATE: the file is not open.  Then the job is still the caller's. */
int store_read(struct store *s, struct read_job *job);

/* A connection for reading on the loop thread.  NULL and ret_rc. */
struct reader *store_reader(struct store *s, int *ret_rc);

#endif
