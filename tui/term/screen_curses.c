/* The stages of a terminal's life: open (terminfo, modes, alternate screen), enter (our private
 * modes: mouse, bracketed paste), show, leave, free.  ncurses compares and writes; rows that have
 * not changed since the last show() are not even handed to it.
 *
 * Never: ncurses reads input or handles signals, a cell reaches ncurses whose width it sees
 * otherwise than the canvas did, or modes are set that restore.c would not take back. */
#include "tui/term/screen_curses.h"

#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
/* clang-format off */
#include <curses.h>
#include <term.h>
#undef columns /* a macro of term.h */
/* clang-format on */

#include "shared/buf.h"
#include "shared/str.h"

#include "tui/term/restore.h"
#include "tui/term/theme.h"

/* Mouse presses as SGR reports, bracketed paste, and (BDSM) characters stay in the cells where they
 * are put, whatever their direction. */
static const char enter_xterm[] = "\033[?1000h\033[?1006h\033[?2004h\033[8l";
static const char leave_xterm[] = "\033[?1006l\033[?1000l\033[?2004l\033[8h";

#define COPY_MAX 16384 /* bytes; more than terminals take at once */

struct screen_curses {
	struct screen base;
	SCREEN *curses;
	enum theme_colours colours;
	bool xterm;
	bool entered;          /* at least once */
	struct termios before; /* the modes to go back to */
	struct cell *shown;    /* what the last show() handed over; NULL: all is to be painted */
	int columns, rows;     /* of shown */
	bool cursor_shown;
};

static struct screen_curses *of(struct screen *s)
{
	return (struct screen_curses *)s;
}

static void write_all(const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* the terminal is gone, which its input will tell */
		bytes += n;
		len -= (size_t)n;
	}
}

/* ---- giving the terminal back ---- */

/* A capability without its delays, $<...>, which need no waiting on what is a terminal today. */
static void add_capability(struct buf *to, const char *name)
{
	const char *s = tigetstr(name);

	if (!s || s == (char *)-1)
		return;
	while (*s) {
		const char *end = s[0] == '$' && s[1] == '<' ? strchr(s, '>') : NULL;

		if (end)
			s = end + 1;
		else
			buf_add_char(to, *s++);
	}
}

/* What endwin() would write, and our own, for restore.c. */
static void arm(const struct screen_curses *c)
{
	struct buf bytes;
	const char *move = tigetstr("cup");

	buf_init(&bytes, RESTORE_MAX);
	if (c->xterm)
		buf_add_str(&bytes, leave_xterm);
	add_capability(&bytes, "sgr0");
	if (c->colours != THEME_NONE)
		add_capability(&bytes, "op");
	if (move && move != (char *)-1) {
		const char *last = tparm(move, LINES - 1, 0, 0, 0, 0, 0, 0, 0, 0);
		const char *delay = last ? strstr(last, "$<") : NULL;

		if (last)
			buf_add(&bytes, last, delay ? (size_t)(delay - last) : strlen(last));
	}
	add_capability(&bytes, "cnorm");
	add_capability(&bytes, "rmcup");
	if (!bytes.failed)
		restore_arm(STDOUT_FILENO, &c->before, bytes.data ? bytes.data : "", bytes.len);
	buf_done(&bytes);
}

void screen_curses_leave(struct screen *s)
{
	struct screen_curses *c = of(s);

	if (c->xterm)
		write_all(leave_xterm, sizeof(leave_xterm) - 1);
	curs_set(1);
	endwin();
	restore_disarm();
}

void screen_curses_enter(struct screen *s)
{
	struct screen_curses *c = of(s);

	/* The modes first: in the background this stops us, before anything is written.  Who was
	 * stopped without warning is made to have left, so that all is entered anew. */
	reset_prog_mode();
	if (c->entered && !isendwin())
		endwin();
	c->entered = true;
	arm(c);
	c->cursor_shown = true;
	free(c->shown);
	c->shown = NULL;
	clearok(curscr, TRUE);
	refresh();
	if (c->xterm)
		write_all(enter_xterm, sizeof(enter_xterm) - 1);
}

static void curses_free(struct screen *s)
{
	struct screen_curses *c = of(s);

	if (!isendwin())
		screen_curses_leave(s);
	delscreen(c->curses);
	free(c->shown);
	free(c);
}

/* ---- showing ---- */

