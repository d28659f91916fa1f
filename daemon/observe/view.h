/* Single values as JSON for operators: the same forms on the control socket whoever tells them. New
 * references; NULL: out of memory. */
#ifndef DAEMON_OBSERVE_VIEW_H
#define DAEMON_OBSERVE_VIEW_H

#include <jansson.h>
#include <stdint.h>

json_t *view_time(int64_t ms);      /* "2026-11-24T08:00:00Z"; null for 0 and INT64_MAX */
json_t *view_time_ms(int64_t ms);   /* with milliseconds */
json_t *view_count(int64_t n);      /* null for "no limit": -1 and INT64_MAX */
json_t *view_usd(int64_t micro);    /* dollars; null likewise */
json_t *view_string(const char *s); /* bytes that are no UTF-8, and control characters beside them,
				       show as "?" */
json_t *view_text(const char *s);   /* likewise, but null for "" and NULL */

/* Clocks: what happened at a time of the monotonic clock (microseconds; 0: null), as the wall clock
 * has it now. */
json_t *view_mono_us(int64_t mono_us);

#endif
