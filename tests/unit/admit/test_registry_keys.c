#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"

#include "daemon/admit/registry.h"
#include "daemon/admit/registry_private.h"

#include "tests/unit/admit/fixture.h"
#include "tests/unit/test.h"

static struct refusal why;
static struct outcome outcome;
static char id[KEY_ID_SIZE], secret[SECRET_SIZE];

static struct key_record wanted(void)
{
	struct key_record r = {.project = "demo", .scopes = KEY_CHAT, .limits = {-1, -1, -1}};

	outcome = (struct outcome){0, 1};
	return r;
}

static int create(const struct key_record *r)
{
	return registry_create_key(reg, r, id, secret, outcome_done, &outcome, &why);
}

static int rotate_it(const struct key *k, int64_t grace_ms)
{
	outcome = (struct outcome){0, 1};
	return registry_rotate_key(reg, k->record.id, grace_ms, secret, outcome_done, &outcome,
				   &why);
}

static int revoke_it(const struct key *k)
{
	outcome = (struct outcome){0, 1};
	return registry_revoke_key(reg, k->record.id, outcome_done, &outcome, &why);
}

static enum key_check check(const char *s)
{
	struct key *found;

	return registry_check_key(reg, s, clock_wall_ms(), &found);
}

static void assert_refused(int rc, enum fault fault, const char *param)
{
	assert_int_equal(rc, -EINVAL);
	assert_int_equal(why.fault, fault);
	assert_string_equal(why.param, param);
	assert_true(strlen(why.message) > 10);
}

/* ---- creating ---- */

static void created_key_is_good_when_it_is_durable(void **state)
{
	struct key_record r = wanted();
	unsigned char hash[HASH_SIZE];
	struct key *k;

	(void)state;
	reg_new();
	make_project("demo");
	r.allowed_models = (char[]){"haiku"};
	strcpy(r.label, "for the shop");
	r.expires_ms = NOW_MS + 1000;
	assert_int_equal(create(&r), 0);
	assert_int_equal(check(secret), KEY_UNKNOWN);
	assert_null(registry_find_key(reg, id));
	fakes_end(0);
	assert_int_equal(check(secret), KEY_GOOD);
	k = registry_find_key(reg, id);
	assert_string_equal(k->record.label, "for the shop");
	assert_string_equal(k->record.allowed_models, "haiku");
	assert_int_equal(k->record.created_ms, NOW_MS);
	assert_int_equal(k->record.expires_ms, NOW_MS + 1000);
	crypto_hash_sha256(hash, (const unsigned char *)secret, strlen(secret));
	assert_memory_equal(fakes_last()->key.hash, hash, HASH_SIZE);
	assert_string_equal(fakes_last()->models, "haiku");
}

static void key_that_is_not_written_is_unknown(void **state)
{
	struct key_record r = wanted();

	(void)state;
	reg_new();
	make_project("demo");
	assert_int_equal(create(&r), 0);
	fakes_end(-EIO);
	assert_int_equal(outcome.rc, -EIO);
	assert_int_equal(check(secret), KEY_UNKNOWN);
	assert_int_equal(registry_count_keys(reg), 0);
}

static void secrets_are_in_no_event_and_no_row(void **state)
{
	struct key *k;

	(void)state;
	reg_new();
	make_project("demo");
	k = make_key("demo", secret);
	assert_null(strstr(fakes.event_text, secret + 6));
	assert_null(memmem(fakes.ops, sizeof fakes.ops, secret, SECRET_SIZE - 1));
	assert_int_equal(rotate_it(k, 1000), 0);
	fakes_end_all();
	assert_null(strstr(fakes.event_text, secret + 6));
	assert_null(memmem(fakes.ops, sizeof fakes.ops, secret, SECRET_SIZE - 1));
	assert_non_null(strstr(fakes.event_text, k->record.id));
}

