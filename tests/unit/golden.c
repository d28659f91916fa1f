#include "tests/unit/golden.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "tests/unit/test.h"
#include "tui/term/screen_text.h"

char *golden_text(const struct canvas *c, bool styles)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	struct screen *screen = screen_text_new(f, styles);

	assert_non_null(screen);
	assert_int_equal(screen_show(screen, c), 0);
	screen_free(screen);
	fclose(f);
	return text;
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(text);
	if (f) {
		text[fread(text, 1, (1 << 20) - 1, f)] = '\0';
		fclose(f);
	}
	return text;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

void golden_check(const struct canvas *c, const char *name)
{
	const char *update = getenv("CCAPI_GOLDEN_UPDATE");
	char path[512], *text = golden_text(c, true), *wanted;

	golden_sound(c);
	snprintf(path, sizeof(path), "%s/%s.txt", GOLDEN_DIR, name);
	if (update && update[0])
		write_file(path, text);
	wanted = read_file(path);
	if (strcmp(text, wanted) != 0)
		print_error("%s\n---- wanted:\n%s\n---- drawn:\n%s\n", path, wanted, text);
	assert_int_equal(strcmp(text, wanted), 0);
	free(wanted);
	free(text);
}

void golden_rows(const struct canvas *c, const char *rows)
{
	char *text = golden_text(c, false);

	assert_string_equal(text, rows);
	free(text);
}

static void sound_cell(const struct canvas *c, int x, int y)
{
	const struct cell *cell = canvas_cell(c, x, y);
	const char *text = cell->text;
	wchar_t wide[GLYPH_BYTES];
	mbstate_t state = {0};
	size_t n;

	assert_true(cell->width == 1 || cell->width == 2);
	assert_true(memchr(cell->text, '\0', GLYPH_BYTES) != NULL);
	n = mbsrtowcs(wide, &text, GLYPH_BYTES, &state);
	assert_true(n != (size_t)-1 && n >= 1 && n <= 1 + GLYPH_MARKS);
	/* Characters newer than the C library are unknown to it (-1). */
	assert_true(wcwidth(wide[0]) == cell->width || wcwidth(wide[0]) == -1);
	assert_false(iswcntrl((wint_t)wide[0]));
	for (size_t i = 1; i < n; i++)
		assert_true(wcwidth(wide[i]) <= 0 && !iswcntrl((wint_t)wide[i]));
	if (canvas_is_ascii(c))
		assert_true(n == 1 && wide[0] >= 0x20 && wide[0] < 0x7F);
}

void golden_sound(const struct canvas *c)
{
	assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
	for (int y = 0; y < canvas_rows(c); y++) {
		int columns = 0;

		while (columns < canvas_columns(c)) {
			sound_cell(c, columns, y);
			if (canvas_cell(c, columns, y)->width == 2) {
				assert_non_null(canvas_cell(c, columns + 1, y));
				assert_int_equal(canvas_cell(c, columns + 1, y)->width, 0);
				assert_string_equal(canvas_cell(c, columns + 1, y)->text, "");
			}
			columns += canvas_cell(c, columns, y)->width;
		}
		assert_int_equal(columns, canvas_columns(c));
	}
}

uint32_t golden_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

void golden_hostile(uint32_t *seed, char *to, size_t size)
{
	static const char *const snippets[] = {
		"\033[2J",
		"\033]0;title\007",
		"\033P$q\033\\",
		"\xc2\x9b"
		"31m",          /* C1 CSI */
		"\xe2\x80\xae", /* right to left override */
		"\xe2\x81\xa6",
		"\xe2\x80\x8d", /* joiner */
		"\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",
		"\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa",          /* a flag */
		"\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd",          /* a skin tone */
		"e\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85", /* five marks */
		"\xe6\x97\xa5\xe6\x9c\xac",
		"\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d",
		"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", /* Hangul in parts */
		"\xe0\xa4\x95\xe0\xa4\xbe",             /* a spacing mark */
		"\xef\xbf\xbe\xed\xa0\x80\xc0\xaf\xf5",
		"\xe2\x80\xa8\r\n\t\b\x7f",
		"\xef\xb8\x8f",
		"\xee\x80\x80",
		"\xcc\x81",
	};
	size_t len = 0, room = size - 1;

	while (len < room) {
		const char *snippet =
			snippets[golden_random(seed) % (sizeof(snippets) / sizeof(snippets[0]))];
		size_t n = strlen(snippet);

		if (golden_random(seed) % 3 == 0 || n > room - len) {
			char c = (char)golden_random(seed);

			to[len++] = c ? c : 'a';
		} else {
			memcpy(to + len, snippet, n);
			len += n;
		}
		if (golden_random(seed) % 32 == 0)
			break;
	}
	to[len] = '\0';
}
