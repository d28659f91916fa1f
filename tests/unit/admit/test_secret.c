#include <sodium.h>
#include <string.h>

#include "daemon/admit/secret.h"

#include "tests/unit/test.h"

/* "ccapi_", 64 zeros, and what sha256sum says of that. */
static const char known[] = "ccapi_0000000000000000000000000000000000000000000000000000000000000000"
			    "84364487";

static void secret_made_reads_back_with_the_same_hash(void **state)
{
	unsigned char made[HASH_SIZE], read[HASH_SIZE], whole[HASH_SIZE];
	char secret[SECRET_SIZE];

	(void)state;
	secret_make(secret, made);
	assert_int_equal(strlen(secret), SECRET_SIZE - 1);
	assert_int_equal(strspn(secret + 6, "0123456789abcdef"), 72);
	assert_int_equal(secret_read(secret, read), SECRET_GOOD);
	assert_memory_equal(made, read, HASH_SIZE);
	crypto_hash_sha256(whole, (const unsigned char *)secret, strlen(secret));
	assert_memory_equal(made, whole, HASH_SIZE);
}

static void secret_checksum_is_the_first_bytes_of_the_hash_of_the_rest(void **state)
{
	unsigned char hash[HASH_SIZE];

	(void)state;
	assert_int_equal(secret_read(known, hash), SECRET_GOOD);
}

static void secrets_differ(void **state)
{
	unsigned char hash[HASH_SIZE];
	char a[SECRET_SIZE], b[SECRET_SIZE];

	(void)state;
	secret_make(a, hash);
	secret_make(b, hash);
	assert_string_not_equal(a, b);
}

static void secret_with_any_character_changed_is_malformed(void **state)
{
	unsigned char hash[HASH_SIZE];
	char secret[SECRET_SIZE];

	(void)state;
	secret_make(secret, hash);
	for (size_t i = 6; i < SECRET_SIZE - 1; i++) {
		char was = secret[i];

		secret[i] = was == '0' ? '1' : '0';
		assert_int_equal(secret_read(secret, hash), SECRET_MALFORMED);
		secret[i] = was;
	}
	assert_int_equal(secret_read(secret, hash), SECRET_GOOD);
}

static void secret_of_another_length_is_malformed(void **state)
{
	unsigned char hash[HASH_SIZE];
	char secret[SECRET_SIZE + 1];

	(void)state;
	secret_make(secret, hash);
	secret[SECRET_SIZE - 1] = '0';
	secret[SECRET_SIZE] = '\0';
	assert_int_equal(secret_read(secret, hash), SECRET_MALFORMED);
	secret[SECRET_SIZE - 2] = '\0';
	assert_int_equal(secret_read(secret, hash), SECRET_MALFORMED);
	assert_int_equal(secret_read("ccapi_", hash), SECRET_MALFORMED);
}

static void secret_of_others_is_not_ours(void **state)
{
	unsigned char hash[HASH_SIZE];

	(void)state;
	assert_int_equal(secret_read("sk-proj-abc", hash), SECRET_NOT_OURS);
	assert_int_equal(secret_read("", hash), SECRET_NOT_OURS);
	assert_int_equal(secret_read("CCAPI_00", hash), SECRET_NOT_OURS);
}

static void key_ids_have_eight_random_digits(void **state)
{
	char a[KEY_ID_SIZE], b[KEY_ID_SIZE];

	(void)state;
	secret_make_id(a);
	secret_make_id(b);
	assert_int_equal(strlen(a), 10);
	assert_int_equal(strncmp(a, "k_", 2), 0);
	assert_int_equal(strspn(a + 2, "0123456789abcdef"), 8);
	assert_string_not_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secret_made_reads_back_with_the_same_hash),
		cmocka_unit_test(secret_checksum_is_the_first_bytes_of_the_hash_of_the_rest),
		cmocka_unit_test(secrets_differ),
		cmocka_unit_test(secret_with_any_character_changed_is_malformed),
		cmocka_unit_test(secret_of_another_length_is_malformed),
		cmocka_unit_test(secret_of_others_is_not_ours),
		cmocka_unit_test(key_ids_have_eight_random_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
