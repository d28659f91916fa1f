/* Time, injected: production reads the kernel, tests set it by hand.  Durations are taken from the
 * monotonic clock, records from the wall clock.  Any thread may read; only a test's main thread
 * sets. */
#ifndef SHARED_CLOCK_H
#define SHARED_CLOCK_H

#include <stdint.h>

int64_t clock_mono_us(void); /* microseconds since some fixed moment */
int64_t clock_mono_ms(void); /* milliseconds since the same moment */
int64_t clock_wall_ms(void); /* milliseconds since 1970-01-01 UTC */

/* When a moment of the monotonic clock was, in milliseconds since 1970; 0 for 0.  The same moment
 * gives the same time again, unless the wall clock has been set meanwhile. */
int64_t clock_wall_ms_at(int64_t mono_us);

/* Freezes both clocks at the given microseconds (tests only); clock_thaw() goes back to the
 * kernel's. */
void clock_freeze(int64_t mono_us, int64_t wall_us);
void clock_advance_ms(int64_t ms);
void clock_thaw(void);

#endif
