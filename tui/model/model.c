/* The model follows what the daemon tells: a snapshot puts all of it anew, events change it, and
 * answers fill the lists that nobody is told of.  What was told is never changed in place (a row
 * that changes is another object), so that a copy of the model can share it.
 *
 * Most events are of requests, hundreds a second: one costs a look-up by a hash and the exchange of
 * a reference. */
#include "tui/model/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/json.h"

#include "tui/model/model_private.h"
#include "tui/model/words.h"

enum { ENDED_MAX = 1000, WORKERS_MAX = 1024, LIST_MAX = 10000, LISTS = 8 };

#define PARTS_OF_THE_LINK (PART_STATUS | PART_STATS | PART_WORKERS | PART_REQUESTS | PART_EVENTS)

struct model *model_new(void)
{
	struct model *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	rows_init(&m->workers, "id", WORKERS_MAX);
	rows_init(&m->requests, "number", MODEL_REQUESTS_MAX);
	m->requests.name = "id";
	rows_init(&m->events, "n", MODEL_EVENTS_MAX);
	rows_init(&m->projects, "name", LIST_MAX);
	rows_init(&m->budgets, NULL, LIST_MAX);
	rows_init(&m->keys, "id", LIST_MAX);
	rows_init(&m->limits, NULL, LIST_MAX);
	rows_init(&m->closest, NULL, LIST_MAX);
	m->clock_skew_ms = clock_wall_ms() - clock_mono_ms();
	return m;
}

/* Events are history, and last in the order: the others are only true while the daemon is heard. */
static void lists_of(struct model *m, struct rows *ret[LISTS])
{
	struct rows *lists[LISTS] = {&m->workers, &m->requests, &m->projects, &m->budgets,
				     &m->keys,    &m->limits,   &m->closest,  &m->events};

	memcpy(ret, lists, sizeof lists);
}

static void forget(json_t **object)
{
	json_decref(*object);
	*object = NULL;
}

/* All that is only true while the daemon is heard. */
static void forget_all(struct model *m)
{
	struct rows *lists[LISTS];

	lists_of(m, lists);
	for (size_t i = 0; i < LISTS - 1; i++)
		rows_clear(lists[i]);
	forget(&m->status);
	forget(&m->stats);
	forget(&m->routing);
	forget(&m->today);
	m->tokens_per_second = m->waiting = (struct ring){0};
	m->ended = 0;
	m->have = 0;
}

void model_free(struct model *m)
{
	struct rows *lists[LISTS];

	if (!m)
		return;
	forget_all(m);
	lists_of(m, lists);
	for (size_t i = 0; i < LISTS; i++)
		rows_done(lists[i]);
	free(m);
}

struct model *model_copy(const struct model *m)
{
	struct model *to = malloc(sizeof *to);
	struct rows *from[LISTS], *lists[LISTS];
	int r = 0;

	if (!to)
		return NULL;
	*to = *m;
	lists_of((struct model *)m, from);
	lists_of(to, lists);
	json_incref(to->status);
	json_incref(to->stats);
	json_incref(to->routing);
	json_incref(to->today);
	for (size_t i = 0; i < LISTS; i++) {
		int copied = rows_copy(lists[i], from[i]);

		r = r < 0 ? r : copied;
	}
	if (r == 0)
		return to;
	model_free(to);
	return NULL;
}

/* ---- events and log lines ---- */

static void note(struct model *m, int64_t seq, json_t *at, const char *topic, json_t *data)
{
	json_t *row = json_pack("{sI sI sO ss sO}", "n", (json_int_t)++m->events_noted, "seq",
				(json_int_t)seq, "at", at, "topic", topic, "data", data);

	if (row)
		rows_put(&m->events, row);
	json_decref(row);
}

/* What the dashboard itself has to say, among the daemon's events. */
static void note_ours(struct model *m, int64_t mono_ms, const char *level, const char *words)
{
	int64_t now = model_now_ms(m, mono_ms);
	char clock[WORDS_SIZE], date[WORDS_SIZE], text[2 * WORDS_SIZE];
	json_t *data, *at;

	snprintf(text, sizeof text, "%sT%s.%03dZ", words_date(date, now), words_clock(clock, now),
		 (int)(now % 1000));
	at = json_string(text);
	data = json_pack("{ss ss ss}", "level", level, "area", "ccapitop", "message", words);
	if (at && data)
		note(m, 0, at, "dashboard", data);
	json_decref(at);
	json_decref(data);
}

/* The newest line of the log that is known already; "": none. */
static const char *newest_log(const struct model *m)
{
	for (size_t i = m->events.count; i > 0; i--) {
		const json_t *row = m->events.items[i - 1];
		const char *topic = json_get_str(row, "topic"), *at = json_get_str(row, "at");

		if (topic && at && strcmp(topic, "log") == 0)
			return at;
	}
	return "";
}

