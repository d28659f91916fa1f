/* Sessions: holds, time, room, and what becomes of memory's copy when the back end knows another
 * one, none, or does not answer. */
#include "tests/unit/dispatch/sessions_support.h"

/* ---- memory alone ---- */

static void a_turn_is_found_by_the_next(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *s = daemon_new(true);

	(void)state;
	first_turn(s, k, 'a');
	whole_turn(s, k, 'b');
	assert_kept(s, k, "ab");
	assert_kept(s, key_of('q', 'a'), NULL); /* another project's */
	assert_kept(s, key_of('p', 'b'), NULL);
	assert_int_equal(counts(s).entries, 1);
	assert_true(counts(s).bytes > 100);
	sessions_free(s);
}

static void what_is_not_there_is_not_made_by_asking(void **state)
{
	struct sessions *s = daemon_new(true);
	struct turn t;

	(void)state;
	turn_open(s, &t, key_of('p', 'a'));
	assert_int_equal(t.told, 1);
	assert_int_equal(t.found, SESSION_NONE);
	assert_false(t.ticket.held);
	assert_int_equal(counts(s).entries, 0);
	turn_end(s, &t);
	sessions_free(s);
}

static void one_request_at_a_time(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *s = daemon_new(true);
	struct turn one, two;

	(void)state;
	turn_new(s, &one, k);
	turn_open(s, &two, k);
	assert_int_equal(two.found, SESSION_BUSY);
	turn_end(s, &two); /* lets go of nothing that is not its own */
	turn_open(s, &two, k);
	assert_int_equal(two.found, SESSION_BUSY);
	turn_save(s, &one, 'a');
	turn_open(s, &two, k);
	assert_int_equal(two.found, SESSION_BUSY);
	turn_end(s, &one);
	turn_open(s, &two, k);
	assert_int_equal(two.found, SESSION_FOUND);
	assert_true(two.ticket.held);
	assert_kept(s, k, "a"); /* looking does not disturb */
	assert_int_equal(delete_now(s, k), SESSION_BUSY);
	turn_end(s, &two);
	assert_kept(s, k, "a");
	sessions_free(s);
}

static void a_request_that_fails_leaves_it_as_it_was(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *s = daemon_new(true);
	struct turn t;

	(void)state;
	turn_new(s, &t, k);
	assert_int_equal(counts(s).entries, 1);
	turn_end(s, &t);
	assert_int_equal(counts(s).entries, 0);
	assert_kept(s, k, NULL);
	first_turn(s, k, 'a');
	turn_open(s, &t, k);
	turn_end(s, &t);
	assert_kept(s, k, "a");
	sessions_free(s);
}

static void it_runs_out_after_the_last_turn(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *s = daemon_new(true);

	(void)state;
	first_turn(s, k, 'a');
	clock_advance_ms(TTL_MS - 1);
	whole_turn(s, k, 'b');
	clock_advance_ms(TTL_MS - 1);
	assert_kept(s, k, "ab");
	clock_advance_ms(1);
	assert_kept(s, k, NULL);
	assert_int_equal(delete_now(s, k), SESSION_NONE);
	assert_int_equal(counts(s).entries, 0);
	assert_int_equal(counts(s).bytes, 0);
	assert_int_equal(counts(s).evictions, 0);
	sessions_free(s);
}

static void a_request_under_way_may_outlast_the_time(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *s = daemon_new(true);
	struct turn t;

	(void)state;
	first_turn(s, k, 'a');
	turn_open(s, &t, k);
	clock_advance_ms(2 * TTL_MS);
	first_turn(s, key_of('p', 'b'), 'x'); /* tidies up */
	turn_save(s, &t, 'b');
	turn_end(s, &t);
	assert_kept(s, k, "ab");
	sessions_free(s);
}

static void a_deleted_one_is_gone(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *s = daemon_new(true);

	(void)state;
	assert_int_equal(delete_now(s, k), SESSION_NONE);
	first_turn(s, k, 'a');
	assert_int_equal(delete_now(s, k), SESSION_FOUND);
	assert_kept(s, k, NULL);
	assert_int_equal(delete_now(s, k), SESSION_NONE);
	assert_int_equal(counts(s).entries, 0);
	assert_int_equal(counts(s).bytes, 0);
	sessions_free(s);
}

static void set_room(struct sessions *s, size_t max_bytes)
{
	const struct sessions_conf conf = {
		.ttl_ms = TTL_MS, .max_size = 1 << 20, .max_bytes = max_bytes};

	sessions_configure(s, &conf);
}

static size_t one_size(void)
{
	struct session *one = after(NULL, 'x', 1);
	size_t size = session_memory(one);

	session_unref(one);
	return size;
}

