/* Durations and sizes as people write them: "250ms", "30s", "5m", "1h", "1d"; "16K", "32M", "1G".
 */
#ifndef SHARED_UNITS_H
#define SHARED_UNITS_H

#include <stdint.h>

enum { UNITS_TEXT_MAX = 32 }; /* bytes that hold every printed value and its NUL */

/* Digits with an optional unit, nothing around them.  A plain number is seconds.  0, ERR_SYNTAX, or
 * ERR_LIMIT when the milliseconds do not fit. */
int units_parse_duration(const char *text, int64_t *ret_ms);

/* The same for bytes; K, M, G and T are powers of 1024, in either case.  A plain number is bytes.
 */
int units_parse_size(const char *text, int64_t *ret_bytes);

/* The shortest text that parses to the same value; negative values are printed as 0. */
void units_print_duration(int64_t ms, char out[UNITS_TEXT_MAX]);
void units_print_size(int64_t bytes, char out[UNITS_TEXT_MAX]);

#endif
