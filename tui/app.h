/* The dashboard as a program: the model, the feed that fills it, the views, and the frame around
 * them.  Without a terminal it is driven by hand: app_feed_events and app_event() come in,
 * app_draw() goes out. */
#ifndef TUI_APP_H
#define TUI_APP_H

#include <stdbool.h>

#include "tui/canvas/canvas.h"
#include "tui/feed/feed.h"
#include "tui/input/event.h"

enum { APP_COLUMNS_MIN = 40, APP_ROWS_MIN = 10 };

/* All borrowed. */
struct app_conf {
	const char *socket; /* NULL: found (feed/feed.h) */
	bool ascii;
	const char *view; /* the first one by its name, which is known to be one; NULL: overview */
};

struct app;

struct app *app_new(const struct app_conf *conf); /* NULL: out of memory */
void app_free(struct app *app);                   /* NULL ok */

/* Shows it on the terminal until it is ended.  0; a negative code after words on standard error; or
 * the signal that ended it, for terminal_die(). */
int app_run(struct app *app);

/* Writes one screen of so many columns and rows to standard output.  0, or a negative code after
 * words on standard error; -ECONNREFUSED: there is no daemon. */
int app_snapshot(struct app *app, int columns, int rows);

extern const struct feed_events app_feed_events; /* their owner is the app */
void app_event(struct app *app, const struct event *event);
void app_draw(struct app *app, struct canvas *canvas); /* the canvas is empty */

#endif