size_t screen_curses_cell(const struct cell *cell, wchar_t ret[CELL_WIDE_MAX])
{
	mbstate_t state = {0};
	const char *text = cell->text;
	size_t n = mbsrtowcs(ret, &text, CELL_WIDE_MAX - 1, &state);
	bool agreed = n != (size_t)-1 && n > 0 && wcwidth(ret[0]) == cell->width;

	for (size_t i = 1; agreed && i < n; i++)
		agreed = wcwidth(ret[i]) == 0;
	if (!agreed) {
		/* A character of one column where one of two was: the other one is filled up. */
		ret[0] = '?';
		n = 1;
	}
	ret[n] = L'\0';
	return n;
}

static attr_t attributes_of(const struct screen_curses *c, unsigned style)
{
	unsigned theme = theme_attributes(c->colours, style);

	return (theme & THEME_BOLD ? A_BOLD : 0) | (theme & THEME_DIM ? A_DIM : 0) |
	       (theme & THEME_UNDERLINE ? A_UNDERLINE : 0) |
	       (theme & THEME_REVERSE ? A_REVERSE : 0);
}

static void put_cell(const struct screen_curses *c, int x, int y, const struct cell *cell)
{
	wchar_t wide[CELL_WIDE_MAX];
	cchar_t character;
	unsigned meaning = theme_meaning(cell->style);
	attr_t attributes = attributes_of(c, cell->style);
	short pair = c->colours == THEME_NONE ? 0 : (short)meaning;

	screen_curses_cell(cell, wide);
	if (setcchar(&character, wide, attributes, pair, NULL) == ERR)
		return;
	mvadd_wch(y, x, &character);
	if (cell->width == 2 && wide[0] == L'?' && cell->text[0] != '?')
		mvadd_wch(y, x + 1, &character);
}

static void put_row(const struct screen_curses *c, const struct canvas *canvas, int y)
{
	for (int x = 0; x < canvas_columns(canvas) && x < COLS; x++) {
		const struct cell *cell = canvas_cell(canvas, x, y);

		if (cell->width > 0)
			put_cell(c, x, y, cell);
	}
}

/* Shown rows are kept whole, so that they can be compared; 0 or -ENOMEM. */
static int keep_size(struct screen_curses *c, const struct canvas *canvas)
{
	size_t count = (size_t)canvas_columns(canvas) * (size_t)canvas_rows(canvas);

	if (c->shown && c->columns == canvas_columns(canvas) && c->rows == canvas_rows(canvas))
		return 0;
	free(c->shown);
	c->shown = calloc(count, sizeof(*c->shown)); /* equal to no cell */
	c->columns = canvas_columns(canvas);
	c->rows = canvas_rows(canvas);
	return c->shown ? 0 : -ENOMEM;
}

/* Returns whether anything is to be written. */
static bool show_cursor(struct screen_curses *c, const struct canvas *canvas)
{
	int x, y, old_x, old_y;
	bool was_shown = c->cursor_shown;

	c->cursor_shown = canvas_cursor(canvas, &x, &y);
	leaveok(stdscr, !c->cursor_shown);
	if (c->cursor_shown != was_shown)
		curs_set(c->cursor_shown ? 1 : 0);
	if (!c->cursor_shown)
		return was_shown;
	getyx(stdscr, old_y, old_x);
	move(y, x);
	return !was_shown || old_x != x || old_y != y;
}

static int show(struct screen *s, const struct canvas *canvas)
{
	struct screen_curses *c = of(s);
	size_t row_size = (size_t)canvas_columns(canvas) * sizeof(struct cell);
	bool changed = false;

	if (keep_size(c, canvas) < 0)
		return -ENOMEM;
	for (int y = 0; y < canvas_rows(canvas) && y < LINES; y++) {
		struct cell *old = &c->shown[(size_t)y * (size_t)c->columns];
		const struct cell *row = canvas_cell(canvas, 0, y);

		if (memcmp(old, row, row_size) == 0)
			continue;
		memcpy(old, row, row_size);
		put_row(c, canvas, y);
		changed = true;
	}
	if (show_cursor(c, canvas) || changed)
		refresh();
	return 0;
}

/* ---- size, clipboard ---- */

void screen_curses_size(const struct screen *s, int *ret_columns, int *ret_rows)
{
	struct winsize size;

	(void)s;
	*ret_columns = COLS;
	*ret_rows = LINES;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
		*ret_columns = size.ws_col;
		*ret_rows = size.ws_row;
	}
}

void screen_curses_resize(struct screen *s, int columns, int rows)
{
	struct screen_curses *c = of(s);

	columns = columns > CANVAS_MAX_COLUMNS ? CANVAS_MAX_COLUMNS : columns;
	rows = rows > CANVAS_MAX_ROWS ? CANVAS_MAX_ROWS : rows;
	if (columns != COLS || rows != LINES)
		resize_term(rows, columns); /* fails only for lack of memory: as before, then */
	clearok(curscr, TRUE);
	erase();
	free(c->shown);
	c->shown = NULL;
	if (!isendwin())
		arm(c);
}

