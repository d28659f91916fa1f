/* The writer thread.
 *
 * Loop thread                          writer thread
 *   writer_queue()  --- queue ------->   take everything; one transaction: run(), run(), COMMIT
 *   on_async()      <-- notes, report -  publish; empty the WAL while nobody waits
 *
 * When a transaction fails, the file is to blame (op.c).  Every operation gets the code, and the
 * lasting ones go to the backlog.  If the problem may pass, it is tried again after 1 s, 2 s, ...
 * 30 s: with the backlog, before anything newer, and with a write of our own, since an empty
 * transaction touches no disk.  Until then nothing else is written.
 *
 * What must never happen: a wake-up is lost (the queue is looked at under the lock, before each
 * wait); the loop thread waits for the writer (the lock is held for a few instructions only); a
 * lasting operation is written twice (see books_append). */
#include "daemon/store/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/err.h"

enum {
	PATIENCE_MS = 5000,      /* for another process' lock */
	PROBE_PATIENCE_MS = 250, /* the same at the start and while trying again */
	REST_MS = 60 * 1000      /* between looks at what is due while nothing is queued */
};

#define SECOND_NS UINT64_C(1000000000)
#define RETRY_FIRST_NS SECOND_NS
#define RETRY_MOST_NS (30 * SECOND_NS)
#define MS_NS UINT64_C(1000000)

struct writer {
	/* Set before the thread starts. */
	const char *path;
	struct writer_events events;
	uv_thread_t thread;
	uv_async_t async;
	uv_mutex_t lock;
	uv_cond_t wake;

	/* Under the lock. */
	struct op *queue;
	struct note *notes;
	bool asleep, stopping, finished;
	bool news; /* report is fresh */
	struct writer_report report;
	struct writer_counts counts;

	/* The writer thread's. */
	struct books books;
	bool opened;
	struct problem problem;
	struct op *backlog;
	uint64_t retry_at, retry_ns; /* uv_hrtime */
	struct note *outgoing;
	int64_t commits, writes;
	size_t lost;

