/* Input: standard input is watched through an epoll of our own, because libuv makes what it watches
 * non-blocking, and that would outlive us in the shell that shares the terminal.
 *
 * Output: draw() is called from one place, on_frame(), at most every TERMINAL_KEY_MS after a key
 * and every frame_ms otherwise; not at all while nothing asks for it, while the terminal takes no
 * bytes (a stalled connection costs frames, not the loop), or while it is given away.
 *
 * States: open, suspended (given back, stopped or about to be), closing. */
#include "tui/term/terminal.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tui/input/decoder.h"

enum { ON_WINCH, ON_TERM, ON_HUP, ON_INT, ON_TSTP, ON_CONT, SIGNALS };
static const int signal_numbers[SIGNALS] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT};

struct terminal {
	struct terminal_events events;
	void *owner;
	struct screen *screen;
	struct canvas *canvas;
	struct decoder *decoder;
	int frame_ms;
	int epoll; /* holds standard input */
	uv_poll_t input;
	uv_timer_t escape, frame;
	uv_signal_t signals[SIGNALS];
	int handles; /* that uv has still to close */
	bool wanted; /* a draw is */
	bool eager;  /* because of a key */
	uint64_t drawn_at;
	bool suspended, closing;
};

/* ---- drawing ---- */

static bool takes_bytes(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&out, 1, 0) == 1 && (out.revents & POLLOUT);
}

static void on_frame(uv_timer_t *timer)
{
	struct terminal *t = timer->data;

	if (t->suspended || t->closing || !t->wanted)
		return;
	t->drawn_at = uv_now(timer->loop);
	if (!takes_bytes()) {
		uv_timer_start(timer, on_frame, (uint64_t)t->frame_ms, 0);
		return;
	}
	t->wanted = t->eager = false;
	canvas_clear(t->canvas);
	t->events.draw(t->owner, t->canvas);
	if (!t->closing && !t->suspended)
		screen_show(t->screen, t->canvas);
}

static void schedule(struct terminal *t)
{
	uint64_t now = uv_now(t->frame.loop);
	uint64_t due = t->drawn_at + (uint64_t)(t->eager ? TERMINAL_KEY_MS : t->frame_ms);

	if (!t->suspended && !t->closing && t->wanted)
		uv_timer_start(&t->frame, on_frame, due > now ? due - now : 0, 0);
}

void terminal_redraw(struct terminal *t)
{
	bool waiting = t->wanted;

	t->wanted = true;
	if (!waiting)
		schedule(t);
}

static void redraw_now(struct terminal *t)
{
	t->wanted = t->eager = true;
	schedule(t);
}

/* ---- input ---- */

static void on_event(void *owner, const struct event *event)
{
	struct terminal *t = owner;

	if (t->closing)
		return;
	t->events.event(t->owner, event);
	if (!t->closing)
		redraw_now(t);
}

static void on_escape(uv_timer_t *timer)
{
	struct terminal *t = timer->data;

	decoder_timeout(t->decoder);
}

static void end(struct terminal *t, int signo)
{
	if (!t->closing)
		t->events.ended(t->owner, signo);
}

static bool is_gone(const struct terminal *t)
{
	struct epoll_event event;

	return epoll_wait(t->epoll, &event, 1, 0) == 1 && (event.events & (EPOLLHUP | EPOLLERR));
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct terminal *t = poll->data;
	char bytes[4096];
	ssize_t n;

	(void)events;
	if (t->suspended || t->closing)
		return;
	n = status < 0 ? -1 : read(STDIN_FILENO, bytes, sizeof(bytes));
	if (n < 0 && status == 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0 || (n == 0 && is_gone(t))) {
		uv_poll_stop(poll);
		end(t, SIGHUP);
		return;
	}
	decoder_feed(t->decoder, bytes, (size_t)n);
	if (t->closing)
		return;
	if (decoder_wait_ms(t->decoder) > 0)
		uv_timer_start(&t->escape, on_escape, (uint64_t)decoder_wait_ms(t->decoder), 0);
	else
		uv_timer_stop(&t->escape);
}

/* ---- signals ---- */

static void fit(struct terminal *t)
{
	struct event event = {.kind = EVENT_RESIZE};
	int columns, rows;

	screen_curses_size(t->screen, &columns, &rows);
	if (canvas_resize(t->canvas, columns, rows) < 0)
		return; /* the old size, clipped by the screen */
	screen_curses_resize(t->screen, columns, rows);
	event.x = canvas_columns(t->canvas);
	event.y = canvas_rows(t->canvas);
	on_event(t, &event);
}

void terminal_repaint(struct terminal *t)
{
	int columns, rows;

	if (t->suspended || t->closing)
		return;
	screen_curses_size(t->screen, &columns, &rows);
	screen_curses_resize(t->screen, columns, rows);
	redraw_now(t);
}

void terminal_suspend(struct terminal *t)
{
	if (t->closing)
		return;
	if (!t->suspended) {
		t->suspended = true;
		screen_curses_leave(t->screen);
	}
	raise(SIGSTOP); /* returns at SIGCONT, whose handler takes the terminal again */
}

