/* uthash as the cache uses it: over 32-byte keys, and without ending the program when memory is
 * short (an item that could not be added has no hh.tbl then).
 *
 * Keys are plain sums of what clients send, and a client can look for bodies whose sums
 * begin alike; so the place in the table is a keyed hash of the sum, and the key is this process's
 * own. */
#ifndef DAEMON_DISPATCH_CACHE_TABLE_H
#define DAEMON_DISPATCH_CACHE_TABLE_H

#include <sodium.h>
#include <string.h>

extern unsigned char cache_table_seed[crypto_shorthash_KEYBYTES];

void cache_table_init(void); /* picks the seed, the first time; before any table is used */

static inline unsigned cache_table_hash(const void *key, size_t len)
{
	unsigned char sum[crypto_shorthash_BYTES];
	unsigned hash;

	crypto_shorthash(sum, key, len, cache_table_seed);
	memcpy(&hash, sum, sizeof hash);
	return hash;
}

#define HASH_FUNCTION(key, len, hash) (hash) = cache_table_hash(key, len)
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#endif
