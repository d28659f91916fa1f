#include "shared/suggest.h"

#include <string.h>

enum { MAX_DISTANCE = 3 };

unsigned suggest_distance(const char *a, size_t a_len, const char *b)
{
	unsigned row[SUGGEST_MAX_LEN + 1];
	size_t b_len = strlen(b);

	if (a_len > SUGGEST_MAX_LEN || b_len > SUGGEST_MAX_LEN)
		return SUGGEST_MAX_LEN;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
		}
	}
	return row[b_len];
}

unsigned suggest_allowed(const char *written)
{
	size_t half = strlen(written) / 2;

	return half < MAX_DISTANCE ? (unsigned)half : MAX_DISTANCE;
}

void suggest_offer(struct suggestion *s, const char *written, const char *name)
{
	unsigned d = suggest_distance(name, strlen(name), written);

	if (d <= suggest_allowed(written) && (!s->best || d < s->distance)) {
		s->best = name;
		s->distance = d;
	}
}
