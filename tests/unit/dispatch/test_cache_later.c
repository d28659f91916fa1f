/* Flights over a back end that answers later. */
#include "tests/unit/dispatch/cache_support.h"

static void lookers_wait_for_one_look_up(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"};

	(void)state;
	fake.at_once = false;
	join(&a, 'k', false);
	join(&b, 'k', false);
	assert_int_equal(fake.gets_count, 1);
	expect_told("");
	get_finds("kept");
	expect_told_already("a=kept b=kept ");
	assert_int_equal(counts().hits, 2);
	join(&a, 'k', false);
	assert_int_equal(fake.gets_count, 1);
	get_finds(NULL);
	expect_told_already("a=lead ");
	leave(&a);
}

static void the_first_looker_leads_when_nothing_was_found(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

	(void)state;
	fake.at_once = false;
	join(&a, 'k', false);
	join(&b, 'k', false);
	get_finds(NULL);
	join(&c, 'k', false);
	expect_told("a=lead ");
	settle(&a, "new", 0);
	expect_told("b=new c=new ");
}

static void who_left_during_the_look_up_is_not_told(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"};

	(void)state;
	fake.at_once = false;
	join(&a, 'k', false);
	join(&b, 'k', false);
	leave(&a);
	get_finds("kept");
	expect_told("b=kept ");
	join(&a, 'k', false);
	join(&b, 'k', false);
	leave(&a);
	get_finds(NULL);
	expect_told("b=lead ");
	leave(&b);
}

static void a_look_up_that_everybody_left_ends_quietly(void **state)
{
	struct asker a = {.name = "a"};

	(void)state;
	fake.at_once = false;
	for (int hit = 0; hit < 2; hit++) {
		join(&a, 'k', false);
		leave(&a);
		get_finds(hit ? "kept" : NULL);
		expect_told("");
	}
	join(&a, 'k', false);
	leave(&a);
	join(&a, 'k', false); /* takes part in the one that is under way */
	assert_int_equal(fake.gets_count, 1);
	get_finds("kept");
	expect_told_already("a=kept ");
	join(&a, 'k', false);
	leave(&a); /* and the last one stays open until the back end goes */
}

static void who_wants_a_fresh_answer_leads_beside_a_look_up(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"}, d = {.name = "d"},
		     e = {.name = "e"};

	(void)state;
	fake.at_once = false;
	join(&a, 'k', false);
	join(&b, 'k', true);
	join(&c, 'k', true);
	join(&d, 'k', false);
	expect_told_already("b=lead ");
	get_finds("kept");
	expect_told("a=kept d=kept ");
	join(&e, 'k', false); /* a flight is under way: the newer answer */
	assert_int_equal(fake.gets_count, 0);
	settle(&b, "new", 0);
	expect_told("c=new e=new ");
}

static void lookers_follow_a_leader_when_nothing_was_found(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

	(void)state;
	fake.at_once = false;
	join(&a, 'k', false);
	join(&b, 'k', true);
	join(&c, 'k', true);
	get_finds(NULL);
	expect_told("b=lead ");
	settle(&b, NULL, 0);
	expect_told("a=lead ");
	settle(&a, "new", 0);
	expect_told("c=new ");
}

static void lookers_get_the_leader_s_answer_if_it_comes_first(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

	(void)state;
	fake.at_once = false;
	join(&a, 'k', false);
	join(&b, 'k', true);
	settle(&b, "new", 0);
	expect_told("b=lead a=new ");
	join(&c, 'k', false); /* a look-up of its own */
	assert_int_equal(fake.gets_count, 2);
	get_finds("kept"); /* the first one: too late for anybody */
	expect_told("");
	get_finds("kept");
	expect_told("c=kept ");
}

static void a_leader_that_leaves_a_look_up_leaves_it_to_go_on(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

	(void)state;
	fake.at_once = false;
	join(&a, 'k', false);
	join(&b, 'k', true);
	leave(&b);
	expect_told("b=lead ");
	get_finds("kept");
	expect_told("a=kept ");
	join(&a, 'k', false);
	join(&b, 'k', true);
	join(&c, 'k', true);
	leave(&b);
	get_finds(NULL); /* a comes before c, and the loop tells */
	expect_told_already("b=lead ");
	expect_told("a=lead ");
	settle(&a, NULL, 0);
	expect_told("c=lead ");
	leave(&c);
}

