/* The store's rows into memory, at the start.
 *
 * What budgets have used is asked by passes over the rollups, not by budgets: one pass for every
 * scope, window and moment since which it counts.  That moment is the window's start for all but
 * those that were reset within it; of those, a few have passes of their own, and more than
 * RESETS_MAX share one that is finer and begins with the earliest. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

#include "daemon/admit/registry_private.h"
#include "daemon/admit/window.h"
#include "daemon/store/registry.h"

enum { RESETS_MAX = 8 };

struct pass {
	enum scope scope;
	struct budget_record which; /* its window */
	int64_t from_ms;
	bool is_reset;
};

struct loading {
	struct registry *registry;
	int64_t now_ms;
	int64_t starts[WINDOWS]; /* of those that do not roll */
	int rc;
	size_t orphans;
	struct pass *passes;
	size_t count, room;
	struct budget_record *traces; /* of the settings' budget, see registry_conf.c */
	size_t trace_count;
};

/* ---- rows ---- */

static void load_project(void *ctx, const struct project_record *record)
{
	struct loading *l = ctx;
	struct project *p = l->rc ? NULL : project_new(record);

	if (p)
		registry_add_project(l->registry, p);
	else
		l->rc = -ENOMEM;
}

/* Keys of a deleted project stay, so that they are known to be revoked. */
static struct project *project_of_key(struct loading *l, const struct key_record *record)
{
	struct project_record gone = {.limits = {-1, -1, -1}};
	struct project *p = registry_find_project(l->registry, record->project);

	if (p)
		return project_ref(p);
	memcpy(gone.name, record->project, sizeof gone.name);
	p = project_new(&gone);
	if (p)
		p->deleted = true;
	return p;
}

static void load_key(void *ctx, const struct key_record *record)
{
	struct loading *l = ctx;
	struct project *p = l->rc ? NULL : project_of_key(l, record);
	struct key *k = p ? key_new(record, p) : NULL;

	project_unref(p);
	if (!k) {
		l->rc = -ENOMEM;
		return;
	}
	if (k->project->deleted && !k->record.revoked_ms) {
		l->orphans++;
		k->record.revoked_ms = l->now_ms;
	}
	registry_add_key(l->registry, k);
}

static void load_override(void *ctx, const struct override_record *record)
{
	struct loading *l = ctx;

	if (!l->rc)
		l->rc = overrides_add(l->registry, record);
}

/* ---- budgets ---- */

static int64_t start_of(const struct loading *l, const struct budget_record *b)
{
	return b->window == WINDOW_ROLLING ? window_start_ms(b->window, b->rolling_ms, l->now_ms)
					   : l->starts[b->window];
}

static int plan_pass(struct loading *l, const struct budget_record *b)
{
	int64_t start_ms = start_of(l, b);
	bool is_reset = b->from_ms > start_ms && b->window != WINDOW_ROLLING;
	struct pass *p;

	if (l->count == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct pass *more = realloc(l->passes, room * sizeof *more);

		if (!more)
			return -ENOMEM;
		l->passes = more;
		l->room = room;
	}
	p = &l->passes[l->count++];
	*p = (struct pass){.scope = b->scope, .is_reset = is_reset};
	p->which = (struct budget_record){.window = b->window, .rolling_ms = b->rolling_ms};
	p->from_ms = is_reset ? b->from_ms : start_ms;
	return 0;
}

static int keep_trace(struct loading *l, const struct budget_record *b)
{
	size_t size = (l->trace_count + 1) * sizeof *l->traces;
	struct budget_record *more = realloc(l->traces, size);

	if (!more)
		return -ENOMEM;
	l->traces = more;
	l->traces[l->trace_count++] = *b;
	return 0;
}

static void load_budget(void *ctx, const struct budget_record *b)
{
	struct loading *l = ctx;
	struct account_list *list;

	if (l->rc)
		return;
	if (budget_is_conf(b)) {
		l->rc = keep_trace(l, b);
		return;
	}
	list = registry_budgets(l->registry, b->scope, b->subject);
	if (!list)
		return; /* of a project that is gone */
	l->rc = budget_put(list, b, NULL, 0, l->now_ms);
	if (l->rc == 0)
		l->rc = plan_pass(l, b);
}

/* ---- what was used ---- */

static int compare_passes(const void *left, const void *right)
{
	const struct pass *a = left, *b = right;

	if (a->scope != b->scope)
		return a->scope < b->scope ? -1 : 1;
	if (a->which.window != b->which.window)
		return a->which.window < b->which.window ? -1 : 1;
	if (a->which.rolling_ms != b->which.rolling_ms)
		return a->which.rolling_ms < b->which.rolling_ms ? -1 : 1;
	if (a->from_ms != b->from_ms)
		return a->from_ms < b->from_ms ? -1 : 1;
	return 0;
}

static bool same_kind(const struct pass *a, const struct pass *b)
{
	return a->scope == b->scope && a->which.window == b->which.window &&
	       a->which.rolling_ms == b->which.rolling_ms && a->is_reset == b->is_reset;
}