static void the_one_used_longest_ago_makes_room(void **state)
{
	struct sessions *s = daemon_new(true);

	(void)state;
	set_room(s, 4 * one_size());
	first_turn(s, key_of('p', 'a'), 'a');
	first_turn(s, key_of('p', 'b'), 'b');
	first_turn(s, key_of('p', 'c'), 'c');
	whole_turn(s, key_of('p', 'a'), 'x'); /* so that b is the oldest */
	assert_int_equal(counts(s).evictions, 0);
	first_turn(s, key_of('p', 'd'), 'd');
	assert_kept(s, key_of('p', 'b'), NULL);
	assert_kept(s, key_of('p', 'a'), "ax");
	assert_kept(s, key_of('p', 'c'), "c");
	assert_kept(s, key_of('p', 'd'), "d");
	assert_int_equal(counts(s).evictions, 1);
	set_room(s, one_size());
	assert_int_equal(counts(s).entries, 1);
	assert_kept(s, key_of('p', 'd'), "d");
	sessions_free(s);
}

static void one_in_use_is_never_evicted(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *s = daemon_new(true);
	struct turn t;

	(void)state;
	set_room(s, one_size());
	first_turn(s, k, 'a');
	turn_open(s, &t, k);
	first_turn(s, key_of('p', 'b'), 'b');
	assert_int_equal(counts(s).entries, 1);
	set_room(s, 0);
	turn_save(s, &t, 'x');
	assert_kept(s, k, "ax");
	set_room(s, 4 * one_size());
	turn_end(s, &t);
	assert_kept(s, k, "ax");
	sessions_free(s);
}

/* ---- with a back end ---- */

static void a_turn_goes_to_the_back_end_and_to_other_daemons(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *here = daemon_new(false), *there = daemon_new(false);

	(void)state;
	first_turn(here, k, 'a');
	assert_int_equal(gets_asked, 0);
	assert_int_equal(puts_asked, 1);
	whole_turn(there, k, 'b');
	whole_turn(here, k, 'c');
	assert_kept(there, k, "abc");
	assert_kept(here, k, "abc");
	sessions_free(here);
	here = daemon_new(false); /* the next start */
	assert_kept(here, k, "abc");
	sessions_free(here);
	sessions_free(there);
}

static void memory_serves_while_the_back_end_fails(void **state)
{
	struct session_key k = key_of('p', 'a'), other = key_of('p', 'b');
	struct sessions *s = daemon_new(false), *there = daemon_new(false);
	struct turn t;

	(void)state;
	first_turn(s, k, 'a');
	backend_down = true;
	puts_asked = 0;
	whole_turn(s, k, 'b');
	whole_turn(s, k, 'c');
	assert_int_equal(puts_asked, 2);
	assert_kept(s, k, "abc");
	turn_open(s, &t, other);
	assert_int_equal(t.found, SESSION_FAILED);
	assert_false(t.ticket.held);
	turn_end(s, &t);
	turn_open(there, &t, k);
	assert_int_equal(t.found, SESSION_FAILED);
	turn_end(there, &t);
	assert_int_equal(counts(there).entries, 0);
	backend_down = false;
	assert_kept(there, k, "a");
	turn_open(s, &t, k); /* newer here: goes there again */
	turn_end(s, &t);
	assert_kept(there, k, "abc");
	sessions_free(s);
	sessions_free(there);
}

static void what_has_run_out_does_not_serve_while_the_back_end_fails(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *s = daemon_new(false);
	struct turn t;

	(void)state;
	first_turn(s, k, 'a');
	backend_down = true;
	clock_advance_ms(TTL_MS);
	turn_open(s, &t, k);
	assert_int_equal(t.found, SESSION_FAILED);
	turn_end(s, &t);
	assert_int_equal(counts(s).entries, 0);
	sessions_free(s);
}

static void it_may_run_out_while_it_is_looked_up(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *s = daemon_new(false);
	struct turn t;

	(void)state;
	for (int fails = 0; fails < 2; fails++) {
		backend_later = backend_down = false;
		first_turn(s, k, 'a');
		backend_later = true;
		backend_down = fails;
		turn_open(s, &t, k);
		clock_advance_ms(TTL_MS);
		backend_answers();
		assert_int_equal(t.found, fails ? SESSION_FAILED : SESSION_NONE);
		assert_int_equal(counts(s).entries, 0);
		turn_end(s, &t);
	}
	sessions_free(s);
}

static void a_back_end_that_lost_it_gets_it_again(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *s = daemon_new(false), *there = daemon_new(false);
	struct turn t;

	(void)state;
	first_turn(s, k, 'a');
	clock_advance_ms(TTL_MS / 2);
	shelf_flush();
	assert_kept(s, k, "a");
	assert_kept(there, k, NULL);
	turn_open(s, &t, k);
	assert_int_equal(t.found, SESSION_FOUND);
	turn_end(s, &t);
	assert_kept(there, k, "a");
	clock_advance_ms(TTL_MS / 2); /* for what was left of its time */
	assert_null(shelf_find(&k));
	assert_kept(there, k, NULL);
	sessions_free(s);
	sessions_free(there);
}

