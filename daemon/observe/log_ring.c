#include "daemon/observe/log_ring.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/buf.h"
#include "shared/json.h"

#include "daemon/observe/events.h"
#include "daemon/observe/row.h"

/* Of a message and of a field's value; what is longer stands whole in the log itself. */
enum { MESSAGE_MAX = 1024, VALUE_MAX = 512, FIELDS_MAX = 24, ROW_MAX = 128 * 1024 };

/* Lines come thousands a second and are looked at now and then: they are kept as they are, in a
 * block of text that its place in the ring uses again, and become JSON when somebody asks. */
struct kept_field {
	const char *key; /* a literal of whoever logs */
	enum log_kind kind;
	int64_t num;
	size_t at; /* of its text */
};

struct kept_line {
	int64_t at_ms;
	enum log_level level;
	const char *area;          /* a literal; NULL: there was no memory for the line */
	struct buf text;           /* the message and the fields' texts, each with its NUL */
	struct kept_field *fields; /* FIELDS_MAX of them */
	size_t count;
};

struct log_ring {
	struct kept_line lines[LOG_RING_LINES]; /* number n stands at n % LOG_RING_LINES */
	uint64_t count;                         /* lines so far */
	uint64_t told;                          /* of them told to watchers, or too old for it */
	uv_async_t wake;
	void (*closed)(void *ctx);
	void *ctx;
};

/* ---- keeping ---- */

static struct kept_line *slot(struct log_ring *r, uint64_t number)
{
	return &r->lines[number % LOG_RING_LINES];
}

/* Returns where it begins. */
static size_t keep_text(struct kept_line *to, const char *s, size_t max)
{
	size_t at = to->text.len;

	buf_add(&to->text, s, strnlen(s, max));
	buf_add(&to->text, "", 1);
	return at;
}

static void keep_fields(struct kept_line *to, const struct log_line *line)
{
	for (size_t i = 0; i < line->count && to->count < FIELDS_MAX; i++) {
		const struct log_field *f = &line->fields[i];
		struct kept_field *k = &to->fields[to->count];

		if (f->secret || (f->kind == LOG_KIND_STR && !f->str))
			continue;
		*k = (struct kept_field){.key = f->key, .kind = f->kind, .num = f->num};
		if (f->kind == LOG_KIND_STR)
			k->at = keep_text(to, f->str, VALUE_MAX);
		to->count++;
	}
}

static void keep(void *ctx, const struct log_line *line)
{
	struct log_ring *r = ctx;
	struct kept_line *to = slot(r, r->count++);

	if (!to->fields)
		to->fields = calloc(FIELDS_MAX, sizeof *to->fields);
	buf_clear(&to->text);
	to->at_ms = line->at_ms;
	to->level = line->level;
	to->count = 0;
	keep_text(to, line->message, MESSAGE_MAX);
	if (to->fields)
		keep_fields(to, line);
	to->area = to->fields && !to->text.failed ? line->area : NULL;
	if (events_live())
		uv_async_send(&r->wake);
	else
		r->told = r->count;
}

/* ---- telling ---- */

static void write_field(const struct kept_line *l, const struct kept_field *f, struct buf *to)
{
	int64_t unit = f->kind == LOG_KIND_MICRO ? 1000000 : f->kind == LOG_KIND_MILLI ? 1000 : 1;

	row_name(to, f->key);
	if (f->kind == LOG_KIND_STR)
		json_add_string_lossy(to, l->text.data + f->at);
	else if (unit == 1)
		buf_printf(to, "%" PRId64, f->num);
	else
		buf_printf(to, "%.6g", (double)f->num / (double)unit);
}

static void write_line(const struct kept_line *l, struct buf *to)
{
	row_open(to);
	row_time(to, "at", l->at_ms);
	row_text(to, "level", log_level_name(l->level));
	row_text(to, "area", l->area);
	row_name(to, "message");
	json_add_string_lossy(to, l->text.data);
	row_name(to, "fields");
	row_open(to);
	for (size_t i = 0; i < l->count; i++)
		write_field(l, &l->fields[i], to);
	row_close(to);
	row_close(to);
}

static json_t *view_line(const struct kept_line *l)
{
	struct buf text;
	json_t *view;

	buf_init(&text, ROW_MAX);
	write_line(l, &text);
	view = row_parse(&text);
	buf_done(&text);
	return view;
}

static void tell_line(const struct kept_line *l)
{
	struct buf text;

	buf_init(&text, ROW_MAX);
	write_line(l, &text);
	events_tell_text("log", &text);
	buf_done(&text);
}

static void tell_lost(uint64_t lost)
{
	events_tell("log", json_pack("{sI}", "lost", (json_int_t)lost));
}

static void on_wake(uv_async_t *wake)
{
	struct log_ring *r = wake->data;
	uint64_t end = r->count;

	if (!events_live()) {
		r->told = end;
		return;
	}
	if (end - r->told > LOG_RING_LINES) {
		tell_lost(end - r->told - LOG_RING_LINES);
		r->told = end - LOG_RING_LINES;
	}
	for (; r->told < end; r->told++) {
		const struct kept_line *l = slot(r, r->told);

		if (l->area)
			tell_line(l);
		else
			tell_lost(1);
	}
}

json_t *log_ring_lines(const struct log_ring *r, size_t count, enum log_level level)
{
	uint64_t oldest, from;
	json_t *to = json_array();
	size_t found = 0;

	if (!r)
		return to;
	from = r->count;
	oldest = from > LOG_RING_LINES ? from - LOG_RING_LINES : 0;

	while (from > oldest && found < count) {
		const struct kept_line *l = &r->lines[--from % LOG_RING_LINES];

		found += l->area && l->level <= level;
	}
	for (; from < r->count; from++) {
		const struct kept_line *l = &r->lines[from % LOG_RING_LINES];

		if (l->area && l->level <= level)
			json_array_append_new(to, view_line(l));
	}
	return to;
}

/* ---- life ---- */

struct log_ring *log_ring_new(uv_loop_t *loop)
{
	struct log_ring *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	if (uv_async_init(loop, &r->wake, on_wake) < 0) {
		free(r);
		return NULL;
	}
	r->wake.data = r;
	for (size_t i = 0; i < LOG_RING_LINES; i++)
		buf_init(&r->lines[i].text, MESSAGE_MAX + 1 + FIELDS_MAX * (VALUE_MAX + 1));
	log_listen(keep, r);
	return r;
}

static void on_closed(uv_handle_t *handle)
{
	struct log_ring *r = handle->data;

	for (size_t i = 0; i < LOG_RING_LINES; i++) {
		buf_done(&r->lines[i].text);
		free(r->lines[i].fields);
	}
	if (r->closed)
		r->closed(r->ctx);
	free(r);
}

void log_ring_free(struct log_ring *r, void (*closed)(void *ctx), void *ctx)
{
	log_listen(NULL, NULL);
	r->closed = closed;
	r->ctx = ctx;
	uv_close((uv_handle_t *)&r->wake, on_closed);
}
