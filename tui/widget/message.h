/* What came of the last action.  An error stays until it is read (Esc, or a click on it), and
 * others queue behind it; anything else is replaced by what comes next. */
#ifndef TUI_WIDGET_MESSAGE_H
#define TUI_WIDGET_MESSAGE_H

#include "tui/canvas/canvas.h"
#include "tui/input/keymap.h"

#define MESSAGE_BYTES 512 /* longer ones are cut */
#define MESSAGE_ERRORS 8  /* unread ones kept; of further ones only the number */

struct message {
	char errors[MESSAGE_ERRORS][MESSAGE_BYTES];
	int unread, lost;
	char info[MESSAGE_BYTES];
	unsigned info_style;
	struct rect shown;
};

extern const struct keymap message_keymap; /* counts while message_has_error() */

void message_init(struct message *m);
void message_info(struct message *m, unsigned style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void message_error(struct message *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool message_has_error(const struct message *m);

/* Rows it needs in that width, 1..max, and drawing from row y on in so many rows. */
int message_rows(const struct message *m, int width, int max);
void message_draw(struct message *m, struct area a, int y, int rows);

enum input_result message_input(struct message *m, const struct event *event);

#endif
