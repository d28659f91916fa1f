#include <stdio.h>
#include <string.h>

#include "shared/json.h"

#include "tests/unit/test.h"
#include "tui/model/rows.h"

static struct rows r;

static int make(void **state)
{
	(void)state;
	rows_init(&r, "id", 4);
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	rows_done(&r);
	return 0;
}

static void put(const char *id, int value)
{
	json_t *row = json_pack("{ss si}", "id", id, "value", value);

	rows_put(&r, row);
	json_decref(row);
}

static void put_number(int id, int value)
{
	json_t *row = json_pack("{si si}", "id", id, "value", value);

	rows_put(&r, row);
	json_decref(row);
}

/* The ids in their order, "a b c". */
static void expect_ids(const char *wanted)
{
	char ids[200] = "";

	for (size_t i = 0; i < r.count; i++) {
		size_t len = strlen(ids);

		snprintf(ids + len, sizeof ids - len, "%s%s", i > 0 ? " " : "", rows_id(&r, i));
	}
	assert_string_equal(ids, wanted);
}

static int value_of(const char *id)
{
	return (int)json_get_int(rows_find(&r, id), "value", -1);
}

static void a_row_with_a_known_id_takes_its_place(void **state)
{
	(void)state;
	put("a", 1);
	put("b", 2);
	put("a", 3);
	expect_ids("a b");
	assert_int_equal(value_of("a"), 3);
	assert_int_equal(value_of("b"), 2);
}

static void the_oldest_goes_when_there_is_no_room(void **state)
{
	(void)state;
	put("a", 1);
	put("b", 2);
	put("c", 3);
	put("d", 4);
	put("e", 5);
	expect_ids("b c d e");
	assert_null(rows_find(&r, "a"));
	assert_int_equal(value_of("e"), 5);
}

static void ids_may_be_numbers(void **state)
{
	(void)state;
	put_number(7, 1);
	put_number(12, 2);
	put_number(7, 3);
	expect_ids("7 12");
	assert_int_equal(value_of("7"), 3);
}

static void a_row_is_dropped_by_its_id(void **state)
{
	json_t *gone = json_pack("{ss}", "id", "b"), *none = json_pack("{ss}", "id", "x");

	(void)state;
	put("a", 1);
	put("b", 2);
	put("c", 3);
	rows_drop(&r, gone);
	rows_drop(&r, none);
	expect_ids("a c");
	assert_int_equal(value_of("c"), 3);
	json_decref(gone);
	json_decref(none);
}

static void what_is_no_object_is_no_row(void **state)
{
	json_t *array = json_pack("[i, s, n, {ss}, [ss]]", 1, "x", "id", "a", "y", "z");

	(void)state;
	rows_set(&r, array);
	expect_ids("a");
	rows_set(&r, json_array_get(array, 0));
	expect_ids("");
	rows_put(&r, NULL);
	rows_set(&r, NULL);
	assert_int_equal(r.count, 0);
	json_decref(array);
}

static void rows_without_an_id_come_behind_the_others(void **state)
{
	json_t *row = json_pack("{si}", "value", 1);

	(void)state;
	rows_put(&r, row);
	rows_put(&r, row);
	assert_int_equal(r.count, 2);
	assert_string_equal(rows_id(&r, 0), "");
	assert_string_equal(rows_id(&r, 9), "");
	rows_drop(&r, row);
	assert_int_equal(r.count, 2);
	json_decref(row);
}

static void a_copy_stays_as_it_was(void **state)
{
	struct rows copy;

	(void)state;
	put("a", 1);
	put("b", 2);
	assert_int_equal(rows_copy(&copy, &r), 0);
	put("a", 3);
	put("c", 4);
	assert_int_equal(copy.count, 2);
	assert_int_equal(json_get_int(rows_find(&copy, "a"), "value", -1), 1);
	assert_null(rows_find(&copy, "c"));
	rows_done(&copy);
}

static void put_named(int number, const char *name)
{
	json_t *row = number > 0 ? json_pack("{si ss}", "number", number, "id", name)
				 : json_pack("{ss}", "id", name);

	rows_put(&r, row);
	json_decref(row);
}

static void a_name_may_come_twice_and_stands_in_for_a_missing_id(void **state)
{
	json_t *same = json_pack("{si}", "number", 2);
	struct rows copy;

	(void)state;
	rows_init(&r, "number", 4);
	r.name = "id";
	put_named(1, "mine");
	put_named(2, "mine");
	put_named(0, "other");
	put_named(0, "other");
	expect_ids("1 2 other");
	assert_ptr_equal(rows_find_same(&r, same), r.items[1]);
	assert_int_equal(rows_find_name(&r, "mine", 99), 1);
	assert_int_equal(rows_find_name(&r, "mine", 1), 0);
	assert_int_equal(rows_find_name(&r, "mine", 0), r.count);
	put_named(2, "renamed");
	assert_int_equal(rows_find_name(&r, "mine", r.count), 0);
	rows_drop_at(&r, 0);
	assert_int_equal(rows_find_name(&r, "renamed", r.count), 0);
	assert_int_equal(rows_copy(&copy, &r), 0);
	assert_int_equal(rows_find_name(&copy, "other", copy.count), 1);
	assert_ptr_equal(rows_find_same(&copy, same), copy.items[0]);
	rows_done(&copy);
	json_decref(same);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_row_with_a_known_id_takes_its_place, make,
						unmake),
		cmocka_unit_test_setup_teardown(the_oldest_goes_when_there_is_no_room, make,
						unmake),
		cmocka_unit_test_setup_teardown(ids_may_be_numbers, make, unmake),
		cmocka_unit_test_setup_teardown(a_row_is_dropped_by_its_id, make, unmake),
		cmocka_unit_test_setup_teardown(what_is_no_object_is_no_row, make, unmake),
		cmocka_unit_test_setup_teardown(rows_without_an_id_come_behind_the_others, make,
						unmake),
		cmocka_unit_test_setup_teardown(a_copy_stays_as_it_was, make, unmake),
		cmocka_unit_test_setup_teardown(
			a_name_may_come_twice_and_stands_in_for_a_missing_id, make, unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
