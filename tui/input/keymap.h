/* Keys and what they do, one table each for the application and for every widget.  The same rows
 * dispatch a key, make the line of hints at the bottom, and the help. */
#ifndef TUI_INPUT_KEYMAP_H
#define TUI_INPUT_KEYMAP_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/input/event.h"

#define KEYMAP_ANYWHERE (~0u)
#define KEY_NAME_MAX 40

/* keys: names with spaces between, the first one is shown in the hints.  A name is a character, or
 * Enter Tab Esc Space Backspace Up Down Left Right Home End PgUp PgDn Ins Del F1..F12, with any of
 * C- A- S- before it: "Up k", "C-r F5". */
struct binding {
	unsigned contexts; /* bits of the owner's choice: where the row counts */
	const char *keys;
	int action;        /* the owner's, above 0 */
	const char *label; /* one word for the line of hints; NULL: not there */
	const char *help;  /* what it does, for the help */
};

struct keymap {
	const struct binding *rows;
	size_t count;
};
#define KEYMAP(table)                                                                              \
	{                                                                                          \
		(table), sizeof(table) / sizeof((table)[0])                                        \
	}

/* The action of a key in a context (one bit, or several), 0: none. */
int keymap_action(const struct keymap *map, unsigned context, const struct event *event);

/* Reads a name as above; false: there is no such key. */
bool key_parse(const char *name, size_t len, int *ret_key, unsigned *ret_mods);

/* The first key of a row, for people ("Enter", "^R", "a"); ret holds KEY_NAME_MAX bytes. */
void key_label(const struct binding *row, char ret[KEY_NAME_MAX]);

/* 0, or -ERR_...: a name that is none, or two rows with the same key in one context; ret_row is the
 * row at fault.  For tests: a table is checked once, not at run time. */
int keymap_check(const struct keymap *map, size_t *ret_row);

#endif
