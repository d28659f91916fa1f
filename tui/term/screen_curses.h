/* The terminal as a screen, by ncurses: it keeps what is shown and writes what has changed.  One a
 * process.  Input is not its business (term/terminal.h). */
#ifndef TUI_TERM_SCREEN_CURSES_H
#define TUI_TERM_SCREEN_CURSES_H

#include <stddef.h>
#include <wchar.h>

#include "tui/term/screen.h"

#define SCREEN_WHY_MAX 160

/* Whether standard output and input are terminals that screens can be shown on; on failure a
 * negative code, and in `why` a sentence for the user. */
int screen_curses_check(char why[SCREEN_WHY_MAX]);

/* Takes over standard output and input, which screen_curses_check() has found good, and arms
 * term/restore.h.  Fails as that does. */
int screen_curses_open(struct screen **ret, char why[SCREEN_WHY_MAX]);

/* The terminal's size as the kernel knows it now. */
void screen_curses_size(const struct screen *s, int *ret_columns, int *ret_rows);

/* After the terminal's size has changed, or its content is unknown: the next show() paints all. */
void screen_curses_resize(struct screen *s, int columns, int rows);

/* Gives the terminal back as it was, and takes it again; the next show() paints all. */
void screen_curses_leave(struct screen *s);
void screen_curses_enter(struct screen *s);

bool screen_curses_is_utf8(void); /* the locale's encoding */

/* Whether it knows xterm's private sequences: mouse, paste, clipboard. */
bool screen_curses_is_xterm(const struct screen *s);

/* Puts text into the terminal's clipboard (OSC 52).  0; -ENOTSUP; whether the terminal took it
 * cannot be known. */
int screen_curses_copy(struct screen *s, const char *text, size_t len);

/* The glyph of a cell for curses.  Where the C library's opinion of its width is another one than
 * ours, '?' of our width stands for it.  Returns the number of characters before the NUL. */
#define CELL_WIDE_MAX (GLYPH_MARKS + 3)
size_t screen_curses_cell(const struct cell *cell, wchar_t ret[CELL_WIDE_MAX]);

#endif
