/* Text of many lines, wrapped and scrolled: details, help, a log. */
#ifndef TUI_WIDGET_PAGER_H
#define TUI_WIDGET_PAGER_H

#include "tui/canvas/canvas.h"
#include "tui/input/keymap.h"
#include "tui/widget/line.h"

#define PAGER_LINES_MAX 2000      /* then the oldest go */
#define PAGER_LINE_BYTES_MAX 4096 /* the rest of a line is not kept */

struct pager;

extern const struct keymap pager_keymap;

struct pager *pager_new(void); /* NULL: out of memory */
void pager_free(struct pager *p);

void pager_clear(struct pager *p); /* and to the top */

/* A line behind the others; \n within it breaks it.  At the end of the text the pager follows.  Out
 * of memory it is left out. */
void pager_add(struct pager *p, unsigned style, const char *text);
void pager_format(struct pager *p, unsigned style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* With follow the end is what is seen until somebody scrolls up, as for a log. */
void pager_set_follow(struct pager *p, bool follow);

void pager_draw(struct pager *p, struct area a);
enum input_result pager_input(struct pager *p, const struct event *event);

/* The help: every row of the tables, under a title each. */
struct help_section {
	const char *title;
	struct hint_source source;
};
void pager_add_help(struct pager *p, const struct help_section *sections, int count);

#endif
