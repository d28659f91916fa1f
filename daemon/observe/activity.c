/* Requests under way are a list of their owners' structs; those that have ended are records in a
 * ring, which is made when the first one ends.  Records become JSON only when somebody asks or
 * watches, so that a busy daemon that nobody looks at pays one copy a request. */
#include "daemon/observe/activity.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/clock.h"

#include "daemon/observe/activity_private.h"
#include "daemon/observe/events.h"
#include "daemon/observe/row.h"

static struct activity *live; /* the oldest first */
static unsigned live_count;
static uint64_t last_number;
static struct activity_record *ended; /* number n of those that have ended: at n % their maximum */
static uint64_t ended_count;

static void read_record(const struct activity *a, struct activity_record *to)
{
	memset(to, 0, sizeof *to);
	to->held_tokens = to->held_micro_usd = to->warm = -1;
	a->record(a->ctx, to);
	to->number = a->number;
}

static json_t *view_of(const struct activity *a)
{
	struct activity_record r;

	read_record(a, &r);
	return activity_view(&r);
}

/* ---- a request's life ---- */

static void tell(const char *change, const struct activity_record *r)
{
	struct buf text;

	buf_init(&text, ROW_MAX);
	row_open(&text);
	row_text(&text, "change", change);
	row_name(&text, "request");
	activity_write(r, &text);
	row_close(&text);
	events_tell_text("request", &text);
	buf_done(&text);
}

void activity_begin(struct activity *a)
{
	a->number = ++last_number;
	a->begun = true;
	DL_APPEND(live, a);
	live_count++;
	activity_changed(a, CHANGE_ACCEPTED);
}

void activity_changed(struct activity *a, enum activity_change change)
{
	static const char *const names[] = {[CHANGE_ACCEPTED] = "accepted",
					    [CHANGE_QUEUED] = "queued",
					    [CHANGE_DISPATCHED] = "dispatched",
					    [CHANGE_FIRST_TOKEN] = "first_token"};
	struct activity_record r;

	if (!a->begun || !events_live())
		return;
	read_record(a, &r);
	tell(names[change], &r);
}

static struct activity_record *next_place(void)
{
	if (!ended)
		ended = calloc(ACTIVITY_ENDED_MAX, sizeof *ended);
	return ended ? &ended[ended_count++ % ACTIVITY_ENDED_MAX] : NULL;
}

void activity_end(struct activity *a)
{
	struct activity_record *to, r;

	if (!a->begun)
		return;
	a->begun = false;
	DL_DELETE(live, a);
	live_count--;
	read_record(a, &r);
	r.state = ACTIVITY_ENDED;
	r.ended_ms = clock_wall_ms();
	to = next_place();
	if (to)
		*to = r;
	activity_stats_count(&r);
	if (events_live())
		tell("ended", &r);
}

/* ---- for operators ---- */

void activity_each_ended(bool (*each)(void *ctx, const struct activity_record *r), void *ctx)
{
	uint64_t oldest = ended_count > ACTIVITY_ENDED_MAX ? ended_count - ACTIVITY_ENDED_MAX : 0;

	for (uint64_t n = ended_count; n > oldest; n--)
		if (!each(ctx, &ended[(n - 1) % ACTIVITY_ENDED_MAX]))
			return;
}

struct collection {
	const struct activity_query *query;
	json_t *rows; /* the newest first */
};

static bool is_asked(const struct activity_query *q, const struct activity_record *r)
{
	return !q->project || strcmp(q->project, r->project) == 0;
}

static bool collect(void *ctx, const struct activity_record *r)
{
	struct collection *c = ctx;

	if (is_asked(c->query, r))
		json_array_append_new(c->rows, activity_view(r));
	return json_array_size(c->rows) < c->query->count;
}

static void collect_live(struct collection *c)
{
	struct activity *a = live ? live->prev : NULL; /* the newest */
	struct activity_record r;

	for (unsigned left = live_count; left > 0; left--, a = a->prev) {
		read_record(a, &r);
		if (!collect(c, &r))
			return;
	}
}

json_t *activity_list(const struct activity_query *q)
{
	struct collection c = {.query = q, .rows = json_array()};
	json_t *turned = json_array();

	if (q->live && q->count > 0)
		collect_live(&c);
	if (q->ended && json_array_size(c.rows) < q->count)
		activity_each_ended(collect, &c);
	for (size_t i = json_array_size(c.rows); i > 0; i--)
		json_array_append(turned, json_array_get(c.rows, i - 1));
	json_decref(c.rows);
	return turned;
}

static struct activity *find_live(const char *id, uint64_t number)
{
	struct activity *a = live ? live->prev : NULL;

	for (unsigned left = live_count; left > 0; left--, a = a->prev)
		if (strcmp(a->id, id) == 0 && (!number || a->number == number))
			return a;
	return NULL;
}

struct search {
	const char *id;
	uint64_t number;
	json_t *found;
};

static bool look_at(void *ctx, const struct activity_record *r)
{
	struct search *s = ctx;

	if (strcmp(r->id, s->id) != 0 || (s->number && r->number != s->number))
		return true;
	s->found = activity_view(r);
	return false;
}

json_t *activity_find(const char *id, uint64_t number)
{
	const struct activity *a = find_live(id, number);
	struct search s = {.id = id, .number = number};

	if (a)
		return view_of(a);
	activity_each_ended(look_at, &s);
	return s.found;
}

uint64_t activity_cancel(const char *id, uint64_t number)
{
	struct activity *a = find_live(id, number);
	uint64_t found = a ? a->number : 0;

	return a && a->cancel(a->ctx) ? found : 0;
}

unsigned activity_live_count(void)
{
	return live_count;
}

json_t *activity_progress(void)
{
	json_t *to = json_array();
	const struct activity *a;
	struct activity_record r;

	DL_FOREACH(live, a)
	{
		read_record(a, &r);
		if (r.output_tokens > 0)
			json_array_append_new(to, json_pack("{ss sI sI}", "id", r.id, "number",
							    (json_int_t)r.number, "output_tokens",
							    (json_int_t)r.output_tokens));
	}
	return to;
}

void activity_reset(void)
{
	free(ended);
	ended = NULL;
	ended_count = 0;
	activity_stats_reset();
}
