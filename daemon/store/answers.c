#include "daemon/store/answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/err.h"

#include "daemon/store/ledger.h"
#include "daemon/store/store_private.h"

int answers_copy(const struct idempotency_record *record, struct idempotency_record **ret_copy)
{
	struct idempotency_record *copy;

	*ret_copy = NULL;
	if (!record)
		return 0;
	copy = malloc(sizeof *copy);
	if (!copy)
		return -ENOMEM;
	*copy = *record;
	if (record->answer) {
		copy->answer = strdup(record->answer);
		if (!copy->answer) {
			free(copy);
			return -ENOMEM;
		}
	}
	*ret_copy = copy;
	return 0;
}

void answers_free_copy(struct idempotency_record *copy)
{
	if (!copy)
		return;
	free(copy->answer);
	free(copy);
}

int answers_keep(struct db *db, const struct idempotency_record *record)
{
	struct query q = query_start(
		db, "INSERT INTO kept_answers (project, key_hash, body_hash, at_ms, answer) VALUES "
		    "(?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET body_hash = "
		    "excluded.body_hash, at_ms = excluded.at_ms, answer = excluded.answer "
		    "WHERE at_ms <= excluded.at_ms - ?6");

	query_text(&q, record->project);
	query_bytes(&q, record->key_hash, sizeof record->key_hash);
	query_bytes(&q, record->body_hash, sizeof record->body_hash);
	query_int(&q, record->at_ms);
	query_text(&q, record->answer);
	query_int(&q, DAY_MS);
	return query_run(&q);
}

/* ---- finding ---- */

struct find_job {
	struct read_job job;
	struct idempotency_record wanted; /* project, key_hash; at_ms: older ones have run out */
	struct idempotency_record *found;
	void (*done)(void *ctx, int rc, const struct idempotency_record *record);
	void *ctx;
};

static int run_find(struct read_job *job, struct db *db)
{
	struct find_job *find = (struct find_job *)job;
	struct idempotency_record record = find->wanted;
	struct query q = query_start(db, "SELECT body_hash, at_ms, answer FROM kept_answers WHERE "
					 "project = ? AND key_hash = ? AND at_ms > ?");
	int rc;

	query_text(&q, find->wanted.project);
	query_bytes(&q, find->wanted.key_hash, sizeof find->wanted.key_hash);
	query_int(&q, find->wanted.at_ms);
	rc = query_row(&q);
	if (rc > 0) {
		query_get_bytes(&q, 0, record.body_hash, sizeof record.body_hash);
		record.at_ms = query_get_int(&q, 1);
		record.answer = (char *)query_peek_text(&q, 2);
		rc = answers_copy(&record, &find->found);
	}
	query_end(&q);
	return rc;
}

static void tell_find(struct read_job *job, int rc)
{
	struct find_job *find = (struct find_job *)job;

	find->done(find->ctx, rc, rc == 0 ? find->found : NULL);
	answers_free_copy(find->found);
	free(find);
}

int store_find_answer(struct store *s, const char *project, const unsigned char key_hash[HASH_SIZE],
		      void (*done)(void *ctx, int rc, const struct idempotency_record *record),
		      void *ctx)
{
	struct find_job *find;
	int rc;

	if (strlen(project) >= sizeof find->wanted.project)
		return ERR_LIMIT;
	find = calloc(1, sizeof *find);
	if (!find)
		return -ENOMEM;
	find->job.run = run_find;
	find->job.tell = tell_find;
	strcpy(find->wanted.project, project);
	memcpy(find->wanted.key_hash, key_hash, HASH_SIZE);
	find->wanted.at_ms = clock_wall_ms() - DAY_MS;
	find->done = done;
	find->ctx = ctx;
	rc = store_read(s, &find->job);
	if (rc != 0)
		free(find);
	return rc;
}
