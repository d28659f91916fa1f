/* Windows of time that budgets count in: calendar ones in UTC or a named zone, since ever, or the
 * last so-and-so-long.  Every border is a multiple of BUCKET_MS (all present time zones are). */
#ifndef DAEMON_ADMIT_WINDOW_H
#define DAEMON_ADMIT_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/store/records.h"

enum { WINDOW_TEXT_SIZE = 32 };

/* A window as people write it: "hour", "day", "week" (from Monday), "month", "total",
 * "rolling:24h".  Rolling lengths are 1 h to 366 days, whole quarters of an hour.  0, ERR_UNKNOWN
 * (no such window), ERR_SYNTAX, ERR_LIMIT. */
int window_parse(const char *text, enum budget_window *ret_window, int64_t *ret_rolling_ms);
void window_print(enum budget_window window, int64_t rolling_ms, char to[WINDOW_TEXT_SIZE]);

/* The zone of calendar windows for the whole process: an IANA name ("Europe/Berlin"), "UTC" or "".
 * 0, or ERR_UNKNOWN and it stays as it was.  A time zone is process-wide in the C library: only
 * this file looks at local time. */
int window_set_zone(const char *name);

/* When the window that holds now_ms began: 0 for WINDOW_TOTAL; for WINDOW_ROLLING the first bucket
 * that still counts. */
int64_t window_start_ms(enum budget_window window, int64_t rolling_ms, int64_t now_ms);
/* When it ends and the used amount falls; for WINDOW_ROLLING when its oldest bucket leaves;
 * INT64_MAX for WINDOW_TOTAL. */
int64_t window_end_ms(enum budget_window window, int64_t rolling_ms, int64_t now_ms);

#endif
