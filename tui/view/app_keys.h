/* The keys that count in every view; the application acts on them, the help lists them. */
#ifndef TUI_VIEW_APP_KEYS_H
#define TUI_VIEW_APP_KEYS_H

#include "tui/input/keymap.h"

enum app_key {
	APP_FILTER = 1,
	APP_PAUSE, /* the display */
	APP_QUEUE, /* pauses the queue, or resumes it */
	APP_HELP,
	APP_QUIT,
	APP_NEXT_VIEW,
	APP_PREVIOUS_VIEW,
	APP_REPAINT,
	APP_SUSPEND,
	APP_INTERRUPT /* listed only: the terminal makes a signal of it */
};

/* Where the rows count: all of them do in every view; the hints put some at the end of the line. */
enum { APP_KEYS_FIRST = 1, APP_KEYS_LAST = 2 };

extern const struct keymap app_keymap;

#endif
