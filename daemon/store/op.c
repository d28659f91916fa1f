/* One transaction of many operations.
 *
 * An operation that is refused for its own values (a constraint) must not take others with it. That
 * is rare, so no savepoint is paid for it beforehand: the transaction is rolled back and run again,
 * now with a savepoint around each operation.  Anything else that fails is the file's fault, and so
 * is a lasting operation that is refused, since it must not be given up. */
#include "daemon/store/op.h"

#include <utlist.h>

#include "shared/clock.h"

static int run_op(struct op *op, struct books *b, bool guarded)
{
	int rc = op->sums ? rollup_write(&b->rollup, &b->db) : 0;

	if (rc == 0 && guarded)
		rc = db_exec(&b->db, "SAVEPOINT op");
	if (rc != 0)
		return rc;
	op->rc = op->run(op, b);
	if (!guarded || (op->rc != 0 && (op->lasting || !db_is_refusal(op->rc))))
		return op->rc;
	return db_exec(&b->db, op->rc == 0 ? "RELEASE op" : "ROLLBACK TO op; RELEASE op");
}

static int run_all(struct op *ops, struct books *b, bool guarded)
{
	struct op *op;
	int rc = books_begin(b);

	DL_FOREACH(ops, op)
	{
		if (rc != 0)
			return rc;
		rc = run_op(op, b, guarded);
	}
	if (rc == 0 && books_purge_due(b))
		rc = books_purge_answers(b, clock_wall_ms());
	return rc == 0 ? books_commit(b) : rc;
}

static bool are_relaxed(struct op *ops)
{
	struct op *op;

	DL_FOREACH(ops, op)
	{
		if (!op->relaxed)
			return false;
	}
	return ops != NULL;
}

int ops_write(struct books *b, struct op *ops)
{
	int rc = books_relax(b, are_relaxed(ops));

	if (rc == 0)
		rc = run_all(ops, b, false);
	if (db_is_refusal(rc)) {
		books_roll_back(b);
		rc = run_all(ops, b, true);
	}
	if (rc != 0)
		books_roll_back(b);
	return rc;
}
