#include "daemon/observe/row.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "shared/json.h"
#include "shared/money.h"

enum { SECOND_SIZE = 24 };

void row_open(struct buf *to)
{
	buf_add_char(to, '{');
}

void row_close(struct buf *to)
{
	buf_add_char(to, '}');
}

void row_name(struct buf *to, const char *name)
{
	if (to->len > 0 && to->data[to->len - 1] != '{')
		buf_add(to, ",\"", 2);
	else
		buf_add_char(to, '"');
	buf_add_str(to, name);
	buf_add(to, "\":", 2);
}

void row_null(struct buf *to, const char *name)
{
	row_name(to, name);
	buf_add(to, "null", 4);
}

void row_text(struct buf *to, const char *name, const char *s)
{
	row_name(to, name);
	if (s && *s)
		json_add_string_lossy(to, s);
	else
		buf_add(to, "null", 4);
}

static void add_int(struct buf *to, int64_t n)
{
	char digits[24];
	size_t at = sizeof digits;
	uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

	do
		digits[--at] = (char)('0' + left % 10);
	while (left /= 10);
	if (n < 0)
		digits[--at] = '-';
	buf_add(to, digits + at, sizeof digits - at);
}

void row_int(struct buf *to, const char *name, int64_t n)
{
	row_name(to, name);
	add_int(to, n);
}

void row_int_or_null(struct buf *to, const char *name, int64_t n)
{
	if (n == -1)
		row_null(to, name);
	else
		row_int(to, name, n);
}

void row_bool(struct buf *to, const char *name, bool b)
{
	row_name(to, name);
	buf_add_str(to, b ? "true" : "false");
}

void row_usd(struct buf *to, const char *name, int64_t micro)
{
	if (micro == -1) {
		row_null(to, name);
		return;
	}
	row_name(to, name);
	money_add_usd(to, micro);
}

/* Rows of one moment have the same second in most of their times. */
static const char *second_text(int64_t second)
{
	static int64_t kept = -1;
	static char text[SECOND_SIZE];
	time_t t = (time_t)second;
	struct tm tm;

	if (second != kept && gmtime_r(&t, &tm)) {
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
		kept = second;
	}
	return text;
}

void row_time(struct buf *to, const char *name, int64_t wall_ms)
{
	char rest[8] = ".000Z\"";
	int ms = (int)(wall_ms % 1000);

	if (wall_ms <= 0) {
		row_null(to, name);
		return;
	}
	rest[1] = (char)('0' + ms / 100);
	rest[2] = (char)('0' + ms / 10 % 10);
	rest[3] = (char)('0' + ms % 10);
	row_name(to, name);
	buf_add_char(to, '"');
	buf_add_str(to, second_text(wall_ms / 1000));
	buf_add_str(to, rest);
}

json_t *row_parse(const struct buf *text)
{
	return text->failed || !text->len ? NULL : json_loadb(text->data, text->len, 0, NULL);
}
