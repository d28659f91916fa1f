/* Flights over a back end that answers at once. */
#include "tests/unit/dispatch/cache_support.h"

/* ---- alone ---- */

static void a_kept_answer_is_told_at_once(void **state)
{
	struct asker a = {.name = "a"};

	(void)state;
	fake.holds = text_of("kept");
	join(&a, 'k', false);
	expect_told_already("a=kept ");
	assert_int_equal(counts().hits, 1);
	assert_int_equal(counts().misses, 0);
}

static void who_finds_nothing_leads_at_once(void **state)
{
	struct asker a = {.name = "a"};

	(void)state;
	join(&a, 'k', false);
	expect_told_already("a=lead ");
	assert_int_equal(counts().misses, 1);
	settle(&a, "new", 1234);
	assert_int_equal(fake.puts, 1);
	assert_int_equal(fake.put_ttl, 1234);
	expect_told("");
	join(&a, 'k', false); /* the same ticket again */
	expect_told_already("a=new ");
}

static void an_answer_for_no_time_is_not_kept(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"};

	(void)state;
	join(&a, 'k', false);
	join(&b, 'k', false);
	settle(&a, "new", 0);
	assert_int_equal(fake.puts, 0);
	expect_told("a=lead b=new ");
}

static void who_wants_a_fresh_answer_does_not_look(void **state)
{
	struct asker a = {.name = "a"};

	(void)state;
	fake.holds = text_of("kept");
	join(&a, 'k', true);
	expect_told_already("a=lead ");
	settle(&a, "new", 1);
	assert_string_equal(fake.holds->text, "new");
	assert_int_equal(counts().hits + counts().misses + counts().followed, 0);
}

static void without_a_flight_nothing_happens(void **state)
{
	struct cache_ticket t = {0};
	struct answer *answer = text_of("x");

	(void)state;
	cache_leave(fake.cache, &t);
	cache_settle(fake.cache, &t, answer, 1000);
	assert_int_equal(fake.puts, 0);
	answer_unref(answer);
}

/* ---- together ---- */

static void followers_are_told_from_the_loop_in_order(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"}, d = {.name = "d"};

	(void)state;
	join(&a, 'k', false);
	join(&b, 'k', false);
	join(&c, 'k', true);
	join(&d, 'k', false);
	expect_told("a=lead ");
	settle(&a, "new", 1000);
	expect_told_already("");
	expect_told("b=new c=new d=new ");
	assert_int_equal(counts().followed, 2); /* the fresh one does not count */
	assert_int_equal(counts().misses, 1);
	assert_int_equal(counts().hits, 0);
}

static void flights_of_different_keys_are_independent(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"}, d = {.name = "d"};

	(void)state;
	join(&a, 'k', false);
	join(&b, 'l', false);
	join(&c, 'k', false);
	join(&d, 'l', false);
	expect_told("a=lead b=lead ");
	settle(&b, "ell", 0);
	expect_told("d=ell ");
	settle(&a, NULL, 0);
	expect_told("c=lead ");
	settle(&c, "kay", 0);
	expect_told("");
}

static void after_no_answer_the_oldest_follower_leads(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

	(void)state;
	join(&a, 'k', false);
	join(&b, 'k', false);
	join(&c, 'k', false);
	settle(&a, NULL, 1000);
	assert_int_equal(fake.puts, 0);
	expect_told("a=lead b=lead ");
	settle(&b, "new", 0);
	expect_told("c=new ");
	assert_int_equal(counts().misses, 2);
	assert_int_equal(counts().followed, 1);
}

static void a_leader_that_leaves_makes_the_oldest_lead(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

	(void)state;
	join(&a, 'k', false);
	join(&b, 'k', false);
	leave(&a);
	join(&c, 'k', false); /* before the loop has told anybody */
	expect_told("a=lead b=lead ");
	leave(&b);
	leave(&c); /* the one that was to lead */
	expect_told("");
	join(&a, 'k', false);
	expect_told_already("a=lead ");
	leave(&a);
}

static void who_comes_when_the_last_follower_left_leads(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

	(void)state;
	join(&a, 'k', false);
	join(&b, 'k', false);
	leave(&a);
	leave(&b);
	join(&c, 'k', false);
	expect_told("a=lead c=lead ");
	settle(&c, "new", 0);
	expect_told("");
}

static void who_wants_a_fresh_answer_comes_behind_those_that_are_due(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

	(void)state;
	join(&a, 'k', false);
	join(&b, 'k', false);
	leave(&a);
	join(&c, 'k', true);
	expect_told("a=lead b=lead ");
	settle(&b, "new", 0);
	expect_told("c=new ");
}

static void a_follower_that_left_is_not_told(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"}, d = {.name = "d"};

	(void)state;
	join(&a, 'k', false);
	join(&b, 'k', false);
	join(&c, 'k', false);
	join(&d, 'k', false);
	leave(&b);
	settle(&a, "new", 0);
	leave(&d); /* on the way to be told */
	expect_told("a=lead c=new ");
	assert_int_equal(counts().followed, 1);
}

static void a_follower_that_settles_has_left(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"};

	(void)state;
	join(&a, 'k', false);
	join(&b, 'k', false);
	settle(&b, "not its to give", 1000);
	assert_int_equal(fake.puts, 0);
	settle(&a, "new", 0);
	expect_told("a=lead ");
}

