#include "daemon/observe/view.h"

#include <stdio.h>
#include <time.h>

#include "shared/clock.h"
#include "shared/str.h"

#define MICRO 1e6

enum { CLEAN_MAX = 4096 };

static json_t *time_text(int64_t ms, bool with_ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char text[40];
	struct tm tm;
	size_t len;

	if (ms <= 0 || ms == INT64_MAX || !gmtime_r(&seconds, &tm))
		return json_null();
	len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (with_ms)
		len += (size_t)snprintf(text + len, sizeof text - len, ".%03d", (int)(ms % 1000));
	snprintf(text + len, sizeof text - len, "Z");
	return json_string(text);
}

json_t *view_time(int64_t ms)
{
	return time_text(ms, false);
}

json_t *view_time_ms(int64_t ms)
{
	return time_text(ms, true);
}

json_t *view_count(int64_t n)
{
	return n == -1 || n == INT64_MAX ? json_null() : json_integer(n);
}

json_t *view_usd(int64_t micro)
{
	return micro == -1 || micro == INT64_MAX ? json_null() : json_real((double)micro / MICRO);
}

json_t *view_string(const char *s)
{
	json_t *text = json_string(s);
	char clean[CLEAN_MAX];

	if (text)
		return text;
	str_copy_clean(clean, sizeof clean, s);
	return json_string(clean);
}

json_t *view_text(const char *s)
{
	return s && *s ? view_string(s) : json_null();
}

json_t *view_mono_us(int64_t mono_us)
{
	return view_time_ms(clock_wall_ms_at(mono_us));
}
