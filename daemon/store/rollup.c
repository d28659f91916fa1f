#include "daemon/store/rollup.h"

#define HASH_NONFATAL_OOM 1
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "shared/money.h"

/* Both tables take part in one hash: `width` says which one a row is of. */
struct rollup_name {
	int64_t width, at;
	char project[PROJECT_NAME_SIZE], key_id[KEY_ID_SIZE], model[MODEL_NAME_SIZE];
};

struct rollup_row {
	struct usage_amounts sum;
	UT_hash_handle hh;
	struct rollup_name name; /* zeros behind the texts: it is hashed as bytes */
};

int64_t bucket_start(int64_t at_ms, int64_t width)
{
	return at_ms > 0 ? at_ms - at_ms % width : 0;
}

static void add_amounts(struct usage_amounts *to, const struct usage_amounts *more)
{
	to->requests = sum_saturating(to->requests, more->requests);
	to->errors = sum_saturating(to->errors, more->errors);
	to->cache_hits = sum_saturating(to->cache_hits, more->cache_hits);
	to->input_tokens = sum_saturating(to->input_tokens, more->input_tokens);
	to->output_tokens = sum_saturating(to->output_tokens, more->output_tokens);
	to->cache_read_tokens = sum_saturating(to->cache_read_tokens, more->cache_read_tokens);
	to->cache_creation_tokens =
		sum_saturating(to->cache_creation_tokens, more->cache_creation_tokens);
	to->thinking_tokens = sum_saturating(to->thinking_tokens, more->thinking_tokens);
	to->cost_micro_usd = sum_saturating(to->cost_micro_usd, more->cost_micro_usd);
}

static int add(struct rollup *r, const struct rollup_name *name, const struct usage_amounts *more)
{
	struct rollup_row *row;

	HASH_FIND(hh, r->rows, name, sizeof *name, row);
	if (!row) {
		row = calloc(1, sizeof *row);
		if (!row)
			return -ENOMEM;
		row->name = *name;
		HASH_ADD(hh, r->rows, name, sizeof row->name, row);
		if (!row->hh.tbl) {
			free(row);
			return -ENOMEM;
		}
	}
	add_amounts(&row->sum, more);
	return 0;
}

int rollup_add(struct rollup *r, const struct ledger_record *line)
{
	static const int64_t widths[] = {BUCKET_MS, DAY_MS};
	int rc = 0;

	for (int i = 0; i < 2 && rc == 0; i++) {
		struct rollup_name name;

		memset(&name, 0, sizeof name); /* padding too */
		name.width = widths[i];
		name.at = bucket_start(line->at_ms, widths[i]);
		strcpy(name.model, line->model);
		rc = add(r, &name, &line->used);
		strcpy(name.project, line->project);
		strcpy(name.key_id, line->key_id);
		/* A line without a project is in everybody's row already. */
		if (rc == 0 && line->project[0])
			rc = add(r, &name, &line->used);
	}
	return rc;
}

/* Where the sum passes 2^63 - 1 SQLite makes a float of it, and min() takes the other one. */
#define CAPPED(column) column " = min(" column " + excluded." column ", 9223372036854775807)"
#define CAPPED_COUNTS CAPPED("requests") ", " CAPPED("errors") ", " CAPPED("cache_hits")
#define CAPPED_INPUT CAPPED("input_tokens") ", " CAPPED("cache_read_tokens")
#define CAPPED_WRITES CAPPED("cache_creation_tokens")
#define CAPPED_OUTPUT                                                                              \
	CAPPED("output_tokens") ", " CAPPED("thinking_tokens") ", " CAPPED("cost_micro_usd")
#define ADD_TO(table)                                                                              \
	"INSERT INTO " table " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO "     \
	"UPDATE SET " CAPPED_COUNTS ", " CAPPED_INPUT ", " CAPPED_WRITES ", " CAPPED_OUTPUT

static const char add_to_quarter[] = ADD_TO("usage_quarter");
static const char add_to_day[] = ADD_TO("usage_day");

static int write_row(const struct rollup_row *row, struct db *db)
{
	const struct usage_amounts *sum = &row->sum;
	struct query q = query_start(db, row->name.width == DAY_MS ? add_to_day : add_to_quarter);

	query_text(&q, row->name.project);
	query_int(&q, row->name.at);
	query_text(&q, row->name.key_id);
	query_text(&q, row->name.model);
	query_int(&q, sum->requests);
	query_int(&q, sum->errors);
	query_int(&q, sum->cache_hits);
	query_int(&q, sum->input_tokens);
	query_int(&q, sum->output_tokens);
	query_int(&q, sum->cache_read_tokens);
	query_int(&q, sum->cache_creation_tokens);
	query_int(&q, sum->thinking_tokens);
	query_int(&q, sum->cost_micro_usd);
	return query_run(&q);
}

int rollup_write(struct rollup *r, struct db *db)
{
	struct rollup_row *row, *next;
	int rc = 0;

	HASH_ITER(hh, r->rows, row, next)
	if (rc == 0)
		rc = write_row(row, db);
	if (rc == 0)
		rollup_forget(r);
	return rc;
}

void rollup_forget(struct rollup *r)
{
	struct rollup_row *row, *next;

	HASH_ITER(hh, r->rows, row, next)
	{
		HASH_DEL(r->rows, row);
		free(row);
	}
}
