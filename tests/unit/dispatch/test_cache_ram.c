/* The memory back end by itself, at last against a model: arrays that are searched from end to end,
 * with the same rules. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"

#include "daemon/dispatch/cache.h"

#include "tests/unit/test.h"

enum { ROOM = 1024 * 1024 };

static struct cache_backend ram;

static const unsigned char *key_of(unsigned n)
{
	static unsigned char key[CACHE_KEY_SIZE];

	memset(key, 0, sizeof key);
	memcpy(key, &n, sizeof n);
	return key;
}

static struct answer *text_of(size_t len)
{
	char *text = calloc(1, len + 1);
	struct answer *a;

	assert_non_null(text);
	memset(text, 'x', len);
	a = answer_new(text, len);
	free(text);
	assert_non_null(a);
	return a;
}

static void put(unsigned n, size_t len, int64_t ttl_ms)
{
	struct answer *a = text_of(len);

	ram.put(ram.self, key_of(n), a, ttl_ms);
	answer_unref(a);
}

static bool has(unsigned n)
{
	return ram.peek(ram.self, key_of(n)) != NULL;
}

static struct cache_kept measure(void)
{
	struct cache_kept kept;

	ram.measure(ram.self, &kept);
	return kept;
}

static int setup(void **state)
{
	(void)state;
	clock_freeze(INT64_C(5000000000), INT64_C(1700000000000000));
	return cache_ram_new(ROOM, &ram);
}

static void note(void *ctx)
{
	++*(int *)ctx;
}

static int teardown(void **state)
{
	int closed = 0;

	(void)state;
	ram.free(ram.self, note, &closed);
	assert_int_equal(closed, 1);
	clock_thaw();
	return 0;
}

/* ---- one entry ---- */

static void what_was_put_is_found_with_its_text(void **state)
{
	struct answer *a = answer_new("hello", 5), *b;

	(void)state;
	ram.put(ram.self, key_of(1), a, 1000);
	answer_unref(a);
	b = ram.peek(ram.self, key_of(1));
	assert_non_null(b);
	assert_string_equal(b->text, "hello");
	assert_false(has(2));
}

static void on_found(void *ctx, struct answer *answer, bool failed)
{
	struct answer **ret = ctx;

	assert_false(failed);
	*ret = answer;
}

static void get_answers_at_once(void **state)
{
	struct answer *a = NULL;

	(void)state;
	put(1, 10, 1000);
	ram.get(ram.self, key_of(1), on_found, &a);
	assert_non_null(a);
	ram.get(ram.self, key_of(2), on_found, &a);
	assert_null(a);
}

static void on_found_flush(void *ctx, struct answer *answer, bool failed)
{
	assert_false(failed);
	assert_non_null(answer);
	answer_ref(answer);
	ram.flush(ram.self);
	put(7, 3, 1000);
	assert_int_equal(answer->len, 10);
	answer_unref(answer);
	*(bool *)ctx = true;
}

static void the_back_end_may_be_used_from_inside_found(void **state)
{
	bool called = false;

	(void)state;
	put(1, 10, 1000);
	ram.get(ram.self, key_of(1), on_found_flush, &called);
	assert_true(called);
	assert_false(has(1));
	assert_true(has(7));
}

static void an_entry_is_gone_exactly_at_its_ttl(void **state)
{
	(void)state;
	put(1, 10, 1500);
	clock_advance_ms(1499);
	assert_true(has(1));
	clock_freeze(INT64_C(5000000000) + 1499999, 0);
	assert_true(has(1));
	clock_freeze(INT64_C(5000000000) + 1500000, 0);
	assert_false(has(1));
	assert_int_equal(measure().entries, 0);
	assert_int_equal(measure().bytes, 0);
	assert_int_equal(measure().evictions, 0);
}

static void use_does_not_lengthen_an_entry_s_life(void **state)
{
	(void)state;
	put(1, 10, 1000);
	clock_advance_ms(999);
	assert_true(has(1));
	clock_advance_ms(1);
	assert_false(has(1));
}

static void a_ttl_beyond_all_clocks_never_ends(void **state)
{
	(void)state;
	put(1, 10, INT64_MAX);
	put(2, 10, INT64_MAX / 1000);
	clock_advance_ms(INT64_C(1000) * 86400 * 36500);
	assert_true(has(1));
	assert_true(has(2));
}