static void key_values_are_checked(void **state)
{
	struct key_record r;

	(void)state;
	reg_new();
	make_project("demo");
	r = wanted();
	strcpy(r.project, "nobody");
	assert_refused(create(&r), FAULT_NOT_FOUND, "project");
	r = wanted();
	strcpy(r.project, "a/b");
	assert_refused(create(&r), FAULT_INVALID_REQUEST, "project");
	r = wanted();
	strcpy(r.label, "a\tb");
	assert_refused(create(&r), FAULT_INVALID_REQUEST, "label");
	r = wanted();
	r.scopes = 0;
	assert_refused(create(&r), FAULT_INVALID_REQUEST, "scopes");
	r = wanted();
	r.scopes = KEY_CHAT | 16;
	assert_refused(create(&r), FAULT_INVALID_REQUEST, "scopes");
	r = wanted();
	r.expires_ms = NOW_MS;
	assert_refused(create(&r), FAULT_INVALID_REQUEST, "expires");
	r = wanted();
	r.expires_ms = -1;
	assert_refused(create(&r), FAULT_INVALID_REQUEST, "expires");
	r = wanted();
	r.allowed_models = (char[]){"ha/iku"};
	assert_refused(create(&r), FAULT_INVALID_REQUEST, "models");
	r = wanted();
	r.limits.tokens_per_minute = 0;
	assert_refused(create(&r), FAULT_INVALID_REQUEST, "tokens_per_minute");
	assert_int_equal(fakes.count, 1);
}

static void model_names_with_all_their_marks_are_taken(void **state)
{
	struct key_record r = wanted();

	(void)state;
	reg_new();
	make_project("demo");
	r.allowed_models = (char[]){"claude-opus-4_1:v1.0[1m],haiku"};
	assert_int_equal(create(&r), 0);
}

/* ---- rotating ---- */

static void rotated_keys_old_secret_is_good_for_the_grace_time(void **state)
{
	char old[SECRET_SIZE];
	struct key *k;

	(void)state;
	reg_new();
	make_project("demo");
	k = make_key("demo", old);
	assert_int_equal(rotate_it(k, 1000), 0);
	assert_int_equal(check(secret), KEY_UNKNOWN);
	assert_int_equal(check(old), KEY_GOOD);
	fakes_end(0);
	assert_int_equal(check(secret), KEY_GOOD);
	assert_int_equal(check(old), KEY_GOOD);
	clock_advance_ms(999);
	assert_int_equal(check(old), KEY_GOOD);
	clock_advance_ms(1);
	assert_int_equal(check(old), KEY_REPLACED);
	assert_int_equal(check(secret), KEY_GOOD);
	assert_string_equal(fakes.events[fakes.event_count - 1], "key rotated");
}

static void rotation_without_grace_ends_the_old_secret(void **state)
{
	char old[SECRET_SIZE];

	(void)state;
	reg_new();
	make_project("demo");
	assert_int_equal(rotate_it(make_key("demo", old), 0), 0);
	fakes_end(0);
	assert_int_equal(check(old), KEY_REPLACED);
}

static void rotation_that_is_not_written_leaves_the_key(void **state)
{
	char old[SECRET_SIZE];

	(void)state;
	reg_new();
	make_project("demo");
	assert_int_equal(rotate_it(make_key("demo", old), 0), 0);
	fakes_end(-EIO);
	assert_int_equal(check(old), KEY_GOOD);
	assert_int_equal(check(secret), KEY_UNKNOWN);
}

static void second_rotation_forgets_the_oldest_secret(void **state)
{
	char first[SECRET_SIZE], second[SECRET_SIZE];
	struct key *k;

	(void)state;
	reg_new();
	make_project("demo");
	k = make_key("demo", first);
	assert_int_equal(rotate_it(k, 1000), 0);
	fakes_end(0);
	memcpy(second, secret, sizeof second);
	assert_int_equal(rotate_it(k, 1000), 0);
	fakes_end(0);
	assert_int_equal(check(first), KEY_UNKNOWN);
	assert_int_equal(HASH_CNT(by_hash, reg->hashes), 1);
	assert_int_equal(HASH_CNT(by_old_hash, reg->old_hashes), 1);
	assert_int_equal(check(second), KEY_GOOD);
	assert_int_equal(check(secret), KEY_GOOD);
}

