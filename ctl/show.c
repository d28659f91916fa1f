#include "ctl/show.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/clock.h"
#include "shared/json.h"

#include "ctl/output.h"

enum { VALUE_MAX = 1024 * 1024 };

#define NOTHING "-"

/* 1234567 as 1,234,567. */
static void add_count(struct buf *to, int64_t n)
{
	char digits[32];
	size_t len = (size_t)snprintf(digits, sizeof digits, "%" PRId64, n);
	size_t first = digits[0] == '-';

	for (size_t i = 0; i < len; i++) {
		if (i > first && (len - i) % 3 == 0)
			buf_add_char(to, ',');
		buf_add_char(to, digits[i]);
	}
}

/* At least cents, at most micro-dollars. */
static void add_usd(struct buf *to, double dollars)
{
	char text[64];
	size_t len = (size_t)snprintf(text, sizeof text, "$%.6f", dollars);

	while (text[len - 1] == '0' && text[len - 3] != '.')
		len--;
	buf_add(to, text, len);
}

static void add_bytes(struct buf *to, double bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	size_t unit = 0;

	while (bytes >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
		bytes /= 1024;
		unit++;
	}
	buf_printf(to, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

/* The two largest units that are not zero: "3 d 4 h", "12 m", "5 s". */
static void add_duration(struct buf *to, int64_t seconds)
{
	static const struct {
		int64_t size;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
	unsigned shown = 0;

	for (size_t i = 0; i < 4 && shown < 2; i++) {
		int64_t n = seconds / units[i].size;

		if (n == 0 && shown == 1)
			break;
		if (n == 0 && (i < 3 || shown))
			continue;
		buf_printf(to, "%s%" PRId64 " %s", shown ? " " : "", n, units[i].name);
		seconds %= units[i].size;
		shown++;
	}
}

bool show_parse_time(const char *text, int64_t *ret_ms)
{
	struct tm tm = {0};
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	int64_t ms = 0, unit = 100;

	if (!rest || (*rest != 'Z' && *rest != '.'))
		return false;
	for (rest += *rest == '.'; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
		ms += (*rest - '0') * unit;
	*ret_ms = timegm(&tm) * INT64_C(1000) + ms;
	return true;
}

static void add_relative(struct buf *to, const char *text)
{
	int64_t at_ms, at, now = clock_wall_ms() / 1000;

	if (!text) {
		buf_add_str(to, "never");
		return;
	}
	if (!show_parse_time(text, &at_ms)) {
		buf_add_str(to, text);
		return;
	}
	at = at_ms / 1000;
	if (at > now) {
		buf_add_str(to, "in ");
		add_duration(to, at - now);
	} else {
		add_duration(to, now - at);
		buf_add_str(to, " ago");
	}
}

static void add_since(struct buf *to, const char *text)
{
	int64_t at_ms, ago_ms;

	if (!show_parse_time(text, &at_ms)) {
		buf_add_str(to, text ? text : NOTHING);
		return;
	}
	ago_ms = clock_wall_ms() - at_ms;
	add_duration(to, ago_ms > 0 ? ago_ms / 1000 : 0); /* two machines' clocks may differ */
}

static void add_time(struct buf *to, const char *text)
{
	if (!text) {
		buf_add_str(to, NOTHING);
		return;
	}
	for (; *text; text++)
		if (*text != 'Z')
			buf_add_char(to, *text == 'T' ? ' ' : *text);
}

static void add_list(struct buf *to, const json_t *list)
{
	json_t *item;
	size_t i;

	if (json_is_null(list) || !list) {
		buf_add_str(to, "all");
		return;
	}
	json_array_foreach((json_t *)list, i, item)
	{
		buf_printf(to, "%s%s", i ? ", " : "",
			   json_is_string(item) ? json_string_value(item) : "?");
	}
}

static void add_subject(struct buf *to, const json_t *object)
{
	const char *project = json_get_str(object, "project"), *key = json_get_str(object, "key");

	if (key)
		buf_printf(to, "key %s", key);
	else
		buf_add_str(to, project ? project : "everybody");
}

static void add_scalar(struct buf *to, const json_t *value)
{
	char *text;

	if (json_is_string(value)) {
		buf_add_str(to, json_string_value(value));
	} else if (json_is_null(value) || !value) {
		buf_add_str(to, NOTHING);
	} else {
		text = json_dump_exact(value, NULL);
		buf_add_str(to, text ? text : "?");
		free(text);
	}
}

static void add_number(struct buf *to, enum show_kind kind, const json_t *value)
{
	double n = json_number_value(value);

	if (!json_is_number(value))
		buf_add_str(to, NOTHING);
	else if (kind == SHOW_COUNT)
		add_count(to, json_integer_value(value));
	else if (kind == SHOW_USD)
		add_usd(to, n);
	else if (kind == SHOW_BYTES)
		add_bytes(to, n);
	else if (kind == SHOW_PERCENT)
		buf_printf(to, "%.0f %%", n * 100);
	else if (kind == SHOW_MS)
		buf_printf(to, "%.2f s", n / 1000);
	else
		add_duration(to, (int64_t)n);
}

void show_value(struct buf *to, const struct show_field *field, const json_t *object)
{
	const json_t *value = json_object_get(object, field->member);

	switch (field->kind) {
	case SHOW_TEXT:
	case SHOW_LONG:
		add_scalar(to, value);
		break;
	case SHOW_COUNT:
	case SHOW_USD:
	case SHOW_BYTES:
	case SHOW_PERCENT:
	case SHOW_MS:
	case SHOW_DURATION:
		add_number(to, field->kind, value);
		break;
	case SHOW_AGE:
	case SHOW_UNTIL:
		add_relative(to, json_string_value(value));
		break;
	case SHOW_SINCE:
		add_since(to, json_string_value(value));
		break;
	case SHOW_TIME:
		add_time(to, json_string_value(value));
		break;
	case SHOW_LIST:
		add_list(to, value);
		break;
	case SHOW_YES:
		buf_add_str(to, json_is_true(value) ? "yes" : "no");
		break;
	case SHOW_SUBJECT:
		add_subject(to, object);
		break;
	}
}

static bool is_right(enum show_kind kind)
{
	return kind == SHOW_COUNT || kind == SHOW_USD || kind == SHOW_BYTES ||
	       kind == SHOW_PERCENT || kind == SHOW_MS;
}

static void add_to_table(struct table *t, const struct show_field *field, const json_t *object)
{
	struct buf text;

	buf_init(&text, VALUE_MAX);
	show_value(&text, field, object);
	table_add(t, text.data ? text.data : "");
	buf_done(&text);
}

void show_list(const json_t *rows, const struct show_field *fields, size_t count, bool quiet,
	       const char *when_empty)
{
	struct table_column *columns = calloc(count, sizeof *columns);
	struct table *t = columns ? table_new(columns, quiet ? 1 : count) : NULL;
	json_t *row;
	size_t i;

	if (!t)
		abort();
	if (json_array_size(rows) == 0 && !quiet)
		puts(when_empty);
	for (i = 0; i < count; i++)
		columns[i] = (struct table_column){.title = fields[i].title,
						   .right = is_right(fields[i].kind),
						   .cut = fields[i].kind == SHOW_LONG};
	json_array_foreach((json_t *)rows, i, row)
	{
		for (size_t f = 0; f < (quiet ? 1 : count); f++)
			add_to_table(t, &fields[f], row);
	}
	if (json_array_size(rows) > 0)
		table_print(t, stdout, quiet ? 0 : output_width(stdout), !quiet);
	table_free(t);
	free(columns);
}

void show_sheet(const json_t *object, const struct show_field *fields, size_t count)
{
	static const struct table_column columns[] = {{.title = ""}, {.title = ""}};
	struct table *t = table_new(columns, 2);

	if (!t)
		abort();
	for (size_t i = 0; i < count; i++) {
		table_add(t, fields[i].title);
		add_to_table(t, &fields[i], object);
	}
	table_print(t, stdout, 0, false);
	table_free(t);
}
