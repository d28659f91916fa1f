/* The store's life on the loop thread: what the writer reports becomes health, ids are given out,
 * questions go to the thread pool, and the end waits for all of them. */
#include "daemon/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shared/err.h"
#include "shared/log.h"

#include "daemon/store/migrate.h"
#include "daemon/store/store_private.h"

static bool works(const struct writer_report *r)
{
	return r->problem.kind == PROBLEM_NONE;
}

static void tell_opened(struct store *s)
{
	if (s->now.holds_closed > 0)
		log_warn("store",
			 "%lld requests were under way when the last daemon died; they are charged "
			 "with their prompts",
			 (long long)s->now.holds_closed);
	if (s->next_id < s->now.first_id)
		s->next_id = s->now.first_id;
}

static void on_report(void *ctx, const struct writer_report *report)
{
	struct store *s = ctx;
	bool worked = works(&s->now), opened = s->now.opened;
	bool other = report->problem.kind != s->now.problem.kind;

	s->now = *report;
	if (other && works(report))
		log_info("store", "%s works again", s->path);
	else if (other)
		log_error("store", "%s", report->problem.detail);
	if (report->lost > 0)
		log_error("store",
			  "%zu settled requests could not be written; the next start charges their "
			  "prompts",
			  report->lost);
	if (!opened && report->opened)
		tell_opened(s);
	if (worked != works(report) && s->health && !s->stopping)
		s->health(s->health_ctx);
}

static void on_writer_closed(void *ctx)
{
	struct store *s = ctx;
	void (*closed)(void *ctx) = s->closed;
	void *closed_ctx = s->closed_ctx;

	free(s->path);
	free(s);
	closed(closed_ctx);
}

static void on_stopped(void *ctx)
{
	struct store *s = ctx;

	writer_free(s->writer, on_writer_closed, s);
}

struct store *store_new(uv_loop_t *loop, const char *path, void (*health)(void *ctx), void *ctx)
{
	struct store *s = calloc(1, sizeof *s);
	struct writer_events events = {.report = on_report, .stopped = on_stopped, .ctx = s};

	if (!s)
		return NULL;
	s->loop = loop;
	s->health = health;
	s->health_ctx = ctx;
	s->next_id = 1;
	s->path = strdup(path);
	if (!s->path || readers_init(&s->readers, s->path) != 0)
		goto failed;
	s->writer = writer_new(loop, s->path, &events, &s->now);
	if (!s->writer)
		goto no_writer;
	if (!works(&s->now))
		log_error("store", "%s", s->now.problem.detail);
	if (s->now.opened)
		tell_opened(s);
	return s;
no_writer:
	readers_done(&s->readers);
failed:
	free(s->path);
	free(s);
	return NULL;
}

bool store_healthy(const struct store *s)
{
	return works(&s->now);
}

const char *store_detail(const struct store *s)
{
	return s->now.problem.detail;
}

const char *store_path(const struct store *s)
{
	return s->path;
}

int64_t store_next_id(struct store *s)
{
	return s->next_id++;
}

static int64_t size_of(const char *path, const char *suffix)
{
	char name[4096];
	struct stat st;

	snprintf(name, sizeof name, "%s%s", path, suffix);
	return stat(name, &st) == 0 ? (int64_t)st.st_size : 0;
}

void store_count(const struct store *s, struct store_counts *ret_counts)
{
	struct writer_counts counts;

	writer_count(s->writer, &counts);
	*ret_counts = (struct store_counts){.commits = counts.commits,
					    .writes = counts.writes,
					    .queued = counts.queued,
					    .open_holds_closed = s->now.holds_closed,
					    .schema_version = s->now.opened ? migrate_newest() : 0,
					    .file_bytes = size_of(s->path, "") +
							  size_of(s->path, "-wal")};
}

/* ---- writes ---- */

static void free_op(struct op *op)
{
	free(op);
}

void *store_op_new(size_t size, int (*run)(struct op *op, struct books *books))
{
	struct op *op = calloc(1, size);

	if (op) {
		op->run = run;
		op->free = free_op;
	}
	return op;
}

static void tell_plain(struct op *op, int rc)
{
	struct plain_op *plain = (struct plain_op *)op;

	if (plain->done)
		plain->done(plain->ctx, rc);
}

void *store_plain_new(size_t size, int (*run)(struct op *op, struct books *books),
		      void (*done)(void *ctx, int rc), void *ctx)
{
	struct plain_op *plain = store_op_new(size, run);

	if (plain) {
		plain->op.tell = tell_plain;
		plain->done = done;
		plain->ctx = ctx;
	}
	return plain;
}

int store_write(struct store *s, struct op *op)
{
	if (s->stopping || (!works(&s->now) && !op->lasting)) {
		op->free(op);
		return ERR_STATE;
	}
	writer_queue(s->writer, op);
	return 0;
}

/* ---- reads ---- */

static int run_broken(struct op *op, struct books *books)
{
	(void)op;
	snprintf(books->db.error, sizeof books->db.error, "found while reading");
	return -EUCLEAN;
}

/* What is corrupt must not be written on: the writer learns it as its own failure. */
static void report_corrupt(struct store *s)
{
	struct plain_op *op = store_plain_new(sizeof *op, run_broken, NULL, NULL);

	if (op)
		(void)store_write(s, &op->op); /* ERR_STATE: it knows already */
}

static void end_if_idle(struct store *s)
{
	if (!s->stopping || s->reading > 0)
		return;
	readers_done(&s->readers);
	writer_stop(s->writer);
}

static void read_on_thread(uv_work_t *work)
{
	struct read_job *job = work->data;
	struct reader *reader = readers_take(&job->store->readers, &job->rc);

	if (!reader)
		return;
	job->rc = job->run(job, &reader->db);
	readers_put(&job->store->readers, reader, job->rc);
}

static void after_read(uv_work_t *work, int status)
{
	struct read_job *job = work->data;
	struct store *s = job->store;
	int rc = status != 0 ? status : job->rc;

	if (rc == -EUCLEAN || rc == -EBADF)
		report_corrupt(s);
	job->tell(job, rc);
	s->reading--; /* only now: tell() may call store_stop() */
	end_if_idle(s);
}

bool store_can_read(const struct store *s)
{
	return s->now.opened && !s->stopping;
}

int store_read(struct store *s, struct read_job *job)
{
	if (!store_can_read(s))
		return ERR_STATE;
	job->store = s;
	job->work.data = job;
	/* It only fails for a missing callback. */
	uv_queue_work(s->loop, &job->work, read_on_thread, after_read);
	s->reading++;
	return 0;
}

struct reader *store_reader(struct store *s, int *ret_rc)
{
	if (!store_can_read(s)) {
		*ret_rc = ERR_STATE;
		return NULL;
	}
	return readers_take(&s->readers, ret_rc);
}

void store_stop(struct store *s, void (*closed)(void *ctx), void *ctx)
{
	s->closed = closed;
	s->closed_ctx = ctx;
	s->stopping = true;
	end_if_idle(s);
}
