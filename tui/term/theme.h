/* Styles to what the terminal has: 256, 16 or 8 colours, or none.  What is told by colour is told
 * without one too (bold, underlined, dim, reversed), so that no screen depends on it. */
#ifndef TUI_TERM_THEME_H
#define TUI_TERM_THEME_H

#include <stdbool.h>

enum theme_colours { THEME_NONE, THEME_8, THEME_16, THEME_256 };

/* What to use on a terminal of so many colours.  no_color: the variable NO_COLOR, or NULL; when it
 * is not empty, no colours are used (https://no-color.org). */
enum theme_colours theme_choose(int colours, const char *no_color);

/* The meaning whose colour a style has. */
unsigned theme_meaning(unsigned style);

/* Colour of a style: -1 is the terminal's own. */
int theme_foreground(enum theme_colours colours, unsigned style);

enum theme_attribute { THEME_BOLD = 1, THEME_DIM = 2, THEME_UNDERLINE = 4, THEME_REVERSE = 8 };
unsigned theme_attributes(enum theme_colours colours, unsigned style);

#endif
