/* Text as a terminal can take it.  Whatever the bytes are, what comes out of glyph_next() is
 * printable and has a known width: control characters become their pictures, changes of direction
 * and invalid bytes U+FFFD, invisible characters nothing.  All drawing goes through here. */
#ifndef TUI_CANVAS_TEXT_H
#define TUI_CANVAS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GLYPH_MARKS 3  /* combining marks kept on one base; more are dropped */
#define GLYPH_BYTES 17 /* a base and its marks in UTF-8, and the NUL */

/* One character as it is seen: a base and its combining marks. */
struct glyph {
	char text[GLYPH_BYTES];
	uint8_t len;   /* bytes of text */
	uint8_t width; /* 1 or 2 columns; 0: nothing to be seen */
};

/* Takes the next glyph from the front of len bytes; returns how many it took, 0 only for len 0.
 * A width of 0 happens at the end only, when all that was left is invisible. */
size_t glyph_next(const char *s, size_t len, struct glyph *ret);

/* One printable code point as a glyph, for symbols of our own. */
struct glyph glyph_of(uint32_t code_point);

/* The same glyph for terminals without UTF-8: one character of ASCII (é gives e, unknown ?), to be
 * shown once per column of its width. */
char glyph_ascii(const struct glyph *g);

/* Columns that the text takes, counted up to `limit`: a result above the limit says no more than
 * that it is above, and a long text costs no more than what is asked for. */
int text_columns(const char *s, size_t len, int limit);

/* Bytes of the text that fit into so many columns; whole glyphs only. */
size_t text_fit(const char *s, size_t len, int columns);

/* Start of the glyph that ends at byte `at` (0 for at 0), for cursors that go backwards. */
size_t text_previous(const char *s, size_t len, size_t at);

/* Wraps at spaces and \n: bytes of the first line of at most `columns` columns (its length without
 * the break in ret_line), 0 only for len 0. */
size_t text_wrap(const char *s, size_t len, int columns, size_t *ret_line);

/* Whether the text contains the other one, in any case; looks at the first 4,096 bytes. */
bool text_contains(const char *text, const char *what);

#endif
