/* Projects, keys, limits, budgets and overrides in memory: life, finding, references.
 *
 * Records are loaded once (registry_load.c) and from then on memory leads: requests read it, and
 * changes (registry_change.c) pass through the store before they show in it.  A hash entry holds
 * one reference of its project or key, every open request another; deleting takes the entry out,
 * and the last request to end frees.
 *
 * A key is found by the SHA-256 of its secret, so nothing secret is compared here, and what is in
 * memory or in the store cannot be used as a key. */
#include "daemon/admit/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/names.h"

#include "daemon/admit/registry_private.h"
#include "daemon/admit/secret.h"
#include "daemon/store/registry.h"

enum { MINUTE_MS = 60000, TOUCH_BATCH = 512 };

static const struct rate_limits no_limits = {-1, -1, -1};

/* ---- references ---- */

int copy_models(char **to, const char *from)
{
	char *copy = from ? strdup(from) : NULL;

	if (from && !copy)
		return -ENOMEM;
	*to = copy;
	return 0;
}

struct project *project_new(const struct project_record *record)
{
	struct project *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->record = *record;
	p->refs = 1;
	if (copy_models(&p->record.allowed_models, record->allowed_models)) {
		free(p);
		return NULL;
	}
	rate_init(&p->rate, &record->limits, clock_mono_us());
	return p;
}

struct project *project_ref(struct project *p)
{
	p->refs++;
	return p;
}

void project_unref(struct project *p)
{
	if (!p || --p->refs)
		return;
	budget_clear(&p->budgets);
	free(p->record.allowed_models);
	free(p);
}

struct key *key_new(const struct key_record *record, struct project *p)
{
	struct key *k = calloc(1, sizeof *k);

	if (!k)
		return NULL;
	k->record = *record;
	k->refs = 1;
	if (copy_models(&k->record.allowed_models, record->allowed_models)) {
		free(k);
		return NULL;
	}
	k->project = project_ref(p);
	rate_init(&k->rate, &record->limits, clock_mono_us());
	return k;
}

struct key *key_ref(struct key *k)
{
	k->refs++;
	return k;
}

void key_unref(struct key *k)
{
	if (!k || --k->refs)
		return;
	budget_clear(&k->budgets);
	project_unref(k->project);
	free(k->record.allowed_models);
	free(k);
}

/* ---- entries ---- */

void registry_add_project(struct registry *r, struct project *p)
{
	HASH_ADD_KEYPTR(hh, r->projects, p->record.name, strlen(p->record.name), p);
	r->projects_sorted = false;
}

static bool has_old_hash(const struct key *k)
{
	return k->record.old_until_ms != 0;
}

void registry_add_hashes(struct registry *r, struct key *k)
{
	HASH_ADD_KEYPTR(by_hash, r->hashes, k->record.hash, HASH_SIZE, k);
	if (has_old_hash(k))
		HASH_ADD_KEYPTR(by_old_hash, r->old_hashes, k->record.old_hash, HASH_SIZE, k);
}

void registry_drop_hashes(struct registry *r, struct key *k)
{
	HASH_DELETE(by_hash, r->hashes, k);
	if (has_old_hash(k))
		HASH_DELETE(by_old_hash, r->old_hashes, k);
}

void registry_add_key(struct registry *r, struct key *k)
{
	HASH_ADD_KEYPTR(by_id, r->keys, k->record.id, strlen(k->record.id), k);
	registry_add_hashes(r, k);
	r->keys_sorted = false;
}

static void clear_used(struct registry *r)
{
	while (r->used) {
		struct key *k = r->used;

		LL_DELETE2(r->used, k, next_used);
		k->used = false;
		key_unref(k);
	}
}

