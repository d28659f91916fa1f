#include <stdio.h>

#include "shared/json.h"

#include "ctl/output.h"
#include "ctl/present.h"
#include "ctl/show.h"

static void line(const char *title, const char *text)
{
	printf("%-10s ", title);
	output_text(stdout, text, CLEAN_LINE);
	putchar('\n');
}

static void add(struct buf *b, const json_t *object, const char *member, enum show_kind kind,
		const char *before, const char *after)
{
	const struct show_field field = {"", member, kind};

	buf_add_str(b, before);
	show_value(b, &field, object);
	buf_add_str(b, after);
}

static void flush_line(const char *title, struct buf *b)
{
	line(title, b->data ? b->data : "");
	buf_clear(b);
}

/* A part that is not well says why, and what mends it. */
static void trouble(const json_t *part)
{
	const char *detail = json_get_str(part, "detail"), *mend = json_get_str(part, "mend");

	if (detail && *detail)
		line("", detail);
	if (mend && *mend) {
		printf("%-10s mend: ", "");
		output_text(stdout, mend, CLEAN_LINE);
		putchar('\n');
	}
}

static void plan_window(struct buf *b, const json_t *plan, const char *member, const char *title)
{
	const json_t *w = json_object_get(plan, member);

	if (!json_is_number(json_object_get(w, "utilization")))
		return;
	add(b, w, "utilization", SHOW_PERCENT, title, " used");
	if (json_get_str(w, "resets_at"))
		add(b, w, "resets_at", SHOW_UNTIL, ", resets ", "");
	buf_add_str(b, "   ");
}

/* Which CLI answers, and whose login pays. */
static void cli_line(const json_t *pool, struct buf *b)
{
	if (!json_get_str(pool, "cli_version"))
		return;
	add(b, pool, "cli_version", SHOW_TEXT, "", "");
	if (json_get_str(pool, "login"))
		add(b, pool, "login", SHOW_TEXT, "   ", "");
	flush_line("cli", b);
}

static void next_start(const json_t *pool, struct buf *b)
{
	const json_t *next = json_object_get(pool, "next_start");

	if (!json_is_object(next))
		return;
	add(b, next, "at", SHOW_UNTIL, "the next start is ", "");
	add(b, next, "attempt", SHOW_COUNT, ", attempt ", "");
	if (json_get_str(next, "why"))
		add(b, next, "why", SHOW_TEXT, ", after: ", "");
	flush_line("", b);
}

static void work_lines(const json_t *s, struct buf *b)
{
	const json_t *pool = json_object_get(s, "pool"), *w = json_object_get(pool, "workers");
	const json_t *queue = json_object_get(s, "queue"), *plan = json_object_get(s, "plan");

	add(b, pool, "health", SHOW_TEXT, "", "   ");
	add(b, w, "busy", SHOW_COUNT, "", "");
	add(b, w, "most", SHOW_COUNT, " of ", " busy, ");
	add(b, w, "ready", SHOW_COUNT, "", " ready, ");
	add(b, w, "starting", SHOW_COUNT, "", " starting, ");
	add(b, w, "resetting", SHOW_COUNT, "", " resetting, ");
	add(b, w, "draining", SHOW_COUNT, "", " draining");
	if (json_get_int(w, "most", 0) !=
	    json_get_int(pool, "configured", json_get_int(w, "most", 0)))
		add(b, pool, "configured", SHOW_COUNT, "   (", " by the settings)");
	flush_line("pool", b);
	next_start(pool, b);
	trouble(pool);
	cli_line(pool, b);
	add(b, queue, "waiting", SHOW_COUNT, "", " waiting");
	add(b, queue, "most", SHOW_COUNT, " of at most ", "");
	if (json_get_true(queue, "paused"))
		buf_add_str(b, "   paused: ccapictl resume serves it again");
	flush_line("queue", b);
	plan_window(b, plan, "five_hour", "5 h: ");
	plan_window(b, plan, "seven_day", "7 d: ");
	if (b->len == 0)
		buf_add_str(b, "not reported yet");
	flush_line("plan", b);
}

/* What Redis keeps is not counted here. */
static void cache_lines(const json_t *s, struct buf *b)
{
	const json_t *cache = json_object_get(s, "cache"), *redis = json_object_get(s, "redis");

	buf_add_str(b, json_is_false(json_object_get(cache, "enabled")) ? "off   " : "");
	if (json_is_object(redis)) {
		buf_add_str(b, "in redis, ");
	} else {
		add(b, cache, "entries", SHOW_COUNT, "", " answers, ");
		add(b, cache, "bytes", SHOW_BYTES, "", ", ");
	}
	add(b, cache, "hits", SHOW_COUNT, "", " hits, ");
	add(b, cache, "misses", SHOW_COUNT, "", " misses");
	flush_line("cache", b);
	if (!json_is_object(redis))
		return;
	add(b, redis, "state", SHOW_TEXT, "", "");
	flush_line("redis", b);
	trouble(redis);
}

static void data_lines(const json_t *s, struct buf *b)
{
	const json_t *store = json_object_get(s, "store"), *n = json_object_get(s, "counters");

	buf_add_str(b, json_is_true(json_object_get(store, "healthy")) ? "ok" : "failed");
	add(b, store, "path", SHOW_TEXT, "   ", "");
	add(b, store, "bytes", SHOW_BYTES, "   ", "");
	flush_line("store", b);
	trouble(store);
	add(b, s, "projects", SHOW_COUNT, "", " projects, ");
	add(b, s, "keys", SHOW_COUNT, "", " keys");
	flush_line("access", b);
	cache_lines(s, b);
	add(b, n, "ccapi_requests_total", SHOW_COUNT, "", " answered, ");
	add(b, n, "ccapi_request_errors_total", SHOW_COUNT, "", " failed since the start");
	flush_line("requests", b);
}

int present_status(const struct command *c, const json_t *result)
{
	const char *state = json_get_str(result, "state");
	struct buf b;

	if (c->quiet) {
		output_text(stdout, state ? state : "?", CLEAN_LINE);
		putchar('\n');
		return EXIT_DONE;
	}
	buf_init(&b, 64 * 1024);
	add(&b, result, "version", SHOW_TEXT, "", "");
	add(&b, result, "uptime_s", SHOW_DURATION, "   up ", "");
	add(&b, result, "pid", SHOW_TEXT, "   pid ", "");
	flush_line("ccapid", &b);
	line("state", state ? state : "?");
	add(&b, result, "listen", SHOW_LIST, "", "");
	flush_line("serving", &b);
	work_lines(result, &b);
	data_lines(result, &b);
	buf_done(&b);
	return EXIT_DONE;
}

int present_config_check(const struct command *c, const json_t *result)
{
	const json_t *errors = json_object_get(result, "errors");
	bool ok = json_is_true(json_object_get(result, "ok"));
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)errors, i, item)
	{
		output_text(stderr, json_is_string(item) ? json_string_value(item) : "?",
			    CLEAN_LINE);
		fputc('\n', stderr);
	}
	if (ok && !c->quiet) {
		const char *file = json_get_str(result, "file");

		printf("Settings ok (");
		output_text(stdout, file ? file : "no file, defaults", CLEAN_LINE);
		puts(")");
	}
	return ok ? EXIT_DONE : EXIT_FAILED;
}
