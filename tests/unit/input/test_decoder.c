#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tui/input/decoder.h"

static char told[4096]; /* every event in words, a space behind each */
static struct decoder *d;

static void on_event(void *owner, const struct event *event)
{
	size_t at = strlen(told), room = sizeof(told) - at;

	assert_ptr_equal(owner, told);
	if (event->kind == EVENT_KEY)
		snprintf(told + at, room, "key:%x.%x ", (unsigned)event->key, event->mods);
	else if (event->kind == EVENT_TEXT)
		snprintf(told + at, room, "text:%.*s.%x ", (int)event->text_len, event->text,
			 (unsigned)event->key);
	else if (event->kind == EVENT_PASTE)
		snprintf(told + at, room, "paste:%.*s ", (int)event->text_len, event->text);
	else
		snprintf(told + at, room, "mouse:%d@%d,%d.%x ", (int)event->button, event->x,
			 event->y, event->mods);
}

static int make(void **state)
{
	(void)state;
	told[0] = '\0';
	d = decoder_new(on_event, told);
	return d ? 0 : -1;
}

static int unmake(void **state)
{
	(void)state;
	decoder_free(d);
	return 0;
}

static void feed(const char *bytes)
{
	decoder_feed(d, bytes, strlen(bytes));
}

/* Fed whole and byte by byte it is the same. */
static void expect(const char *bytes, const char *want)
{
	told[0] = '\0';
	feed(bytes);
	assert_string_equal(told, want);
	assert_int_equal(decoder_wait_ms(d), 0);
	told[0] = '\0';
	for (const char *p = bytes; *p; p++)
		decoder_feed(d, p, 1);
	assert_string_equal(told, want);
}

static void characters_come_with_their_text(void **state)
{
	(void)state;
	expect("aZ 7", "text:a.61 text:Z.5a text: .20 text:7.37 ");
	expect("\u00e9\u65e5\U0001f600", "text:\u00e9.e9 text:\u65e5.65e5 text:\U0001f600.1f600 ");
	expect("e\u0301", "text:e.65 text:\u0301.301 ");
}

static void bytes_that_are_no_character_are_dropped(void **state)
{
	(void)state;
	expect("\xff\xc3x\xe6\x97y\x9bz\xf5w", "text:x.78 text:y.79 text:z.7a text:w.77 ");
	expect("\u200b\u202e"
	       "a",
	       "text:\u202e.202e text:a.61 ");
}

static void control_characters_are_keys(void **state)
{
	char want[200];

	(void)state;
	snprintf(want, sizeof(want), "key:%x.0 key:%x.0 key:%x.0 key:%x.0 ", KEY_CODE_ENTER,
		 KEY_CODE_ENTER, KEY_CODE_TAB, KEY_CODE_BACKSPACE);
	expect("\r\n\t\x7f", want);
	expect("\x01\x12\x1a", "key:61.4 key:72.4 key:7a.4 ");
	told[0] = '\0';
	decoder_feed(d, "\0", 1);
	assert_string_equal(told, "key:20.4 ");
}

static void key_is(const char *bytes, int key, unsigned mods)
{
	char want[32];

	snprintf(want, sizeof(want), "key:%x.%x ", (unsigned)key, mods);
	expect(bytes, want);
}

static void keys_are_known_in_the_forms_of_all_terminals(void **state)
{
	(void)state;
	key_is("\033[A", KEY_CODE_UP, 0);
	key_is("\033OA", KEY_CODE_UP, 0);
	key_is("\033[1;2D", KEY_CODE_LEFT, MOD_SHIFT);
	key_is("\033[1;5C", KEY_CODE_RIGHT, MOD_CTRL);
	key_is("\033[1;3B", KEY_CODE_DOWN, MOD_ALT);
	key_is("\033[H", KEY_CODE_HOME, 0);
	key_is("\033[1~", KEY_CODE_HOME, 0);
	key_is("\033[7~", KEY_CODE_HOME, 0);
	key_is("\033[4~", KEY_CODE_END, 0);
	key_is("\033[5~", KEY_CODE_PAGE_UP, 0);
	key_is("\033[6;5~", KEY_CODE_PAGE_DOWN, MOD_CTRL);
	key_is("\033[3~", KEY_CODE_DELETE, 0);
	key_is("\033[Z", KEY_CODE_TAB, MOD_SHIFT);
	key_is("\033OP", KEY_CODE_F1, 0);
	key_is("\033[11~", KEY_CODE_F1, 0);
	key_is("\033[[A", KEY_CODE_F1, 0);
	key_is("\033[15~", KEY_CODE_F1 + 4, 0);
	key_is("\033[24~", KEY_CODE_F12, 0);
	key_is("\033OM", KEY_CODE_ENTER, 0);
	key_is("\033x", 'x', MOD_ALT);
	key_is("\033\x01", 'a', MOD_ALT | MOD_CTRL);
}

static void unknown_sequences_are_swallowed_whole(void **state)
{
	(void)state;
	expect("\033[?1;2cx", "text:x.78 ");
	expect("\033[99~x", "text:x.78 ");
	expect("\033[I\033[Ox", "text:x.78 ");
	expect("\033[0Mx", "text:x.78 ");
	expect("\033]11;rgb:ffff/ffff/ffff\033\\x", "text:x.78 ");
	expect("\033]11;rgb:ffff\007x", "text:x.78 ");
	expect("\033]0;a\033bc\007x", "text:x.78 ");
	expect("\033P1$r0m\033\\x", "text:x.78 ");
	expect("\033[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20;21;22;23;24;25;26;27;28;"
	       "29zx",
	       "text:x.78 ");
	expect("\033[3\001x", "text:x.78 ");
}

