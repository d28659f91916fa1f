#include "tui/model/words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shared/json.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS };
#define DAY_MS (24 * (int64_t)HOUR_MS)

static char *unknown(char *to)
{
	memcpy(to, "-", 2);
	return to;
}

char *words_count(char *to, int64_t n)
{
	char digits[24];
	size_t len, at = 0;

	if (n < 0)
		return unknown(to);
	len = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)n);
	for (size_t i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			to[at++] = ',';
		to[at++] = digits[i];
	}
	to[at] = '\0';
	return to;
}

/* Three digits: 1.82, 16.2, 162. */
static void three_digits(char *to, double value, const char *unit)
{
	int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

	snprintf(to, WORDS_SIZE, "%.*f %s", decimals, value, unit);
}

char *words_short(char *to, int64_t n)
{
	static const char *const units[] = {"k", "M", "G", "T", "P", "E"};
	double value = (double)n;
	size_t unit = 0;

	if (n < 0)
		return unknown(to);
	if (n < 1000) {
		snprintf(to, WORDS_SIZE, "%d", (int)n);
		return to;
	}
	for (value /= 1000; value >= 999.5 && unit < 5; unit++)
		value /= 1000;
	three_digits(to, value, units[unit]);
	return to;
}

char *words_usd(char *to, double usd)
{
	char count[WORDS_SIZE];

	if (!(usd >= 0) || usd > 1e15)
		return unknown(to);
	if (usd >= 1000)
		snprintf(to, WORDS_SIZE, "$%s", words_count(count, llround(usd)));
	else if (usd == 0 || usd >= 0.995)
		snprintf(to, WORDS_SIZE, "$%.2f", usd);
	else if (usd >= 0.00995)
		snprintf(to, WORDS_SIZE, "$%.3f", usd);
	else if (usd >= 0.000995)
		snprintf(to, WORDS_SIZE, "$%.4f", usd);
	else
		snprintf(to, WORDS_SIZE, "$%.6f", usd);
	return to;
}

char *words_real(char *to, double value)
{
	size_t len;

	if (!(fabs(value) < 1e15)) {
		snprintf(to, WORDS_SIZE, "%g", value);
		return to;
	}
	len = (size_t)snprintf(to, WORDS_SIZE, "%.6f", value);
	while (to[len - 1] == '0')
		len--;
	to[len - (to[len - 1] == '.')] = '\0';
	return to;
}

char *words_bytes(char *to, int64_t bytes)
{
	static const char *const units[] = {"K", "M", "G", "T", "P", "E"};
	double value = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 0)
		return unknown(to);
	if (bytes < 1024) {
		snprintf(to, WORDS_SIZE, "%d B", (int)bytes);
		return to;
	}
	for (; value >= 1023.5 && unit < 5; unit++)
		value /= 1024;
	snprintf(to, WORDS_SIZE, "%.*f %s", value < 9.95 ? 1 : 0, value, units[unit]);
	return to;
}

char *words_span(char *to, int64_t ms)
{
	if (ms < 0)
		return unknown(to);
	if (ms < MINUTE_MS)
		snprintf(to, WORDS_SIZE, "%d.%d s", (int)(ms / SECOND_MS),
			 (int)(ms % SECOND_MS / 100));
	else if (ms < HOUR_MS)
		snprintf(to, WORDS_SIZE, "%d m %d s", (int)(ms / MINUTE_MS),
			 (int)(ms % MINUTE_MS / SECOND_MS));
	else if (ms < DAY_MS)
		snprintf(to, WORDS_SIZE, "%d h %d m", (int)(ms / HOUR_MS),
			 (int)(ms % HOUR_MS / MINUTE_MS));
	else
		snprintf(to, WORDS_SIZE, "%lld d", (long long)(ms / DAY_MS));
	return to;
}

char *words_per_cent(char *to, double fraction)
{
	double value = fraction * 100;

	if (!(value >= 0) || value > 1e9)
		return unknown(to);
	snprintf(to, WORDS_SIZE, "%.*f %%", value > 0 && value < 9.95 ? 1 : 0, value);
	return to;
}

int64_t words_whole(double value, int64_t most)
{
	if (!(value >= 0))
		return -1;
	return value < (double)most ? (int64_t)(value + 0.5) : most;
}

/* ---- times ---- */

/* So many digits; -1: there are others. */
static int digits(const char *at, int count)
{
	int n = 0;

	for (int i = 0; i < count; i++) {
		if (at[i] < '0' || at[i] > '9')
			return -1;
		n = n * 10 + (at[i] - '0');
	}
	return n;
}

static int64_t read_time(const char *s)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd";
	struct tm tm = {0};
	int64_t ms = 0;

	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return 0;
	tm.tm_year = digits(s, 4) - 1900;
	tm.tm_mon = digits(s + 5, 2) - 1;
	tm.tm_mday = digits(s + 8, 2);
	tm.tm_hour = digits(s + 11, 2);
	tm.tm_min = digits(s + 14, 2);
	tm.tm_sec = digits(s + 17, 2);
	s += sizeof form - 1;
	if (*s == '.') {
		int scale = 100;

		for (s++; *s >= '0' && *s <= '9'; s++, scale /= 10)
			ms += (int64_t)(*s - '0') * scale;
	}
	if (*s != 'Z' || tm.tm_year < 70)
		return 0;
	return (int64_t)timegm(&tm) * SECOND_MS + ms;
}

int64_t words_time(const json_t *object, const char *member)
{
	const char *text = json_get_str(object, member);

	return text ? read_time(text) : 0;
}

static char *print_time(char *to, const char *form, int64_t at_ms)
{
	time_t seconds = (time_t)(at_ms / SECOND_MS);
	struct tm tm;

	if (at_ms <= 0 || !gmtime_r(&seconds, &tm) || tm.tm_year > 9999 - 1900)
		return unknown(to);
	if (strcmp(form, "clock") == 0)
		strftime(to, WORDS_SIZE, "%H:%M:%S", &tm);
	else if (strcmp(form, "weekday") == 0)
		strftime(to, WORDS_SIZE, "%a %H:%M", &tm);
	else
		strftime(to, WORDS_SIZE, "%Y-%m-%d", &tm);
	return to;
}

char *words_clock(char *to, int64_t at_ms)
{
	return print_time(to, "clock", at_ms);
}

char *words_date(char *to, int64_t at_ms)
{
	return print_time(to, "date", at_ms);
}

char *words_until(char *to, int64_t at_ms, int64_t now_ms)
{
	int64_t left = at_ms - now_ms;
	char span[WORDS_SIZE];

	if (at_ms <= 0)
		return unknown(to);
	if (left <= 0) {
		memcpy(to, "now", 4);
		return to;
	}
	if (left < DAY_MS) {
		snprintf(to, WORDS_SIZE, "in %s", words_span(span, left));
		return to;
	}
	return print_time(to, left < 7 * DAY_MS ? "weekday" : "date", at_ms);
}

char *words_since(char *to, int64_t at_ms, int64_t now_ms)
{
	if (at_ms <= 0)
		return unknown(to);
	return words_span(to, now_ms > at_ms ? now_ms - at_ms : 0);
}
