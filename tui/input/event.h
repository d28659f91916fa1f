/* What a person does at a terminal.  Knows no curses. */
#ifndef TUI_INPUT_EVENT_H
#define TUI_INPUT_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_kind {
	EVENT_KEY,   /* key and mods */
	EVENT_TEXT,  /* a typed character: key is its code point, text its UTF-8 */
	EVENT_PASTE, /* text and text_len; complete UTF-8, no control characters but \n and \t */
	EVENT_MOUSE, /* button, x, y, mods */
	EVENT_RESIZE /* x and y are the new columns and rows; a draw follows by itself */
};

/* Keys that are no characters, above all code points.  Enter, Tab and Space have one meaning each;
 * Space comes as EVENT_TEXT with key ' '. */
enum key {
	KEY_CODE_FIRST = 0x110000,
	KEY_CODE_ENTER = KEY_CODE_FIRST,
	KEY_CODE_TAB,
	KEY_CODE_ESCAPE,
	KEY_CODE_BACKSPACE,
	KEY_CODE_UP,
	KEY_CODE_DOWN,
	KEY_CODE_LEFT,
	KEY_CODE_RIGHT,
	KEY_CODE_HOME,
	KEY_CODE_END,
	KEY_CODE_PAGE_UP,
	KEY_CODE_PAGE_DOWN,
	KEY_CODE_INSERT,
	KEY_CODE_DELETE,
	KEY_CODE_F1, /* F2..F12 follow */
	KEY_CODE_F12 = KEY_CODE_F1 + 11
};

/* With Ctrl and a letter, key is the letter in lower case.  Shift is told with special keys only:
 * it is part of a character. */
enum { MOD_SHIFT = 1, MOD_ALT = 2, MOD_CTRL = 4 };

enum mouse_button { MOUSE_LEFT, MOUSE_MIDDLE, MOUSE_RIGHT, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN };

/* Valid for the call it comes with; text is borrowed. */
struct event {
	enum event_kind kind;
	int key;
	unsigned mods;
	enum mouse_button button; /* pressed; releases are not told */
	int x, y;                 /* cells of the canvas, from 0 */
	const char *text;
	size_t text_len;
};

/* What every widget's input function answers, or begins its answers with. */
enum input_result {
	INPUT_IGNORED, /* not mine: ask the next one */
	INPUT_TAKEN    /* something changed, or the event ends here */
};

#endif
