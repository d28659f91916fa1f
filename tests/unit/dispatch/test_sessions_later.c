/* Sessions over a back end that takes its time: what happens meanwhile, and to whom the answer
 * goes. */
#include "tests/unit/dispatch/sessions_support.h"

static void it_is_held_while_it_is_looked_up(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *s = daemon_new(false);
	struct turn one, two;

	(void)state;
	first_turn(s, k, 'a');
	backend_later = true;
	turn_open(s, &one, k);
	assert_int_equal(one.told, 0);
	turn_open(s, &two, k);
	assert_int_equal(two.found, SESSION_BUSY);
	backend_answers();
	assert_int_equal(one.told, 1);
	assert_int_equal(one.found, SESSION_FOUND);
	turn_save(s, &one, 'b');
	assert_int_equal(one.saved, 0);
	backend_answers();
	assert_int_equal(one.saved, 1);
	turn_end(s, &one);
	backend_later = false;
	assert_kept(s, k, "ab");
	sessions_free(s);
}

static void nobody_is_told_after_a_release(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *s = daemon_new(false);
	struct turn one, two;

	(void)state;
	first_turn(s, k, 'a');
	backend_later = true;
	turn_open(s, &one, k);
	turn_end(s, &one);
	turn_open(s, &two, k); /* waits for its own answer, not for the first one's */
	backend_answers();
	assert_int_equal(one.told + two.told, 0);
	backend_answers();
	assert_int_equal(two.found, SESSION_FOUND);
	turn_save(s, &two, 'b');
	turn_end(s, &two);
	turn_open(s, &one, k);
	backend_answers();
	assert_int_equal(two.saved, 0);
	backend_answers();
	assert_int_equal(one.told, 1);
	assert_int_equal(one.s->version, 2);
	turn_end(s, &one);
	sessions_free(s);
}

static void a_late_conflict_takes_nothing_from_the_next_turn(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *here = daemon_new(false), *there = daemon_new(false);
	struct turn one, two;

	(void)state;
	first_turn(here, k, 'a');
	turn_open(here, &one, k);
	whole_turn(there, k, 'b');
	backend_later = true;
	turn_save(here, &one, 'x');
	turn_end(here, &one);
	turn_open(here, &two, k);
	backend_answers(); /* the conflict */
	assert_int_equal(one.saved, 0);
	backend_answers();
	assert_int_equal(two.found, SESSION_FOUND);
	assert_int_equal(counts(here).conflicts, 1);
	turn_save(here, &two, 'c');
	backend_answers();
	assert_false(two.conflict);
	turn_end(here, &two);
	backend_later = false;
	assert_kept(here, k, "abc");
	sessions_free(here);
	sessions_free(there);
}

static void a_conflict_forgets_only_what_was_in_it(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *here = daemon_new(false), *there = daemon_new(false);
	struct turn one, two;

	(void)state;
	first_turn(here, k, 'a');
	turn_open(here, &one, k);
	whole_turn(there, k, 'b');
	backend_later = true;
	turn_save(here, &one, 'x');
	turn_end(here, &one);
	turn_open(here, &two, k);
	backend_answers_nth(1); /* theirs */
	assert_int_equal(two.found, SESSION_FOUND);
	turn_end(here, &two);
	backend_answers(); /* the conflict */
	backend_later = false;
	backend_down = true;
	assert_kept(here, k, "ab");
	sessions_free(here);
	sessions_free(there);
}

static void looking_disturbs_no_turn(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *there = daemon_new(false), *s;
	struct turn look, second, left, turn;

	(void)state;
	first_turn(there, k, 'a');
	s = daemon_new(false); /* has no copy of its own */
	backend_later = true;
	look = second = left = (struct turn){.told = 0};
	sessions_look(s, &k, &look.ticket, on_ready, &look);
	sessions_look(s, &k, &second.ticket, on_ready, &second);
	sessions_look(s, &k, &left.ticket, on_ready, &left);
	turn_open(s, &turn, k);
	assert_int_equal(turn.told, 0); /* not busy */
	sessions_release(s, &left.ticket);
	for (int i = 0; i < 4; i++)
		backend_answers();
	assert_int_equal(look.found, SESSION_FOUND);
	assert_int_equal(second.found, SESSION_FOUND);
	assert_int_equal(turn.found, SESSION_FOUND);
	assert_int_equal(left.told, 0);
	session_unref(look.s);
	session_unref(second.s);
	turn_end(s, &turn);
	backend_later = false;
	sessions_free(s);
	sessions_free(there);
}

static void a_deletion_takes_its_time_too(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *s = daemon_new(false);
	struct turn t;
	int told = -1;

	(void)state;
	first_turn(s, k, 'a');
	backend_later = true;
	sessions_delete(s, &k, on_deleted, &told);
	turn_open(s, &t, k);
	assert_int_equal(t.found, SESSION_BUSY);
	backend_answers();
	assert_int_equal(told, -1);
	backend_answers();
	assert_int_equal(told, SESSION_FOUND);
	backend_later = false;
	assert_kept(s, k, NULL);
	sessions_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, support_setup, support_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_held_while_it_is_looked_up),
		TEST(nobody_is_told_after_a_release),
		TEST(a_late_conflict_takes_nothing_from_the_next_turn),
		TEST(a_conflict_forgets_only_what_was_in_it),
		TEST(looking_disturbs_no_turn),
		TEST(a_deletion_takes_its_time_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
