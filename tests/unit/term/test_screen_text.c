#include <stdlib.h>

#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tui/canvas/draw.h"
#include "tui/term/screen_text.h"

static void a_screen_is_rows_of_text_and_of_styles(void **state)
{
	struct canvas *c = canvas_new(12, 3, GLYPHS_UNICODE);
	struct area a = canvas_area(c);
	char *text;

	(void)state;
	draw_text(a, 1, 0, STYLE_OK, "\u65e5 ok");
	draw_text(a, 0, 1, STYLE_ERROR | STYLE_BOLD, "bad");
	area_restyle(a, (struct rect){0, 1, 5, 1}, STYLE_SELECTED);
	text = golden_text(c, true);
	assert_string_equal(text, " \u65e5 ok\n"
				  "bad\n"
				  "\n"
				  "------------\n"
				  " ooooo\n"
				  "44400\n"
				  "\n");
	free(text);
	golden_rows(c, " \u65e5 ok\nbad\n\n");
	canvas_free(c);
}

static void what_cannot_be_written_is_an_error(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	struct screen *screen = screen_text_new(full, false);
	struct canvas *c = canvas_new(12, 3, GLYPHS_UNICODE);

	(void)state;
	assert_true(screen_show(screen, c) < 0);
	screen_free(screen);
	screen_free(NULL);
	canvas_free(c);
	fclose(full);
}

static void every_style_has_letters_of_its_own(void **state)
{
	char seen[256] = {0};

	(void)state;
	for (unsigned flags = 0; flags <= STYLE_SELECTED; flags += STYLE_BOLD) {
		if (flags == (STYLE_BOLD | STYLE_SELECTED))
			continue;
		for (unsigned meaning = 0; meaning < STYLE_MEANINGS; meaning++) {
			unsigned char letter = (unsigned char)style_letter(meaning | flags);

			assert_int_equal(seen[letter]++, 0);
		}
	}
	assert_int_equal(style_letter(STYLE_MEANINGS), '?');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_screen_is_rows_of_text_and_of_styles),
		cmocka_unit_test(what_cannot_be_written_is_an_error),
		cmocka_unit_test(every_style_has_letters_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
