/* A terminal driven by a libuv loop: events come in, a canvas goes out, and whatever happens the
 * terminal is given back as it was.
 *
 *	r = terminal_open(&t, &conf, &events, app, why);
 *	uv_run(loop, UV_RUN_DEFAULT);           // draw(), event(), ended() are called from here
 *
 * Signals: SIGWINCH becomes EVENT_RESIZE and a draw; SIGTSTP gives the terminal back and stops, and
 * SIGCONT takes it again; SIGTERM, SIGHUP, SIGINT and a terminal that has gone become ended(); all
 * others that end a process put the terminal back first (term/restore.h).  One a process. */
#ifndef TUI_TERM_TERMINAL_H
#define TUI_TERM_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "tui/canvas/canvas.h"
#include "tui/input/event.h"
#include "tui/term/screen_curses.h"

#define TERMINAL_FRAME_MS 200 /* default: least time between two draws that no key caused */
#define TERMINAL_KEY_MS 10    /* least time between two draws */

struct terminal_conf {
	uv_loop_t *loop;
	bool ascii;   /* no character but ASCII; so too where the locale is not UTF-8 */
	int frame_ms; /* 0: TERMINAL_FRAME_MS */
};

/* None may be NULL.  terminal_close() may be called from each of them. */
struct terminal_events {
	void (*event)(void *owner, const struct event *event);
	void (*draw)(void *owner, struct canvas *canvas); /* it is empty; draw all of it */
	/* The program is to end: close the terminal, end the loop, then terminal_die(signo). */
	void (*ended)(void *owner, int signo);
};

struct terminal;

/* Sets the process's LC_CTYPE from the environment.  On failure a negative code, and a sentence for
 * the user in `why`; the terminal is untouched, and the loop may have handles left to close. */
int terminal_open(struct terminal **ret, const struct terminal_conf *conf,
		  const struct terminal_events *events, void *owner, char why[SCREEN_WHY_MAX]);

/* Something to be shown has changed: draw() will be called, soon, and once for many calls.  Nothing
 * is drawn or written without it, except after events and resizing, which imply it. */
void terminal_redraw(struct terminal *t);

/* What is on the terminal is unknown, because something else wrote there: paints all of it. */
void terminal_repaint(struct terminal *t);

/* Into the terminal's clipboard; 0 or a negative code (screen_curses_copy). */
int terminal_copy(struct terminal *t, const char *text, size_t len);

/* As Ctrl-Z would.  Returns when the process continues. */
void terminal_suspend(struct terminal *t);

/* Gives the terminal back now; no event comes any more.  Frees itself when the loop has closed its
 * handles.  NULL ok. */
void terminal_close(struct terminal *t);

/* Ends the process by the signal, so that its parent sees why.  After terminal_close(). */
void terminal_die(int signo) __attribute__((noreturn));

#endif
