/* Events for the tests of widgets. */
#ifndef TESTS_UNIT_WIDGET_EVENTS_H
#define TESTS_UNIT_WIDGET_EVENTS_H

#include <string.h>

#include "tui/canvas/text.h"
#include "tui/input/keymap.h"

/* A key by its name; characters and Space come as text. */
static inline struct event key(const char *name)
{
	struct event event = {.kind = EVENT_KEY};

	if (!key_parse(name, strlen(name), &event.key, &event.mods))
		return event;
	if (event.mods == 0 && event.key < KEY_CODE_FIRST) {
		event.kind = EVENT_TEXT;
		event.text = event.key == ' ' ? " " : name;
		event.text_len = 1;
	}
	return event;
}

static inline struct event typed(const char *text) /* one character */
{
	return (struct event){
		.kind = EVENT_TEXT, .key = 0x10FFFF, .text = text, .text_len = strlen(text)};
}

static inline struct event pasted(const char *text)
{
	return (struct event){.kind = EVENT_PASTE, .text = text, .text_len = strlen(text)};
}

static inline struct event click(int x, int y)
{
	return (struct event){.kind = EVENT_MOUSE, .button = MOUSE_LEFT, .x = x, .y = y};
}

static inline struct event wheel(int x, int y, enum mouse_button button)
{
	return (struct event){.kind = EVENT_MOUSE, .button = button, .x = x, .y = y};
}

#endif