struct walk {
	const struct loading *loading;
	const struct pass *pass;
	bool shared; /* for all that were reset since pass->from_ms */
	char subject[SUBJECT_SIZE];
	bool known;                /* subject and list are of the row before */
	struct account_list *list; /* NULL: of no interest to this pass */
};

static struct account_list *list_of(const struct walk *w, const char *subject)
{
	const struct loading *l = w->loading;
	struct account_list *list = registry_budgets(l->registry, w->pass->scope, subject);
	struct budget_record b;

	if (!list || !budgets_find(list, &w->pass->which, l->now_ms, &b))
		return NULL;
	if (w->pass->which.window == WINDOW_ROLLING)
		return list;
	if (!w->pass->is_reset)
		return b.from_ms <= start_of(l, &b) ? list : NULL;
	return b.from_ms == w->pass->from_ms || (w->shared && b.from_ms > w->pass->from_ms) ? list
											    : NULL;
}

static void add_row(void *ctx, const char *subject, const struct usage_bucket *b)
{
	struct walk *w = ctx;

	if (!w->known || strcmp(w->subject, subject) != 0) {
		w->known = strlen(subject) < sizeof w->subject;
		if (w->known)
			memcpy(w->subject, subject, strlen(subject) + 1);
		w->list = list_of(w, subject);
	}
	if (w->list)
		budget_add_used(w->list, &w->pass->which, b, w->loading->now_ms);
}

static int run_pass(const struct loading *l, const struct pass *p, bool shared)
{
	struct walk w = {.loading = l, .pass = p, .shared = shared};
	bool by_day = p->which.window != WINDOW_ROLLING && !shared;

	return store_usage_load(l->registry->store, p->scope, p->from_ms, by_day, add_row, &w);
}

static size_t drop_repeated(struct pass *passes, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (kept == 0 || compare_passes(&passes[kept - 1], &passes[i]) != 0)
			passes[kept++] = passes[i];
	return kept;
}

static int load_all_used(struct loading *l)
{
	int rc = 0;

	if (l->count == 0)
		return 0;
	qsort(l->passes, l->count, sizeof *l->passes, compare_passes);
	l->count = drop_repeated(l->passes, l->count);
	for (size_t i = 0; i < l->count && rc == 0;) {
		const struct pass *p = &l->passes[i];
		size_t end = i;

		while (end < l->count && same_kind(p, &l->passes[end]))
			end++;
		if (end - i > RESETS_MAX) {
			rc = run_pass(l, p, true);
			i = end;
		}
		for (; i < end && rc == 0; i++)
			rc = run_pass(l, &l->passes[i], false);
	}
	return rc;
}

/* ---- all of it ---- */

static int load_limits(struct registry *r)
{
	struct rate_limits limits;
	bool set = false;
	int rc = store_load_global_limits(r->store, &set, &limits);

	if (rc < 0)
		return rc;
	r->own_limits = set;
	rate_init(&r->global_rate, set ? &limits : &r->conf_limits, clock_mono_us());
	return 0;
}

static int load_rows(struct loading *l)
{
	struct store *s = l->registry->store;
	int rc = store_load_projects(s, load_project, l);

	if (rc == 0)
		rc = store_load_keys(s, load_key, l);
	if (rc == 0)
		rc = store_load_overrides(s, load_override, l);
	if (rc == 0)
		rc = load_limits(l->registry);
	if (rc == 0)
		rc = store_load_budgets(s, load_budget, l);
	if (rc == 0)
		rc = l->rc;
	return rc ? rc : load_all_used(l);
}

static void trace_deleted(void *ctx, int rc)
{
	(void)ctx;
	if (rc < 0)
		log_warn("registry",
			 "a trace of the settings' budget stays until the next start: %s",
			 err_str(rc));
}

static void drop_traces(struct loading *l)
{
	for (size_t i = 0; i < l->trace_count; i++)
		trace_deleted(NULL, store_delete_budget(l->registry->store, &l->traces[i],
							trace_deleted, NULL));
}

int registry_load(struct registry *r)
{
	struct loading l = {.registry = r, .now_ms = clock_wall_ms()};
	int rc;

	for (int w = 0; w < WINDOWS; w++)
		if (w != WINDOW_ROLLING)
			l.starts[w] = window_start_ms((enum budget_window)w, 0, l.now_ms);
	rc = load_rows(&l);
	if (rc == 0) {
		if (l.orphans)
			log_warn("registry", "%zu keys have no project and are refused as revoked",
				 l.orphans);
		drop_traces(&l);
	}
	free(l.passes);
	free(l.traces);
	return rc;
}

int registry_load_global(struct registry *r, const struct budget_record *b)
{
	struct loading l = {.registry = r, .now_ms = clock_wall_ms()};
	int rc = budget_put(&r->global_budgets, b, NULL, 0, l.now_ms);

	if (b->window != WINDOW_ROLLING)
		l.starts[b->window] = window_start_ms(b->window, 0, l.now_ms);
	if (rc == 0)
		rc = plan_pass(&l, b);
	if (rc == 0)
		rc = load_all_used(&l);
	if (rc < 0)
		budget_remove(&r->global_budgets, b);
	free(l.passes);
	return rc;
}
