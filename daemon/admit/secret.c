#include "daemon/admit/secret.h"

#include <sodium.h>
#include <string.h>

#define PREFIX "ccapi_"

enum {
	PREFIX_LEN = sizeof PREFIX - 1,
	RANDOM_BYTES = 32,
	CHECK_BYTES = 4,
	BODY_LEN = PREFIX_LEN + 2 * RANDOM_BYTES, /* what the checksum is over */
	SECRET_LEN = BODY_LEN + 2 * CHECK_BYTES,
	ID_BYTES = 4
};

_Static_assert(SECRET_LEN + 1 == SECRET_SIZE, "the header says how long a secret is");
_Static_assert(HASH_SIZE == crypto_hash_sha256_BYTES, "hashes are SHA-256");

/* One pass: the state after the body gives the checksum, and goes on to give the whole's hash. */
static void hash_secret(const char *text, char ret_check[2 * CHECK_BYTES + 1],
			unsigned char ret_hash[HASH_SIZE], const char *check)
{
	crypto_hash_sha256_state body, whole;
	unsigned char digest[crypto_hash_sha256_BYTES];

	crypto_hash_sha256_init(&body);
	crypto_hash_sha256_update(&body, (const unsigned char *)text, BODY_LEN);
	whole = body;
	crypto_hash_sha256_final(&body, digest);
	sodium_bin2hex(ret_check, 2 * CHECK_BYTES + 1, digest, CHECK_BYTES);
	if (!check)
		check = ret_check;
	crypto_hash_sha256_update(&whole, (const unsigned char *)check, 2 * CHECK_BYTES);
	crypto_hash_sha256_final(&whole, ret_hash);
	sodium_memzero(&body, sizeof body);
	sodium_memzero(&whole, sizeof whole);
}

void secret_make(char secret[SECRET_SIZE], unsigned char ret_hash[HASH_SIZE])
{
	unsigned char random[RANDOM_BYTES];

	randombytes_buf(random, sizeof random);
	memcpy(secret, PREFIX, PREFIX_LEN);
	sodium_bin2hex(secret + PREFIX_LEN, 2 * RANDOM_BYTES + 1, random, sizeof random);
	sodium_memzero(random, sizeof random);
	hash_secret(secret, secret + BODY_LEN, ret_hash, NULL);
}

enum secret_form secret_read(const char *text, unsigned char ret_hash[HASH_SIZE])
{
	char check[2 * CHECK_BYTES + 1];
	unsigned char hash[HASH_SIZE];

	if (strncmp(text, PREFIX, PREFIX_LEN) != 0)
		return SECRET_NOT_OURS;
	if (strnlen(text, SECRET_SIZE) != SECRET_LEN)
		return SECRET_MALFORMED;
	hash_secret(text, check, hash, text + BODY_LEN);
	if (memcmp(check, text + BODY_LEN, 2 * CHECK_BYTES) != 0)
		return SECRET_MALFORMED;
	memcpy(ret_hash, hash, HASH_SIZE);
	return SECRET_GOOD;
}

void secret_make_id(char id[KEY_ID_SIZE])
{
	unsigned char random[ID_BYTES];

	randombytes_buf(random, sizeof random);
	memcpy(id, "k_", 2);
	sodium_bin2hex(id + 2, 2 * ID_BYTES + 1, random, sizeof random);
}
