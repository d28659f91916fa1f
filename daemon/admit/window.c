/* Windows of time.
 *
 * A border is where the zone's calendar moves on, looked for among the multiples of BUCKET_MS: the
 * present moment is rounded down to its quarter of an hour, and each quarter belongs to one window,
 * so windows have neither gaps nor overlaps whatever a zone does.
 *
 *   day, week, month   from the first quarter that has the first date or a later one.  A midnight
 *                      that does not exist, a date that does not exist (Apia, 2011-12-30) and a
 *                      midnight that comes twice need no care of their own.
 *   hour               quarters that share the hour on the clock and the distance from UTC: of an
 *                      hour that comes twice, each is a window; a change by half an hour makes a
 *                      short one.
 *
 * mktime() is not asked: what it says about times that do not exist is up to the C library. */
#include "daemon/admit/window.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/err.h"
#include "shared/str.h"
#include "shared/units.h"

#define ZONES "/usr/share/zoneinfo/"

enum { ZONE_MAX_BYTES = 64 };

/* Beyond the year 9999 nothing ends any more, and the C library's years stay far away. */
#define LATEST_MS INT64_C(253402300800000)

/* No zone is, or ever was, further from UTC. */
#define FARTHEST_MS (INT64_C(16) * 3600 * 1000)

static const char *const names[WINDOWS] = {
	[WINDOW_HOUR] = "hour",   [WINDOW_DAY] = "day",     [WINDOW_WEEK] = "week",
	[WINDOW_MONTH] = "month", [WINDOW_TOTAL] = "total", [WINDOW_ROLLING] = "rolling",
};

/* ---- words ---- */

bool window_is_valid(enum budget_window window, int64_t rolling_ms)
{
	if (window == WINDOW_ROLLING)
		return rolling_ms >= ROLLING_MIN_MS && rolling_ms <= ROLLING_MAX_MS &&
		       rolling_ms % BUCKET_MS == 0;
	return (unsigned)window < WINDOWS && rolling_ms == 0;
}

static int parse_rolling(const char *length, int64_t *ret_ms)
{
	int64_t ms;
	int rc = units_parse_duration(length, &ms);

	if (rc)
		return rc;
	if (!window_is_valid(WINDOW_ROLLING, ms))
		return ERR_LIMIT;
	*ret_ms = ms;
	return 0;
}

int window_parse(const char *text, enum budget_window *ret_window, int64_t *ret_rolling_ms)
{
	size_t len = strcspn(text, ":");
	int64_t rolling_ms = 0;
	int w = 0, rc;

	while (w < WINDOWS && (strlen(names[w]) != len || strncmp(names[w], text, len) != 0))
		w++;
	if (w == WINDOWS)
		return ERR_UNKNOWN;
	if ((w == WINDOW_ROLLING) != (text[len] == ':'))
		return ERR_SYNTAX;
	if (w == WINDOW_ROLLING) {
		rc = parse_rolling(text + len + 1, &rolling_ms);
		if (rc)
			return rc;
	}
	*ret_window = (enum budget_window)w;
	*ret_rolling_ms = rolling_ms;
	return 0;
}

void window_print(enum budget_window window, int64_t rolling_ms, char to[WINDOW_TEXT_SIZE])
{
	int64_t minutes = rolling_ms / 60000;

	if (window != WINDOW_ROLLING)
		snprintf(to, WINDOW_TEXT_SIZE, "%s", names[window]);
	else if (minutes % 60 == 0)
		snprintf(to, WINDOW_TEXT_SIZE, "%s:%" PRId64 "h", names[window], minutes / 60);
	else
		snprintf(to, WINDOW_TEXT_SIZE, "%s:%" PRId64 "m", names[window], minutes);
}

/* ---- the zone ---- */

/* Until a zone is set it is UTC, not what the environment says. */
static bool in_utc = true;

/* The folder also has text files and, under right/, clocks that count leap seconds, whose borders
 * are not where ours are. */
