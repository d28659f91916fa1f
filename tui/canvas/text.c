/* Width and breaks are utf8proc's, corrected where terminals go by wcwidth() and differ: spacing
 * marks (Mc) take a column of their own, vowels and finals of Hangul Jamo none.  What terminals
 * disagree about is not sent to them at all: variation selectors, joiners and skin tones are
 * dropped, so that an emoji made of several is shown as several; regional indicators become
 * letters. */
#include "tui/canvas/text.h"

#include <string.h>
#include <utf8proc.h>

#define REPLACEMENT 0xFFFD
#define PICTURES 0x2400 /* U+2400 + c is the picture of control character c */

/* Like utf8proc_iterate(), but always moves on: an invalid byte counts as U+FFFD. */
static size_t decode(const char *s, size_t len, int32_t *ret)
{
	utf8proc_ssize_t n;

	if ((unsigned char)*s < 0x80) {
		*ret = *s;
		return 1;
	}
	n = utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)len, ret);
	if (n <= 0) {
		*ret = REPLACEMENT;
		return 1;
	}
	return (size_t)n;
}

static bool is_bidi_control(int32_t c)
{
	return c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
	       (c >= 0x2066 && c <= 0x2069);
}

static bool is_dropped(int32_t c)
{
	return c >= 0x80 && !is_bidi_control(c) && utf8proc_get_property(c)->ignorable;
}

static bool is_skin_tone(int32_t c)
{
	return c >= 0x1F3FB && c <= 0x1F3FF;
}

static bool is_jamo_vowel_or_final(int32_t c)
{
	return (c >= 0x1160 && c <= 0x11FF) || (c >= 0xD7B0 && c <= 0xD7FF);
}

/* Columns on a terminal; 0: goes onto what is before it. */
static int width_of(int32_t c)
{
	if (is_jamo_vowel_or_final(c))
		return 0;
	if ((c >= 0x302E && c <= 0x302F) || (c >= 0x3248 && c <= 0x324F) ||
	    (c >= 0x4DC0 && c <= 0x4DFF) || (c >= 0x16FF0 && c <= 0x16FF1))
		return 2;
	if (utf8proc_category(c) == UTF8PROC_CATEGORY_MC)
		return 1;
	return utf8proc_charwidth(c);
}

/* What is shown where `c` stands as a base. */
static int32_t shown_as(int32_t c)
{
	if (c >= 0x1F1E6 && c <= 0x1F1FF) /* half a flag */
		return 'A' + (c - 0x1F1E6);
	switch (utf8proc_category(c)) {
	case UTF8PROC_CATEGORY_CC:
		return c == '\t' ? ' ' : c == 0x7F ? 0x2421 : c < 0x20 ? PICTURES + c : REPLACEMENT;
	case UTF8PROC_CATEGORY_ZS:
		return c == 0x3000 ? c : ' ';
	case UTF8PROC_CATEGORY_CN:
	case UTF8PROC_CATEGORY_CS:
	case UTF8PROC_CATEGORY_CO:
	case UTF8PROC_CATEGORY_CF: /* changes of direction among them */
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
		return REPLACEMENT;
	default:
		return width_of(c) > 0 ? c : REPLACEMENT; /* a mark without a base */
	}
}

static void append(struct glyph *g, int32_t c)
{
	utf8proc_uint8_t bytes[4];
	utf8proc_ssize_t n = utf8proc_encode_char(c, bytes);

	if (n <= 0 || g->len + (size_t)n >= sizeof(g->text))
		return;
	memcpy(g->text + g->len, bytes, (size_t)n);
	g->len = (uint8_t)(g->len + n);
	g->text[g->len] = '\0';
}

struct glyph glyph_of(uint32_t code_point)
{
	struct glyph g = {.len = 0};

	append(&g, (int32_t)code_point);
	g.width = (uint8_t)width_of((int32_t)code_point);
	return g;
}

/* Takes what belongs onto the base `previous`. */
static size_t take_marks(const char *s, size_t len, int32_t previous, struct glyph *g)
{
	utf8proc_int32_t state = 0;
	size_t at = 0, n;
	int marks = 0;
	int32_t c;

	while (at < len) {
		if ((unsigned char)s[at] < 0x80)
			break;
		n = decode(s + at, len - at, &c);
		if (!is_dropped(c)) {
			if (is_bidi_control(c) ||
			    utf8proc_grapheme_break_stateful(previous, c, &state))
				break;
			if (!is_skin_tone(c) && width_of(c) > 0)
				break;
			if (!is_skin_tone(c) && marks++ < GLYPH_MARKS)
				append(g, c);
			previous = c;
		}
		at += n;
	}
	return at;
}