static void a_faster_daemon_s_turn_stays(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *here = daemon_new(false), *there = daemon_new(false);
	struct turn slow;

	(void)state;
	first_turn(here, k, 'a');
	turn_open(here, &slow, k);
	whole_turn(there, k, 'b');
	turn_save(here, &slow, 'x');
	assert_int_equal(slow.saved, 1);
	assert_true(slow.conflict);
	assert_int_equal(counts(here).conflicts, 1);
	turn_end(here, &slow);
	assert_int_equal(counts(here).entries, 0);
	assert_kept(here, k, "ab");
	whole_turn(here, k, 'c');
	assert_kept(there, k, "abc");
	sessions_free(here);
	sessions_free(there);
}

/* Both went on while the back end was away: the one that came there first stays. */
static void two_pasts_become_one(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *here = daemon_new(false), *there = daemon_new(false);
	struct turn t;

	(void)state;
	first_turn(here, k, 'a');
	turn_open(there, &t, k);
	turn_end(there, &t);
	backend_down = true;
	whole_turn(here, k, 'x');
	clock_advance_ms(1);
	whole_turn(there, k, 'y');
	backend_down = false;
	turn_open(there, &t, k);
	turn_end(there, &t);
	assert_kept(here, k, "ay");
	turn_open(here, &t, k);
	turn_end(here, &t);
	assert_int_equal(counts(here).conflicts, 1);
	whole_turn(here, k, 'z');
	assert_kept(there, k, "ayz");
	sessions_free(here);
	sessions_free(there);
}

static void a_tombstone_tells_other_daemons(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *here = daemon_new(false), *there = daemon_new(false);
	struct turn t;

	(void)state;
	first_turn(here, k, 'a');
	whole_turn(there, k, 'b');
	assert_int_equal(delete_now(here, k), SESSION_FOUND);
	assert_int_equal(counts(here).entries, 0);
	assert_kept(there, k, NULL);
	turn_open(there, &t, k);
	assert_int_equal(t.found, SESSION_NONE);
	turn_end(there, &t);
	assert_int_equal(counts(there).entries, 0);
	assert_int_equal(delete_now(there, k), SESSION_NONE);
	sessions_free(here);
	sessions_free(there);
}

/* Whoever was in the middle of a turn, or had turns that never came there, is too late. */
static void a_tombstone_is_newer_than_any_turn(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *here = daemon_new(false), *there = daemon_new(false);
	struct turn t;

	(void)state;
	first_turn(here, k, 'a');
	backend_down = true;
	for (char text = 'b'; text < 'f'; text++)
		whole_turn(here, k, text);
	turn_open(here, &t, k);
	backend_down = false;
	assert_int_equal(delete_now(there, k), SESSION_FOUND);
	turn_save(here, &t, 'f');
	assert_true(t.conflict);
	turn_end(here, &t);
	assert_kept(here, k, NULL);
	assert_kept(there, k, NULL);
	sessions_free(here);
	sessions_free(there);
}

static void what_cannot_be_deleted_everywhere_stays(void **state)
{
	struct session_key k = key_of('p', 'a');
	struct sessions *s = daemon_new(false);

	(void)state;
	first_turn(s, k, 'a');
	backend_down = true;
	assert_int_equal(delete_now(s, k), SESSION_FAILED);
	assert_kept(s, k, "a");
	backend_down = false;
	assert_int_equal(delete_now(s, k), SESSION_FOUND);
	assert_kept(s, k, NULL);
	sessions_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, support_setup, support_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_turn_is_found_by_the_next),
		TEST(what_is_not_there_is_not_made_by_asking),
		TEST(one_request_at_a_time),
		TEST(a_request_that_fails_leaves_it_as_it_was),
		TEST(it_runs_out_after_the_last_turn),
		TEST(a_request_under_way_may_outlast_the_time),
		TEST(a_deleted_one_is_gone),
		TEST(the_one_used_longest_ago_makes_room),
		TEST(one_in_use_is_never_evicted),
		TEST(a_turn_goes_to_the_back_end_and_to_other_daemons),
		TEST(memory_serves_while_the_back_end_fails),
		TEST(what_has_run_out_does_not_serve_while_the_back_end_fails),
		TEST(it_may_run_out_while_it_is_looked_up),
		TEST(a_back_end_that_lost_it_gets_it_again),
		TEST(a_faster_daemon_s_turn_stays),
		TEST(two_pasts_become_one),
		TEST(a_tombstone_tells_other_daemons),
		TEST(a_tombstone_is_newer_than_any_turn),
		TEST(what_cannot_be_deleted_everywhere_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