static void nothing_is_kept_for_no_time(void **state)
{
	(void)state;
	put(1, 10, 1000);
	put(1, 20, 0);
	put(2, 20, -5);
	assert_false(has(1)); /* and what was there is not today's answer any more */
	assert_false(has(2));
	assert_int_equal(measure().bytes, 0);
	assert_int_equal(measure().stores, 1);
}

static void a_second_answer_takes_the_first_one_s_place(void **state)
{
	size_t one;

	(void)state;
	put(1, 5000, 1000);
	put(1, 10, 2000);
	one = measure().bytes;
	assert_int_equal(measure().entries, 1);
	assert_int_equal(ram.peek(ram.self, key_of(1))->len, 10);
	ram.flush(ram.self);
	put(1, 10, 2000);
	assert_int_equal(measure().bytes, one);
	clock_advance_ms(1999);
	assert_true(has(1));
	assert_int_equal(measure().evictions, 0);
	assert_int_equal(measure().stores, 3);
}

static void a_replaced_answer_lives_as_long_as_its_readers(void **state)
{
	struct answer *reader;

	(void)state;
	put(1, 100, 1000);
	reader = answer_ref(ram.peek(ram.self, key_of(1)));
	put(1, 10, 1000);
	ram.flush(ram.self);
	assert_int_equal(reader->len, 100);
	assert_int_equal(reader->text[99], 'x');
	assert_int_equal(reader->refs, 1);
	answer_unref(reader);
}

static void an_entry_can_be_put_again_from_itself(void **state)
{
	(void)state;
	put(1, 100, 1000);
	ram.put(ram.self, key_of(1), ram.peek(ram.self, key_of(1)), 5000);
	clock_advance_ms(4999);
	assert_int_equal(ram.peek(ram.self, key_of(1))->len, 100);
}

/* ---- room ---- */

static void the_entry_used_longest_ago_makes_room(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++)
		put(i, ROOM / 10, 1000);
	assert_int_equal(measure().entries, 8);
	assert_true(has(0)); /* a use */
	for (unsigned i = 8; i < 11; i++)
		put(i, ROOM / 10, 1000);
	assert_true(has(0));
	assert_false(has(1));
	assert_false(has(2));
	assert_true(has(3));
	assert_int_equal(measure().evictions, 2);
	assert_true(measure().bytes <= ROOM);
}

static void what_has_expired_makes_room_before_what_is_good(void **state)
{
	(void)state;
	put(0, ROOM / 10, 1000000);
	for (unsigned i = 1; i < 9; i++)
		put(i, ROOM / 10, 1000);
	clock_advance_ms(1000);
	put(9, ROOM / 10, 1000);
	assert_true(has(0));
	assert_int_equal(measure().entries, 2);
	assert_int_equal(measure().evictions, 0);
}

static void an_answer_above_an_eighth_is_not_kept(void **state)
{
	size_t bookkeeping;

	(void)state;
	put(1, 0, 1000);
	bookkeeping = measure().bytes;
	put(1, ROOM / 8, 1000);
	assert_false(has(1));
	put(2, ROOM / 8 - bookkeeping, 1000);
	assert_true(has(2));
	assert_int_equal(measure().evictions, 0);
}

static void less_room_drops_down_to_it(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++)
		put(i, ROOM / 10, 1000);
	cache_ram_set_max(&ram, ROOM / 3);
	assert_int_equal(measure().entries, 3);
	assert_true(measure().bytes <= ROOM / 3);
	assert_true(has(7) && has(6) && has(5));
	cache_ram_set_max(&ram, 0);
	assert_int_equal(measure().entries, 0);
	put(1, 0, 1000);
	assert_false(has(1));
	cache_ram_set_max(&ram, ROOM);
	put(1, 0, 1000);
	assert_true(has(1));
}

static void flushing_leaves_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		put(i, i, 1000);
	ram.flush(ram.self);
	assert_int_equal(measure().entries, 0);
	assert_int_equal(measure().bytes, 0);
	put(1, 1, 1000);
	assert_true(has(1));
}

/* Sanitizers and valgrind have an allocator of their own, which mallinfo knows nothing of. */
static void bytes_are_what_malloc_gave(void **state)
{
	size_t before = mallinfo2().uordblks, taken, counted;

	(void)state;
	cache_ram_set_max(&ram, 64 * ROOM);
	for (unsigned i = 0; i < 20000; i++)
		put(i, (i * 37) % 2000, 1000);
	taken = mallinfo2().uordblks - before;
	counted = measure().bytes;
	if (taken == 0)
		skip();
	assert_int_equal(measure().entries, 20000);
	assert_in_range(counted, taken - taken / 50, taken + taken / 50);
}