static void escape_alone_is_a_key_after_a_while(void **state)
{
	char want[64];

	(void)state;
	snprintf(want, sizeof(want), "key:%x.0 ", KEY_CODE_ESCAPE);
	feed("\033");
	assert_string_equal(told, "");
	assert_int_equal(decoder_wait_ms(d), DECODER_ESCAPE_MS);
	decoder_timeout(d);
	assert_string_equal(told, want);
	assert_int_equal(decoder_wait_ms(d), 0);
	told[0] = '\0';
	feed("\033\033");
	assert_string_equal(told, want);
	decoder_timeout(d);
	told[0] = '\0';
	feed("\033[");
	decoder_timeout(d);
	assert_string_equal(told, "key:5b.2 ");
}

static void half_a_sequence_is_forgotten_after_a_while(void **state)
{
	static const char *const halves[] = {"\033[1;", "\033]0;ab", "\033[[", "\033[M!",
					     "\xe6\x97"};

	(void)state;
	for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
		feed(halves[i]);
		assert_true(decoder_wait_ms(d) > 0);
		decoder_timeout(d);
		assert_int_equal(decoder_wait_ms(d), 0);
		assert_string_equal(told, "");
	}
	expect("x", "text:x.78 ");
}

static void the_mouse_is_told_by_both_protocols(void **state)
{
	(void)state;
	expect("\033[<0;10;6M\033[<0;10;6m", "mouse:0@9,5.0 ");
	expect("\033[<2;300;1M", "mouse:2@299,0.0 ");
	expect("\033[<64;1;1M\033[<65;1;1M", "mouse:3@0,0.0 mouse:4@0,0.0 ");
	expect("\033[<16;1;1M", "mouse:0@0,0.4 ");
	expect("\033[M !!", "mouse:0@0,0.0 ");
	expect("\033[M#!!\033[Ma!!", "mouse:4@0,0.0 ");
	/* moves, tilts, extra buttons, nonsense */
	expect("\033[<32;3;3M\033[<35;3;3M\033[<66;1;1M\033[<128;1;1M\033[<0;0;0M\033[<M\033[<0;-1;"
	       "2M",
	       "");
}

static void a_paste_is_one_event_and_no_keys(void **state)
{
	(void)state;
	expect("\033[200~q\r\nq\rx\ty\033[201~z", "paste:q\nq\nx\ty text:z.7a ");
	expect("\033[200~\033[201~", "paste: ");
	expect("\033[200~a\033[20b\033[A\001\xff\033[201~", "paste:a[20b[A\xef\xbf\xbd ");
	/* \x1b of a half end in front of the real one */
	expect("\033[200~a\033\033[201~", "paste:a ");
}

static void a_long_paste_is_cut(void **state)
{
	char *text = malloc(DECODER_PASTE_MAX + 1000);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', DECODER_PASTE_MAX + 1000);
	feed("\033[200~");
	decoder_feed(d, text, DECODER_PASTE_MAX + 1000);
	feed("\033[201~q");
	assert_memory_equal(told, "paste:xxxx", 10);
	free(text);
	expect("q", "text:q.71 ");
}

static void a_paste_without_an_end_ends_after_a_while(void **state)
{
	(void)state;
	feed("\033[200~abc");
	assert_int_equal(decoder_wait_ms(d), DECODER_PASTE_MS);
	decoder_timeout(d);
	assert_string_equal(told, "paste:abc ");
	expect("q", "text:q.71 ");
}

static void a_reset_forgets_what_is_half_read(void **state)
{
	(void)state;
	feed("\033[200~abc");
	decoder_reset(d);
	expect("q", "text:q.71 ");
	expect("\033[200~x\033[201~", "paste:x ");
}

static void any_bytes_end_in_a_decoder_that_still_works(void **state)
{
	uint32_t seed = 88172645;
	char text[400];

	(void)state;
	for (int round = 0; round < 3000; round++) {
		golden_hostile(&seed, text, sizeof(text));
		told[0] = '\0';
		feed(text);
		while (decoder_wait_ms(d) > 0)
			decoder_timeout(d);
		expect("q", "text:q.71 ");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(characters_come_with_their_text, make, unmake),
		cmocka_unit_test_setup_teardown(bytes_that_are_no_character_are_dropped, make,
						unmake),
		cmocka_unit_test_setup_teardown(control_characters_are_keys, make, unmake),
		cmocka_unit_test_setup_teardown(keys_are_known_in_the_forms_of_all_terminals, make,
						unmake),
		cmocka_unit_test_setup_teardown(unknown_sequences_are_swallowed_whole, make,
						unmake),
		cmocka_unit_test_setup_teardown(escape_alone_is_a_key_after_a_while, make, unmake),
		cmocka_unit_test_setup_teardown(half_a_sequence_is_forgotten_after_a_while, make,
						unmake),
		cmocka_unit_test_setup_teardown(the_mouse_is_told_by_both_protocols, make, unmake),
		cmocka_unit_test_setup_teardown(a_paste_is_one_event_and_no_keys, make, unmake),
		cmocka_unit_test_setup_teardown(a_long_paste_is_cut, make, unmake),
		cmocka_unit_test_setup_teardown(a_paste_without_an_end_ends_after_a_while, make,
						unmake),
		cmocka_unit_test_setup_teardown(a_reset_forgets_what_is_half_read, make, unmake),
		cmocka_unit_test_setup_teardown(any_bytes_end_in_a_decoder_that_still_works, make,
						unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
