#include "shared/clock.h"

#include <stdbool.h>
#include <time.h>

static bool frozen;
static int64_t frozen_mono_us, frozen_wall_us;

static int64_t read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
	return frozen ? frozen_mono_us : read_us(CLOCK_MONOTONIC);
}

int64_t clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t clock_wall_ms(void)
{
	return (frozen ? frozen_wall_us : read_us(CLOCK_REALTIME)) / 1000;
}

int64_t clock_wall_ms_at(int64_t mono_us)
{
	/* Between two looks at the two clocks some time passes: only more than that is news. */
	enum { NEWS_US = 2000 };
	static _Atomic int64_t kept;
	int64_t wall_us = frozen ? frozen_wall_us : read_us(CLOCK_REALTIME);
	int64_t offset = wall_us - clock_mono_us(), old = kept;

	if (offset > old + NEWS_US || offset < old - NEWS_US)
		kept = old = offset;
	return mono_us ? (mono_us + old) / 1000 : 0;
}

void clock_freeze(int64_t mono_us, int64_t wall_us)
{
	frozen = true;
	frozen_mono_us = mono_us;
	frozen_wall_us = wall_us;
}

void clock_advance_ms(int64_t ms)
{
	frozen_mono_us += ms * 1000;
	frozen_wall_us += ms * 1000;
}

void clock_thaw(void)
{
	frozen = false;
}
