#include <stdio.h>
#include <string.h>

#include "shared/json.h"

#include "ctl/output.h"
#include "ctl/present.h"
#include "ctl/show.h"

static const struct show_field workers[] = {
	{"ID", "id", SHOW_TEXT},
	{"STATE", "state", SHOW_TEXT},
	{"MODEL", "model", SHOW_TEXT},
	{"PROJECT", "project", SHOW_TEXT},
	{"REQUEST", "request", SHOW_LONG},
	{"FOR", "since", SHOW_SINCE},
	{"SERVED", "requests", SHOW_COUNT},
	{"RSS", "rss_bytes", SHOW_BYTES},
	{"AGE", "started_at", SHOW_SINCE},
	{"PID", "pid", SHOW_TEXT},
	{"CLI", "version", SHOW_TEXT},
	{"WHY", "why", SHOW_LONG},
};

/* One that will be replaced after its request is still busy, but not for long. */
static json_t *rows_of(const json_t *list)
{
	json_t *rows = json_array(), *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item)
	{
		json_t *row = json_is_object(item) ? json_copy(item) : json_object();
		const char *state = json_get_str(row, "state");

		if (json_get_true(row, "retiring") && state && strcmp(state, "draining") != 0)
			json_object_set_new(row, "state", json_sprintf("%s, last", state));
		json_array_append_new(rows, row);
	}
	return rows;
}

/* What the pool as a whole has to say: its health, and when it tries again. */
static void print_pool(const json_t *pool)
{
	static const struct show_field at = {"", "at", SHOW_UNTIL};
	const json_t *w = json_object_get(pool, "workers");
	const json_t *next = json_object_get(pool, "next_start");
	const char *health = json_get_str(pool, "health"), *detail = json_get_str(pool, "detail");
	const char *mend = json_get_str(pool, "mend"), *why = json_get_str(next, "why");
	struct buf b;

	buf_init(&b, 64 * 1024);
	buf_printf(&b, "Pool %s: %lld of at most %lld busy", health ? health : "?",
		   (long long)json_get_int(w, "busy", 0), (long long)json_get_int(w, "most", 0));
	if (json_get_int(w, "most", 0) != json_get_int(pool, "configured", 0))
		buf_printf(&b, " (%lld by the settings)",
			   (long long)json_get_int(pool, "configured", 0));
	if (detail && *detail)
		buf_printf(&b, "; %s", detail);
	if (mend && *mend)
		buf_printf(&b, "; mend: %s", mend);
	if (json_is_object(next)) {
		buf_printf(&b, "; next start, attempt %lld, ",
			   (long long)json_get_int(next, "attempt", 0));
		show_value(&b, &at, next);
		buf_printf(&b, "%s%s", why ? " after: " : "", why ? why : "");
	}
	output_text(stdout, b.data ? b.data : "", CLEAN_LINE);
	putchar('\n');
	buf_done(&b);
}

int present_workers(const struct command *c, const json_t *result)
{
	json_t *rows = rows_of(json_object_get(result, "workers"));

	show_list(rows, workers, SHOW_COUNT_OF(workers), c->quiet, "No workers.");
	json_decref(rows);
	if (c->quiet)
		return EXIT_DONE;
	putchar('\n');
	print_pool(json_object_get(result, "pool"));
	return EXIT_DONE;
}

int present_scale(const struct command *c, const json_t *result)
{
	long long now = json_get_int(result, "workers", 0);
	long long configured = json_get_int(result, "configured", 0);

	if (c->quiet)
		return EXIT_DONE;
	if (now == configured)
		printf("At most %lld workers, as the settings say.\n", now);
	else
		printf("At most %lld workers until the settings are read again; these say %lld.\n",
		       now, configured);
	return EXIT_DONE;
}

int present_queue(const struct command *c, const json_t *result)
{
	bool paused = json_get_true(result, "paused");

	if (c->quiet)
		return EXIT_DONE;
	printf("%s %lld of at most %lld wait, %lld run.\n",
	       paused ? "The queue is held: requests are taken and wait, until it is full."
		      : "The queue is served.",
	       (long long)json_get_int(result, "waiting", 0),
	       (long long)json_get_int(result, "most", 0),
	       (long long)json_get_int(result, "running", 0));
	if (paused)
		puts("To go on: ccapictl resume");
	return EXIT_DONE;
}

int present_drain(const struct command *c, const json_t *result)
{
	if (!c->quiet)
		printf("No further requests are taken; %lld are under way, then ccapid ends.\n",
		       (long long)json_get_int(result, "open", 0));
	return EXIT_DONE;
}
