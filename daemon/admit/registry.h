/* Projects, keys, limits, budgets and overrides in memory, loaded from the store at the start.
 *
 * Changes are checked here, written to the store, and take effect (and are answered) when they are
 * durable; a change that fails leaves everything as it was.  One change of a project or key at a
 * time: a second one that comes before the first is durable is refused (FAULT_CONFLICT).  Requests
 * hold references, so that what is deleted or revoked goes when its last request has ended. */
#ifndef DAEMON_ADMIT_REGISTRY_H
#define DAEMON_ADMIT_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <uthash.h>
#include <uv.h>

#include "daemon/admit/budget.h"
#include "daemon/admit/ratelimit.h"
#include "daemon/admit/refusal.h"
#include "daemon/store/records.h"
#include "daemon/store/store.h"

struct registry;

struct project {
	struct project_record record;
	struct rate rate;
	struct account_list budgets;
	bool deleted, changing;
	bool deleting; /* its deletion is being written */
	unsigned refs;
	UT_hash_handle hh; /* by name */
};

struct key {
	struct key_record record;
	struct project *project; /* a reference */
	struct rate rate;
	struct account_list budgets;
	bool changing, used; /* used: last_used_ms is to be written */
	unsigned refs;
	struct key *next_used;
	UT_hash_handle by_id, by_hash, by_old_hash;
};

/* Loads everything; an unhealthy store gives an empty registry that loads when it has become
 * healthy (registry_reload).  NULL: out of memory. */
struct registry *registry_new(uv_loop_t *loop, struct store *store);
/* 0 or a negative code.  Only when nothing was loaded before. */
int registry_reload(struct registry *r);
bool registry_loaded(const struct registry *r);
/* When no request is open any more and the store still works: writes what is not written, waits for
 * the changes under way, frees and calls `closed` from the loop. */
void registry_free(struct registry *r, void (*closed)(void *ctx), void *ctx);

/* Rises with every change that took effect: what was derived from the registry is out of date. */
uint64_t registry_generation(const struct registry *r);

/* ---- finding ---- */

enum key_check {
	KEY_GOOD,
	KEY_NOT_OURS,  /* it does not begin like a key of ccapi */
	KEY_MALFORMED, /* it does, but the checksum is wrong */
	KEY_UNKNOWN,
	KEY_EXPIRED,
	KEY_REVOKED,
	KEY_REPLACED /* by a rotation whose grace time is over */
};
/* secret: what the client sent.  ret_key: borrowed, set for KEY_GOOD.  Before registry_loaded()
 * every key is unknown: refuse with FAULT_STORE then. */
enum key_check registry_check_key(struct registry *r, const char *secret, int64_t now_ms,
				  struct key **ret_key);
void registry_touch_key(struct registry *r, struct key *key, int64_t now_ms); /* last use */

struct key *registry_find_key(struct registry *r, const char *id);           /* NULL: none */
struct project *registry_find_project(struct registry *r, const char *name); /* NULL: none */
/* For servers without keys: a project that does not exist springs into being (and into the store,
 * not waited for), up to `most` projects.  NULL and why. */
struct project *registry_open_project(struct registry *r, const char *name, size_t most,
				      struct refusal *why);

struct project *project_ref(struct project *p);
void project_unref(struct project *p); /* NULL ok */
struct key *key_ref(struct key *k);
void key_unref(struct key *k); /* NULL ok */

/* Everybody's limits and budgets.  conf: what the settings say, in force unless the operator has
 * set own ones at run time; of budgets each window counts for itself. */
struct rate *registry_global_rate(struct registry *r);
struct account_list *registry_global_budgets(struct registry *r);
void registry_set_conf_limits(struct registry *r, const struct rate_limits *conf);
/* budget.* of the settings as a global budget that is not in the store; limits of -1: none.  The
 * first one is in force at once (it reads the store), a later one when what was used is known.  0
 * or a negative code. */
