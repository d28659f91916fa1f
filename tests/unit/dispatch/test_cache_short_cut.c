/* The front and the memory back end together: aliases and what they lead to. */
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"

#include "daemon/dispatch/cache.h"

#include "tests/unit/test.h"

enum { ROOM = 1024 * 1024, ALIASES = 65536 };

static uv_loop_t loop;
static struct cache *cache;

static const unsigned char *sum_of(unsigned n)
{
	static unsigned char sums[2][CACHE_KEY_SIZE];
	static unsigned turn;
	unsigned char *sum = sums[turn++ % 2];

	memset(sum, 0, CACHE_KEY_SIZE);
	memcpy(sum + 8, &n, sizeof n);
	return sum;
}

static struct cache_alias alias_of(unsigned n)
{
	struct cache_alias alias = {.stream = n % 2, .include_usage = n % 3 == 0};

	memcpy(alias.key, sum_of(n), CACHE_KEY_SIZE);
	snprintf(alias.model_id, sizeof alias.model_id, "model-%u", n);
	snprintf(alias.route, sizeof alias.route, "requested");
	snprintf(alias.project, sizeof alias.project, "project-%u", n);
	return alias;
}

static void put_alias(unsigned n, unsigned stands_for, uint64_t generation)
{
	struct cache_alias alias = alias_of(stands_for);

	cache_put_alias(cache, sum_of(n), &alias, generation);
}

static void expect_alias(unsigned n, unsigned stands_for, uint64_t generation)
{
	const struct cache_alias *found = cache_find_alias(cache, sum_of(n), generation);
	struct cache_alias alias = alias_of(stands_for);

	assert_non_null(found);
	assert_memory_equal(found->key, alias.key, CACHE_KEY_SIZE);
	assert_int_equal(found->stream, alias.stream);
	assert_int_equal(found->include_usage, alias.include_usage);
	assert_string_equal(found->model_id, alias.model_id);
	assert_string_equal(found->route, alias.route);
	assert_string_equal(found->project, alias.project);
}

static bool has_alias(unsigned n, uint64_t generation)
{
	return cache_find_alias(cache, sum_of(n), generation) != NULL;
}

static void on_ready(void *ctx, enum cache_result result, struct answer *answer)
{
	(void)answer;
	*(enum cache_result *)ctx = result;
}

/* Asks, leads if need be, and says which it was. */
static enum cache_result ask(unsigned n, int64_t keep_ms)
{
	struct cache_ticket ticket = {0};
	enum cache_result result = CACHE_HIT;
	struct answer *answer = answer_new("text", 4);

	assert_non_null(answer);
	assert_int_equal(cache_join(cache, sum_of(n), CACHE_LOOK, &ticket, on_ready, &result), 0);
	cache_settle(cache, &ticket, answer, keep_ms);
	answer_unref(answer);
	return result;
}

static int setup(void **state)
{
	struct cache_backend ram;

	(void)state;
	clock_freeze(INT64_C(5000000000), INT64_C(1700000000000000));
	uv_loop_init(&loop);
	if (cache_ram_new(ROOM, &ram) < 0)
		return -1;
	cache = cache_new(&loop, &ram);
	return cache ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	cache_free(cache, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	clock_thaw();
	return 0;
}

static void a_short_cut_is_found_as_it_was_left(void **state)
{
	(void)state;
	assert_false(has_alias(1, 7));
	put_alias(1, 101, 7);
	put_alias(2, 102, 7);
	expect_alias(1, 101, 7);
	expect_alias(2, 102, 7);
	assert_false(has_alias(3, 7));
}

static void the_longest_names_come_back(void **state)
{
	struct cache_alias alias = {0};
	const struct cache_alias *found;

	(void)state;
	memset(alias.model_id, 'm', sizeof alias.model_id - 1);
	memset(alias.route, 'r', sizeof alias.route - 1);
	memset(alias.project, 'p', sizeof alias.project - 1);
	cache_put_alias(cache, sum_of(1), &alias, 1);
	found = cache_find_alias(cache, sum_of(1), 1);
	assert_non_null(found);
	assert_memory_equal(found, &alias, sizeof alias);
}

static void a_short_cut_can_be_left_again(void **state)
{
	(void)state;
	put_alias(1, 101, 7);
	put_alias(1, 102, 8);
	expect_alias(1, 102, 8);
	assert_false(has_alias(1, 9));
	assert_false(has_alias(1, 7)); /* the first one is not there any more either */
}

static void another_generation_forgets_the_short_cut(void **state)
{
	(void)state;
	put_alias(1, 101, 7);
	assert_false(has_alias(1, 8));
	assert_false(has_alias(1, 7));
}

static void the_oldest_short_cut_goes_first(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ALIASES; i++)
		put_alias(i, i, 1);
	assert_true(has_alias(0, 1)); /* a look does not make it younger */
	put_alias(1, 1, 1);           /* being left again does */
	put_alias(ALIASES, 5, 1);
	put_alias(ALIASES + 1, 6, 1);
	assert_false(has_alias(0, 1));
	assert_true(has_alias(1, 1));
	assert_false(has_alias(2, 1));
	assert_true(has_alias(3, 1));
	expect_alias(ALIASES + 1, 6, 1);
}

static void a_hit_by_the_short_cut_needs_alias_and_entry(void **state)
{
	const struct cache_alias *alias;
	struct answer *answer;
	struct cache_counts counts;

	(void)state;
	assert_int_equal(ask(5, 1000), CACHE_LEAD);
	put_alias(1, 5, 1);
	alias = cache_find_alias(cache, sum_of(1), 1);
	assert_non_null(alias);
	answer = cache_peek(cache, alias->key);
	assert_non_null(answer);
	assert_string_equal(answer->text, "text");
	cache_note_hit(cache);
	assert_int_equal(ask(5, 0), CACHE_HIT);
	cache_count(cache, &counts);
	assert_int_equal(counts.hits, 2);
	assert_int_equal(counts.misses, 1);
	assert_int_equal(counts.stores, 1);
	assert_int_equal(counts.entries, 1);
	clock_advance_ms(1000);
	assert_null(cache_peek(cache, sum_of(5)));
	assert_int_equal(ask(5, 0), CACHE_LEAD);
}

static void flushing_forgets_entries_and_short_cuts(void **state)
{
	(void)state;
	ask(5, 1000);
	put_alias(1, 5, 1);
	cache_flush(cache);
	assert_false(has_alias(1, 1));
	assert_null(cache_peek(cache, sum_of(5)));
	assert_int_equal(ask(5, 1000), CACHE_LEAD);
	put_alias(1, 5, 1);
	expect_alias(1, 5, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_short_cut_is_found_as_it_was_left),
		TEST(the_longest_names_come_back),
		TEST(a_short_cut_can_be_left_again),
		TEST(another_generation_forgets_the_short_cut),
		TEST(the_oldest_short_cut_goes_first),
		TEST(a_hit_by_the_short_cut_needs_alias_and_entry),
		TEST(flushing_forgets_entries_and_short_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
