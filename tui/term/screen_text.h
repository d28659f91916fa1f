/* A screen of plain text, for --snapshot and for golden screens: the rows of the canvas without
 * their trailing spaces; with styles, a line of dashes and the letters of style_letter() follow. */
#ifndef TUI_TERM_SCREEN_TEXT_H
#define TUI_TERM_SCREEN_TEXT_H

#include <stdio.h>

#include "tui/term/screen.h"

/* Every show() writes one screen to `out`, which is borrowed.  NULL: out of memory. */
struct screen *screen_text_new(FILE *out, bool styles);

#endif