static void last_use_during_a_rotation_is_kept(void **state)
{
	struct key *k;

	(void)state;
	reg_new();
	make_project("demo");
	k = make_key("demo", NULL);
	assert_int_equal(rotate_it(k, 0), 0);
	registry_touch_key(reg, k, NOW_MS + 5);
	fakes_end(0);
	assert_int_equal(k->record.last_used_ms, NOW_MS + 5);
}

static void grace_is_at_most_thirty_days(void **state)
{
	struct key *k;

	(void)state;
	reg_new();
	make_project("demo");
	k = make_key("demo", NULL);
	assert_refused(rotate_it(k, 30 * DAY_MS + 1), FAULT_INVALID_REQUEST, "grace");
	assert_refused(rotate_it(k, -1), FAULT_INVALID_REQUEST, "grace");
	assert_int_equal(rotate_it(k, 30 * DAY_MS), 0);
}

/* ---- revoking ---- */

static void revoked_key_is_refused_before_it_is_durable(void **state)
{
	struct key *k;
	uint64_t before;

	(void)state;
	reg_new();
	make_project("demo");
	k = make_key("demo", secret);
	before = registry_generation(reg);
	assert_int_equal(revoke_it(k), 0);
	assert_int_equal(check(secret), KEY_REVOKED);
	assert_true(registry_generation(reg) > before);
	fakes_end(0);
	assert_int_equal(outcome.rc, 0);
	assert_int_equal(check(secret), KEY_REVOKED);
	assert_int_equal(fakes_last()->key.revoked_ms, NOW_MS);
	assert_string_equal(fakes.events[fakes.event_count - 1], "key revoked");
}

static void revocation_that_is_not_written_is_taken_back(void **state)
{
	struct key *k;

	(void)state;
	reg_new();
	make_project("demo");
	k = make_key("demo", secret);
	assert_int_equal(revoke_it(k), 0);
	fakes_end(-EIO);
	assert_int_equal(outcome.rc, -EIO);
	assert_int_equal(check(secret), KEY_GOOD);
	assert_int_equal(revoke_it(k), 0);
}

static void revocation_ends_the_old_secret_too(void **state)
{
	char old[SECRET_SIZE];
	struct key *k;

	(void)state;
	reg_new();
	make_project("demo");
	k = make_key("demo", old);
	assert_int_equal(rotate_it(k, 1000), 0);
	fakes_end(0);
	assert_int_equal(revoke_it(k), 0);
	assert_int_equal(check(old), KEY_REVOKED);
	clock_advance_ms(2000);
	assert_int_equal(check(old), KEY_REVOKED);
}

static void revoked_key_stays_revoked(void **state)
{
	struct key_record r = wanted();
	struct key *k;

	(void)state;
	reg_new();
	make_project("demo");
	k = make_key("demo", NULL);
	assert_int_equal(revoke_it(k), 0);
	fakes_end(0);
	assert_refused(revoke_it(k), FAULT_PERMISSION, "id");
	assert_refused(rotate_it(k, 0), FAULT_PERMISSION, "id");
	strcpy(r.id, k->record.id);
	assert_refused(registry_change_key(reg, &r, outcome_done, &outcome, &why), FAULT_PERMISSION,
		       "id");
	assert_refused(registry_set_limits(reg, SCOPE_KEY, k->record.id, &unlimited, outcome_done,
					   &outcome, &why),
		       FAULT_PERMISSION, "key");
}