static bool zone_exists(const char *name)
{
	char path[sizeof ZONES + ZONE_MAX_BYTES], magic[4];
	bool good;
	int fd;

	snprintf(path, sizeof path, ZONES "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	good = read(fd, magic, sizeof magic) == sizeof magic && memcmp(magic, "TZif", 4) == 0;
	close(fd);
	return good;
}

/* No dots, so that no path leads out of the folder. */
static bool zone_is_named_well(const char *name)
{
	return str_in_set(name, 1, ZONE_MAX_BYTES,
			  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") &&
	       name[0] != '/' && strncmp(name, "right/", strlen("right/")) != 0;
}

int window_set_zone(const char *name)
{
	char tz[1 + sizeof ZONES + ZONE_MAX_BYTES] = "UTC0"; /* needs no file */
	bool utc = !*name || strcmp(name, "UTC") == 0;

	if (!utc && (!zone_is_named_well(name) || !zone_exists(name)))
		return ERR_UNKNOWN;
	if (!utc)
		snprintf(tz, sizeof tz, ":" ZONES "%s", name);
	if (setenv("TZ", tz, 1) != 0)
		return -errno;
	tzset();
	in_utc = utc;
	return 0;
}

/* ---- the calendar ---- */

static int64_t floor_to(int64_t value, int64_t step)
{
	int64_t rest = value % step;

	return value - (rest < 0 ? rest + step : rest);
}

static int64_t offset_ms(int64_t at_ms)
{
	time_t s = (time_t)(floor_to(at_ms, 1000) / 1000);
	struct tm tm;

	if (in_utc)
		return 0;
	return localtime_r(&s, &tm) ? (int64_t)tm.tm_gmtoff * 1000 : 0;
}

static int64_t local_ms(int64_t at_ms)
{
	return at_ms + offset_ms(at_ms);
}

static int64_t local_day(int64_t at_ms) /* days since 1970-01-01 on the zone's calendar */
{
	return floor_to(local_ms(at_ms), DAY_MS) / DAY_MS;
}

/* The first quarter of an hour whose date is `day` or later.  The clock is approached in halves of
 * what is missing, so that no change of the clock makes a step go past the goal unseen by more than
 * the quarters that are then looked at one by one. */
static int64_t day_start(int64_t day)
{
	int64_t before = floor_to(day * DAY_MS - FARTHEST_MS, BUCKET_MS);
	int64_t step;

	do {
		step = floor_to((day * DAY_MS - local_ms(before)) / 2, BUCKET_MS);
		if (step < BUCKET_MS)
			step = BUCKET_MS;
		if (local_day(before + step) >= day)
			break;
		before += step;
	} while (true);
	do {
		before += BUCKET_MS;
	} while (local_day(before) < day);
	return before;
}

/* Where midnight comes twice, the date of the first one counts: dates never go back. */
static int64_t day_of(int64_t quarter)
{
	int64_t day = local_day(quarter);

	while (day_start(day + 1) <= quarter)
		day++;
	return day;
}

/* The day's number of the first of the month that holds `day`, or of the month after it. */
static int64_t first_of_month(int64_t day, int months_later)
{
	time_t s = (time_t)(day * DAY_MS / 1000);
	struct tm tm;

	if (!gmtime_r(&s, &tm))
		return day;
	tm.tm_mday = 1;
	tm.tm_mon += months_later;
	return (int64_t)timegm(&tm) * 1000 / DAY_MS;
}

struct span {
	int64_t start, end;
};

static struct span hour_of(int64_t quarter)
{
	const int64_t hour_ms = INT64_C(3600) * 1000;
	int64_t offset = offset_ms(quarter);
	int64_t on_the_clock = floor_to(quarter + offset, hour_ms) - offset;
	struct span s = {.start = quarter, .end = quarter + BUCKET_MS};

	while (s.start - BUCKET_MS >= on_the_clock && offset_ms(s.start - BUCKET_MS) == offset)
		s.start -= BUCKET_MS;
	while (s.end < on_the_clock + hour_ms && offset_ms(s.end) == offset)
		s.end += BUCKET_MS;
	return s;
}

static struct span days_span(int64_t first, int64_t next)
{
	return (struct span){day_start(first), day_start(next)};
}

static struct span span_of(enum budget_window window, int64_t rolling_ms, int64_t now_ms)
{
	int64_t quarter = floor_to(now_ms, BUCKET_MS), day, start;

	switch (window) {
	case WINDOW_HOUR:
		return hour_of(quarter);
	case WINDOW_DAY:
		day = day_of(quarter);
		return days_span(day, day + 1);
	case WINDOW_WEEK:
		day = day_of(quarter);
		day -= (day + 3) % 7; /* 1970-01-01, day 0, was a Thursday; Monday is the first */
		return days_span(day, day + 7);
	case WINDOW_MONTH:
		day = day_of(quarter);
		return days_span(first_of_month(day, 0), first_of_month(day, 1));
	case WINDOW_ROLLING:
		start = floor_to(now_ms - rolling_ms, BUCKET_MS);
		return (struct span){start, start + BUCKET_MS + rolling_ms};
	case WINDOW_TOTAL:
	case WINDOWS:
		break;
	}
	return (struct span){0, INT64_MAX};
}

static int64_t within_time(int64_t now_ms)
{
	return now_ms < 0 ? 0 : now_ms < LATEST_MS ? now_ms : LATEST_MS;
}

int64_t window_start_ms(enum budget_window window, int64_t rolling_ms, int64_t now_ms)
{
	return span_of(window, rolling_ms, within_time(now_ms)).start;
}

int64_t window_end_ms(enum budget_window window, int64_t rolling_ms, int64_t now_ms)
{
	if (now_ms >= LATEST_MS)
		return INT64_MAX;
	return span_of(window, rolling_ms, within_time(now_ms)).end;
}
