/* Why this exists: every line of the protocol carries a fresh uuid, and making them must cost next
 * to nothing. */
#include "tests/sim/ids.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static uint64_t state[2];

void ids_init(void)
{
	if (getrandom(state, sizeof state, 0) != (ssize_t)sizeof state) {
		state[0] = (uint64_t)now_ns();
		state[1] = 0x9e3779b97f4a7c15u;
	}
	state[1] |= 1;
}

/* xorshift128+ */
uint64_t random_u64(void)
{
	uint64_t x = state[0], y = state[1];
	state[0] = y;
	x ^= x << 23;
	state[1] = x ^ y ^ (x >> 17) ^ (y >> 26);
	return state[1] + y;
}

void uuid_make(char ret_uuid[UUID_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	uint64_t high = random_u64(), low = random_u64();
	high = (high & ~0xf000ull) | 0x4000;
	low = (low & ~(3ull << 62)) | (2ull << 62);
	char *out = ret_uuid;
	for (int i = 0; i < 16; i++) {
		uint64_t half = i < 8 ? high : low;
		unsigned byte = (unsigned)(half >> (56 - 8 * (i & 7))) & 0xff;
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = hex[byte >> 4];
		*out++ = hex[byte & 15];
	}
	*out = '\0';
}

/* Two generations of hashes: when the younger is full it becomes the older one. */
#define SLOTS 8192u
#define GENERATION_MAX 4096u

static uint64_t young[SLOTS], old[SLOTS];
static size_t young_count;

static uint64_t hash_bytes(const char *data, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325u;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)data[i]) * 0x100000001b3u;
	hash ^= hash >> 29;
	return hash ? hash : 1;
}

static uint64_t *find_slot(uint64_t *set, uint64_t hash)
{
	size_t at = (size_t)(hash % SLOTS);
	while (set[at] && set[at] != hash)
		at = (at + 1) % SLOTS;
	return &set[at];
}

bool uuid_seen(const char *uuid, size_t len)
{
	uint64_t hash = hash_bytes(uuid, len);
	if (*find_slot(young, hash) || *find_slot(old, hash))
		return true;
	if (young_count == GENERATION_MAX) {
		memcpy(old, young, sizeof old);
		memset(young, 0, sizeof young);
		young_count = 0;
	}
	*find_slot(young, hash) = hash;
	young_count++;
	return false;
}

int64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t now_wall_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void timestamp_make(char ret_text[32])
{
	static time_t last_second = -1;
	static char second[24];
	int64_t ms = now_wall_ms();
	time_t s = (time_t)(ms / 1000);
	if (s != last_second) {
		struct tm tm;
		gmtime_r(&s, &tm);
		strftime(second, sizeof second, "%Y-%m-%dT%H:%M:%S", &tm);
		last_second = s;
	}
	snprintf(ret_text, 32, "%s.%03dZ", second, (int)(ms % 1000));
}
