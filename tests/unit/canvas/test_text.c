#include <locale.h>
#include <string.h>
#include <utf8proc.h>
#include <wchar.h>

#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tui/canvas/text.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* Everything that is shown of a text, one glyph behind the other. */
static const char *shown(const char *text)
{
	static char out[1024];
	size_t len = strlen(text), at = 0;
	struct glyph g;

	out[0] = '\0';
	while (at < len) {
		size_t n = glyph_next(text + at, len - at, &g);

		assert_true(n > 0 && n <= len - at);
		assert_int_equal(strlen(g.text), g.len);
		strcat(out, g.text);
		at += n;
	}
	return out;
}

static int columns(const char *text)
{
	return text_columns(text, strlen(text), 1000);
}

static void control_characters_become_what_can_be_seen(void **state)
{
	(void)state;
	assert_string_equal(shown("a\033[31mb"), "a\u241b[31mb");
	assert_string_equal(shown("\001\r\n\177"), "\u2401\u240d\u240a\u2421");
	assert_string_equal(shown("a\tb"), "a b");
	assert_string_equal(shown("\xc2\x9b"
				  "31m"),
			    REPLACEMENT "31m");
	assert_string_equal(shown("\xc2\x85"), REPLACEMENT);
}

static void changes_of_direction_become_replacements(void **state)
{
	(void)state;
	assert_string_equal(shown("a\u202eb\u2066c\u200fd\u061ce"),
			    "a" REPLACEMENT "b" REPLACEMENT "c" REPLACEMENT "d" REPLACEMENT "e");
}

static void invisible_characters_are_dropped(void **state)
{
	(void)state;
	assert_string_equal(shown("a\u200bb\u200dc\ufeffd\u00ade\u2060f\u3164"), "abcdef");
	assert_string_equal(shown("\u2764\ufe0f"), "\u2764");
	assert_string_equal(shown("\u200b\u200b"), "");
	assert_int_equal(columns("\u200b\u200b"), 0);
}

static void bytes_that_are_no_utf8_become_one_replacement_each(void **state)
{
	(void)state;
	assert_string_equal(shown("\xff\xfe"), REPLACEMENT REPLACEMENT);
	assert_string_equal(shown("a\xc3"), "a" REPLACEMENT);
	assert_string_equal(shown("\xe6\x97"), REPLACEMENT REPLACEMENT);
	assert_string_equal(shown("\xc0\xaf"), REPLACEMENT REPLACEMENT);
	assert_string_equal(shown("\xed\xa0\x80x"), REPLACEMENT REPLACEMENT REPLACEMENT "x");
}

static void code_points_without_a_character_become_replacements(void **state)
{
	(void)state;
	assert_string_equal(shown("\uffff\u0378\ue000\u2028"),
			    REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT);
}

static void marks_stay_with_their_base_and_are_few(void **state)
{
	const char *many = "e\u0301\u0302\u0303\u0304\u0305x";
	struct glyph g;
	size_t n;

	(void)state;
	n = glyph_next(many, strlen(many), &g);
	assert_string_equal(g.text, "e\u0301\u0302\u0303");
	assert_int_equal(g.width, 1);
	assert_int_equal(n, strlen(many) - 1);
	assert_int_equal(columns(many), 2);
	assert_string_equal(shown("\u0301a"), REPLACEMENT "a");
	/* A spacing mark has a column of its own, as terminals see it. */
	assert_int_equal(columns("\u0915\u093e"), 2);
}

