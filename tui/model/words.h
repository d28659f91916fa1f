/* Numbers and times as people read them, the same everywhere in the dashboard.  Each prints into
 * `to` (WORDS_SIZE bytes) and returns it; what is not known is "-". */
#ifndef TUI_MODEL_WORDS_H
#define TUI_MODEL_WORDS_H

#include <jansson.h>
#include <stdint.h>

enum { WORDS_SIZE = 48 };

char *words_count(char *to, int64_t n);   /* 12,204 */
char *words_short(char *to, int64_t n);   /* 16.2 k, 1.82 M: at most 6 columns */
char *words_usd(char *to, double usd);    /* $0.000004, $0.071, $4.37, $1,204: at most 9 columns */
char *words_real(char *to, double value); /* 3.25, 0.000004, 7: never 4e-06 */
char *words_bytes(char *to, int64_t bytes); /* 231 M */
char *words_span(char *to,
		 int64_t ms); /* how long something takes: 0.4 s, 21.0 s, 3 m 12 s, 2 h 5 m, 3 d */
char *words_per_cent(char *to, double fraction); /* of 0..1: 57 % */

/* What a peer told as a number, whole and within `most`; -1 for what is negative or none. */
int64_t words_whole(double value, int64_t most);

/* A time as the daemon tells it ("2026-11-24T14:01:58.120Z"), in ms since 1970; 0: none. */
int64_t words_time(const json_t *object, const char *member);
char *words_clock(char *to, int64_t at_ms); /* 14:01:58, UTC */
char *words_date(char *to, int64_t at_ms);  /* 2026-11-24 */
char *words_until(char *to, int64_t at_ms,
		  int64_t now_ms); /* "in 1 h 12 m" within a day, "Thu 09:00" within a week,
				      then "2026-12-01" */
char *words_since(char *to, int64_t at_ms, int64_t now_ms); /* the span, without "ago" */

#endif
