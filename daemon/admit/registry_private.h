/* What the files of the registry share; for nobody else.
 *
 *   registry.c            its life, finding, references, the minute's timer
 *   registry_load.c       the store's rows into memory, at the start
 *   registry_check.c      whether a wanted value is allowed
 *   registry_change.c     one change on its way through the store
 *   registry_projects.c, registry_keys.c, registry_limits.c, registry_budgets.c,
 *   registry_overrides.c  the changes
 *   registry_conf.c       limits and budget of the settings
 *   registry_events.c     telling what has changed */
#ifndef DAEMON_ADMIT_REGISTRY_PRIVATE_H
#define DAEMON_ADMIT_REGISTRY_PRIVATE_H

#include "daemon/admit/registry.h"
#include "daemon/store/usage.h"

enum {
	RATE_LIMIT_KINDS = 3,
	OVERRIDES_MAX = 1000,
	SUBJECT_BUDGETS_MAX = 16,
	EXPECTED_BUCKETS = 4 /* a sum that takes longer than that many quarters fails anyway */
};

struct override {
	struct override_record record;
	bool changing;
	struct override *prev, *next; /* by id */
};

/* While the store sums what a budget's subject has used: what is settled meanwhile, which is not in
 * that sum. */
struct expected {
	const struct account_list *list;
	struct usage_bucket buckets[EXPECTED_BUCKETS]; /* rising */
	size_t count;
	struct expected *prev, *next;
};

struct registry {
	uv_loop_t *loop;
	struct store *store;
	uv_timer_t minute;
	int64_t clock_ms;   /* the wall clock's lead before the monotonic one */
	bool clock_was_set; /* and budgets are still to be summed again */
	bool loaded;
	uint64_t generation;

	/* A hash entry is a reference.  The new ones are being written and not to be found yet. */
	struct project *projects, *new_projects;
	struct key *keys, *new_keys;       /* by id */
	struct key *hashes, *old_hashes;   /* the same keys by their secrets */
	struct key *used;                  /* references; last use to be written */
	bool projects_sorted, keys_sorted; /* the hashes' own order */

	struct override *overrides;
	size_t override_count, new_overrides;

	struct rate global_rate;
	struct rate_limits conf_limits;
	bool own_limits; /* the operator's, not the settings' */
	struct account_list global_budgets;
	bool global_changing;

	/* In global_budgets and as long as it is being summed in the store, a budget of the
	 * settings is one that was created at 0. */
	struct budget_record conf_budget;
	bool conf_given;
	bool conf_stale;    /* to be brought into force after the change under way */
	bool conf_replaces; /* the operator's of the same window, which was deleted */

