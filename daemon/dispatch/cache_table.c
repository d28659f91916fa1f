#include "daemon/dispatch/cache_table.h"

#include <stdbool.h>

unsigned char cache_table_seed[crypto_shorthash_KEYBYTES];

void cache_table_init(void)
{
	static bool done;

	if (!done)
		crypto_shorthash_keygen(cache_table_seed);
	done = true;
}