/* Also after a SIGSTOP of which nothing was known: whoever had the terminal meanwhile may have left
 * anything on it. */
static void resume(struct terminal *t)
{
	t->suspended = false;
	decoder_reset(t->decoder);
	screen_curses_enter(t->screen);
	fit(t);
}

static void on_signal(uv_signal_t *handle, int signo)
{
	struct terminal *t = handle->data;

	if (t->closing)
		return;
	switch (signo) {
	case SIGWINCH:
		if (!t->suspended)
			fit(t);
		break;
	case SIGTSTP:
		terminal_suspend(t);
		break;
	case SIGCONT:
		resume(t);
		break;
	default:
		end(t, signo);
	}
}

void terminal_die(int signo)
{
	sigset_t set;

	signal(signo, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, signo);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(signo);
	_exit(128 + signo); /* not reached: the default of all that come here is to end */
}

int terminal_copy(struct terminal *t, const char *text, size_t len)
{
	return t->suspended || t->closing ? -EAGAIN : screen_curses_copy(t->screen, text, len);
}

/* ---- opening and closing ---- */

static void free_all(struct terminal *t)
{
	screen_free(t->screen);
	canvas_free(t->canvas);
	decoder_free(t->decoder);
	if (t->epoll >= 0)
		close(t->epoll);
	free(t);
}

static void on_closed(uv_handle_t *handle)
{
	struct terminal *t = handle->data;

	if (--t->handles == 0)
		free_all(t);
}

void terminal_close(struct terminal *t)
{
	if (!t || t->closing)
		return;
	t->closing = true;
	screen_free(t->screen);
	t->screen = NULL;
	uv_close((uv_handle_t *)&t->input, on_closed);
	uv_close((uv_handle_t *)&t->escape, on_closed);
	uv_close((uv_handle_t *)&t->frame, on_closed);
	for (int i = 0; i < SIGNALS; i++)
		uv_close((uv_handle_t *)&t->signals[i], on_closed);
}

static int watch_input(struct terminal *t)
{
	struct epoll_event event = {.events = EPOLLIN};

	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (t->epoll < 0 || epoll_ctl(t->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0)
		return -errno;
	return 0;
}

/* From here on closing goes through uv.  Signals are ours before curses could take them. */
static int init_handles(struct terminal *t, uv_loop_t *loop)
{
	int r = uv_poll_init(loop, &t->input, t->epoll);

	if (r < 0)
		return r;
	t->input.data = t->escape.data = t->frame.data = t;
	uv_timer_init(loop, &t->escape);
	uv_timer_init(loop, &t->frame);
	t->handles = 3 + SIGNALS;
	for (int i = 0; i < SIGNALS; i++) {
		uv_signal_init(loop, &t->signals[i]);
		t->signals[i].data = t;
	}
	r = uv_poll_start(&t->input, UV_READABLE, on_readable);
	for (int i = 0; i < SIGNALS && r == 0; i++)
		r = uv_signal_start(&t->signals[i], on_signal, signal_numbers[i]);
	return r;
}

static int open_screen(struct terminal *t, const struct terminal_conf *conf,
		       char why[SCREEN_WHY_MAX])
{
	bool ascii = conf->ascii || !screen_curses_is_utf8();
	int columns, rows, r;

	r = screen_curses_open(&t->screen, why);
	if (r < 0)
		return r;
	screen_curses_size(t->screen, &columns, &rows);
	t->canvas = canvas_new(columns, rows, ascii ? GLYPHS_ASCII : GLYPHS_UNICODE);
	if (!t->canvas) {
		snprintf(why, SCREEN_WHY_MAX, "out of memory");
		return -ENOMEM;
	}
	screen_curses_resize(t->screen, columns, rows);
	return 0;
}

int terminal_open(struct terminal **ret, const struct terminal_conf *conf,
		  const struct terminal_events *events, void *owner, char why[SCREEN_WHY_MAX])
{
	struct terminal *t = calloc(1, sizeof(*t));
	int r = -ENOMEM;

	snprintf(why, SCREEN_WHY_MAX, "out of memory");
	if (!t)
		return r;
	t->events = *events;
	t->owner = owner;
	t->epoll = -1;
	t->frame_ms = conf->frame_ms > 0 ? conf->frame_ms : TERMINAL_FRAME_MS;
	setlocale(LC_CTYPE, "");
	if (!(t->decoder = decoder_new(on_event, t)))
		goto fail;
	if ((r = screen_curses_check(why)) < 0)
		goto fail;
	snprintf(why, SCREEN_WHY_MAX, "the terminal cannot be watched");
	if ((r = watch_input(t)) < 0 || (r = init_handles(t, conf->loop)) < 0 ||
	    (r = open_screen(t, conf, why)) < 0)
		goto fail;
	redraw_now(t);
	*ret = t;
	return 0;
fail:
	if (t->handles > 0)
		terminal_close(t);
	else
		free_all(t);
	return r;
}
