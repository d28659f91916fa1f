/* Figures of the last minutes: one set of counts for each second, in a ring of five minutes. */
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"

#include "daemon/observe/activity_private.h"
#include "daemon/observe/metrics.h"

enum { RATE_S = 60, SPEED_S = 5, LONG_MS = ACTIVITY_HISTORY_S * 1000 };

struct second {
	int64_t at_s; /* which second it holds; what is older than the history counts as empty */
	unsigned ended, errors, asked_cache, hits, waiting;
	uint64_t text_bytes;
};

static struct second seconds[ACTIVITY_HISTORY_S];
static int64_t first_s; /* when the history began */

/* The counts of the present second. */
static struct second *now_second(void)
{
	int64_t now_s = clock_mono_ms() / 1000;
	struct second *s = &seconds[now_s % ACTIVITY_HISTORY_S];

	if (!first_s)
		first_s = now_s;
	if (s->at_s != now_s)
		*s = (struct second){.at_s = now_s};
	return s;
}

/* NULL: nothing was counted `ago` seconds ago. */
static const struct second *second_ago(int64_t ago)
{
	int64_t at_s = clock_mono_ms() / 1000 - ago;
	const struct second *s = at_s >= 0 ? &seconds[at_s % ACTIVITY_HISTORY_S] : NULL;

	return s && s->at_s == at_s ? s : NULL;
}

/* The service's fault or the upstream's; what a client has asked wrongly, or may not, is his own.
 */
static bool is_error(const struct activity_record *r)
{
	return r->status >= 500 || strcmp(r->outcome, "plan_limit") == 0;
}

void activity_stats_count(const struct activity_record *r)
{
	struct second *s = now_second();

	s->ended++;
	s->errors += is_error(r);
	s->asked_cache += r->cache && strcmp(r->cache, "bypass") != 0;
	s->hits += r->cache && strcmp(r->cache, "hit") == 0;
}

void activity_count_text(size_t bytes)
{
	now_second()->text_bytes += bytes;
}

void activity_tick(unsigned waiting)
{
	now_second()->waiting = waiting;
}

void activity_stats_reset(void)
{
	memset(seconds, 0, sizeof seconds);
	first_s = 0;
}

/* ---- for operators ---- */

/* Whole seconds only: the present one is not over. */
static struct second sum(int64_t span_s)
{
	struct second all = {0};

	for (int64_t ago = 1; ago <= span_s && ago < ACTIVITY_HISTORY_S; ago++) {
		const struct second *s = second_ago(ago);

		if (!s)
			continue;
		all.ended += s->ended;
		all.errors += s->errors;
		all.asked_cache += s->asked_cache;
		all.hits += s->hits;
		all.text_bytes += s->text_bytes;
	}
	return all;
}

/* As much of the span as there has been. */
static double seconds_of(int64_t span_s)
{
	int64_t lived = first_s ? clock_mono_ms() / 1000 - first_s : 0;

	return lived <= 0 ? 1 : (double)(lived < span_s ? lived : span_s);
}

static json_t *per_cent(unsigned part, unsigned whole)
{
	return whole ? json_real(100.0 * part / whole) : json_null();
}

struct waits {
	int64_t ms[ACTIVITY_ENDED_MAX];
	size_t count;
	int64_t not_before_ms;
};

static bool add_wait(void *ctx, const struct activity_record *r)
{
	struct waits *w = ctx;

	if (r->ended_ms < w->not_before_ms)
		return false;
	if (r->first_token_ms && r->dispatched_ms)
		w->ms[w->count++] = r->first_token_ms - r->accepted_ms;
	return w->count < ACTIVITY_ENDED_MAX;
}

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static json_t *first_token_times(void)
{
	static struct waits w;

	w.count = 0;
	w.not_before_ms = clock_wall_ms() - LONG_MS;
	activity_each_ended(add_wait, &w);
	if (w.count == 0)
		return json_null();
	qsort(w.ms, w.count, sizeof *w.ms, ascending);
	return json_pack("{sI sI sI}", "p50", (json_int_t)w.ms[(w.count - 1) / 2], "p95",
			 (json_int_t)w.ms[(w.count - 1) * 95 / 100], "count", (json_int_t)w.count);
}

void activity_add_stats(json_t *to)
{
	const struct second minute = sum(RATE_S), moment = sum(SPEED_S),
			    lately = sum(ACTIVITY_HISTORY_S);

	json_object_set_new(to, "requests_per_minute",
			    json_real(minute.ended * 60.0 / seconds_of(RATE_S)));
	json_object_set_new(
		to, "tokens_per_second",
		json_real((double)moment.text_bytes / BYTES_PER_TOKEN / seconds_of(SPEED_S)));
	json_object_set_new(to, "errors_per_cent", per_cent(lately.errors, lately.ended));
	json_object_set_new(to, "cache_hits_per_cent", per_cent(lately.hits, lately.asked_cache));
	json_object_set_new(to, "first_token_ms", first_token_times());
	json_object_set_new(
		to, "counts",
		json_pack("{sI sI}", "requests",
			  (json_int_t)(metric_value(METRIC_REQUESTS) + metric_value(METRIC_ERRORS)),
			  "errors", (json_int_t)metric_value(METRIC_ERRORS)));
}

json_t *activity_history(void)
{
	json_t *speed = json_array(), *waiting = json_array();
	int64_t lived = first_s ? clock_mono_ms() / 1000 - first_s : 0;

	for (int64_t ago = lived < ACTIVITY_HISTORY_S ? lived : ACTIVITY_HISTORY_S - 1; ago > 0;
	     ago--) {
		const struct second *s = second_ago(ago);

		json_array_append_new(speed,
				      json_real(s ? (double)s->text_bytes / BYTES_PER_TOKEN : 0));
		json_array_append_new(waiting, json_integer(s ? s->waiting : 0));
	}
	return json_pack("{so so}", "tokens_per_second", speed, "waiting", waiting);
}
