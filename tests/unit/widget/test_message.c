#include <string.h>

#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tests/unit/widget/events.h"
#include "tui/widget/message.h"

static struct message m;

static enum input_result press(const char *name)
{
	struct event event = key(name);

	return message_input(&m, &event);
}

static void shows(const char *want)
{
	struct canvas *c = canvas_new(40, 1, GLYPHS_UNICODE);

	message_draw(&m, canvas_area(c), 0, 1);
	golden_rows(c, want);
	canvas_free(c);
}

static void the_newest_word_replaces_the_one_before(void **state)
{
	(void)state;
	message_init(&m);
	shows("\n");
	message_info(&m, STYLE_OK, "one %d", 1);
	message_info(&m, STYLE_OK, "two");
	shows(" two\n");
	assert_int_equal(press("Esc"), INPUT_IGNORED);
}

static void errors_stay_until_each_is_read(void **state)
{
	(void)state;
	message_init(&m);
	message_error(&m, "first %s", "failure");
	message_error(&m, "second");
	message_info(&m, STYLE_OK, "fine");
	assert_true(message_has_error(&m));
	shows(" first failure  (Esc: read, 1 more)\n");
	assert_int_equal(press("Enter"), INPUT_IGNORED);
	assert_int_equal(press("Esc"), INPUT_TAKEN);
	shows(" second  (Esc: read)\n");
	press("Esc");
	shows(" fine\n");
	assert_false(message_has_error(&m));
}

static void what_was_said_before_an_error_is_gone_after_it(void **state)
{
	(void)state;
	message_init(&m);
	message_info(&m, STYLE_OK, "before");
	message_error(&m, "bad");
	press("Esc");
	shows("\n");
}

static void more_errors_than_are_kept_are_counted(void **state)
{
	(void)state;
	message_init(&m);
	for (int i = 0; i < MESSAGE_ERRORS + 5; i++)
		message_error(&m, "error %d", i);
	shows(" error 0  (Esc: read, 12 more)\n");
	for (int i = 0; i < MESSAGE_ERRORS; i++)
		press("Esc");
	assert_true(message_has_error(&m));
	shows(" 5 more errors came meanwhile; the log\u2026\n");
	press("Esc");
	assert_false(message_has_error(&m));
}

static void a_long_error_takes_rows_of_its_own(void **state)
{
	struct canvas *c = canvas_new(20, 4, GLYPHS_UNICODE);
	struct event event = click(5, 2);

	(void)state;
	message_init(&m);
	assert_int_equal(message_rows(&m, 20, 3), 1);
	message_error(&m, "it failed because of something long");
	assert_int_equal(message_rows(&m, 20, 2), 2);
	assert_int_equal(message_rows(&m, 20, 9), 3);
	message_draw(&m, canvas_area(c), 1, 3);
	golden_rows(c, "\n it failed because\n of something long\n (Esc: read)\n");
	canvas_clear(c);
	message_draw(&m, canvas_area(c), 1, 2);
	golden_rows(c, "\n it failed because\n of something long\u2026\n\n");
	assert_int_equal(message_input(&m, &event), INPUT_TAKEN);
	assert_false(message_has_error(&m));
	assert_int_equal(message_input(&m, &event), INPUT_IGNORED);
	canvas_free(c);
}

static void hostile_words_stay_in_their_rows(void **state)
{
	struct canvas *c = canvas_new(30, 3, GLYPHS_UNICODE);
	char text[2000];
	uint32_t seed = 77;

	(void)state;
	for (int i = 0; i < 200; i++) {
		golden_hostile(&seed, text, sizeof(text));
		message_init(&m);
		message_error(&m, "%s", text);
		message_draw(&m, canvas_area(c), 0, message_rows(&m, 30, 3));
		golden_sound(c);
		message_init(&m);
		message_info(&m, STYLE_OK, "%s", text);
		message_draw(&m, canvas_area(c), 0, 1);
		golden_sound(c);
	}
	canvas_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_word_replaces_the_one_before),
		cmocka_unit_test(errors_stay_until_each_is_read),
		cmocka_unit_test(what_was_said_before_an_error_is_gone_after_it),
		cmocka_unit_test(more_errors_than_are_kept_are_counted),
		cmocka_unit_test(a_long_error_takes_rows_of_its_own),
		cmocka_unit_test(hostile_words_stay_in_their_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
