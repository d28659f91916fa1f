/* What a WebSocket client sends once it has one: bytes into frames, in pieces of any size. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ws/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the stream says: kinds, lengths and bytes, whatever the pieces in which it came. */
struct sum {
	uint64_t data, control, messages;
	const char *violation;
};

static uint64_t mix(uint64_t sum, const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ bytes[i]) * 0x100000001b3u;
	return sum;
}

static void add(struct sum *s, const struct frames_piece *p)
{
	if (p->kind == FRAMES_DATA) {
		s->data = mix(s->data, p->data, p->len);
		s->messages += p->last;
		if (p->last && p->to_come)
			abort();
		return;
	}
	if (p->len > FRAMES_CONTROL_MAX)
		abort();
	s->control = mix(s->control + (uint64_t)p->kind + p->len, p->data, p->len);
}

static struct sum read_by(const uint8_t *data, size_t size, size_t step)
{
	struct frames f = {0};
	struct sum sum = {0};
	struct frames_piece piece;
	int rc = 0;

	while (size && rc >= 0) {
		size_t n = size < step ? size : step, used;
		unsigned char *copy = malloc(n),
			      *at = copy; /* so that a read past the end is seen */

		memcpy(copy, data, n);
		data += n;
		size -= n;
		do {
			rc = frames_take(&f, at, n, &used, &piece);
			if (used > n || (rc == 0 && used != n))
				abort();
			at += used;
			n -= used;
			if (rc > 0)
				add(&sum, &piece);
		} while (rc > 0);
		free(copy);
	}
	if ((rc < 0) != (f.violation != NULL))
		abort();
	sum.violation = f.violation;
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sum whole = read_by(data, size, size ? size : 1);
	const struct sum bytes = read_by(data, size, 1), some = read_by(data, size, 5);

	if (memcmp(&whole, &bytes, sizeof whole) != 0 || memcmp(&whole, &some, sizeof whole) != 0)
		abort();
	return 0;
}
