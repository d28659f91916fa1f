#include "daemon/pool/backoff.h"

void backoff_success(struct backoff *b)
{
	*b = (struct backoff){0};
}

void backoff_failure(struct backoff *b, int64_t now_us)
{
	int64_t delay_ms = BACKOFF_FIRST_MS;

	for (unsigned i = 0; i < b->failures && delay_ms < BACKOFF_LAST_MS; i++)
		delay_ms *= 2;
	if (delay_ms > BACKOFF_LAST_MS)
		delay_ms = BACKOFF_LAST_MS;
	if (b->failures < 1000)
		b->failures++;
	b->until_us = now_us + delay_ms * 1000;
}

void backoff_pause(struct backoff *b, int64_t now_us)
{
	int64_t until_us = now_us + BACKOFF_FIRST_MS * 1000;

	if (b->until_us < until_us)
		b->until_us = until_us;
}

int64_t backoff_wait_ms(const struct backoff *b, int64_t now_us)
{
	return b->until_us > now_us ? (b->until_us - now_us + 999) / 1000 : 0;
}

bool backoff_open(const struct backoff *b)
{
	return b->failures >= BACKOFF_OPEN_AFTER;
}