bool screen_curses_is_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

bool screen_curses_is_xterm(const struct screen *s)
{
	return ((const struct screen_curses *)s)->xterm;
}

int screen_curses_copy(struct screen *s, const char *text, size_t len)
{
	char coded[sodium_base64_ENCODED_LEN(COPY_MAX, sodium_base64_VARIANT_ORIGINAL)];
	struct buf out;

	if (!screen_curses_is_xterm(s))
		return -ENOTSUP;
	if (len > COPY_MAX)
		return -E2BIG;
	sodium_bin2base64(coded, sizeof(coded), (const unsigned char *)text, len,
			  sodium_base64_VARIANT_ORIGINAL);
	buf_init(&out, sizeof(coded) + 16);
	buf_printf(&out, "\033]52;c;%s\007", coded);
	sodium_memzero(coded, sizeof(coded)); /* a new key is copied this way */
	if (!out.failed)
		write_all(out.data, out.len);
	if (out.data)
		sodium_memzero(out.data, out.cap);
	buf_done(&out);
	return 0;
}

/* ---- opening ---- */

/* Without start_color() curses leaves the terminal's own colours alone, which NO_COLOR asks for. */
static void start_colours(struct screen_curses *c)
{
	c->colours = theme_choose(tigetnum("colors"), getenv("NO_COLOR"));
	if (c->colours == THEME_NONE)
		return;
	if (start_color() == ERR || use_default_colors() == ERR) {
		c->colours = THEME_NONE;
		return;
	}
	for (unsigned meaning = 1; meaning < STYLE_MEANINGS; meaning++)
		init_pair((short)meaning, (short)theme_foreground(c->colours, meaning), -1);
}

/* Keys come one by one and are not shown; Ctrl-C and Ctrl-Z stay signals; Ctrl-S and Ctrl-Q, Ctrl-V
 * and Ctrl-O lose their meanings, of which the first would stop the program for good.  A read finds
 * nothing rather than wait. */
static void set_modes(void)
{
	struct termios modes;

	cbreak();
	noecho();
	nonl();
	intrflush(stdscr, FALSE);
	typeahead(-1);
	if (tcgetattr(STDIN_FILENO, &modes) < 0)
		return;
	modes.c_iflag &= ~(tcflag_t)(IXON | IXOFF);
	modes.c_lflag &= ~(tcflag_t)IEXTEN;
	modes.c_cc[VMIN] = 0;
	modes.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
	def_prog_mode();
}

int screen_curses_check(char why[SCREEN_WHY_MAX])
{
	char name[40] = "";
	bool usable = false;
	int found = 0;

	if (getenv("TERM"))
		str_copy_clean(name, sizeof(name), getenv("TERM"));

	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)) {
		snprintf(why, SCREEN_WHY_MAX, "standard %s is not a terminal",
			 isatty(STDOUT_FILENO) ? "input" : "output");
		return -ENOTTY;
	}
	if (!name[0]) {
		snprintf(why, SCREEN_WHY_MAX, "TERM is not set");
		return -ENOTSUP;
	}
	if (setupterm(NULL, STDOUT_FILENO, &found) == OK) {
		const char *cup = tigetstr("cup");

		usable = cup && cup != (char *)-1;
		del_curterm(cur_term); /* newterm() makes its own */
	}
	if (!usable) {
		snprintf(why, SCREEN_WHY_MAX, "TERM=%s: %s", name,
			 found == 1 ? "cannot place the cursor" : "unknown terminal");
		return -ENOTSUP;
	}
	return 0;
}

int screen_curses_open(struct screen **ret, char why[SCREEN_WHY_MAX])
{
	static const struct screen_ops ops = {.show = show, .free = curses_free};
	struct screen_curses *c;
	const char *mouse;

	c = calloc(1, sizeof(*c));
	if (!c || tcgetattr(STDOUT_FILENO, &c->before) < 0 || sodium_init() < 0 ||
	    !(c->curses = newterm(NULL, stdout, stdin))) {
		snprintf(why, SCREEN_WHY_MAX, "the terminal cannot be used");
		free(c);
		return -EIO;
	}
	c->base.ops = &ops;
	mouse = tigetstr("kmous");
	c->xterm = mouse && mouse != (char *)-1;
	start_colours(c);
	set_modes();
	screen_curses_enter(&c->base);
	*ret = &c->base;
	return 0;
}
