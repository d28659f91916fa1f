#include "daemon/admit/report_time.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shared/err.h"

#define LATEST_S INT64_C(253402300800) /* the year 10000 */

/* Exactly `count` digits at *at. */
static bool read_number(const char **at, int count, int *ret)
{
	int n = 0;

	for (int i = 0; i < count; i++, ++*at) {
		if (**at < '0' || **at > '9')
			return false;
		n = n * 10 + (**at - '0');
	}
	*ret = n;
	return true;
}

static bool read_char(const char **at, char c)
{
	if (**at != c)
		return false;
	++*at;
	return true;
}

static bool read_date(const char **at, struct tm *t)
{
	if (!read_number(at, 4, &t->tm_year) || !read_char(at, '-') ||
	    !read_number(at, 2, &t->tm_mon) || !read_char(at, '-') ||
	    !read_number(at, 2, &t->tm_mday))
		return false;
	t->tm_year -= 1900;
	t->tm_mon--;
	return true;
}

/* The fraction is read and forgotten: usage is kept by quarters of an hour. */
static bool read_clock(const char **at, struct tm *t)
{
	if (!read_number(at, 2, &t->tm_hour) || !read_char(at, ':') ||
	    !read_number(at, 2, &t->tm_min) || !read_char(at, ':') ||
	    !read_number(at, 2, &t->tm_sec))
		return false;
	if (read_char(at, '.')) {
		size_t digits = strspn(*at, "0123456789");

		*at += digits;
		return digits > 0;
	}
	return true;
}

static bool read_offset(const char **at, int *ret_minutes)
{
	int hours, minutes, sign = **at == '-' ? -1 : 1;

	if (read_char(at, 'Z') || read_char(at, 'z')) {
		*ret_minutes = 0;
		return true;
	}
	if ((!read_char(at, '+') && !read_char(at, '-')) || !read_number(at, 2, &hours) ||
	    !read_char(at, ':') || !read_number(at, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_minutes = sign * (hours * 60 + minutes);
	return true;
}

/* timegm() would take the 31st of February for a day of March; whatever is too much moves what is
 * above it. */
static bool is_real(const struct tm *t, time_t at)
{
	struct tm back;

	return gmtime_r(&at, &back) && back.tm_mon == t->tm_mon && back.tm_hour == t->tm_hour &&
	       back.tm_min == t->tm_min;
}

static int parse_calendar(const char *text, int64_t *ret_s)
{
	struct tm t = {0}, copy;
	int offset = 0;
	time_t at;

	if (!read_date(&text, &t))
		return ERR_SYNTAX;
	if (*text &&
	    ((!read_char(&text, 'T') && !read_char(&text, 't') && !read_char(&text, ' ')) ||
	     !read_clock(&text, &t) || !read_offset(&text, &offset) || *text))
		return ERR_SYNTAX;
	copy = t;
	at = timegm(&copy);
	if (!is_real(&t, at))
		return ERR_SYNTAX;
	*ret_s = (int64_t)at - (int64_t)offset * 60;
	return 0;
}

static int parse_seconds(const char *text, int64_t *ret_s)
{
	int64_t n = 0;

	for (; *text; text++) {
		n = n * 10 + (*text - '0');
		if (n >= LATEST_S)
			return ERR_LIMIT;
	}
	*ret_s = n;
	return 0;
}

int time_parse(const char *text, int64_t *ret_ms)
{
	size_t digits = strspn(text, "0123456789");
	int64_t s;
	int rc = digits > 0 && !text[digits] ? parse_seconds(text, &s) : parse_calendar(text, &s);

	if (rc < 0)
		return rc;
	if (s < 0 || s >= LATEST_S)
		return ERR_LIMIT;
	*ret_ms = s * 1000;
	return 0;
}

void time_print(char to[TIME_TEXT_SIZE], int64_t at_ms)
{
	time_t at = (time_t)(at_ms / 1000);
	struct tm t;

	if (!gmtime_r(&at, &t) || !strftime(to, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &t))
		snprintf(to, TIME_TEXT_SIZE, "%s", "9999-12-31T23:59:59Z");
}
