/* Requests: as a table, one as a sheet with its timeline, and as lines of a stream.  What stands
 * between two moments is counted here; of one that is still under way it is counted up to now. */
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/json.h"

#include "ctl/output.h"
#include "ctl/present.h"
#include "ctl/show.h"

static const struct show_field requests[] = {
	{"REQUEST", "id", SHOW_TEXT},         {"STATE", "shown", SHOW_TEXT},
	{"PROJECT", "project", SHOW_TEXT},    {"MODEL", "model", SHOW_TEXT},
	{"IN ALL", "total_ms", SHOW_MS},      {"QUEUED", "queue_ms", SHOW_MS},
	{"FIRST", "first_ms", SHOW_MS},       {"IN", "input_tokens", SHOW_COUNT},
	{"OUT", "output_tokens", SHOW_COUNT}, {"COST", "cost_usd", SHOW_USD},
	{"WORKER", "worker", SHOW_TEXT},      {"KEY", "key_id", SHOW_TEXT},
	{"ROUTE", "route", SHOW_TEXT},        {"ACCEPTED", "accepted_at", SHOW_TIME},
	{"ERROR", "error", SHOW_LONG},
};
static const struct show_field head[] = {
	{"Request", "id", SHOW_TEXT},           {"State", "shown", SHOW_TEXT},
	{"HTTP status", "status", SHOW_TEXT},   {"Error", "error", SHOW_TEXT},
	{"Asked", "asked", SHOW_TEXT},          {"From", "peer", SHOW_TEXT},
	{"Project", "project", SHOW_TEXT},      {"Key", "key", SHOW_TEXT},
	{"Priority", "priority", SHOW_TEXT},    {"Model asked", "model_asked", SHOW_TEXT},
	{"Model", "model", SHOW_TEXT},          {"Route", "route", SHOW_TEXT},
	{"Because", "route_reason", SHOW_TEXT}, {"Cache", "cache", SHOW_TEXT},
};
static const struct show_field spent[] = {
	{"Tokens in", "input_tokens", SHOW_COUNT},
	{"  read from the prompt cache", "cache_read_tokens", SHOW_COUNT},
	{"  written to it", "cache_creation_tokens", SHOW_COUNT},
	{"Tokens out", "out", SHOW_TEXT},
	{"Cost", "cost_usd", SHOW_USD},
	{"Tokens held", "held_tokens", SHOW_COUNT},
	{"Held", "held_usd", SHOW_USD},
};

/* ---- what follows from the times ---- */

/* From one moment to another, or to now while the request is under way. */
static void set_between(json_t *row, const char *name, const char *from, const char *to,
			bool running)
{
	int64_t begin_ms, end_ms = 0;

	if (!show_parse_time(json_get_str(row, from), &begin_ms))
		return;
	if (!show_parse_time(json_get_str(row, to), &end_ms)) {
		if (!running)
			return;
		end_ms = clock_wall_ms();
	}
	json_object_set_new(row, name, json_integer(end_ms > begin_ms ? end_ms - begin_ms : 0));
}

json_t *present_request_row(const json_t *request)
{
	json_t *row = json_is_object(request) ? json_copy((json_t *)request) : json_object();
	const char *state = json_get_str(row, "state"), *outcome = json_get_str(row, "outcome");
	bool running = state && strcmp(state, "ended") != 0;

	set_between(row, "queue_ms", "queued_at", "dispatched_at", running);
	set_between(row, "first_ms", "dispatched_at", "first_token_at", false);
	set_between(row, "total_ms", "accepted_at", "ended_at", running);
	if (!running && outcome)
		state = outcome;
	if (state)
		json_object_set_new(row, "shown", json_string(state));
	return row;
}

int present_requests(const struct command *c, const json_t *result)
{
	json_t *rows = json_array(), *item;
	size_t i;

	json_array_foreach(json_object_get(result, "requests"), i, item)
	{
		json_array_append_new(rows, present_request_row(item));
	}
	show_list(rows, requests, SHOW_COUNT_OF(requests), c->quiet, "No requests.");
	json_decref(rows);
	return EXIT_DONE;
}

/* ---- one request ---- */

static void print_step(const char *title, struct buf *text)
{
	printf("  %-14s ", title);
	output_text(stdout, text->data ? text->data : "", CLEAN_LINE);
	putchar('\n');
	buf_clear(text);
}

static void add(struct buf *b, const json_t *row, const char *member, enum show_kind kind)
{
	const struct show_field field = {"", member, kind};

	show_value(b, &field, row);
}

static bool has(const json_t *row, const char *member)
{
	const json_t *value = json_object_get(row, member);

	return value && !json_is_null(value);
}

static void print_dispatch(const json_t *row, struct buf *b)
{
	int64_t attempts = json_get_int(row, "attempts", 1);

	if (has(row, "worker"))
		add(b, row, "worker", SHOW_TEXT);
	if (has(row, "warm"))
		buf_add_str(b, json_get_true(row, "warm") ? " (warm)" : " (cold)");
	if (attempts > 1)
		buf_printf(b, ", attempt %lld", (long long)attempts);
	print_step("to worker", b);
}