static void lookers_may_do_anything_from_inside_ready(void **state)
{
	struct asker a = {.name = "a", .then = then_other_leaves}, b = {.name = "b"},
		     c = {.name = "c", .then = then_join_once_more}, d = {.name = "d"};

	(void)state;
	fake.at_once = false;
	a.other = &b;
	join(&a, 'k', false);
	join(&b, 'k', false);
	join(&c, 'k', false);
	join(&d, 'k', false);
	get_finds("kept");
	expect_told("a=kept c=kept d=kept ");
	assert_int_equal(fake.gets_count, 1);
	get_finds("kept");
	expect_told("c=kept ");
}

/* ---- a back end that cannot tell ---- */

static void get_fails(void)
{
	fake.fails = true;
	answer_get(NULL);
	fake.fails = false;
}

static void who_cannot_be_told_leads_blind(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

	(void)state;
	fake.at_once = false;
	join(&a, 'k', false);
	join(&b, 'k', false);
	get_fails();
	expect_told_already("a=blind ");
	join(&c, 'k', false);
	settle(&a, "new", 1000);
	assert_int_equal(fake.puts, 1); /* it may be there again by now */
	expect_told("b=new c=new ");
	assert_int_equal(counts().misses, 0);
	assert_int_equal(counts().followed, 2);
}

static void who_takes_a_blind_leader_s_place_is_blind_too(void **state)
{
	struct asker a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

	(void)state;
	fake.at_once = false;
	join(&a, 'k', false);
	join(&b, 'k', false);
	join(&c, 'k', true); /* has not looked: it leads at once, and misses nothing */
	get_fails();
	expect_told("c=lead ");
	settle(&c, NULL, 0);
	expect_told("a=blind ");
	settle(&a, NULL, 0);
	expect_told("b=blind ");
	join(&c, 'k', true);
	settle(&b, NULL, 0);
	expect_told("c=lead "); /* it did not want to know */
	settle(&c, NULL, 0);
	join(&a, 'k', false); /* a look-up of its own again */
	get_finds(NULL);
	expect_told("a=lead ");
	leave(&a);
}

static void note_fetched(void *ctx, struct answer *answer, bool failed)
{
	snprintf(ctx, 16, "%s", failed ? "failed" : answer ? answer->text : "nothing");
}

static void a_fetch_asks_without_a_flight(void **state)
{
	char one[16] = "", two[16] = "", three[16] = "", four[16] = "";

	(void)state;
	fake.at_once = false;
	assert_false(cache_tells_at_once(fake.cache));
	cache_fetch(fake.cache, key_of('k'), note_fetched, one);
	cache_fetch(fake.cache, key_of('k'), note_fetched, two);
	cache_fetch(fake.cache, key_of('k'), note_fetched, three);
	cache_fetch(fake.cache, key_of('k'), note_fetched, four);
	assert_int_equal(fake.gets_count, 4);
	get_finds("kept");
	get_finds(NULL);
	get_fails();
	get_finds("late");
	assert_string_equal(one, "kept");
	assert_string_equal(two, "nothing");
	assert_string_equal(three, "failed");
	assert_string_equal(four, "late");
	assert_int_equal(counts().hits + counts().misses, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(lookers_wait_for_one_look_up),
		TEST(the_first_looker_leads_when_nothing_was_found),
		TEST(who_left_during_the_look_up_is_not_told),
		TEST(a_look_up_that_everybody_left_ends_quietly),
		TEST(who_wants_a_fresh_answer_leads_beside_a_look_up),
		TEST(lookers_follow_a_leader_when_nothing_was_found),
		TEST(lookers_get_the_leader_s_answer_if_it_comes_first),
		TEST(a_leader_that_leaves_a_look_up_leaves_it_to_go_on),
		TEST(lookers_may_do_anything_from_inside_ready),
		TEST(who_cannot_be_told_leads_blind),
		TEST(who_takes_a_blind_leader_s_place_is_blind_too),
		TEST(a_fetch_asks_without_a_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