static void key_under_change_is_left_alone(void **state)
{
	struct key *k;

	(void)state;
	reg_new();
	make_project("demo");
	k = make_key("demo", NULL);
	assert_int_equal(rotate_it(k, 0), 0);
	assert_refused(revoke_it(k), FAULT_CONFLICT, "key");
	assert_refused(rotate_it(k, 0), FAULT_CONFLICT, "key");
	fakes_end(0);
	assert_int_equal(revoke_it(k), 0);
}

static void unknown_key_is_not_found(void **state)
{
	(void)state;
	reg_new();
	assert_refused(registry_revoke_key(reg, "k_none", outcome_done, &outcome, &why),
		       FAULT_NOT_FOUND, "id");
}

/* ---- changing ---- */

static void changed_key_shows_when_it_is_durable(void **state)
{
	struct key_record r = wanted();
	struct key *k;

	(void)state;
	reg_new();
	make_project("demo");
	k = make_key("demo", secret);
	strcpy(r.id, k->record.id);
	strcpy(r.label, "new");
	r.scopes = KEY_BATCH;
	r.allowed_models = (char[]){"opus"};
	r.limits.concurrent = 2;
	r.expires_ms = NOW_MS + 10;
	assert_int_equal(registry_change_key(reg, &r, outcome_done, &outcome, &why), 0);
	assert_string_equal(k->record.label, "of demo");
	fakes_end(0);
	assert_string_equal(k->record.label, "new");
	assert_int_equal(k->record.scopes, KEY_BATCH);
	assert_string_equal(k->record.allowed_models, "opus");
	assert_int_equal(k->rate.limits.concurrent, 2);
	assert_int_equal(k->record.expires_ms, NOW_MS + 10);
	assert_int_equal(check(secret), KEY_GOOD);
	assert_string_equal(fakes.events[fakes.event_count - 1], "key changed");
	r.allowed_models = NULL; /* a leak would be found by the sanitizer */
	assert_int_equal(registry_change_key(reg, &r, outcome_done, &outcome, &why), 0);
	fakes_end(0);
	assert_null(k->record.allowed_models);
}

static void expired_key_may_get_another_label_and_another_life(void **state)
{
	struct key_record r = wanted();
	struct key *k;

	(void)state;
	reg_new();
	make_project("demo");
	k = make_key("demo", secret);
	strcpy(r.id, k->record.id);
	k->record.expires_ms = r.expires_ms = NOW_MS - 5;
	strcpy(r.label, "new");
	assert_int_equal(registry_change_key(reg, &r, outcome_done, &outcome, &why), 0);
	fakes_end(0);
	r.expires_ms = NOW_MS - 4;
	assert_refused(registry_change_key(reg, &r, outcome_done, &outcome, &why),
		       FAULT_INVALID_REQUEST, "expires");
	r.expires_ms = 0;
	assert_int_equal(registry_change_key(reg, &r, outcome_done, &outcome, &why), 0);
	fakes_end(0);
	assert_int_equal(check(secret), KEY_GOOD);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(created_key_is_good_when_it_is_durable),
		TEST(key_that_is_not_written_is_unknown),
		TEST(secrets_are_in_no_event_and_no_row),
		TEST(key_values_are_checked),
		TEST(model_names_with_all_their_marks_are_taken),
		TEST(rotated_keys_old_secret_is_good_for_the_grace_time),
		TEST(rotation_without_grace_ends_the_old_secret),
		TEST(rotation_that_is_not_written_leaves_the_key),
		TEST(second_rotation_forgets_the_oldest_secret),
		TEST(last_use_during_a_rotation_is_kept),
		TEST(grace_is_at_most_thirty_days),
		TEST(revoked_key_is_refused_before_it_is_durable),
		TEST(revocation_that_is_not_written_is_taken_back),
		TEST(revocation_ends_the_old_secret_too),
		TEST(revoked_key_stays_revoked),
		TEST(key_under_change_is_left_alone),
		TEST(unknown_key_is_not_found),
		TEST(changed_key_shows_when_it_is_durable),
		TEST(expired_key_may_get_another_label_and_another_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