/* Moments that have not come, or never will, are left out. */
static void print_timeline(const json_t *row)
{
	bool ended = has(row, "ended_at");
	struct buf b;

	buf_init(&b, 64 * 1024);
	puts("\nTimeline");
	add(&b, row, "accepted_at", SHOW_TIME);
	print_step("accepted", &b);
	if (has(row, "queued_at")) {
		add(&b, row, "queue_ms", SHOW_MS);
		print_step("queued for", &b);
	}
	if (has(row, "dispatched_at"))
		print_dispatch(row, &b);
	if (has(row, "first_token_at")) {
		buf_add_str(&b, "after ");
		add(&b, row, "first_ms", SHOW_MS);
		print_step("first token", &b);
	}
	buf_add_str(&b, ended ? "after " : "for ");
	add(&b, row, "total_ms", SHOW_MS);
	print_step(ended ? "ended" : "under way", &b);
	buf_done(&b);
}

/* "POST /v1/chat/completions", "k_3fa2c19d "ci""; the first alone where there is no second. */
static void set_joined(json_t *row, const char *name, const char *first, const char *second,
		       const char *quote)
{
	const char *a = json_get_str(row, first), *b = json_get_str(row, second);

	if (a)
		json_object_set_new(row, name,
				    b ? json_sprintf("%s %s%s%s", a, quote, b, quote)
				      : json_string(a));
}

/* A sheet of what there is: "-" on every other line would hide the rest. */
static void print_sheet(const json_t *row, const struct show_field *fields, size_t count)
{
	struct show_field there[SHOW_COUNT_OF(head)];
	size_t n = 0;

	for (size_t i = 0; i < count && n < SHOW_COUNT_OF(there); i++)
		if (has(row, fields[i].member))
			there[n++] = fields[i];
	show_sheet(row, there, n);
}

int present_request(const struct command *c, const json_t *result)
{
	json_t *row;

	if (c->quiet) {
		row = present_request_row(result);
		output_text(stdout, has(row, "shown") ? json_get_str(row, "shown") : "?",
			    CLEAN_LINE);
		putchar('\n');
		json_decref(row);
		return EXIT_DONE;
	}
	row = present_request_row(result);
	set_joined(row, "asked", "method", "path", "");
	set_joined(row, "key", "key_id", "key_label", "\"");
	json_object_set_new(row, "out",
			    json_sprintf("%s%lld%s",
					 json_get_true(row, "output_estimated") ? "~" : "",
					 (long long)json_get_int(row, "output_tokens", 0),
					 json_get_true(row, "stream") ? ", streamed" : ""));
	print_sheet(row, head, SHOW_COUNT_OF(head));
	print_timeline(row);
	putchar('\n');
	print_sheet(row, spent, SHOW_COUNT_OF(spent));
	json_decref(row);
	return EXIT_DONE;
}

/* ---- a line of the stream ---- */

static const struct {
	struct show_field field;
	unsigned width; /* a longer value pushes the rest to the right */
} columns[] = {
	{{"ENDED", "ended_at", SHOW_TIME}, 23},    {{"OUTCOME", "shown", SHOW_TEXT}, 10},
	{{"PROJECT", "project", SHOW_TEXT}, 12},   {{"MODEL", "model", SHOW_TEXT}, 18},
	{{"IN ALL", "total_ms", SHOW_MS}, 9},      {{"IN", "input_tokens", SHOW_COUNT}, 8},
	{{"OUT", "output_tokens", SHOW_COUNT}, 8}, {{"COST", "cost_usd", SHOW_USD}, 10},
	{{"REQUEST", "id", SHOW_TEXT}, 0},         {{"ERROR", "error", SHOW_TEXT}, 0},
};

static void add_cell(struct buf *line, const char *text, unsigned width, bool right)
{
	unsigned used = output_columns(text), space = used < width ? width - used : 0;

	buf_printf(line, "%s%*s", line->len ? "  " : "", right ? (int)space : 0, "");
	buf_add_str(line, text);
	if (!right)
		buf_printf(line, "%*s", (int)space, "");
}

static bool is_right(enum show_kind kind)
{
	return kind == SHOW_MS || kind == SHOW_COUNT || kind == SHOW_USD;
}

void present_request_line(const json_t *request, bool quiet)
{
	json_t *row = present_request_row(request);
	struct buf line, text, clean;

	buf_init(&line, 1024 * 1024);
	buf_init(&text, 256 * 1024);
	buf_init(&clean, 256 * 1024);
	for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
		const struct show_field *field = &columns[i].field;

		buf_clear(&text);
		buf_clear(&clean);
		if (quiet && strcmp(field->member, "id") != 0)
			continue;
		if (!request)
			buf_add_str(&text, field->title);
		else if (strcmp(field->member, "error") != 0 || has(row, "error"))
			show_value(&text, field, row);
		output_clean(&clean, text.data ? text.data : "", CLEAN_LINE);
		add_cell(&line, clean.data ? clean.data : "", quiet ? 0 : columns[i].width,
			 is_right(field->kind));
	}
	while (line.len > 0 && line.data[line.len - 1] == ' ')
		line.data[--line.len] = '\0';
	puts(line.data ? line.data : "");
	buf_done(&clean);
	buf_done(&text);
	buf_done(&line);
	json_decref(row);
}