static void a_million_marks_are_one_glyph(void **state)
{
	static char text[200001] = "x";
	struct glyph g;

	(void)state;
	for (size_t i = 1; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xcc\x81", 2);
	assert_int_equal(glyph_next(text, strlen(text), &g), strlen(text));
	assert_int_equal(g.len, 1 + 2 * GLYPH_MARKS);
}

static void wide_characters_take_two_columns(void **state)
{
	(void)state;
	assert_int_equal(columns("\u65e5\u672c"), 4);
	assert_int_equal(columns("\U0001f600"), 2);
	assert_int_equal(columns("\uff21"), 2);
	assert_int_equal(columns("\u3000"), 2);
}

static void emoji_made_of_several_are_shown_as_terminals_count_them(void **state)
{
	(void)state;
	assert_string_equal(shown("\U0001f468\u200d\U0001f4bb"), "\U0001f468\U0001f4bb");
	assert_int_equal(columns("\U0001f468\u200d\U0001f4bb"), 4);
	assert_string_equal(shown("\U0001f44d\U0001f3fd"), "\U0001f44d");
	assert_string_equal(shown("\U0001f1e9\U0001f1ea"), "DE");
}

static void hangul_in_parts_is_one_glyph(void **state)
{
	(void)state;
	assert_int_equal(columns("\u1112\u1161\u11ab"), 2);
}

/* curses places the cursor by wcwidth(): every glyph must have its width. */
static void the_c_library_agrees_about_every_width(void **state)
{
	struct glyph g;
	char text[5];

	(void)state;
	assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
	for (int32_t c = 1; c < 0x110000; c++) {
		wchar_t wide = 0;
		utf8proc_ssize_t n;

		if (c == 0xD800) /* surrogates have no UTF-8 */
			c = 0xE000;
		n = utf8proc_encode_char(c, (utf8proc_uint8_t *)text);

		assert_int_equal(glyph_next(text, (size_t)n, &g), n);
		if (g.width == 0) {
			assert_int_equal(g.len, 0);
			continue;
		}
		if (mbtowc(&wide, g.text, g.len) != g.len ||
		    (wcwidth(wide) != g.width && wcwidth(wide) != -1))
			fail_msg("U+%04X: shown as U+%04X, width %d, wcwidth %d", (unsigned)c,
				 (unsigned)wide, g.width, wcwidth(wide));
	}
}

static void counting_stops_at_its_limit(void **state)
{
	(void)state;
	assert_int_equal(text_columns("abcdef", 6, 3), 4);
	assert_int_equal(text_columns("abcdef", 6, 6), 6);
	assert_int_equal(text_columns("", 0, 6), 0);
}

static void what_fits_is_whole_glyphs(void **state)
{
	const char *text = "a\u65e5e\u0301b";

	(void)state;
	assert_int_equal(text_fit(text, strlen(text), 0), 0);
	assert_int_equal(text_fit(text, strlen(text), 1), 1);
	assert_int_equal(text_fit(text, strlen(text), 2), 1);
	assert_int_equal(text_fit(text, strlen(text), 3), 4);
	assert_int_equal(text_fit(text, strlen(text), 4), 7);
	assert_int_equal(text_fit(text, strlen(text), 9), strlen(text));
}

static void going_back_is_the_way_that_one_came(void **state)
{
	const char *text = "a\u65e5e\u0301b";
	size_t len = strlen(text);

	(void)state;
	assert_int_equal(text_previous(text, len, len), 7);
	assert_int_equal(text_previous(text, len, 7), 4);
	assert_int_equal(text_previous(text, len, 4), 1);
	assert_int_equal(text_previous(text, len, 1), 0);
	assert_int_equal(text_previous(text, len, 0), 0);
}

static void wrapping_breaks_between_words_and_in_too_long_ones(void **state)
{
	size_t line;

	(void)state;
	assert_int_equal(text_wrap("one two three", 13, 8, &line), 8);
	assert_int_equal(line, 7);
	assert_int_equal(text_wrap("abcdefghij", 10, 4, &line), 4);
	assert_int_equal(line, 4);
	assert_int_equal(text_wrap("one\ntwo", 7, 20, &line), 4);
	assert_int_equal(line, 3);
	assert_int_equal(text_wrap("one\r\ntwo", 8, 20, &line), 5);
	assert_int_equal(line, 3);
	assert_int_equal(text_wrap("\u65e5\u672c", 6, 3, &line), 3);
	assert_int_equal(text_wrap("\u65e5", 3, 1, &line), 3); /* never stands still */
	assert_int_equal(text_wrap("\n", 1, 5, &line), 1);
	assert_int_equal(line, 0);
}

static void containing_knows_no_case(void **state)
{
	(void)state;
	assert_true(text_contains("The Chatbot", "chatB"));
	assert_true(text_contains("na\u00cfve", "\u00efv"));
	assert_true(text_contains("anything", ""));
	assert_false(text_contains("chat", "chatbot"));
	assert_false(text_contains("", "a"));
}

static char ascii_of(const char *text)
{
	struct glyph g;

	glyph_next(text, strlen(text), &g);
	return glyph_ascii(&g);
}

static void every_glyph_has_a_form_in_ascii(void **state)
{
	(void)state;
	assert_int_equal(ascii_of("x"), 'x');
	assert_int_equal(ascii_of("\u00e9"), 'e');
	assert_int_equal(ascii_of("e\u0301"), 'e');
	assert_int_equal(ascii_of("\u2026"), '~');
	assert_int_equal(ascii_of("\u65e5"), '?');
	assert_int_equal(ascii_of("\033"), '?');
	assert_int_equal(ascii_of("\u00a0"), ' ');
}

static void any_bytes_come_to_an_end_and_are_safe(void **state)
{
	uint32_t seed = 12345;
	char text[200];
	struct glyph g;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t at = 0, len;

		golden_hostile(&seed, text, sizeof(text));
		len = strlen(text);
		while (at < len) {
			size_t n = glyph_next(text + at, len - at, &g);

			assert_true(n > 0 && n <= len - at);
			assert_true(g.width <= 2 && g.len < GLYPH_BYTES);
			assert_null(strpbrk(g.text, "\033\007\b\r\n\t\x7f"));
			at += n;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_characters_become_what_can_be_seen),
		cmocka_unit_test(changes_of_direction_become_replacements),
		cmocka_unit_test(invisible_characters_are_dropped),
		cmocka_unit_test(bytes_that_are_no_utf8_become_one_replacement_each),
		cmocka_unit_test(code_points_without_a_character_become_replacements),
		cmocka_unit_test(marks_stay_with_their_base_and_are_few),
		cmocka_unit_test(a_million_marks_are_one_glyph),
		cmocka_unit_test(wide_characters_take_two_columns),
		cmocka_unit_test(emoji_made_of_several_are_shown_as_terminals_count_them),
		cmocka_unit_test(hangul_in_parts_is_one_glyph),
		cmocka_unit_test(the_c_library_agrees_about_every_width),
		cmocka_unit_test(counting_stops_at_its_limit),
		cmocka_unit_test(what_fits_is_whole_glyphs),
		cmocka_unit_test(going_back_is_the_way_that_one_came),
		cmocka_unit_test(wrapping_breaks_between_words_and_in_too_long_ones),
		cmocka_unit_test(containing_knows_no_case),
		cmocka_unit_test(every_glyph_has_a_form_in_ascii),
		cmocka_unit_test(any_bytes_come_to_an_end_and_are_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