void registry_clear(struct registry *r)
{
	struct override *o, *next_override;
	struct project *p, *next_project;
	struct key *k, *next_key;

	clear_used(r);
	HASH_CLEAR(by_hash, r->hashes);
	HASH_CLEAR(by_old_hash, r->old_hashes);
	HASH_ITER(by_id, r->keys, k, next_key)
	{
		HASH_DELETE(by_id, r->keys, k);
		key_unref(k);
	}
	HASH_ITER(hh, r->projects, p, next_project)
	{
		HASH_DEL(r->projects, p);
		project_unref(p);
	}
	DL_FOREACH_SAFE(r->overrides, o, next_override)
	{
		DL_DELETE(r->overrides, o);
		free(o);
	}
	r->override_count = 0;
	budget_clear(&r->global_budgets);
}

/* ---- life ---- */

static void minute(uv_timer_t *timer)
{
	registry_minute(timer->data, clock_wall_ms());
}

int registry_reload(struct registry *r)
{
	int rc;

	if (r->loaded || !store_healthy(r->store))
		return ERR_STATE;
	rc = registry_load(r);
	if (rc == 0)
		rc = conf_budget_load(r);
	if (rc < 0) {
		log_error("registry", "projects and keys cannot be loaded, nothing is served: %s",
			  err_str(rc));
		registry_clear(r);
		return rc;
	}
	r->loaded = true;
	r->generation++;
	return 0;
}

struct registry *registry_new(uv_loop_t *loop, struct store *store)
{
	struct registry *r = calloc(1, sizeof *r);
	const struct budget_events events = {event_threshold, r};

	if (!r)
		return NULL;
	r->loop = loop;
	r->store = store;
	r->conf_limits = no_limits;
	r->clock_ms = clock_wall_ms() - clock_mono_ms();
	rate_init(&r->global_rate, &no_limits, clock_mono_us());
	uv_timer_init(loop, &r->minute);
	r->minute.data = r;
	uv_timer_start(&r->minute, minute, MINUTE_MS, MINUTE_MS);
	uv_unref((uv_handle_t *)&r->minute);
	budget_listen(&events);
	if (store_healthy(store))
		registry_reload(r); /* logs; without it nothing is served */
	return r;
}

bool registry_loaded(const struct registry *r)
{
	return r->loaded;
}

void registry_maybe_closed(struct registry *r)
{
	void (*closed)(void *ctx) = r->closed;
	void *ctx = r->closed_ctx;

	if (!r->timer_closed || r->changes > 0)
		return;
	registry_clear(r);
	free(r);
	closed(ctx);
}

static void timer_closed(uv_handle_t *timer)
{
	struct registry *r = timer->data;

	r->timer_closed = true;
	registry_maybe_closed(r);
}

static void write_used(struct registry *r)
{
	struct key_use uses[TOUCH_BATCH];
	struct key *k = r->used;

	while (k) {
		size_t count = 0;
		int rc;

		for (; k && count < TOUCH_BATCH; k = k->next_used, count++) {
			memcpy(uses[count].id, k->record.id, KEY_ID_SIZE);
			uses[count].at_ms = k->record.last_used_ms;
		}
		rc = store_touch_keys(r->store, uses, count);
		if (rc < 0) {
			log_warn("registry", "last uses of keys are not written this time: %s",
				 err_str(rc));
			return;
		}
	}
	clear_used(r);
}

void registry_free(struct registry *r, void (*closed)(void *ctx), void *ctx)
{
	write_used(r);
	budget_listen(&(struct budget_events){NULL, NULL});
	r->closed = closed;
	r->closed_ctx = ctx;
	uv_close((uv_handle_t *)&r->minute, timer_closed);
}

/* Less than a quarter of an hour moves no window by more than they are exact to. */
static void follow_clock(struct registry *r, int64_t now_ms)
{
	int64_t lead_ms = now_ms - clock_mono_ms(), moved_ms = lead_ms - r->clock_ms;

	r->clock_ms = lead_ms;
	if (moved_ms >= BUCKET_MS || moved_ms <= -BUCKET_MS)
		r->clock_was_set = true;
	if (!r->clock_was_set || !r->loaded || !store_healthy(r->store))
		return;
	r->clock_was_set = false;
	log_info("registry", "the clock was set: what budgets have used is summed again");
	budgets_sum_again(r);
}

