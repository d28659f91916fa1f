/* POST /v1/batch: many requests in one, each on its own way through the pipeline.
 *
 * A part is a call like any other, with a request of its own (and its line in the access log), in
 * the low lane, so that other projects' requests go first.  At most `width` parts are under way,
 * and no more than twice as many are started and not yet written: the
 * results are written in the order of the requests, those that are ready early wait for the others,
 * and so memory stays bounded by some items, not by the batch.  With "stream":true each result is a
 * frame as soon as it is ready.
 *
 * The answer begins with the first result, so that a refusal of the whole batch (its body, its key,
 * an Idempotency-Key of another batch) still has a status of its own.  A client that leaves cancels
 * every part; the batch is freed when the last of them has come back. */
#include "daemon/api/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/str.h"

#include "daemon/api/auth.h"
#include "daemon/api/call.h"
#include "daemon/api/handlers.h"
#include "daemon/api/pipeline.h"

enum { INLINE_BODY_MAX = 64 * 1024 };

static void free_batch(struct batch *b)
{
	for (size_t i = 0; i < sizeof b->slots / sizeof *b->slots; i++)
		batch_clear_slot(&b->slots[i]);
	batch_head_done(&b->head);
	free(b->body);
	free(b->idempotency_key);
	b->req->user = NULL;
	b->api->batches--;
	request_unref(b->req);
	free(b);
}

/* ---- the encoder of parts ---- */

static void item_text(struct call *c, const char *text, size_t len)
{
	(void)c; /* kept by the pipeline until the end */
	(void)text;
	(void)len;
}

static void item_end(struct call *c)
{
	struct batch *b = c->owner;

	c->req->entry.status = 200;
	b->replayed = c->recall.replayed && (b->replayed || !(b->succeeded + b->failed));
	batch_item_answered(c->owner, c->slot, c);
}

static void item_fail(struct call *c, const struct failure *f)
{
	struct batch *b = c->owner;

	c->req->entry.status = failure_status(f);
	c->req->entry.fault = failure_name(f);
	if (f->fault == FAULT_CONFLICT && !b->begun) {
		b->failure = *f; /* the key belongs to another batch */
		b->stopped = true;
		return;
	}
	batch_item_failed(b, c->slot, f);
}

static void item_tick(struct call *c, int64_t now_us)
{
	batch_ping(c->owner, now_us);
}

const struct encoder batch_item = {
	.text = item_text, .end = item_end, .fail = item_fail, .tick = item_tick};

static void part_over(struct call *c)
{
	struct batch *b = c->owner;
	struct request *r = c->req;

	if (!r->entry.status)
		r->entry.status = 499;
	r->entry.duration_ms = (clock_mono_us() - r->started_us) / 1000;
	b->running--;
	batch_pump(b);
}

/* ---- starting parts ---- */

static char *part_key(const struct batch *b, size_t index)
{
	char *key = NULL;

	return asprintf(&key, "%s#%zu", b->idempotency_key, index) < 0 ? NULL : key;
}

static struct call *new_part(struct batch *b, char *body, size_t len, struct slot *slot)
{
	struct request *r = request_new_part(b->req, slot->index);
	struct call *c = r ? call_new(r, &batch_item, body, len) : NULL;

	if (!r)
		free(body);
	else
		request_unref(r); /* the call's, if there is one */
	if (!c)
		return NULL;
	c->owner = b;
	c->over = part_over;
	c->slot = slot;
	c->job->lane = JOB_LANE_LOW;
	c->strict = b->strict;
	c->chat.no_cache = b->no_cache; /* an item's own `cache` wins */
	c->chat.no_store = b->no_store;
	memcpy(c->recall.body_hash, b->head.hash, sizeof c->recall.body_hash);
	if (b->idempotency_key)
		c->idempotency_key = part_key(b, slot->index);
	return c;
}

static void start_item(struct batch *b, struct slot *slot, const struct json_slice *item)
{
	size_t len = 0;
	struct failure f;
	struct call *c;
	char *body = batch_item_body(&b->head, item, &slot->custom_id, &len, &f);

	if (!body) {
		batch_item_failed(b, slot, &f);
		return;
	}
	c = new_part(b, body, len, slot);
	if (!c) {
		failure_set(&f, FAULT_INTERNAL, NULL, "The server is out of memory.");
		batch_item_failed(b, slot, &f);
		return;
	}
	b->running++;
	pipeline_begin(c);
}

/* Starts the next item, if it may start; false: not now. */
static bool start_next(struct batch *b)
{
	struct json_slice item;
	struct slot *slot;

	if (!batch_is_wanted(b) || b->started == b->head.count || b->running >= b->width ||
	    !batch_may_write(b))
		return false;
	slot = batch_take_slot(b, b->started);
	if (!slot || !json_scan_next_item(&b->items, &item))
		return false;
	b->started++;
	start_item(b, slot, &item);
	return true;
}

