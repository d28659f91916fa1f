#include "tui/view/app_keys.h"

static const struct binding rows[] = {
	{APP_KEYS_FIRST, "/", APP_FILTER, "filter", "show only rows with a text, as you type"},
	{APP_KEYS_FIRST, "Space", APP_PAUSE, "pause",
	 "let the display stand still, and go on again"},
	{APP_KEYS_FIRST, "P", APP_QUEUE, "queue",
	 "pause the queue, so that requests wait; resume it"},
	{APP_KEYS_LAST, "? F1", APP_HELP, "help", "this"},
	{APP_KEYS_LAST, "q", APP_QUIT, "quit", "end the dashboard; the daemon goes on"},
	{APP_KEYS_FIRST, "Right l", APP_NEXT_VIEW, NULL, "the next view"},
	{APP_KEYS_FIRST, "Left h", APP_PREVIOUS_VIEW, NULL, "the view before"},
	{APP_KEYS_FIRST, "C-l", APP_REPAINT, NULL, "draw the whole screen anew"},
	{APP_KEYS_FIRST, "C-z", APP_SUSPEND, NULL, "to the shell; fg comes back"},
	{APP_KEYS_FIRST, "C-c", APP_INTERRUPT, NULL, "end the dashboard"},
};
const struct keymap app_keymap = KEYMAP(rows);
