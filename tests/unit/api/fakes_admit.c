/* Stand-ins for admission and the store: one project for each name that is asked for, one key
 * ("ccapi_good"), and whatever fakes.admit says of limits and budgets.  What is promised for later
 * (`done`) comes with fake_flush(). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/admit/admit.h"
#include "daemon/admit/report.h"

#include "tests/unit/api/fakes.h"
#include "tests/unit/test.h"

enum { PROJECTS = 8, LATERS = 64 };

static struct project projects[PROJECTS];
static size_t project_count;
static struct key the_key;

static struct later {
	void (*done)(void *ctx, int rc);
	void *ctx;
	int rc;
} laters[LATERS];
static size_t later_count;

void fakes_admit_setup(void)
{
	memset(projects, 0, sizeof projects);
	memset(&the_key, 0, sizeof the_key);
	project_count = later_count = 0;
	fakes.admit = (struct fake_admit){.healthy = true,
					  .loaded = true,
					  .left = {INT64_MAX, INT64_MAX},
					  .view = {-1, -1, 0, -1, -1, 0}};
}

static void later(void (*done)(void *ctx, int rc), void *ctx, int rc)
{
	assert_true(later_count < LATERS);
	laters[later_count++] = (struct later){done, ctx, rc};
}

void fake_flush(void)
{
	while (later_count > 0 && !fakes.admit.stalled) {
		struct later l = laters[0];

		memmove(laters, laters + 1, --later_count * sizeof *laters);
		l.done(l.ctx, l.rc);
	}
}

/* ---- registry ---- */

bool registry_loaded(const struct registry *r)
{
	(void)r;
	return fakes.admit.loaded;
}

uint64_t registry_generation(const struct registry *r)
{
	(void)r;
	return 1;
}

struct project *registry_find_project(struct registry *r, const char *name)
{
	(void)r;
	for (size_t i = 0; i < project_count; i++)
		if (strcmp(projects[i].record.name, name) == 0)
			return &projects[i];
	return NULL;
}

struct project *registry_open_project(struct registry *r, const char *name, size_t most,
				      struct refusal *why)
{
	struct project *p = registry_find_project(r, name);

	(void)most;
	(void)why;
	if (p)
		return p;
	assert_true(project_count < PROJECTS);
	p = &projects[project_count++];
	strcpy(p->record.name, name);
	p->rate.limits = (struct rate_limits){-1, -1, -1};
	return p;
}

enum key_check registry_check_key(struct registry *r, const char *secret, int64_t now_ms,
				  struct key **ret_key)
{
	struct refusal why;

	(void)now_ms;
	if (strncmp(secret, "ccapi_", 6) != 0)
		return KEY_NOT_OURS;
	if (strcmp(secret, "ccapi_good") != 0)
		return KEY_UNKNOWN;
	strcpy(the_key.record.id, "k_1");
	strcpy(the_key.record.project, "keyed");
	the_key.record.scopes = fakes.admit.scopes ? fakes.admit.scopes : KEY_CHAT;
	the_key.project = registry_open_project(r, "keyed", 10, &why);
	the_key.rate.limits = (struct rate_limits){fakes.admit.key_is_over ? 0 : -1, -1, -1};
	*ret_key = &the_key;
	return KEY_GOOD;
}

void fake_revoke_key(void)
{
	the_key.record.revoked_ms = 1;
}

void registry_touch_key(struct registry *r, struct key *key, int64_t now_ms)
{
	(void)r;
	(void)key;
	(void)now_ms;
}

struct key *key_ref(struct key *k)
{
	k->refs++;
	return k;
}

void key_unref(struct key *k)
{
	if (k)
		k->refs--;
}

struct account_list *registry_global_budgets(struct registry *r)
{
	static struct account_list none;

	(void)r;
	return &none;
}

struct rate *registry_global_rate(struct registry *r)
{
	(void)r;
	return NULL;
}

void registry_each_override(struct registry *r, int64_t now_ms,
			    void (*each)(void *ctx, const struct override_record *o), void *ctx)
{
	(void)r;
	(void)now_ms;
	(void)each;
	(void)ctx;
}

enum rate_verdict rate_check(struct rate *r, int64_t tokens, int64_t now_us, int64_t *ret_wait_ms)
{
	(void)tokens;
	(void)now_us;
	*ret_wait_ms = 0;
	return r->limits.requests_per_minute == 0 ? RATE_REQUESTS : RATE_OK;
}

struct amount budget_left(struct account_list *const lists[HOLD_LISTS], int64_t now_ms)
{
	(void)lists;
	(void)now_ms;
	return fakes.admit.left;
}

