/* Windows of time that budgets count in: calendar ones in UTC or a named zone, since ever, or the
 * last so-and-so-long.  Every border is a multiple of BUCKET_MS (all present time zones are), and
 * start <= now < end always holds: windows have neither gaps nor overlaps where clocks change. */
#ifndef DAEMON_ADMIT_WINDOW_H
#define DAEMON_ADMIT_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/store/records.h"

enum { WINDOW_TEXT_SIZE = 32 };

#define ROLLING_MIN_MS (INT64_C(3600) * 1000)
#define ROLLING_MAX_MS (366 * DAY_MS)

/* Whether there is such a window, for records whose origin is not trusted. */
bool window_is_valid(enum budget_window window, int64_t rolling_ms);

/* A window as people write it: "hour", "day", "week" (from Monday), "month", "total",
 * "rolling:24h".  Rolling lengths are 1 h to 366 days, whole quarters of an hour, in units.h's
 * words.  0, ERR_UNKNOWN (no such window), ERR_SYNTAX, ERR_LIMIT (the length is out of bounds). */
int window_parse(const char *text, enum budget_window *ret_window, int64_t *ret_rolling_ms);
void window_print(enum budget_window window, int64_t rolling_ms, char to[WINDOW_TEXT_SIZE]);

/* The zone of calendar windows for the whole process: an IANA name ("Europe/Berlin"), "UTC" or "",
 * which need no zone files; UTC until it is called.  0, or a negative code (ERR_UNKNOWN: no such
 * zone) and it stays as it was.  A time zone is process-wide in the C library: only this file looks
 * at local time. */
int window_set_zone(const char *name);

/* When the window that holds now_ms began: 0 for WINDOW_TOTAL; for WINDOW_ROLLING the first bucket
 * that still counts. */
int64_t window_start_ms(enum budget_window window, int64_t rolling_ms, int64_t now_ms);
/* When it ends and the used amount falls, later than now_ms; for WINDOW_ROLLING when its oldest
 * bucket leaves; INT64_MAX for WINDOW_TOTAL. */
int64_t window_end_ms(enum budget_window window, int64_t rolling_ms, int64_t now_ms);

#endif
