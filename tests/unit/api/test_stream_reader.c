/* Readers of a connection that are slow or stand still, and the chats that wait for them. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/api/fakes.h"
#include "tests/unit/api/fakes_stream.h"
#include "tests/unit/test.h"

#define CHAT(id)                                                                                   \
	"{\"type\":\"chat\",\"id\":\"" id "\",\"messages\":[{\"role\":\"user\","                   \
	"\"content\":\"hello\"}]}"

enum { HIGH = 1024 * 1024, LOW = 256 * 1024 };

static void drained(struct ws_conn *w)
{
	struct ws_handlers h = api_stream_handlers(fakes.api);

	w->stuck = false;
	w->taken = w->given;
	h.drained(h.ctx, w);
}

static void stalled(struct ws_conn *w)
{
	struct ws_handlers h = api_stream_handlers(fakes.api);

	h.stalled(h.ctx, w);
}

/* More than the queue should hold. */
static void send_much(void)
{
	char *text = malloc(HIGH + 1);

	memset(text, 'x', HIGH);
	text[HIGH] = '\0';
	fake_text(text);
	free(text);
}

/* Says it, and the job that comes of it. */
static struct job *begin(struct ws_conn *w, const char *text)
{
	fakes.several = true;
	fakes.job = NULL;
	fake_ws_say(w, text);
	assert_non_null(fakes.job);
	return fakes.job;
}

static void a_full_queue_pauses_who_fills_it_until_it_has_drained(void **state)
{
	struct ws_conn *w = fake_ws("");
	struct job *a = begin(w, CHAT("a")), *b = begin(w, CHAT("b"));

	(void)state;
	assert_int_equal(w->high, HIGH);
	assert_int_equal(w->low, LOW);
	w->stuck = true;
	fakes.job = b;
	fake_text("small");
	assert_int_equal(fakes.pauses, 0);
	fakes.job = a;
	send_much();
	fake_text("was in the pipe already");
	assert_int_equal(fakes.pauses, 1);
	fakes.job = b;
	fake_text("small");
	assert_int_equal(fakes.pauses, 2);
	drained(w);
	assert_int_equal(fakes.resumes, 2);
	fake_text("small");
	assert_int_equal(fakes.pauses, 2);
	fake_done(FAULT_NONE);
	fakes.job = a;
	fake_done(FAULT_NONE);
	fake_ws_closed(w, 1000);
}

static void a_reader_that_stands_still_loses_the_chats_that_wait_for_it(void **state)
{
	struct ws_conn *w = fake_ws("");
	struct job *a = begin(w, CHAT("a")), *b = begin(w, CHAT("b"));

	(void)state;
	w->stuck = true;
	fakes.job = a;
	send_much();
	stalled(w);
	assert_int_equal(fakes.cancelled, 1);
	fake_done(FAULT_CANCELLED);
	fakes.job = b;
	fake_text("it still stands");
	assert_int_equal(fakes.cancelled, 2);
	fake_done(FAULT_CANCELLED);
	fake_ws_skip(w, "start");
	fake_ws_skip(w, "token");
	fake_ws_expect_error(w, "a", "slow_reader", NULL);
	fake_ws_skip(w, "start");
	fake_ws_skip(w, "token");
	fake_ws_expect_error(w, "b", "slow_reader", NULL);
	assert_int_equal(fakes.admit.settled, 2);
	assert_int_equal(w->close_code, 0);
	drained(w);
	fake_ws_say(w, CHAT("c"));
	fake_done(FAULT_NONE);
	fake_ws_skip(w, "start");
	fake_ws_skip(w, "done");
	fake_ws_closed(w, 1000);
}

/* It stood still while little was queued, went on, and is merely slow now. */
static void an_old_stall_is_not_held_against_a_reader(void **state)
{
	struct ws_conn *w = fake_ws("");

	(void)state;
	begin(w, CHAT("a"));
	w->stuck = true;
	fake_text("little");
	stalled(w);
	assert_int_equal(fakes.cancelled, 0);
	w->taken = w->given;
	send_much();
	assert_int_equal(fakes.pauses, 1);
	assert_int_equal(fakes.cancelled, 0);
	drained(w);
	assert_int_equal(fakes.resumes, 1);
	fake_done(FAULT_NONE);
	fake_ws_closed(w, 1000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_full_queue_pauses_who_fills_it_until_it_has_drained),
		TEST(a_reader_that_stands_still_loses_the_chats_that_wait_for_it),
		TEST(an_old_stall_is_not_held_against_a_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
