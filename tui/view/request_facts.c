/* The sheet of a request: who asked for what, one timeline that is read from left to right, then
 * what it cost and why it went where it went.  Only what is known is told. */
#include "tui/view/request_facts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shared/json.h"

#include "tui/canvas/style.h"
#include "tui/model/words.h"
#include "tui/view/list.h"

enum { LINE_BYTES = 1024 };
enum { RATE_MS = 100 }; /* of less than that a rate says nothing: all text may come at once */

#define STEP " \u2500\u2500 "

static bool is_state(const json_t *request, const char *state)
{
	const char *is = json_get_str(request, "state");

	return is && strcmp(is, state) == 0;
}

bool request_is_live(const json_t *request)
{
	return request && !is_state(request, "ended");
}

static int64_t between(int64_t from, int64_t to)
{
	if (from <= 0 || to <= 0)
		return -1;
	return to > from ? to - from : 0;
}

/* When it ended; now, as long as it has not. */
static int64_t end_of(const json_t *request, int64_t now_ms)
{
	return request_is_live(request) ? now_ms : words_time(request, "ended_at");
}

int64_t request_took_ms(const json_t *request, int64_t now_ms)
{
	return between(words_time(request, "accepted_at"), end_of(request, now_ms));
}

int64_t request_queue_ms(const json_t *request, int64_t now_ms)
{
	int64_t dispatched = words_time(request, "dispatched_at");

	return between(words_time(request, "queued_at"),
		       dispatched > 0 ? dispatched : end_of(request, now_ms));
}

int64_t request_first_ms(const json_t *request)
{
	return between(words_time(request, "dispatched_at"), words_time(request, "first_token_at"));
}

double request_rate(const json_t *request, int64_t now_ms)
{
	int64_t ms = between(words_time(request, "first_token_at"), end_of(request, now_ms));
	double tokens = json_get_num(request, "output_tokens", 0);

	return ms >= RATE_MS && tokens > 0 ? tokens * 1000 / (double)ms : -1;
}

const char *request_state(const json_t *request)
{
	return request_is_live(request) ? list_text(request, "state")
					: list_text(request, "outcome");
}

unsigned request_style(const json_t *request)
{
	const char *outcome = json_get_str(request, "outcome");

	if (request_is_live(request))
		return is_state(request, "running") ? STYLE_ACCENT : STYLE_NORMAL;
	if (outcome && strcmp(outcome, "ok") == 0)
		return STYLE_OK;
	return outcome && strcmp(outcome, "cancelled") == 0 ? STYLE_WARN : STYLE_ERROR;
}

const char *request_short_model(const char *model)
{
	static const char maker[] = "claude-";

	return strncmp(model, maker, sizeof maker - 1) == 0 && model[sizeof maker - 1]
		       ? model + sizeof maker - 1
		       : model;
}

/* ---- lines ---- */

struct text {
	char bytes[LINE_BYTES];
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *fmt, ...)
{
	size_t room = sizeof t->bytes - t->used;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(t->bytes + t->used, room, fmt, args);
	va_end(args);
	if (n > 0)
		t->used += (size_t)n < room ? (size_t)n : room - 1;
}

/* Parts of a request are told finer than other times. */
static const char *fine_span(char to[WORDS_SIZE], int64_t ms)
{
	if (ms < 0 || ms >= 10000)
		return words_span(to, ms);
	snprintf(to, WORDS_SIZE, "%d.%02d s", (int)(ms / 1000), (int)(ms % 1000 / 10));
	return to;
}

static void add_who(struct sheet *s, const json_t *request)
{
	const char *key = json_get_str(request, "key_id"), *peer = json_get_str(request, "peer");
	const char *label = json_get_str(request, "key_label");
	const char *priority = json_get_str(request, "priority");
	struct text t = {.used = 0};

	add(&t, "%.100s", list_text(request, "project"));
	if (key)
		add(&t, "   key %.64s", key);
	if (key && label && *label)
		add(&t, " \"%.128s\"", label);
	add(&t, "   %.16s %.128s   %s", list_text(request, "method"), list_text(request, "path"),
	    json_get_true(request, "stream") ? "stream" : "no stream");
	if (priority && strcmp(priority, "normal") != 0)
		add(&t, "   priority %.16s", priority);
	if (peer && *peer)
		add(&t, "   from %.64s", peer);
	sheet_parts(s, STYLE_NORMAL, NULL, t.bytes);
}

static void add_worker_words(struct text *t, const json_t *request)
{
	const json_t *warm = json_object_get(request, "warm");
	int64_t worker = json_get_int(request, "worker", -1);

	if (worker >= 0)
		add(t, " w%" PRId64, worker);
	if (json_is_boolean(warm))
		add(t, " (%s)", json_is_true(warm) ? "warm" : "cold");
}

static void add_progress(struct text *t, const json_t *request, int64_t now_ms)
{
	int64_t dispatched = words_time(request, "dispatched_at");
	int64_t first = request_first_ms(request);
	double rate = request_rate(request, now_ms);
	char span[WORDS_SIZE];

	if (dispatched <= 0)
		return;
	add(t, STEP "dispatched");
	add_worker_words(t, request);
	if (first >= 0)
		add(t, STEP "first token +%s", fine_span(span, first));
	else if (request_is_live(request))
		add(t, STEP "no token yet, %s", fine_span(span, between(dispatched, now_ms)));
	if (rate >= 0)
		add(t, STEP "%.0f tok/s", rate);
}