	/* The loop thread's. */
	struct writer_report told;
	int64_t queued;
	bool ended;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* ---- writer thread: results ---- */

static void post(struct writer *w, struct op *op, struct note *note, int rc)
{
	*note = (struct note){.op = op, .rc = rc};
	DL_APPEND(w->outgoing, note);
}

static void post_all(struct writer *w, struct op *ops)
{
	struct op *op, *next;

	DL_FOREACH_SAFE(ops, op, next)
	{
		post(w, op, &op->ended, op->rc);
		w->writes++;
	}
}

static void refuse_all(struct writer *w, struct op *ops, int rc)
{
	struct op *op, *next;

	DL_FOREACH_SAFE(ops, op, next)
	{
		if (!op->lasting) {
			post(w, op, &op->ended, rc);
			continue;
		}
		if (!op->warned)
			post(w, op, &op->failed, rc);
		op->warned = true;
		DL_APPEND(w->backlog, op);
	}
}

static void fill_report(struct writer *w)
{
	w->report.problem = w->problem;
	w->report.opened = w->opened && w->problem.kind < PROBLEM_NEWER;
	w->report.first_id = w->books.first_id;
	w->report.holds_closed = w->books.holds_closed;
	w->report.lost = w->lost;
}

/* Hands everything new to the loop thread; news: about the writer too. */
static void publish(struct writer *w, bool news)
{
	bool send;

	uv_mutex_lock(&w->lock);
	DL_CONCAT(w->notes, w->outgoing);
	w->outgoing = NULL;
	w->counts.commits = w->commits;
	w->counts.writes = w->writes;
	if (news)
		fill_report(w);
	w->news = w->news || news;
	send = w->notes || w->news;
	uv_mutex_unlock(&w->lock);
	if (send)
		uv_async_send(&w->async);
}

/* ---- writer thread: trouble ---- */

static void fall_ill(struct writer *w, int rc)
{
	problem_set(&w->problem, problem_of_code(rc), w->path, w->books.db.error);
	w->retry_ns = RETRY_FIRST_NS;
	w->retry_at = uv_hrtime() + w->retry_ns;
}

static int probe(struct op *op, struct books *books)
{
	struct query q = query_start(
		&books->db, "INSERT OR REPLACE INTO meta (name, value) VALUES ('clean', 0)");

	(void)op;
	return query_run(&q);
}

static int open_again(struct writer *w, int patience_ms)
{
	int rc;

	if (w->opened)
		return 0;
	rc = books_open(&w->books, w->path, patience_ms, &w->problem);
	w->opened = rc == 0;
	return rc;
}

/* The backlog and a write that shows that the disk takes one. */
static int write_backlog(struct writer *w)
{
	struct op mark = {.run = probe}, *backlog;
	int rc;

	DL_APPEND(w->backlog, &mark);
	rc = ops_write(&w->books, w->backlog);
	DL_DELETE(w->backlog, &mark);
	if (rc == 0) {
		backlog = w->backlog;
		w->backlog = NULL;
		w->commits++;
		post_all(w, backlog);
		rc = books_checkpoint(&w->books);
	}
	return rc;
}

static void mend(struct writer *w, int patience_ms)
{
	int rc = open_again(w, patience_ms);

	if (rc == 0) {
		db_set_patience(&w->books.db, patience_ms);
		rc = write_backlog(w);
		db_set_patience(&w->books.db, PATIENCE_MS);
		if (rc != 0)
			problem_set(&w->problem, problem_of_code(rc), w->path, w->books.db.error);
	}
	if (rc == 0) {
		problem_clear(&w->problem);
	} else {
		w->retry_ns = w->retry_ns * 2 < RETRY_MOST_NS ? w->retry_ns * 2 : RETRY_MOST_NS;
		w->retry_at = uv_hrtime() + w->retry_ns;
	}
	publish(w, true);
}

/* ---- writer thread: its life ---- */

static void write_ops(struct writer *w, struct op *ops)
{
	int rc;

	if (books_purge_due(&w->books) && books_moved(&w->books)) {
		problem_set(&w->problem, PROBLEM_MOVED, w->path, "");
		refuse_all(w, ops, ERR_STATE);
		publish(w, true);
		return;
	}
	rc = ops_write(&w->books, ops);
	if (rc != 0) {
		fall_ill(w, rc);
		refuse_all(w, ops, rc);
		publish(w, true);
		return;
	}
	w->commits++;
	post_all(w, ops);
	publish(w, false);
	rc = books_checkpoint(&w->books);
	if (rc != 0) {
		fall_ill(w, rc);
		publish(w, true);
	}
}

static void work(struct writer *w, struct op *ops)
{
	if (w->problem.kind == PROBLEM_NONE) {
		if (ops || books_purge_due(&w->books))
			write_ops(w, ops);
		return;
	}
	refuse_all(w, ops, ERR_STATE);
	publish(w, false);
	if (problem_may_pass(w->problem.kind) && uv_hrtime() >= w->retry_at)
		mend(w, PROBE_PATIENCE_MS);
}

static uint64_t how_long_to_sleep(const struct writer *w)
{
	uint64_t now = uv_hrtime();

	if (w->problem.kind == PROBLEM_NONE)
		return books_rest_ms(&w->books) * MS_NS;
	if (!problem_may_pass(w->problem.kind))
		return REST_MS * MS_NS;
	return w->retry_at > now ? w->retry_at - now : 0;
}

/* Waits for work, or until something is due; everything that is queued. */
static struct op *take(struct writer *w, bool *ret_stopping)
{
	uint64_t ns = how_long_to_sleep(w);
	struct op *ops, *op;

