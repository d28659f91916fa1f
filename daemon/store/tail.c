/* The newest lines of the ledger. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/err.h"

#include "daemon/store/ledger.h"
#include "daemon/store/store_private.h"

struct tail_job {
	struct read_job job;
	char project[PROJECT_NAME_SIZE];
	int64_t before;
	size_t wanted, count, room;
	struct ledger_record *lines; /* the newest first, until they are told */
	void (*done)(void *ctx, int rc, const struct ledger_record *lines, size_t count);
	void *ctx;
};

static void read_line(struct query *q, struct ledger_record *line)
{
	struct usage_amounts *used = &line->used;

	*line = (struct ledger_record){.seq = query_get_int(q, 0), .at_ms = query_get_int(q, 1)};
	query_get_text(q, 2, line->request_id, sizeof line->request_id);
	query_get_text(q, 3, line->project, sizeof line->project);
	query_get_text(q, 4, line->key_id, sizeof line->key_id);
	query_get_text(q, 5, line->model, sizeof line->model);
	query_get_text(q, 6, line->route, sizeof line->route);
	query_get_text(q, 7, line->outcome, sizeof line->outcome);
	used->requests = query_get_int(q, 8);
	used->errors = query_get_int(q, 9);
	used->cache_hits = query_get_int(q, 10);
	used->input_tokens = query_get_int(q, 11);
	used->output_tokens = query_get_int(q, 12);
	used->cache_read_tokens = query_get_int(q, 13);
	used->cache_creation_tokens = query_get_int(q, 14);
	used->thinking_tokens = query_get_int(q, 15);
	used->cost_micro_usd = query_get_int(q, 16);
	line->held_tokens = query_get_int(q, 17);
	line->held_micro_usd = query_get_int(q, 18);
	line->queue_ms = query_get_int(q, 19);
	line->first_text_ms = query_get_int(q, 20);
	line->total_ms = query_get_int(q, 21);
}

static struct ledger_record *next_line(struct tail_job *tail)
{
	size_t room = tail->room ? 2 * tail->room : 16;
	struct ledger_record *lines;

	if (tail->count == tail->room) {
		lines = reallocarray(tail->lines, room, sizeof *lines);
		if (!lines)
			return NULL;
		tail->lines = lines;
		tail->room = room;
	}
	return &tail->lines[tail->count++];
}

/* The columns in the order of read_line(). */
#define TAIL_OF(where)                                                                             \
	"SELECT * FROM ledger WHERE seq < ?1 AND " where " ORDER BY seq DESC LIMIT ?2"

static int run_tail(struct read_job *job, struct db *db)
{
	static const char of_all[] = TAIL_OF("?3 = ''"), of_project[] = TAIL_OF("project = ?3");
	struct tail_job *tail = (struct tail_job *)job;
	struct query q = query_start(db, tail->project[0] ? of_project : of_all);
	int rc;

	query_int(&q, tail->before > 0 ? tail->before : INT64_MAX);
	query_int(&q, tail->wanted < INT32_MAX ? (int64_t)tail->wanted : INT32_MAX);
	query_text(&q, tail->project);
	while ((rc = query_row(&q)) > 0) {
		struct ledger_record *line = next_line(tail);

		if (!line) {
			rc = -ENOMEM;
			break;
		}
		read_line(&q, line);
	}
	query_end(&q);
	return rc;
}

static void tell_tail(struct read_job *job, int rc)
{
	struct tail_job *tail = (struct tail_job *)job;
	size_t count = rc == 0 ? tail->count : 0;

	for (size_t i = 0; i < count / 2; i++) {
		struct ledger_record line = tail->lines[i];

		tail->lines[i] = tail->lines[count - 1 - i];
		tail->lines[count - 1 - i] = line;
	}
	tail->done(tail->ctx, rc, tail->lines, count);
	free(tail->lines);
	free(tail);
}

int store_ledger_tail(struct store *s, const char *project, int64_t before, size_t count,
		      void (*done)(void *ctx, int rc, const struct ledger_record *lines,
				   size_t count),
		      void *ctx)
{
	struct tail_job *tail;
	int rc;

	if (strlen(project) >= sizeof tail->project)
		return ERR_LIMIT;
	tail = calloc(1, sizeof *tail);
	if (!tail)
		return -ENOMEM;
	tail->job.run = run_tail;
	tail->job.tell = tell_tail;
	strcpy(tail->project, project);
	tail->before = before;
	tail->wanted = count;
	tail->done = done;
	tail->ctx = ctx;
	rc = store_read(s, &tail->job);
	if (rc != 0)
		free(tail);
	return rc;
}