	struct expected *expected;
	size_t changes; /* under way */
	bool timer_closed;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* ---- whom a limit, budget or override is for ---- */

struct target {
	enum scope scope;
	const char *subject;     /* "", a name or an id */
	struct project *project; /* borrowed; of a key: its project */
	struct key *key;
	struct account_list *budgets;
	struct rate *rate;
	bool *changing;
};

/* 0, or -EINVAL and why: no such subject.  `alive`: nor is it revoked or being deleted. */
int target_find(struct registry *r, enum scope scope, const char *subject, bool alive,
		struct target *ret, struct refusal *why);
/* -EINVAL and why (FAULT_CONFLICT) while another change is under way. */
int target_check_idle(const struct target *t, struct refusal *why);

/* ---- registry_check.c; each 0, or -EINVAL and why ---- */

int check_loaded(const struct registry *r, struct refusal *why);
int check_project_name(const char *name, const char *param, struct refusal *why);
int check_label(const char *label, const char *param, struct refusal *why);
int check_scopes(unsigned scopes, struct refusal *why);
int check_expiry(int64_t expires_ms, int64_t now_ms, struct refusal *why);
int check_model(const char *model, const char *param, struct refusal *why);
int check_models(const char *models, struct refusal *why); /* NULL ok */
int check_limits(const struct rate_limits *limits, struct refusal *why);
int check_budget(const struct budget_record *b, struct refusal *why);
int check_window(const struct budget_record *b, struct refusal *why);

/* ---- registry_change.c ---- */

struct change {
	struct registry *registry;
	void (*done)(void *ctx, int rc); /* the caller's; NULL: nobody waits */
	void *ctx;
	int (*apply)(struct change *c); /* it is durable; 0 or a code for `done` */
	void (*undo)(struct change *c); /* it is not; NULL: nothing to do */
	bool *changing;                 /* set while it is under way; NULL: none */
	struct project *project;        /* references; NULL ok */
	struct key *key;
	const char *action; /* for the event */
	int64_t now_ms;
	char *allowed_models; /* of the record below, until it is applied */
	union {
		struct project_record project;
		struct key_record key;
		struct override_record override;
		struct rate_limits limits;
		struct budget_record budget;
	} to;
	/* Of budgets. */
	struct account_list *list;
	struct expected expected;
	const struct usage_bucket *buckets; /* while apply() runs */
	size_t count;
};

/* NULL and why: out of memory. */
struct change *change_new(struct registry *r, void (*done)(void *ctx, int rc), void *ctx,
			  struct refusal *why);
/* Who is changed: takes references and the flag. */
void change_aim(struct change *c, const struct target *t);
/* rc: what the store said when the write was queued.  0; else the change is freed: -EINVAL and
 * why. */
int change_begin(struct change *c, int rc, struct refusal *why);
void change_written(void *ctx, int rc); /* the store's `done` */
void change_end(struct change *c, int rc);
void change_free(struct change *c);

/* ---- registry_budgets.c ---- */

/* The budget of the list with the same window.  false: none. */
bool budgets_find(struct account_list *list, const struct budget_record *which, int64_t now_ms,
		  struct budget_record *ret);
bool budget_is_conf(const struct budget_record *b);
/* Writes c->to.budget; when it is durable, c->apply is called with what the store has summed in
 * c->buckets, and budgets_apply() makes an account of that and of what was settled meanwhile. */
int budgets_write(struct change *c, struct account_list *list, struct refusal *why);
int budgets_apply(struct change *c);
void budgets_sum_again(struct registry *r); /* the clock was set */
/* Admission tells what it has charged. */
void registry_note_settled(struct registry *r, struct account_list *const lists[HOLD_LISTS],
			   const struct amount *used, int64_t now_ms);

/* ---- registry_conf.c ---- */

/* Brings the settings' budget into force or out of it, as the operator's own ones let it. */
int conf_budget_sync(struct registry *r);
int conf_budget_load(struct registry *r); /* the same at the start, when nothing is settled yet */
/* Whether the settings have a budget of the same window. */
bool conf_budget_waits(const struct registry *r, const struct budget_record *own);

/* ---- registry_load.c ---- */

int registry_load(struct registry *r);
/* A global budget and what was used of it, read at once. */
int registry_load_global(struct registry *r, const struct budget_record *b);

/* ---- registry.c ---- */

struct project *project_new(const struct project_record *record); /* copies; NULL: no memory */
struct key *key_new(const struct key_record *record, struct project *p);
void registry_add_project(struct registry *r, struct project *p); /* the reference moves */
void registry_add_key(struct registry *r, struct key *k);
void registry_drop_hashes(struct registry *r, struct key *k);
void registry_add_hashes(struct registry *r, struct key *k);
void registry_remove_overrides(struct registry *r, enum scope scope, const char *subject);
void registry_minute(struct registry *r, int64_t now_ms); /* what the timer does */
void registry_clear(struct registry *r);
void registry_maybe_closed(struct registry *r);
int copy_models(char **to, const char *from); /* NULL stays NULL; 0, -ENOMEM */

/* ---- registry_overrides.c ---- */

int overrides_add(struct registry *r, const struct override_record *record);
void overrides_expire(struct registry *r, int64_t now_ms);

/* ---- registry_events.c ---- */

const char *scope_name(enum scope scope); /* "global", "project", "key" */
void event_project(const char *action, const struct project_record *p);
void event_key(const char *action, const struct key_record *k);
void event_limits(enum scope scope, const char *subject, const struct rate_limits *l);
void event_budget(const char *action, const struct budget_record *b);
void event_override(const char *action, const struct override_record *o);
void event_threshold(void *ctx, const struct budget_record *b, int percent,
		     const struct amount *used);

#endif