void registry_minute(struct registry *r, int64_t now_ms)
{
	write_used(r);
	follow_clock(r, now_ms);
	if (r->loaded)
		overrides_expire(r, now_ms);
}

uint64_t registry_generation(const struct registry *r)
{
	return r->generation;
}

/* ---- finding ---- */

enum key_check registry_check_key(struct registry *r, const char *secret, int64_t now_ms,
				  struct key **ret_key)
{
	unsigned char hash[HASH_SIZE];
	enum secret_form form = secret_read(secret, hash);
	struct key *k;

	if (form != SECRET_GOOD)
		return form == SECRET_NOT_OURS ? KEY_NOT_OURS : KEY_MALFORMED;
	HASH_FIND(by_hash, r->hashes, hash, HASH_SIZE, k);
	if (!k) {
		HASH_FIND(by_old_hash, r->old_hashes, hash, HASH_SIZE, k);
		if (!k)
			return KEY_UNKNOWN;
		if (!k->record.revoked_ms && now_ms >= k->record.old_until_ms)
			return KEY_REPLACED;
	}
	if (k->record.revoked_ms)
		return KEY_REVOKED;
	if (k->record.expires_ms && now_ms >= k->record.expires_ms)
		return KEY_EXPIRED;
	*ret_key = k;
	return KEY_GOOD;
}

void registry_touch_key(struct registry *r, struct key *key, int64_t now_ms)
{
	key->record.last_used_ms = now_ms;
	if (key->used)
		return;
	key->used = true;
	key_ref(key); /* not in the macro: it takes its argument twice */
	LL_PREPEND2(r->used, key, next_used);
}

struct key *registry_find_key(struct registry *r, const char *id)
{
	struct key *k;

	HASH_FIND(by_id, r->keys, id, strlen(id), k);
	return k;
}

struct project *registry_find_project(struct registry *r, const char *name)
{
	struct project *p;

	HASH_FIND(hh, r->projects, name, strlen(name), p);
	return p;
}

struct rate *registry_global_rate(struct registry *r)
{
	return &r->global_rate;
}

struct account_list *registry_global_budgets(struct registry *r)
{
	return &r->global_budgets;
}

struct account_list *registry_budgets(struct registry *r, enum scope scope, const char *subject)
{
	struct refusal why;
	struct target t;

	return target_find(r, scope, subject, false, &t, &why) == 0 ? t.budgets : NULL;
}

static int by_name(const struct project *a, const struct project *b)
{
	return strcmp(a->record.name, b->record.name);
}

static int by_key_id(const struct key *a, const struct key *b)
{
	return strcmp(a->record.id, b->record.id);
}

void registry_each_project(struct registry *r, void (*each)(void *ctx, struct project *p),
			   void *ctx)
{
	struct project *p, *next;

	if (!r->projects_sorted)
		HASH_SRT(hh, r->projects, by_name);
	r->projects_sorted = true;
	HASH_ITER(hh, r->projects, p, next)
	{
		each(ctx, p);
	}
}

void registry_each_key(struct registry *r, const char *project,
		       void (*each)(void *ctx, struct key *k), void *ctx)
{
	struct key *k, *next;

	if (!r->keys_sorted)
		HASH_SRT(by_id, r->keys, by_key_id);
	r->keys_sorted = true;
	HASH_ITER(by_id, r->keys, k, next)
	{
		if (!project || strcmp(k->record.project, project) == 0)
			each(ctx, k);
	}
}

size_t registry_count_projects(const struct registry *r)
{
	return HASH_CNT(hh, r->projects);
}

size_t registry_count_keys(const struct registry *r)
{
	return HASH_CNT(by_id, r->keys);
}