	uv_mutex_lock(&w->lock);
	while (!w->queue && !w->stopping && ns > 0) {
		w->asleep = true;
		if (uv_cond_timedwait(&w->wake, &w->lock, ns) != 0)
			ns = 0;
		w->asleep = false;
	}
	ops = w->queue;
	w->queue = NULL;
	DL_FOREACH(ops, op)
	op->taken = true;
	*ret_stopping = w->stopping;
	uv_mutex_unlock(&w->lock);
	return ops;
}

static void close_books(struct writer *w)
{
	struct op *op, *next;

	if (w->backlog && problem_may_pass(w->problem.kind))
		mend(w, PATIENCE_MS);
	DL_FOREACH_SAFE(w->backlog, op, next)
	{
		post(w, op, &op->ended, ERR_STATE);
		w->lost++;
	}
	books_close(&w->books, w->opened && w->problem.kind == PROBLEM_NONE);
	uv_mutex_lock(&w->lock);
	w->finished = true;
	uv_mutex_unlock(&w->lock);
	publish(w, true);
}

static void run_writer(void *arg)
{
	struct writer *w = arg;
	bool stopping = false;

	while (!stopping) {
		struct op *ops = take(w, &stopping);

		work(w, ops);
	}
	close_books(w);
}

/* ---- loop thread ---- */

static void deliver(struct writer *w, struct note *note)
{
	struct op *op = note->op;

	if (note == &op->failed) {
		op->told = true;
		op->tell(op, note->rc);
		return;
	}
	w->queued--;
	if (!op->told)
		op->tell(op, note->rc);
	op->free(op);
}

static void on_async(uv_async_t *async)
{
	struct writer *w = async->data;
	struct note *notes, *note, *next;
	bool news, finished;

	uv_mutex_lock(&w->lock);
	notes = w->notes;
	w->notes = NULL;
	news = w->news;
	w->news = false;
	finished = w->finished;
	if (news)
		w->told = w->report;
	uv_mutex_unlock(&w->lock);

	if (news)
		w->events.report(w->events.ctx, &w->told);
	DL_FOREACH_SAFE(notes, note, next)
	deliver(w, note);
	if (finished && !w->ended) {
		w->ended = true;
		uv_thread_join(&w->thread);
		w->events.stopped(w->events.ctx);
	}
}

void writer_queue(struct writer *w, struct op *op)
{
	bool asleep;

	w->queued++;
	uv_mutex_lock(&w->lock);
	DL_APPEND(w->queue, op);
	asleep = w->asleep;
	w->asleep = false; /* one wake-up is enough */
	uv_mutex_unlock(&w->lock);
	if (asleep)
		uv_cond_signal(&w->wake);
}

bool writer_amend(struct writer *w, struct op *op, void (*change)(struct op *op, void *arg),
		  void *arg)
{
	bool queued;

	uv_mutex_lock(&w->lock);
	queued = !op->taken;
	if (queued)
		change(op, arg);
	uv_mutex_unlock(&w->lock);
	return queued;
}

void writer_count(struct writer *w, struct writer_counts *ret_counts)
{
	uv_mutex_lock(&w->lock);
	*ret_counts = w->counts;
	uv_mutex_unlock(&w->lock);
	ret_counts->queued = w->queued;
}

void writer_stop(struct writer *w)
{
	uv_mutex_lock(&w->lock);
	w->stopping = true;
	uv_mutex_unlock(&w->lock);
	uv_cond_signal(&w->wake);
}

static void on_closed(uv_handle_t *handle)
{
	struct writer *w = handle->data;
	void (*closed)(void *ctx) = w->closed;
	void *ctx = w->closed_ctx;

	uv_cond_destroy(&w->wake);
	uv_mutex_destroy(&w->lock);
	free(w);
	if (closed)
		closed(ctx);
}

void writer_free(struct writer *w, void (*closed)(void *ctx), void *ctx)
{
	w->closed = closed;
	w->closed_ctx = ctx;
	uv_close((uv_handle_t *)&w->async, on_closed);
}

static void open_first(struct writer *w)
{
	int rc = books_open(&w->books, w->path, PROBE_PATIENCE_MS, &w->problem);

	w->opened = rc == 0;
	if (rc == 0) {
		db_set_patience(&w->books.db, PATIENCE_MS);
	} else {
		w->retry_ns = RETRY_FIRST_NS;
		w->retry_at = uv_hrtime() + w->retry_ns;
	}
	fill_report(w);
}

struct writer *writer_new(uv_loop_t *loop, const char *path, const struct writer_events *events,
			  struct writer_report *ret_report)
{
	struct writer *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->path = path;
	w->events = *events;
	if (uv_mutex_init(&w->lock) != 0)
		goto no_lock;
	if (uv_cond_init(&w->wake) != 0)
		goto no_wake;
	if (uv_async_init(loop, &w->async, on_async) != 0)
		goto no_async;
	w->async.data = w;
	open_first(w);
	*ret_report = w->report;
	if (uv_thread_create(&w->thread, run_writer, w) == 0)
		return w;
	books_close(&w->books, w->opened);
	uv_close((uv_handle_t *)&w->async, on_closed); /* frees */
	return NULL;
no_async:
	uv_cond_destroy(&w->wake);
no_wake:
	uv_mutex_destroy(&w->lock);
no_lock:
	free(w);
	return NULL;
}
