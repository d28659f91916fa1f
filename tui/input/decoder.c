/* The sequences of xterm and of those that follow it (tmux, screen, VTE, the Linux console, rxvt,
 * VT100 in application mode): their forms do not collide, so no table of the terminal's is needed.
 * Unknown sequences are swallowed whole, so that no part of one is taken for keys; answers to
 * questions nobody asked (OSC, DCS) likewise.
 *
 * A paste stands between ESC[200~ and ESC[201~ and is collected up to DECODER_PASTE_MAX; the end
 * is looked for in the bytes as they come, so that nothing within can be a key. */
#include "tui/input/decoder.h"

#include <stdlib.h>
#include <string.h>

#include "shared/buf.h"

#include "tui/canvas/text.h"

enum state {
	GROUND,
	CHARACTER, /* within a character of several bytes */
	ESCAPE,    /* behind ESC */
	SS3,       /* behind ESC O */
	CSI,       /* behind ESC [ */
	CONSOLE_F, /* behind ESC [ [, F1 to F5 of the Linux console */
	X10_MOUSE, /* three bytes behind ESC [ M */
	STRING,    /* an answer, until BEL or ESC \ */
	STRING_ESCAPE,
	PASTE
};

#define SEQUENCE_MAX 64
static const char paste_end[] = "\033[201~";

struct decoder {
	decoder_fn *event;
	void *owner;
	enum state state;
	unsigned mods;           /* ALT when ESC came before */
	char held[SEQUENCE_MAX]; /* parameters of a sequence, or bytes of a character */
	size_t held_len, wanted; /* wanted: bytes of the character or report in all */
	size_t end_matched;      /* bytes of paste_end seen */
	struct buf paste;
};

struct decoder *decoder_new(decoder_fn *event, void *owner)
{
	struct decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->event = event;
	d->owner = owner;
	buf_init(&d->paste, DECODER_PASTE_MAX);
	return d;
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	buf_done(&d->paste);
	free(d);
}

static void enter(struct decoder *d, enum state state)
{
	d->state = state;
	d->held_len = 0;
	if (state == GROUND)
		d->mods = 0;
}

void decoder_reset(struct decoder *d)
{
	enter(d, GROUND);
	buf_done(&d->paste); /* it may have been large */
}

static void tell_key(struct decoder *d, int key, unsigned mods)
{
	struct event event = {.kind = EVENT_KEY, .key = key, .mods = mods};

	enter(d, GROUND);
	d->event(d->owner, &event);
}

static void tell_text(struct decoder *d, int32_t c, const char *text, size_t len)
{
	struct event event = {.kind = EVENT_TEXT, .key = c, .text = text, .text_len = len};

	event.mods = d->mods;
	if (event.mods)
		event.kind = EVENT_KEY; /* Alt and a letter is a command, not text */
	enter(d, GROUND);
	d->event(d->owner, &event);
}

/* ---- characters ---- */

static void control_character(struct decoder *d, unsigned char c)
{
	switch (c) {
	case '\r':
	case '\n':
		tell_key(d, KEY_CODE_ENTER, d->mods);
		break;
	case '\t':
		tell_key(d, KEY_CODE_TAB, d->mods);
		break;
	case '\b':
	case 0x7F:
		tell_key(d, KEY_CODE_BACKSPACE, d->mods);
		break;
	case 0:
		tell_key(d, ' ', d->mods | MOD_CTRL);
		break;
	default: /* Ctrl-A is 1; Ctrl-\ and its like keep their sign */
		tell_key(d, c < 27 ? 'a' + c - 1 : '@' + c, d->mods | MOD_CTRL);
	}
}

static size_t character_length(unsigned char first)
{
	return first >= 0xF0 && first < 0xF5 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
}

/* A whole character is held; what is no character, or no visible one, is dropped. */
static void character_complete(struct decoder *d)
{
	struct glyph g;
	char text[8];
	size_t len = d->held_len;
	int32_t c = 0;

	memcpy(text, d->held, len);
	text[len] = '\0';
	for (size_t i = 0; i < len; i++)
		c = i == 0 ? (text[0] & (0xFF >> (len + 1))) : (c << 6) | (text[i] & 0x3F);
	/* A combining mark by itself shows as U+FFFD: behind a base it shows as what it is. */
	glyph_next(text, len, &g);
	if (g.width > 0 && c >= 0xA0)
		tell_text(d, c, text, len);
	else
		enter(d, GROUND);
}

static void ground(struct decoder *d, unsigned char c)
{
	char text[2] = {(char)c, '\0'};

	if (c == 0x1B) {
		enter(d, ESCAPE);
	} else if (c < 0x20 || c == 0x7F) {
		control_character(d, c);
	} else if (c < 0x80) {
		tell_text(d, c, text, 1);
	} else if (character_length(c) > 0 && c < 0xF5) {
		unsigned mods = d->mods;

		enter(d, CHARACTER);
		d->mods = mods;
		d->wanted = character_length(c);
		d->held[d->held_len++] = (char)c;
	} else {
		enter(d, GROUND);
	}
}

