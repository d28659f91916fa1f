/* Screens as tests see them. */
#ifndef TESTS_UNIT_GOLDEN_H
#define TESTS_UNIT_GOLDEN_H

#include "tui/canvas/canvas.h"

/* The canvas as plain text, with styles as letters if asked for; the caller frees it. */
char *golden_text(const struct canvas *c, bool styles);

/* Compares with the file tests/unit/NAME.txt, text and styles, and shows both when they differ.
 * CCAPI_GOLDEN_UPDATE=1 in the environment writes the file instead: look at it before it is
 * committed. */
void golden_check(const struct canvas *c, const char *name);

/* Compares the text alone with rows that stand in the test, each ending in \n. */
void golden_rows(const struct canvas *c, const char *rows);

/* What is always true of a canvas, seen by the C library: every cell holds one printable glyph of
 * its width, and every row is as wide as the canvas. */
void golden_sound(const struct canvas *c);

/* Bytes that hurt: anything at all, or snippets that are known to; fills `to` and ends it. */
void golden_hostile(uint32_t *seed, char *to, size_t size);
uint32_t golden_random(uint32_t *seed);

#endif