int registry_set_conf_budget(struct registry *r, const struct budget_record *conf);

/* In the order of names or ids.  `each` must not open projects. */
void registry_each_project(struct registry *r, void (*each)(void *ctx, struct project *p),
			   void *ctx);
void registry_each_key(struct registry *r, const char *project, /* NULL: all */
		       void (*each)(void *ctx, struct key *k), void *ctx);
size_t registry_count_projects(const struct registry *r);
size_t registry_count_keys(const struct registry *r);

/* ---- changing ----
 * Each returns 0 and calls `done` later exactly once; or -EINVAL with `why` (which names the
 * field), and then `done` does not come.  done's rc is 0 or the store's code.  The words of `why`
 * are for operators: they may quote store_detail(). */

int registry_create_project(struct registry *r, const struct project_record *wanted,
			    void (*done)(void *ctx, int rc), void *ctx, struct refusal *why);
int registry_change_project(struct registry *r, const struct project_record *wanted, /* by name */
			    void (*done)(void *ctx, int rc), void *ctx, struct refusal *why);
int registry_delete_project(struct registry *r, const char *name, void (*done)(void *ctx, int rc),
			    void *ctx, struct refusal *why);

enum { SECRET_SIZE = 6 + 64 + 8 + 1 }; /* "ccapi_", 256 bits and the checksum in hex */

/* wanted: label, project, scopes, allowed_models, limits, expires_ms.  The secret is told here and
 * nowhere else; it is good when `done` says 0. */
int registry_create_key(struct registry *r, const struct key_record *wanted,
			char ret_id[KEY_ID_SIZE], char ret_secret[SECRET_SIZE],
			void (*done)(void *ctx, int rc), void *ctx, struct refusal *why);
/* A new secret; the old one stays good for grace_ms. */
int registry_rotate_key(struct registry *r, const char *id, int64_t grace_ms,
			char ret_secret[SECRET_SIZE], void (*done)(void *ctx, int rc), void *ctx,
			struct refusal *why);
/* Effective at once, before it is durable. */
int registry_revoke_key(struct registry *r, const char *id, void (*done)(void *ctx, int rc),
			void *ctx, struct refusal *why);
/* By id: label, scopes, allowed_models, limits, expires_ms. */
int registry_change_key(struct registry *r, const struct key_record *wanted,
			void (*done)(void *ctx, int rc), void *ctx, struct refusal *why);

/* limits NULL: back to none (global: to those of the settings). */
int registry_set_limits(struct registry *r, enum scope scope, const char *subject,
			const struct rate_limits *limits, void (*done)(void *ctx, int rc),
			void *ctx, struct refusal *why);

int registry_put_budget(struct registry *r, const struct budget_record *wanted,
			void (*done)(void *ctx, int rc), void *ctx, struct refusal *why);
/* What was used so far in this window no longer counts. */
int registry_reset_budget(struct registry *r, const struct budget_record *which,
			  void (*done)(void *ctx, int rc), void *ctx, struct refusal *why);
int registry_delete_budget(struct registry *r, const struct budget_record *which,
			   void (*done)(void *ctx, int rc), void *ctx, struct refusal *why);
/* The accounts of a subject; NULL: no such subject. */
struct account_list *registry_budgets(struct registry *r, enum scope scope, const char *subject);

/* The id is given here.  Model names are checked by the caller, who knows the catalogue. */
int registry_put_override(struct registry *r, struct override_record *wanted,
			  void (*done)(void *ctx, int rc), void *ctx, struct refusal *why);
int registry_delete_override(struct registry *r, int64_t id, void (*done)(void *ctx, int rc),
			     void *ctx, struct refusal *why);
/* In force now, the oldest first; expired ones are left out (and removed in time). */
void registry_each_override(struct registry *r, int64_t now_ms,
			    void (*each)(void *ctx, const struct override_record *o), void *ctx);

#endif
