/* What the dashboard knows of the daemon: the last snapshot, kept up to date by events, and the
 * lists that are asked for now and then.  Members are as the control socket tells them
 * (docs/control-protocol.md) and may be absent or of a surprising type: read them with
 * json_get_str() and its kind.  When the daemon is not heard, `link` says so, and nothing here may
 * be shown as if it were now. */
#ifndef TUI_MODEL_MODEL_H
#define TUI_MODEL_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/verbs.h"

#include "tui/canvas/meter.h"
#include "tui/model/rows.h"

/* Bits: what has changed, and what a view shows. */
enum model_part {
	PART_LINK = 1 << 0,
	PART_STATUS = 1 << 1, /* status, with pool, queue, plan */
	PART_STATS = 1 << 2,
	PART_WORKERS = 1 << 3,
	PART_REQUESTS = 1 << 4,
	PART_EVENTS = 1 << 5, /* events and log lines */
	/* Asked for while a view shows them: */
	PART_PROJECTS = 1 << 6,
	PART_BUDGETS = 1 << 7,
	PART_KEYS = 1 << 8,
	PART_LIMITS = 1 << 9,
	PART_ROUTING = 1 << 10,
	PART_TODAY = 1 << 11,  /* usage since midnight UTC */
	PART_CLOSEST = 1 << 12 /* the budgets closest to their limit */
};

enum model_link {
	LINK_CONNECTING, /* for the first time */
	LINK_LIVE,
	LINK_LOST,   /* it will be tried again: link_words, retry_at_ms */
	LINK_REFUSED /* it makes no sense to try again: another protocol */
};

enum { MODEL_REQUESTS_MAX = 1200, MODEL_EVENTS_MAX = 2000, MODEL_WORDS_MAX = 512 };

struct model {
	enum model_link link;
	char link_words[MODEL_WORDS_MAX]; /* why there is no link */
	int64_t lost_at_ms, retry_at_ms;  /* monotonic; 0: never */
	enum verb_right right;            /* what we may do */
	char version[32];
	int64_t pid;

	json_t *status; /* as the verb `status`; pool, queue and plan inside follow the events */
	json_t *stats;  /* the last one; NULL: none yet */
	json_t *routing, *today;
	/* requests: live ones, and those that have ended, by number; ids may come twice. */
	struct rows workers, requests;
	/* {"n","seq","at","topic","data"}, oldest first: log lines, what has changed, requests that
	 * went wrong, and what we noticed ourselves (topic "dashboard", data as of a log line).  n
	 * is ours, and tells them apart. */
	struct rows events;
	struct rows projects, budgets, keys, limits, closest;
	struct ring tokens_per_second, waiting;
	size_t ended;          /* of the requests */
	int64_t events_noted;  /* in all: the newest event's "n" */
	unsigned have;         /* parts that have been told since the link is live */
	int64_t clock_skew_ms; /* the daemon's wall clock less our monotonic one */
};

struct model *model_new(void);    /* NULL: out of memory */
void model_free(struct model *m); /* NULL ok */
/* As it is now, for a display that stands still; shares what was told.  NULL: out of memory. */
struct model *model_copy(const struct model *m);

/* Each returns the parts that have changed.  mono_ms: now, by our monotonic clock. */
unsigned model_take_snapshot(struct model *m, const json_t *snapshot, int64_t mono_ms);
unsigned model_take_event(struct model *m, const json_t *event, int64_t mono_ms);
/* The answer to what part is asked for with (model_method). */
unsigned model_take_answer(struct model *m, enum model_part part, const json_t *result);
/* The daemon is not heard any more: everything is forgotten but what stands on the screen as
 * history (events).  */
unsigned model_lost(struct model *m, enum model_link link, const char *words, int64_t mono_ms);

/* How a part is asked for; ret_params: a new reference, or NULL for none.  Those of the first kind
 * that can be (STATUS, WORKERS) are where no event tells all of a change; NULL: it cannot. */
const char *model_method(enum model_part part, json_t **ret_params);
/* The parts that can be asked for of which an event says that they have changed. */
unsigned model_stale_by(const json_t *event);

/* The request that a worker serves, or has served last; NULL: none that is known. */
const json_t *model_request_of(const struct model *m, const json_t *worker);

/* The daemon's time of day, in ms. */
int64_t model_now_ms(const struct model *m, int64_t mono_ms);

#endif
