/* Between the files of POST /v1/batch; nobody else includes this. */
#ifndef DAEMON_API_BATCH_H
#define DAEMON_API_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "shared/buf.h"
#include "shared/json_scan.h"

#include "daemon/api/call.h"
#include "daemon/api/errors.h"
#include "daemon/api/request.h"
#include "daemon/store/records.h"

/* What the body says besides the items. */
enum { BATCH_FIELDS_MAX = 8 };

struct batch_head {
	struct json_slice items; /* the array's text */
	size_t count;
	bool parallel, stream;
	bool seen[BATCH_FIELDS_MAX];   /* by field: it stood there */
	char *model;                   /* NULL: none */
	char *project_id;              /* NULL: none */
	unsigned char hash[HASH_SIZE]; /* of the whole body */
};

/* Looks through the body without building it; any thread.  0, or -EINVAL and f says why.  To be
 * released either way. */
int batch_head_read(struct batch_head *h, const char *body, size_t len, size_t most,
		    struct failure *f);
void batch_head_done(struct batch_head *h);

/* One item as the body of a chat request.  ret_id: its custom_id as JSON text, or NULL; to be freed
 * either way.  NULL: f says why. */
char *batch_item_body(const struct batch_head *h, const struct json_slice *item, char **ret_id,
		      size_t *ret_len, struct failure *f);

enum { BATCH_WIDTH_MAX = 64 };

/* A part that has been started and whose result is not yet written. */
struct slot {
	bool used;
	size_t index;    /* of the item */
	char *custom_id; /* JSON text, or NULL */
	struct buf result;
	bool ready;
};

struct batch {
	struct request *req; /* req->x is NULL when the client is gone, or was answered */
	struct api *api;
	char *body; /* a copy: items are read from it until the last has started */
	size_t body_len;
	struct batch_head head;
	struct json_scan items;
	char *idempotency_key;           /* NULL: none */
	bool strict, no_cache, no_store; /* by its headers, for every item */
	bool replayed; /* what has ended was answered by an Idempotency-Key's earlier answers */
	size_t started, written, width;
	unsigned running;
	bool on_thread, begun, pumping, stopped;
	int head_result;
	struct failure failure;
	int64_t sent_us;
	int64_t total_tokens, total_micro_usd;
	size_t succeeded, failed;
	struct slot slots[2 * BATCH_WIDTH_MAX]; /* the first 2 * width of them */
	uv_work_t work;
};

/* ---- batch_write.c ---- */

bool batch_is_wanted(const struct batch *b);
bool batch_may_write(const struct batch *b); /* the reader keeps up */

/* A place for the next item's result; NULL: none is free yet. */
struct slot *batch_take_slot(struct batch *b, size_t index);
void batch_clear_slot(struct slot *s);

void batch_item_answered(struct batch *b, struct slot *s, const struct call *c);
void batch_item_failed(struct batch *b, struct slot *s, const struct failure *f);

void batch_write_ready(struct batch *b);   /* in order, or as they come with "stream":true */
void batch_write_summary(struct batch *b); /* ends the answer */
void batch_ping(struct batch *b, int64_t now_us);

/* The reader has caught up, parts may start again. */
void batch_pump(struct batch *b);

#endif