int budget_hold_take(struct budget_hold *hold, struct account_list *const lists[HOLD_LISTS],
		     const struct amount *amount, int64_t now_ms, struct refusal *why)
{
	(void)hold;
	(void)lists;
	(void)amount;
	(void)now_ms;
	return refusal_set(why, FAULT_BUDGET, NULL, "nothing is left");
}

void budget_hold_settle(struct budget_hold *hold, const struct amount *used, int64_t now_ms)
{
	(void)hold;
	(void)used;
	(void)now_ms;
}

/* ---- admission ---- */

void admit_begin(struct admission *a, struct registry *registry, struct store *store,
		 struct project *project, struct key *key)
{
	assert_null(a->project);
	a->registry = registry;
	a->store = store;
	a->project = project;
	a->key = key;
	fakes.admit.open++;
}

static int refuse(struct refusal *why, enum fault fault)
{
	*why = (struct refusal){.fault = fault, .retry_after_ms = 2500};
	return -EINVAL;
}

int admit_limit(struct admission *a, int64_t tokens, struct refusal *why)
{
	(void)tokens;
	if (fakes.admit.refuse_limit)
		return refuse(why, fakes.admit.refuse_limit);
	a->limited = true;
	return 0;
}

void admit_look(const struct admission *a, struct rate_view *ret_view)
{
	assert_non_null(a->project);
	*ret_view = fakes.admit.view;
}

struct amount admit_left(const struct admission *a)
{
	(void)a;
	return fakes.admit.left;
}

int admit_hold(struct admission *a, const struct hold_request *h, void (*done)(void *ctx, int rc),
	       void *ctx, struct refusal *why)
{
	assert_true(a->limited);
	if (fakes.admit.refuse_hold)
		return refuse(why, FAULT_BUDGET);
	fakes.admit.held = h->whole;
	fakes.admit.holds++;
	later(done, ctx, fakes.admit.hold_rc);
	return 0;
}

bool admit_hold_again(struct admission *a)
{
	(void)a;
	return !fakes.admit.refuse_hold;
}

int admit_settle(struct admission *a, struct ledger_record *line,
		 const struct idempotency_record *kept, void (*done)(void *ctx, int rc), void *ctx)
{
	(void)a;
	fakes.admit.line = *line;
	fakes.admit.kept = kept != NULL;
	fakes.admit.settled++;
	later(done, ctx, fakes.admit.settle_rc);
	return 0;
}

int admit_settle_hit(struct admission *a, const char *model, void (*done)(void *ctx, int rc),
		     void *ctx)
{
	(void)a;
	(void)model;
	fakes.admit.hits++;
	later(done, ctx, fakes.admit.settle_rc);
	return 0;
}

void admit_end(struct admission *a)
{
	if (a->project)
		fakes.admit.open--;
	a->project = NULL;
}

/* ---- store, usage ---- */

bool store_healthy(const struct store *s)
{
	(void)s;
	return fakes.admit.healthy;
}

void store_count(const struct store *s, struct store_counts *ret_counts)
{
	(void)s;
	*ret_counts = (struct store_counts){.commits = 3, .writes = 5};
}

void registry_each_project(struct registry *r, void (*each)(void *ctx, struct project *p),
			   void *ctx)
{
	(void)r;
	(void)each;
	(void)ctx;
}

void registry_each_key(struct registry *r, const char *project,
		       void (*each)(void *ctx, struct key *k), void *ctx)
{
	(void)r;
	(void)project;
	(void)each;
	(void)ctx;
}

void budget_each(struct account_list *list, int64_t now_ms,
		 void (*each)(void *ctx, const struct budget_view *view), void *ctx)
{
	(void)list;
	(void)now_ms;
	(void)each;
	(void)ctx;
}

double budget_fullness(const struct budget_view *view)
{
	(void)view;
	return 0;
}

int store_find_answer(struct store *s, const char *project, const unsigned char key_hash[HASH_SIZE],
		      void (*done)(void *ctx, int rc, const struct idempotency_record *record),
		      void *ctx)
{
	(void)s;
	(void)project;
	(void)key_hash;
	done(ctx, 0, NULL);
	return 0;
}

int report_parse(struct report_query *q, const char *project, const char *period, const char *from,
		 const char *to, const char *group_by, int64_t now_ms, struct refusal *why)
{
	(void)q;
	(void)project;
	(void)period;
	(void)from;
	(void)to;
	(void)group_by;
	(void)now_ms;
	return refusal_set(why, FAULT_INVALID_REQUEST, "period", "no such period");
}

int report_run(struct registry *registry, struct store *store, const struct report_query *q,
	       enum report_format format, const char *(*names)(void *ctx, const char *model_id),
	       void (*done)(void *ctx, int rc, const struct buf *text), void *ctx)
{
	(void)registry;
	(void)store;
	(void)q;
	(void)format;
	(void)names;
	(void)done;
	(void)ctx;
	return -ENOMEM;
}