/* After a reconnect some of them are here already. */
static void take_logs(struct model *m, const json_t *logs)
{
	char known[64];
	json_t *log;
	size_t i;

	snprintf(known, sizeof known, "%s", newest_log(m));
	json_array_foreach((json_t *)logs, i, log)
	{
		json_t *at = json_object_get(log, "at");

		if (json_is_string(at) && strcmp(json_string_value(at), known) > 0)
			note(m, 0, at, "log", log);
	}
}

/* ---- requests ---- */

static bool has_ended(const json_t *request)
{
	const char *state = json_get_str(request, "state");

	return state && strcmp(state, "ended") == 0;
}

/* The live ones are kept as long as there is room at all. */
static void drop_oldest_ended(struct model *m)
{
	for (size_t i = 0; i < m->requests.count; i++) {
		if (!has_ended(m->requests.items[i]))
			continue;
		rows_drop_at(&m->requests, i);
		m->ended--;
		return;
	}
}

static void take_request(struct model *m, const json_t *request)
{
	const json_t *old = rows_find_same(&m->requests, request);

	if (!json_get_str(request, "id"))
		return;
	if (!old && m->requests.count >= m->requests.max) {
		if (m->ended > 0)
			drop_oldest_ended(m);
		/* else rows_put drops the oldest, a live one */
	}
	m->ended += has_ended(request);
	m->ended -= old && has_ended(old);
	rows_put(&m->requests, request);
	while (m->ended > ENDED_MAX)
		drop_oldest_ended(m);
}

static void take_requests(struct model *m, const json_t *requests)
{
	json_t *row;
	size_t i;

	json_array_foreach((json_t *)requests, i, row) take_request(m, row);
}

static bool went_wrong(const json_t *request)
{
	const char *outcome = json_get_str(request, "outcome");

	return has_ended(request) && outcome && strcmp(outcome, "ok") != 0;
}

static unsigned take_request_event(struct model *m, const json_t *event, const json_t *data)
{
	const json_t *request = json_object_get(data, "request");

	take_request(m, request);
	if (!went_wrong(request))
		return PART_REQUESTS;
	note(m, json_get_int(event, "seq", 0), json_object_get(event, "at"), "request",
	     (json_t *)data);
	return PART_REQUESTS | PART_EVENTS;
}

const json_t *model_request_of(const struct model *m, const json_t *worker)
{
	const char *name = json_get_str(worker, "request");
	int64_t id = json_get_int(worker, "id", -1);
	const struct rows *r = &m->requests;
	size_t at = name ? rows_find_name(r, name, r->count) : r->count;

	while (at < r->count && json_get_int(r->items[at], "worker", -1) != id)
		at = rows_find_name(r, name, at);
	return at < r->count ? r->items[at] : NULL;
}

/* ---- status ---- */

unsigned model_set_status(struct model *m, const char *member, const json_t *value)
{
	json_t *status = m->status ? json_copy(m->status) : json_object();

	if (!status || !value || json_object_set(status, member, (json_t *)value) < 0) {
		json_decref(status);
		return 0;
	}
	json_decref(m->status);
	m->status = status;
	return PART_STATUS;
}

/* Health and what to do about it are the pool's, in the status. */
static unsigned take_service(struct model *m, const json_t *data)
{
	static const char *const of_the_pool[] = {"health", "detail", "mend"};
	const json_t *known = m->status ? json_object_get(m->status, "pool") : NULL;
	json_t *pool = json_is_object(known) ? json_copy((json_t *)known) : json_object();
	unsigned changed;

	for (size_t i = 0; pool && i < 3; i++) {
		json_t *value = json_object_get(data, of_the_pool[i]);

		if (value)
			json_object_set(pool, of_the_pool[i], value);
	}
	changed = model_set_status(m, "pool", pool);
	json_decref(pool);
	return changed | model_set_status(m, "state", json_object_get(data, "state"));
}

static unsigned take_worker(struct model *m, const json_t *worker)
{
	const char *state = json_get_str(worker, "state");

	if (state && strcmp(state, "gone") == 0)
		rows_drop(&m->workers, worker);
	else if (json_is_integer(json_object_get(worker, "id")))
		rows_put(&m->workers, worker);
	return PART_WORKERS;
}

/* ---- stats ---- */

/* The member of rows that are told once a second, into the rows that are known. */
static unsigned merge(struct rows *rows, const json_t *news, const char *member, unsigned part)
{
	unsigned changed = 0;
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)news, i, item)
	{
		json_t *value = json_object_get(item, member), *row;
		const json_t *known = rows_find_same(rows, item);

		if (!known || !value || json_equal(json_object_get(known, member), value))
			continue;
		row = json_copy((json_t *)known);
		if (row && json_object_set(row, member, value) == 0)
			rows_put(rows, row);
		json_decref(row);
		changed = part;
	}
	return changed;
}