static void add_timeline(struct sheet *s, const json_t *request, int64_t now_ms)
{
	int64_t accepted = words_time(request, "accepted_at");
	int64_t queue = request_queue_ms(request, now_ms);
	char clock[WORDS_SIZE], span[WORDS_SIZE];
	struct text t = {.used = 0};

	add(&t, "accepted %s.%03d", words_clock(clock, accepted), (int)(accepted % 1000));
	if (queue >= 0)
		add(&t, STEP "%s %s", is_state(request, "queued") ? "in the queue for" : "queue",
		    fine_span(span, queue));
	add_progress(&t, request, now_ms);
	words_span(span, request_took_ms(request, now_ms));
	if (!request_is_live(request))
		add(&t, STEP "%.40s after %s", list_text(request, "outcome"), span);
	else if (!is_state(request, "queued"))
		add(&t, STEP "%.20s %s", list_text(request, "state"), span);
	sheet_parts(s, request_style(request), NULL, t.bytes);
}

static void add_model(struct sheet *s, const json_t *request)
{
	const char *asked = json_get_str(request, "model_asked");
	const char *route = json_get_str(request, "route");
	const char *reason = json_get_str(request, "route_reason");
	const char *cache = json_get_str(request, "cache");
	struct text t = {.used = 0};

	add(&t, "%.96s", list_text(request, "model"));
	if (asked && strcmp(asked, list_text(request, "model")) != 0)
		add(&t, "   asked %.96s", asked);
	if (cache)
		add(&t, "   cache %.16s", cache);
	sheet_parts(s, STYLE_NORMAL, "model", t.bytes);
	if (!route && !reason)
		return;
	t = (struct text){.used = 0};
	add(&t, "%.96s", route ? route : "");
	if (reason)
		add(&t, route ? " (%.700s)" : "%.700s", reason);
	sheet_add(s, STYLE_NORMAL, "route", t.bytes);
}

static void add_tokens(struct sheet *s, const json_t *request)
{
	int64_t read = json_get_int(request, "cache_read_tokens", 0);
	int64_t written = json_get_int(request, "cache_creation_tokens", 0);
	bool estimated = json_get_true(request, "output_estimated");
	char count[WORDS_SIZE];
	struct text t = {.used = 0};

	if (request_is_live(request))
		add(&t, "in: told at the end");
	else
		add(&t, "in %s", words_count(count, json_get_int(request, "input_tokens", -1)));
	if (read > 0)
		add(&t, " (cache read %s", words_count(count, read));
	if (written > 0)
		add(&t, "%s %s", read > 0 ? ", written" : " (cache written",
		    words_count(count, written));
	if (read > 0 || written > 0)
		add(&t, ")");
	add(&t, "   out %s%s", words_count(count, json_get_int(request, "output_tokens", -1)),
	    estimated ? " (estimated)" : "");
	sheet_parts(s, STYLE_NORMAL, "tokens", t.bytes);
}

static void add_money(struct sheet *s, const json_t *request)
{
	int64_t tokens = json_get_int(request, "held_tokens", -1);
	double usd = json_get_num(request, "held_usd", -1);
	double cost = json_get_num(request, "cost_usd", -1);
	char count[WORDS_SIZE], money[WORDS_SIZE];

	if (tokens >= 0 || usd >= 0)
		sheet_format(s, STYLE_NORMAL, "hold", "%s tokens, %s", words_short(count, tokens),
			     words_usd(money, usd));
	if (cost >= 0)
		sheet_format(s, STYLE_NORMAL, "cost", "%s%s", words_usd(money, cost),
			     request_is_live(request) ? " so far" : "");
}

static void add_worker(struct sheet *s, const json_t *request)
{
	int64_t attempts = json_get_int(request, "attempts", 0);
	struct text t = {.used = 0};

	if (json_get_int(request, "worker", -1) < 0 && attempts <= 1)
		return;
	add_worker_words(&t, request);
	if (attempts > 1)
		add(&t, "   %" PRId64 " attempts", attempts);
	sheet_add(s, attempts > 1 ? STYLE_WARN : STYLE_NORMAL, "worker",
		  t.bytes + strspn(t.bytes, " "));
}

static void add_outcome(struct sheet *s, const json_t *request)
{
	const char *error = json_get_str(request, "error");
	int64_t status = json_get_int(request, "status", -1);
	struct text t = {.used = 0};

	if (!request_is_live(request)) {
		add(&t, "%.64s", list_text(request, "outcome"));
		if (status > 0)
			add(&t, ", HTTP status %" PRId64, status);
		sheet_add(s, request_style(request), "outcome", t.bytes);
	}
	if (error && *error)
		sheet_add(s, STYLE_ERROR, "error", error);
}

void request_fill(struct sheet *s, const json_t *request, int64_t now_ms)
{
	if (!request) {
		sheet_add(s, STYLE_WARN, NULL,
			  "It is not among the requests that are known any more: those under way "
			  "and the last 1,000 that have ended.");
		return;
	}
	add_who(s, request);
	add_timeline(s, request, now_ms);
	sheet_add(s, STYLE_NORMAL, NULL, "");
	add_model(s, request);
	add_tokens(s, request);
	add_money(s, request);
	add_worker(s, request);
	add_outcome(s, request);
}
