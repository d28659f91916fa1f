/* Moments as people write them. */
#ifndef DAEMON_ADMIT_REPORT_TIME_H
#define DAEMON_ADMIT_REPORT_TIME_H

#include <stdint.h>

enum { TIME_TEXT_SIZE = 32 };

/* "2026-11-24T08:00:00Z", also with a fraction or an offset; "2026-11-24", which is midnight UTC;
 * Unix seconds.  From 1970 to the year 9999.  0, ERR_SYNTAX, ERR_LIMIT. */
int time_parse(const char *text, int64_t *ret_ms);
/* RFC 3339 in UTC, whole seconds. */
void time_print(char to[TIME_TEXT_SIZE], int64_t at_ms);

#endif