static unsigned take_stats(struct model *m, const json_t *event, const json_t *data,
			   int64_t mono_ms)
{
	int64_t at = words_time(event, "at");
	unsigned changed = PART_STATS;

	if (at > 0)
		m->clock_skew_ms = at - mono_ms;
	json_decref(m->stats);
	m->stats = json_incref((json_t *)data);
	m->have |= PART_STATS;
	ring_push(&m->tokens_per_second, json_get_num(data, "tokens_per_second", NAN));
	ring_push(&m->waiting, json_get_num(data, "waiting", NAN));
	changed |= merge(&m->workers, json_object_get(data, "workers"), "rss_bytes", PART_WORKERS);
	changed |= merge(&m->requests, json_object_get(data, "requests"), "output_tokens",
			 PART_REQUESTS);
	return changed;
}

/* ---- what comes in ---- */

static void fill_ring(struct ring *ring, const json_t *values)
{
	json_t *value;
	size_t i;

	*ring = (struct ring){0};
	json_array_foreach((json_t *)values, i, value)
		ring_push(ring, json_is_number(value) ? json_number_value(value) : NAN);
}

static void note_gap(struct model *m, int64_t lost, int64_t mono_ms)
{
	char words[96];

	if (lost <= 0)
		return;
	snprintf(words, sizeof words, "%lld events were lost: this terminal was too slow for them",
		 (long long)lost);
	note_ours(m, mono_ms, "warn", words);
}

unsigned model_take_snapshot(struct model *m, const json_t *snapshot, int64_t mono_ms)
{
	const json_t *history = json_object_get(snapshot, "history");
	const json_t *requests = json_object_get(snapshot, "requests");
	int64_t at = words_time(snapshot, "at");
	const char *version;

	if (m->lost_at_ms > 0)
		note_ours(m, mono_ms, "info", "the daemon is heard again");
	forget_all(m);
	if (at > 0)
		m->clock_skew_ms = at - mono_ms;
	m->link = LINK_LIVE;
	m->link_words[0] = '\0';
	m->lost_at_ms = m->retry_at_ms = 0;
	if (json_is_object(json_object_get(snapshot, "status")))
		m->status = json_incref(json_object_get(snapshot, "status"));
	version = json_get_str(m->status, "version");
	if (version)
		snprintf(m->version, sizeof m->version, "%s", version);
	fill_ring(&m->tokens_per_second, json_object_get(history, "tokens_per_second"));
	fill_ring(&m->waiting, json_object_get(history, "waiting"));
	rows_set(&m->workers, json_object_get(snapshot, "workers"));
	take_requests(m, json_object_get(requests, "recent"));
	take_requests(m, json_object_get(requests, "live"));
	note_gap(m, json_get_int(snapshot, "lost", 0), mono_ms);
	take_logs(m, json_object_get(snapshot, "logs"));
	m->have |= PART_STATUS | PART_WORKERS | PART_REQUESTS | PART_EVENTS;
	return PART_LINK | PARTS_OF_THE_LINK | PARTS_ASKED;
}

unsigned model_take_event(struct model *m, const json_t *event, int64_t mono_ms)
{
	const char *topic = json_get_str(event, "topic");
	json_t *data = json_object_get(event, "data"), *at = json_object_get(event, "at");
	unsigned changed = 0;

	if (!topic || !json_is_object(data) || !json_is_string(at))
		return 0;
	if (strcmp(topic, "request") == 0)
		return take_request_event(m, event, data);
	if (strcmp(topic, "stats") == 0)
		return take_stats(m, event, data, mono_ms);
	if (strcmp(topic, "worker") == 0)
		return take_worker(m, data);
	if (strcmp(topic, "queue") == 0)
		return model_set_status(m, "queue", data);
	if (strcmp(topic, "plan") == 0)
		changed = model_set_status(m, "plan", data);
	else if (strcmp(topic, "service") == 0)
		changed = take_service(m, data);
	note(m, json_get_int(event, "seq", 0), at, topic, data);
	return changed | PART_EVENTS;
}

unsigned model_lost(struct model *m, enum model_link link, const char *words, int64_t mono_ms)
{
	bool was_live = m->link == LINK_LIVE;

	if (was_live)
		note_ours(m, mono_ms, "error", words);
	forget_all(m);
	m->link = link;
	snprintf(m->link_words, sizeof m->link_words, "%s", words);
	if (was_live || m->lost_at_ms == 0)
		m->lost_at_ms = mono_ms > 0 ? mono_ms : 1;
	return PART_LINK | PARTS_OF_THE_LINK | PARTS_ASKED;
}

int64_t model_now_ms(const struct model *m, int64_t mono_ms)
{
	return m->clock_skew_ms + mono_ms;
}
