/* Holds and settlements: the two durable writes of a request. */
#include "daemon/store/ledger.h"

#include <errno.h>
#include <stdlib.h>

#include "shared/err.h"

#include "daemon/store/answers.h"
#include "daemon/store/store_private.h"

struct hold_op {
	struct plain_op plain;
	struct hold_record hold;
};

static int run_hold(struct op *op, struct books *books)
{
	const struct hold_record *hold = &((struct hold_op *)op)->hold;
	struct query q =
		query_start(&books->db, "INSERT INTO holds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	int rc;

	query_int(&q, hold->id);
	query_int(&q, hold->at_ms);
	query_text(&q, hold->request_id);
	query_text(&q, hold->project);
	query_text(&q, hold->key_id);
	query_text(&q, hold->model);
	query_int(&q, hold->prompt_tokens);
	query_int(&q, hold->prompt_micro_usd);
	query_int(&q, hold->tokens);
	query_int(&q, hold->micro_usd);
	rc = query_run(&q);
	return rc == 0 ? books_cover_id(books, hold->id) : rc;
}

int store_hold(struct store *s, const struct hold_record *hold, void (*done)(void *ctx, int rc),
	       void *ctx)
{
	struct hold_op *op = store_plain_new(sizeof *op, run_hold, done, ctx);

	if (!op)
		return -ENOMEM;
	op->hold = *hold;
	op->plain.op.relaxed = hold->relaxed;
	return store_write(s, &op->plain.op);
}

struct settle_op {
	struct plain_op plain;
	int64_t hold_id;
	struct ledger_record line;
	struct idempotency_record *kept;
};

static int run_settle(struct op *op, struct books *books)
{
	struct settle_op *settle = (struct settle_op *)op;
	struct query q;
	int rc = 0;

	if (settle->hold_id != 0) {
		q = query_start(&books->db, "DELETE FROM holds WHERE id = ?");
		query_int(&q, settle->hold_id);
		rc = query_run(&q);
	}
	if (rc == 0 && settle->kept)
		rc = answers_keep(&books->db, settle->kept);
	return rc == 0 ? books_append(books, &settle->line, &settle->line.seq) : rc;
}

static void free_settle(struct op *op)
{
	answers_free_copy(((struct settle_op *)op)->kept);
	free(op);
}

int store_settle(struct store *s, int64_t hold_id, const struct ledger_record *line,
		 const struct idempotency_record *kept, void (*done)(void *ctx, int rc), void *ctx)
{
	struct settle_op *op = store_plain_new(sizeof *op, run_settle, done, ctx);

	if (!op || answers_copy(kept, &op->kept) != 0) {
		free(op);
		return -ENOMEM;
	}
	op->plain.op.free = free_settle;
	op->plain.op.lasting = true;
	op->hold_id = hold_id;
	op->line = *line;
	op->line.seq = 0;
	return store_write(s, &op->plain.op);
}