static void cancel_parts(struct batch *b)
{
	struct call *c, *next;

	DL_FOREACH_SAFE(b->api->calls, c, next)
	{
		if (c->owner == b && !c->gone)
			pipeline_abort(c);
	}
}

static void refuse_all(struct batch *b)
{
	cancel_parts(b);
	if (b->req->x)
		request_fail(b->req, &b->failure);
}

/* The one place where a batch goes on: writes what is ready, starts what may start, ends.  A part
 * that ends at once calls in again; the loop below then sees to it. */
void batch_pump(struct batch *b)
{
	if (b->pumping)
		return;
	b->pumping = true;
	do
		batch_write_ready(b);
	while (start_next(b));
	if (b->stopped)
		refuse_all(b);
	else if (batch_is_wanted(b) && b->written == b->head.count)
		batch_write_summary(b);
	b->pumping = false;
	if (b->running == 0 && !b->req->x)
		free_batch(b);
}

/* ---- beginning ---- */

static void gone(struct request *r)
{
	struct batch *b = r->user;

	if (!b || b->on_thread)
		return;
	b->pumping = true; /* the parts that end at once must not free what is walked */
	cancel_parts(b);
	b->pumping = false;
	batch_pump(b);
}

static int64_t narrower(int64_t width, const struct rate *rate)
{
	int64_t limit = rate ? rate->limits.concurrent : -1;

	return limit > 0 && limit < width ? limit : width;
}

/* As many as may run at one time, by the pool and by the limits. */
static size_t width_of(const struct batch *b, const struct project *project)
{
	int64_t width = pool_most_workers(b->api->deps.pool);

	width = narrower(width, b->req->key ? &b->req->key->rate : NULL);
	width = narrower(width, project ? &project->rate : NULL);
	width = narrower(width, registry_global_rate(b->api->deps.registry));
	if (!b->head.parallel)
		width = 1;
	return width > BATCH_WIDTH_MAX ? BATCH_WIDTH_MAX : (size_t)width;
}

static void start(struct batch *b)
{
	struct project *project;

	if (!b->req->x) {
		free_batch(b);
		return;
	}
	project = b->head_result ? NULL : auth_project(b->req, b->head.project_id, &b->failure);
	if (!project) {
		request_fail(b->req, &b->failure);
		free_batch(b);
		return;
	}
	b->width = width_of(b, project);
	b->sent_us = clock_mono_us();
	json_scan_begin_array(&b->items, b->head.items.at, b->head.items.len);
	batch_pump(b);
}

static void read_head(struct batch *b)
{
	b->head_result = batch_head_read(&b->head, b->body, b->body_len,
					 (size_t)b->api->deps.conf->http.max_batch, &b->failure);
}

static void on_thread(uv_work_t *work)
{
	read_head(work->data);
}

static void after_thread(uv_work_t *work, int status)
{
	struct batch *b = work->data;

	(void)status; /* nobody cancels it */
	b->on_thread = false;
	start(b);
}

static void read_headers(struct batch *b)
{
	const char *control = exchange_header(b->req->x, "Cache-Control");

	b->strict = pipeline_is_strict(b->req);
	b->no_cache = control && str_has_token(control, "no-cache");
	b->no_store = control && str_has_token(control, "no-store");
}

/* Takes the key over. */
static struct batch *new_batch(struct request *r, char *key)
{
	struct batch *b = calloc(1, sizeof *b);
	const char *body;

	if (!b) {
		free(key);
		return NULL;
	}
	b->req = r;
	b->idempotency_key = key;
	b->api = r->api;
	b->api->batches++;
	request_ref(r);
	r->user = b;
	r->gone = gone;
	body = exchange_body(r->x, &b->body_len);
	b->body = malloc(b->body_len + 1);
	if (b->body)
		memcpy(b->body, body ? body : "", b->body_len + 1);
	read_headers(b);
	if (b->body)
		return b;
	free_batch(b);
	return NULL;
}

void handle_batch(struct request *r)
{
	struct batch *b;
	struct failure f;
	char *key = NULL;

	if (pipeline_idempotency_key(r, &key, &f)) {
		request_fail(r, &f);
		return;
	}
	b = new_batch(r, key);
	if (!b) {
		failure_set(&f, FAULT_INTERNAL, NULL, "The server is out of memory.");
		request_fail(r, &f);
		return;
	}
	b->work.data = b;
	b->on_thread = b->body_len > INLINE_BODY_MAX &&
		       uv_queue_work(b->api->deps.loop, &b->work, on_thread, after_thread) == 0;
	if (b->on_thread)
		return;
	read_head(b);
	start(b);
}