static void who_comes_after_the_answer_looks_again(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

	(void)state;
	join(&a, 'k', false);
	join(&b, 'k', false);
	settle(&a, "new", 0);
	join(&c, 'k', false); /* before b is told */
	expect_told_already("a=lead c=lead ");
	expect_told("b=new ");
	settle(&c, "newer", 0);
	expect_told("");
}

/* ---- from inside ready ---- */

static void then_settle(struct asker *a)
{
	struct answer *answer;

	if (!a->ticket.leads)
		return;
	answer = text_of(a->name);
	cache_settle(fake.cache, &a->ticket, answer, 0);
	answer_unref(answer);
}

static void then_fail(struct asker *a)
{
	cache_settle(fake.cache, &a->ticket, NULL, 0);
}

static void then_free(struct asker *a)
{
	cache_leave(fake.cache, &a->ticket);
	free(a);
}

static void a_leader_may_settle_from_inside_ready(void **state)
{
	struct asker a = {.name = "a", .then = then_settle}, b = {.name = "b", .then = then_settle},
		     c = {.name = "c", .then = then_fail}, d = {.name = "d", .then = then_settle};

	(void)state;
	join(&a, 'k', false);
	expect_told_already("a=lead ");
	assert_null(a.ticket.flight);
	a.then = NULL;
	join(&a, 'k', false);
	join(&c, 'k', false);
	join(&b, 'k', false);
	join(&d, 'k', false);
	settle(&a, NULL, 0);
	expect_told("a=lead c=lead "); /* one turn of the loop after the other */
	expect_told("b=lead ");
	expect_told("d=b ");
}

static void a_follower_may_send_another_away_from_inside_ready(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b", .then = then_other_leaves},
		     c = {.name = "c"}, d = {.name = "d"};

	(void)state;
	b.other = &c;
	join(&a, 'k', false);
	join(&b, 'k', false);
	join(&c, 'k', false);
	join(&d, 'k', false);
	settle(&a, "new", 0);
	expect_told("a=lead b=new d=new ");
}

static void a_ticket_may_be_used_again_from_inside_ready(void **state)
{
	struct asker a = {.name = "a", .then = then_join_once_more},
		     b = {.name = "b", .then = then_join_once_more};

	(void)state;
	fake.holds = text_of("kept");
	join(&a, 'k', false);
	expect_told_already("a=kept a=kept ");
	fake_flush(NULL);
	a.then = NULL;
	join(&a, 'k', false);
	join(&b, 'k', false);
	settle(&a, "new", 0);
	expect_told("a=lead b=new b=lead ");
	leave(&b);
}

static void a_request_may_be_freed_from_inside_ready(void **state)
{
	(void)state;
	for (int holds = 0; holds < 2; holds++) {
		struct asker a = {.name = "a"}, *b = calloc(1, sizeof *b),
			     *c = calloc(1, sizeof *c);

		*b = (struct asker){.name = "b", .then = then_free};
		*c = (struct asker){.name = "c", .then = then_free};
		join(b, holds ? 'k' : 'l', false);
		join(&a, 'm', true);
		join(c, 'm', false);
		settle(&a, holds ? "new" : NULL, 1);
		expect_told(holds ? "b=new a=lead c=new " : "b=lead a=lead c=lead ");
		if (!holds)
			fake.holds = text_of("new");
	}
}

/* ---- the rest ---- */

static void what_the_back_end_counts_is_shown(void **state)
{
	(void)state;
	cache_note_hit(fake.cache);
	assert_int_equal(counts().hits, 1);
	assert_int_equal(counts().entries, 1);
	assert_int_equal(counts().bytes, 2);
	assert_int_equal(counts().evictions, 4);
}

static void a_back_end_that_cannot_tell_at_once_has_nothing_to_peek_at(void **state)
{
	(void)state;
	fake.holds = text_of("kept");
	assert_null(cache_peek(fake.cache, key_of('k')));
}

static void flights_go_on_when_the_cache_is_flushed(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"};

	(void)state;
	join(&a, 'k', false);
	join(&b, 'k', false);
	cache_flush(fake.cache);
	assert_int_equal(fake.flushes, 1);
	settle(&a, "new", 1);
	expect_told("a=lead b=new ");
	assert_int_equal(fake.puts, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_kept_answer_is_told_at_once),
		TEST(who_finds_nothing_leads_at_once),
		TEST(an_answer_for_no_time_is_not_kept),
		TEST(who_wants_a_fresh_answer_does_not_look),
		TEST(without_a_flight_nothing_happens),
		TEST(followers_are_told_from_the_loop_in_order),
		TEST(flights_of_different_keys_are_independent),
		TEST(after_no_answer_the_oldest_follower_leads),
		TEST(a_leader_that_leaves_makes_the_oldest_lead),
		TEST(who_comes_when_the_last_follower_left_leads),
		TEST(who_wants_a_fresh_answer_comes_behind_those_that_are_due),
		TEST(a_follower_that_left_is_not_told),
		TEST(a_follower_that_settles_has_left),
		TEST(who_comes_after_the_answer_looks_again),
		TEST(a_leader_may_settle_from_inside_ready),
		TEST(a_follower_may_send_another_away_from_inside_ready),
		TEST(a_ticket_may_be_used_again_from_inside_ready),
		TEST(a_request_may_be_freed_from_inside_ready),
		TEST(what_the_back_end_counts_is_shown),
		TEST(a_back_end_that_cannot_tell_at_once_has_nothing_to_peek_at),
		TEST(flights_go_on_when_the_cache_is_flushed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
