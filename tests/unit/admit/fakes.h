/* Stands for the store: records what is written, answers when it is told to, and sums usage as the
 * real one does, in the order of writes. */
#ifndef TESTS_UNIT_ADMIT_FAKES_H
#define TESTS_UNIT_ADMIT_FAKES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store/ledger.h"
#include "daemon/store/records.h"
#include "daemon/store/registry.h"
#include "daemon/store/usage.h"

enum { FAKE_OPS_MAX = 256, FAKE_PASSES_MAX = 64, FAKE_USES_MAX = 2048, FAKE_EVENTS_MAX = 64 };

enum fake_kind {
	FAKE_PROJECT,
	FAKE_KEY,
	FAKE_BUDGET,
	FAKE_OVERRIDE,
	FAKE_LIMITS,
	FAKE_DELETE_PROJECT,
	FAKE_DELETE_BUDGET,
	FAKE_DELETE_OVERRIDE,
	FAKE_HOLD,
	FAKE_SETTLE,
	FAKE_HIT
};

struct fake_op {
	enum fake_kind kind;
	bool ended, no_limits;
	struct project_record project;
	struct key_record key;
	char models[256]; /* allowed_models of either */
	struct budget_record budget;
	struct override_record override;
	struct rate_limits limits;
	struct hold_record hold;
	struct ledger_record line;
	int64_t id, from_ms; /* of a hold or override; of a sum */
	void (*done)(void *ctx, int rc);
	void (*sum_done)(void *ctx, int rc, const struct usage_bucket *buckets, size_t count);
	void *ctx;
};

struct fake_usage {
	enum scope scope;
	const char *subject;
	struct usage_bucket bucket;
};

struct fakes {
	bool ill;   /* not healthy */
	int refuse; /* what every write is answered with instead of being queued; 0: nothing */
	struct fake_op ops[FAKE_OPS_MAX];
	size_t count, first; /* first: of those not ended */
	int64_t last_id;

	/* What loading finds. */
	int load_rc;
	const struct project_record *projects;
	const struct key_record *keys;
	const struct budget_record *budgets;
	const struct override_record *overrides;
	const struct fake_usage *usage;
	size_t project_count, key_count, budget_count, override_count, usage_count;
	bool limits_set;
	struct rate_limits limits;

	struct {
		enum scope scope;
		int64_t from_ms;
		bool by_day;
	} passes[FAKE_PASSES_MAX];
	size_t pass_count;

	struct key_use uses[FAKE_USES_MAX];
	size_t use_count;

	/* store_usage: what each grouping is answered with. */
	struct usage_query queries[4];
	size_t query_count;
	const struct usage_row *rows[USAGE_BY_PROJECT + 1];
	size_t row_count[USAGE_BY_PROJECT + 1];
	int usage_rc;

	/* "topic action", in order. */
	char events[FAKE_EVENTS_MAX][64];
	size_t event_count;
	char event_text[4096]; /* of all of them */
};

extern struct fakes fakes;

/* 2026-11-24, a Tuesday, 12:07:00 UTC; 12:00 is a quarter's beginning. */
#define NOW_MS INT64_C(1795522020000)
#define QUARTER_MS (NOW_MS - NOW_MS % BUCKET_MS)

/* Ends the oldest write that has not ended. */
void fakes_end(int rc);
void fakes_end_newest(int rc);
void fakes_end_all(void); /* well, also those that come meanwhile */
size_t fakes_open(void);
struct fake_op *fakes_last(void);
struct store *fakes_store(void);

#endif