size_t glyph_next(const char *s, size_t len, struct glyph *ret)
{
	size_t at = 0;
	int32_t c;

	*ret = (struct glyph){.len = 0};
	while (at < len) {
		at += decode(s + at, len - at, &c);
		if (is_dropped(c))
			continue;
		append(ret, shown_as(c));
		ret->width = (uint8_t)width_of(shown_as(c));
		if (at < len && (unsigned char)s[at] >= 0x80)
			at += take_marks(s + at, len - at, c, ret);
		break;
	}
	return at;
}

char glyph_ascii(const struct glyph *g)
{
	static const struct {
		int32_t from;
		char to;
	} known[] = {{0x2013, '-'}, {0x2014, '-'}, {0x2018, '\''}, {0x2019, '\''}, {0x201C, '"'},
		     {0x201D, '"'}, {0x2026, '~'}, {0x00B7, '.'},  {0x00D7, 'x'},  {0x2190, '<'},
		     {0x2191, '^'}, {0x2192, '>'}, {0x2193, 'v'},  {0x2022, '*'},  {0x00B5, 'u'},
		     {0x2500, '-'}, {0x2502, '|'}, {0x00DF, 's'},  {0x00F8, 'o'},  {0x00D8, 'O'},
		     {0x25B2, '^'}, {0x25BC, 'v'}, {0x2212, '-'},  {0x00AB, '"'},  {0x00BB, '"'}};
	utf8proc_int32_t parts[8];
	int32_t c;

	if (g->len == 0)
		return ' ';
	decode(g->text, g->len, &c);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].from == c)
			return known[i].to;
	if (c >= PICTURES && c < PICTURES + 0x20)
		return '?';
	if (c >= 0x80 && utf8proc_decompose_char(c, parts, 8, UTF8PROC_DECOMPOSE, NULL) > 0)
		c = parts[0];
	return c >= 0x20 && c < 0x7F ? (char)c : '?';
}

int text_columns(const char *s, size_t len, int limit)
{
	struct glyph g;
	size_t at = 0;
	int columns = 0;

	while (at < len && columns <= limit) {
		at += glyph_next(s + at, len - at, &g);
		columns += g.width;
	}
	return columns;
}

size_t text_fit(const char *s, size_t len, int columns)
{
	struct glyph g;
	size_t at = 0, n;

	while (at < len) {
		n = glyph_next(s + at, len - at, &g);
		if (g.width > columns)
			break;
		columns -= g.width;
		at += n;
	}
	return at;
}

size_t text_previous(const char *s, size_t len, size_t at)
{
	struct glyph g;
	size_t start = 0, n;

	while (start < len) {
		n = glyph_next(s + start, len - start, &g);
		if (start + n >= at)
			break;
		start += n;
	}
	return start;
}

size_t text_wrap(const char *s, size_t len, int columns, size_t *ret_line)
{
	const char *newline = memchr(s, '\n', len);
	size_t end = newline ? (size_t)(newline - s) : len;
	size_t fits = text_fit(s, end, columns);
	size_t space;

	if (fits >= end) {
		*ret_line = end > 0 && s[end - 1] == '\r' ? end - 1 : end;
		return newline ? end + 1 : end;
	}
	/* Between words where there are any, else in the middle of one; always at least a glyph. */
	for (space = fits; space > 0 && s[space] != ' '; space--)
		;
	if (space > 0) {
		*ret_line = space;
		return space + 1;
	}
	if (fits == 0) {
		struct glyph g;

		fits = glyph_next(s, end, &g);
	}
	*ret_line = fits;
	return fits;
}

/* Whether text begins with what, in any case. */
static bool begins(const char *text, size_t len, const char *what, size_t what_len)
{
	int32_t c, wanted;

	while (what_len > 0) {
		size_t n;

		if (len == 0)
			return false;
		n = decode(what, what_len, &wanted);
		what += n;
		what_len -= n;
		n = decode(text, len, &c);
		text += n;
		len -= n;
		if (utf8proc_tolower(c) != utf8proc_tolower(wanted))
			return false;
	}
	return true;
}

bool text_contains(const char *text, const char *what)
{
	size_t len = strnlen(text, 4096), what_len = strlen(what);
	size_t at = 0;
	int32_t c;

	for (;;) {
		if (begins(text + at, len - at, what, what_len))
			return true;
		if (at >= len)
			return false;
		at += decode(text + at, len - at, &c);
	}
}