static void character(struct decoder *d, unsigned char c)
{
	if ((c & 0xC0) != 0x80) { /* cut short: drop it, look at the new byte */
		enter(d, GROUND);
		ground(d, c);
		return;
	}
	d->held[d->held_len++] = (char)c;
	if (d->held_len == d->wanted)
		character_complete(d);
}

/* ---- sequences ---- */

/* xterm adds 1 to the mods, of which it counts Meta as 8. */
static unsigned mods_of(int parameter)
{
	return parameter > 1 ? (unsigned)(parameter - 1) & (MOD_SHIFT | MOD_ALT | MOD_CTRL) : 0;
}

/* The final letters that SS3 and CSI share; 0: none. */
static int key_of_letter(unsigned char c)
{
	switch (c) {
	case 'A':
		return KEY_CODE_UP;
	case 'B':
		return KEY_CODE_DOWN;
	case 'C':
		return KEY_CODE_RIGHT;
	case 'D':
		return KEY_CODE_LEFT;
	case 'F':
		return KEY_CODE_END;
	case 'H':
		return KEY_CODE_HOME;
	case 'M': /* of the keypad */
		return KEY_CODE_ENTER;
	case 'P':
	case 'Q':
	case 'R':
	case 'S':
		return KEY_CODE_F1 + (c - 'P');
	default:
		return 0;
	}
}

/* CSI n ~ */
static int key_of_number(int n)
{
	static const int keys[] = {
		[1] = KEY_CODE_HOME,     [2] = KEY_CODE_INSERT,   [3] = KEY_CODE_DELETE,
		[4] = KEY_CODE_END,      [5] = KEY_CODE_PAGE_UP,  [6] = KEY_CODE_PAGE_DOWN,
		[7] = KEY_CODE_HOME,     [8] = KEY_CODE_END,      [11] = KEY_CODE_F1,
		[12] = KEY_CODE_F1 + 1,  [13] = KEY_CODE_F1 + 2,  [14] = KEY_CODE_F1 + 3,
		[15] = KEY_CODE_F1 + 4,  [17] = KEY_CODE_F1 + 5,  [18] = KEY_CODE_F1 + 6,
		[19] = KEY_CODE_F1 + 7,  [20] = KEY_CODE_F1 + 8,  [21] = KEY_CODE_F1 + 9,
		[23] = KEY_CODE_F1 + 10, [24] = KEY_CODE_F1 + 11,
	};

	return n > 0 && (size_t)n < sizeof(keys) / sizeof(keys[0]) ? keys[n] : 0;
}

/* Numbers of "12;5;7", missing ones 0; returns how many were given. */
static int parameters(const char *text, int *numbers, int max)
{
	int count = 0;

	for (const char *p = text; count < max; p++) {
		char *end;
		long n = strtol(p, &end, 10);

		numbers[count++] = n < 0 || n > 100000 ? 0 : (int)n;
		p = end;
		if (*p != ';')
			break;
	}
	return count;
}

/* Bits of the button byte that all mouse protocols share. */
static void tell_mouse(struct decoder *d, int code, int x, int y)
{
	struct event event = {.kind = EVENT_MOUSE, .x = x - 1, .y = y - 1};

	enter(d, GROUND);
	if ((code & 32) || x < 1 || y < 1 || (code & 3) == 3 || code >= 128 ||
	    ((code & 64) && (code & 3) > 1))
		return; /* moved, released, or a button nobody uses */
	event.mods = ((code & 4) ? MOD_SHIFT : 0) | ((code & 8) ? MOD_ALT : 0) |
		     ((code & 16) ? MOD_CTRL : 0);
	event.button = code & 64 ? MOUSE_WHEEL_UP + (code & 3) : MOUSE_LEFT + (code & 3);
	d->event(d->owner, &event);
}

static void csi_complete(struct decoder *d, unsigned char final)
{
	int n[3] = {0}, key;

	d->held[d->held_len] = '\0';
	if (d->held[0] == '<') {
		parameters(d->held + 1, n, 3);
		if (final == 'M')
			tell_mouse(d, n[0], n[1], n[2]);
		else
			enter(d, GROUND);
		return;
	}
	parameters(d->held, n, 3);
	if (final == '~' && n[0] == 200) {
		enter(d, PASTE);
		d->end_matched = 0;
		return;
	}
	if (final == 'Z') {
		tell_key(d, KEY_CODE_TAB, MOD_SHIFT);
		return;
	}
	/* CSI M with numbers is the mouse of terminals that were not asked for it. */
	key = final == '~' ? key_of_number(n[0]) : final == 'M' ? 0 : key_of_letter(final);
	if (key && (d->held_len == 0 || (d->held[0] >= '0' && d->held[0] <= '9')))
		tell_key(d, key, mods_of(n[1]) | d->mods);
	else
		enter(d, GROUND);
}

static void csi(struct decoder *d, unsigned char c)
{
	if (c == '[' && d->held_len == 0) {
		enter(d, CONSOLE_F);
	} else if (c == 'M' && d->held_len == 0) {
		enter(d, X10_MOUSE);
	} else if (c >= 0x40 && c < 0x7F) {
		csi_complete(d, c);
	} else if (c == 0x1B) {
		enter(d, ESCAPE);
	} else if (c >= 0x20 && c < 0x40) {
		/* Too long to be known: its beginning is kept, its end will be found. */
		if (d->held_len < SEQUENCE_MAX - 1)
			d->held[d->held_len++] = (char)c;
	} else {
		enter(d, GROUND);
	}
}