/* ---- against a model ---- */

enum { KEYS = 40, STEPS = 20000 };

static struct {
	struct item {
		bool there;
		size_t len;
		int64_t expires, used;
	} items[KEYS];
	size_t max, costs0; /* of an empty text */
	int64_t now, uses, evictions;
} model;

static size_t model_cost(size_t len)
{
	size_t with_head = sizeof(struct answer) + 1 + 8 + 15;

	return model.costs0 + ((with_head + len) & ~(size_t)15) - (with_head & ~(size_t)15);
}

static size_t model_bytes(size_t *ret_entries)
{
	size_t bytes = 0;

	*ret_entries = 0;
	for (int i = 0; i < KEYS; i++) {
		if (model.items[i].there) {
			bytes += model_cost(model.items[i].len);
			++*ret_entries;
		}
	}
	return bytes;
}

static void model_expire(void)
{
	for (int i = 0; i < KEYS; i++)
		model.items[i].there &= model.now < model.items[i].expires;
}

static void model_make_room(size_t need)
{
	size_t entries;

	while (model_bytes(&entries) + need > model.max && entries > 0) {
		int oldest = -1;

		for (int i = 0; i < KEYS; i++)
			if (model.items[i].there &&
			    (oldest < 0 || model.items[i].used < model.items[oldest].used))
				oldest = i;
		model.items[oldest].there = false;
		model.evictions++;
	}
}

static void model_put(unsigned n, size_t len, int64_t ttl)
{
	model.items[n].there = false;
	model_expire();
	if (model_cost(len) > model.max / 8)
		return;
	model_make_room(model_cost(len));
	model.items[n] = (struct item){true, len, model.now + ttl, ++model.uses};
}

static void model_step(unsigned n)
{
	size_t len = (size_t)rand() % 3000;
	int64_t ttl = 1 + rand() % 400;

	switch (rand() % 16) {
	case 0:
		clock_advance_ms(ttl / 4);
		model.now += ttl / 4;
		break;
	case 1:
		if (rand() % 8 == 0) {
			model.max = (size_t)(rand() % 40000);
			cache_ram_set_max(&ram, model.max);
			model_expire();
			model_make_room(0);
		}
		break;
	case 2:
		if (rand() % 64 == 0) {
			ram.flush(ram.self);
			memset(model.items, 0, sizeof model.items);
		}
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		put(n, len, ttl);
		model_put(n, len, ttl);
		break;
	default:
		model.items[n].there &= model.now < model.items[n].expires;
		assert_int_equal(has(n), model.items[n].there);
		if (model.items[n].there) {
			model.items[n].used = ++model.uses;
			assert_int_equal(ram.peek(ram.self, key_of(n))->len, model.items[n].len);
		}
	}
}

static void it_behaves_like_the_model(void **state)
{
	(void)state;
	put(0, 0, 1000);
	memset(&model, 0, sizeof model);
	model.costs0 = measure().bytes;
	ram.flush(ram.self);
	model.max = 20000;
	cache_ram_set_max(&ram, model.max);
	srand(1);
	for (int i = 0; i < STEPS; i++) {
		size_t entries, bytes;

		model_step((unsigned)rand() % KEYS);
		if (i % 4)
			continue; /* measuring drops the expired: not always */
		model_expire();
		bytes = model_bytes(&entries);
		assert_int_equal(measure().entries, entries);
		assert_int_equal(measure().bytes, bytes);
		assert_int_equal(measure().evictions, model.evictions);
		assert_true(bytes <= model.max);
	}
	assert_true(model.evictions > STEPS / 100);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_put_is_found_with_its_text),
		TEST(get_answers_at_once),
		TEST(the_back_end_may_be_used_from_inside_found),
		TEST(an_entry_is_gone_exactly_at_its_ttl),
		TEST(use_does_not_lengthen_an_entry_s_life),
		TEST(a_ttl_beyond_all_clocks_never_ends),
		TEST(nothing_is_kept_for_no_time),
		TEST(a_second_answer_takes_the_first_one_s_place),
		TEST(a_replaced_answer_lives_as_long_as_its_readers),
		TEST(an_entry_can_be_put_again_from_itself),
		TEST(the_entry_used_longest_ago_makes_room),
		TEST(what_has_expired_makes_room_before_what_is_good),
		TEST(an_answer_above_an_eighth_is_not_kept),
		TEST(less_room_drops_down_to_it),
		TEST(flushing_leaves_nothing),
		TEST(bytes_are_what_malloc_gave),
		TEST(it_behaves_like_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
