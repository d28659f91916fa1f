#include <stdlib.h>
#include <string.h>

#include "shared/buf.h"

#include "tests/unit/test.h"

static void appended_pieces_stand_in_order_and_end_in_nul(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	buf_add(&b, "ab", 2);
	buf_add_char(&b, 'c');
	buf_add_str(&b, "de");
	buf_printf(&b, "%d-%s", 42, "x");
	assert_string_equal(b.data, "abcde42-x");
	assert_int_equal(b.len, 9);
	assert_false(b.failed);
	buf_done(&b);
}

static void appending_past_the_maximum_fails_and_drops_the_bytes(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4);
	buf_add_str(&b, "abcd");
	assert_false(b.failed);
	buf_add_char(&b, 'e');
	assert_true(b.failed);
	assert_string_equal(b.data, "abcd");
	buf_clear(&b);
	buf_add_str(&b, "xy");
	assert_false(b.failed);
	assert_string_equal(b.data, "xy");
	buf_printf(&b, "%s", "123");
	assert_true(b.failed);
	assert_string_equal(b.data, "xy");
	assert_null(buf_take(&b, NULL));
	buf_done(&b);
}

static void memory_stays_within_the_maximum(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (int i = 0; i < 1000; i++)
		buf_add_char(&b, 'x');
	assert_false(b.failed);
	assert_int_equal(b.len, 1000);
	assert_true(b.cap <= 1001);
	buf_done(&b);
}

static void lengths_near_the_end_of_size_t_fail(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, (size_t)-1);
	assert_null(buf_reserve(&b, (size_t)-1));
	assert_true(b.failed);
	buf_done(&b);
}

static void drop_front_keeps_the_rest(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_drop_front(&b, 3);
	assert_int_equal(b.len, 0);
	buf_add_str(&b, "abcdef");
	buf_drop_front(&b, 2);
	assert_string_equal(b.data, "cdef");
	buf_drop_front(&b, 0);
	assert_string_equal(b.data, "cdef");
	buf_drop_front(&b, 99);
	assert_string_equal(b.data, "");
	assert_int_equal(b.len, 0);
	buf_done(&b);
}

static void reserve_gives_room_behind_the_content(void **state)
{
	struct buf b;
	char *room;

	(void)state;
	buf_init(&b, 100);
	room = buf_reserve(&b, 10);
	assert_non_null(room);
	assert_string_equal(b.data, "");
	memcpy(room, "0123456789", 10);
	b.len += 10;
	buf_add_char(&b, '!');
	assert_string_equal(b.data, "0123456789!");
	buf_done(&b);
}

static void take_hands_over_and_empties(void **state)
{
	struct buf b;
	size_t len = 99;
	char *text;

	(void)state;
	buf_init(&b, 100);
	text = buf_take(&b, &len);
	assert_non_null(text);
	assert_string_equal(text, "");
	assert_int_equal(len, 0);
	free(text);
	buf_add_str(&b, "abc");
	text = buf_take(&b, &len);
	assert_string_equal(text, "abc");
	assert_int_equal(len, 3);
	assert_null(b.data);
	assert_int_equal(b.max, 100);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appended_pieces_stand_in_order_and_end_in_nul),
		cmocka_unit_test(appending_past_the_maximum_fails_and_drops_the_bytes),
		cmocka_unit_test(memory_stays_within_the_maximum),
		cmocka_unit_test(lengths_near_the_end_of_size_t_fail),
		cmocka_unit_test(drop_front_keeps_the_rest),
		cmocka_unit_test(reserve_gives_room_behind_the_content),
		cmocka_unit_test(take_hands_over_and_empties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