static void escape(struct decoder *d, unsigned char c)
{
	if (c == '[') {
		enter(d, CSI);
	} else if (c == 'O') {
		enter(d, SS3);
	} else if (c == ']' || c == 'P' || c == '_' || c == '^' || c == 'X') {
		enter(d, STRING);
	} else if (c == 0x1B) { /* the first one was a key */
		tell_key(d, KEY_CODE_ESCAPE, 0);
		enter(d, ESCAPE);
	} else {
		enter(d, GROUND);
		d->mods = MOD_ALT;
		ground(d, c);
	}
}

static void ss3(struct decoder *d, unsigned char c)
{
	int key = key_of_letter(c);

	if (c >= '0' && c <= '9') /* ESC O 5 A: mods of some terminals */
		return;
	if (key)
		tell_key(d, key, d->mods);
	else
		enter(d, GROUND);
}

static void console_f(struct decoder *d, unsigned char c)
{
	if (c >= 'A' && c <= 'E')
		tell_key(d, KEY_CODE_F1 + (c - 'A'), d->mods);
	else
		enter(d, GROUND);
}

static void x10_mouse(struct decoder *d, unsigned char c)
{
	d->held[d->held_len++] = (char)c;
	if (d->held_len < 3)
		return;
	tell_mouse(d, (unsigned char)d->held[0] - 32, (unsigned char)d->held[1] - 32,
		   (unsigned char)d->held[2] - 32);
}

/* ---- paste ---- */

/* Keeps what is text: valid UTF-8, \n and \t, line ends in one form. */
static void tell_paste(struct decoder *d)
{
	struct event event = {.kind = EVENT_PASTE};
	struct buf clean;
	const char *s = d->paste.data ? d->paste.data : "";
	size_t len = d->paste.len, n;
	struct glyph g;

	buf_init(&clean, DECODER_PASTE_MAX);
	for (size_t at = 0; at < len; at += n) {
		unsigned char c = (unsigned char)s[at];

		n = 1;
		if (c == '\r' || c == '\n') {
			n = c == '\r' && at + 1 < len && s[at + 1] == '\n' ? 2 : 1;
			buf_add_char(&clean, '\n');
		} else if (c == '\t') {
			buf_add_char(&clean, '\t');
		} else if (c >= 0x20 && c != 0x7F) {
			n = glyph_next(s + at, len - at, &g);
			buf_add(&clean, g.text, g.len);
		}
	}
	event.text = clean.data ? clean.data : "";
	event.text_len = clean.len;
	decoder_reset(d);
	d->event(d->owner, &event);
	buf_done(&clean);
}

static void paste(struct decoder *d, unsigned char c)
{
	if ((char)c == paste_end[d->end_matched]) {
		if (paste_end[++d->end_matched] == '\0')
			tell_paste(d);
		return;
	}
	/* What looked like the end belongs to the text.  Past the maximum buf_add drops it. */
	buf_add(&d->paste, paste_end, d->end_matched);
	d->end_matched = (char)c == paste_end[0] ? 1 : 0;
	if (d->end_matched == 0)
		buf_add_char(&d->paste, (char)c);
}

/* ---- all together ---- */

static void feed(struct decoder *d, unsigned char c)
{
	switch (d->state) {
	case GROUND:
		ground(d, c);
		break;
	case CHARACTER:
		character(d, c);
		break;
	case ESCAPE:
		escape(d, c);
		break;
	case SS3:
		ss3(d, c);
		break;
	case CSI:
		csi(d, c);
		break;
	case CONSOLE_F:
		console_f(d, c);
		break;
	case X10_MOUSE:
		x10_mouse(d, c);
		break;
	case STRING:
		if (c == 0x07)
			enter(d, GROUND);
		else if (c == 0x1B)
			enter(d, STRING_ESCAPE);
		break;
	case STRING_ESCAPE:
		enter(d, c == '\\' ? GROUND : STRING);
		break;
	case PASTE:
		paste(d, c);
		break;
	}
}

void decoder_feed(struct decoder *d, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		feed(d, (unsigned char)bytes[i]);
}

int decoder_wait_ms(const struct decoder *d)
{
	if (d->state == GROUND)
		return 0;
	return d->state == PASTE ? DECODER_PASTE_MS : DECODER_ESCAPE_MS;
}

void decoder_timeout(struct decoder *d)
{
	switch (d->state) {
	case ESCAPE:
		tell_key(d, KEY_CODE_ESCAPE, 0);
		break;
	case CSI: /* ESC [ by hand is Alt and [ */
		if (d->held_len == 0)
			tell_key(d, '[', MOD_ALT);
		enter(d, GROUND);
		break;
	case SS3:
		tell_key(d, 'O', MOD_ALT);
		break;
	case PASTE:
		tell_paste(d);
		break;
	default:
		enter(d, GROUND);
	}
}
