/* One screen as text: connect, wait for what is to be shown, draw. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tui/app_private.h"
#include "tui/term/screen_text.h"

enum {
	FIGURES_MS = 1500, /* after the snapshot, for the figures that come every second */
	ANSWERS_MS = 5000  /* for the lists; then without them */
};

struct snapshot {
	struct app *app;
	uv_timer_t figures, answers;
	bool has_figures, over;
	int result;
};

static void finish(struct snapshot *s, int result)
{
	if (s->over)
		return;
	s->over = true;
	s->result = result;
	feed_close(s->app->feed);
	s->app->feed = NULL;
	uv_close((uv_handle_t *)&s->figures, NULL);
	uv_close((uv_handle_t *)&s->answers, NULL);
	uv_close((uv_handle_t *)&s->app->tick, NULL);
}

static void on_tick(uv_timer_t *timer)
{
	struct snapshot *s = timer->data;

	app_poll(s->app);
	if (s->has_figures && app_polls_done(s->app))
		finish(s, 0);
}

static void on_figures(uv_timer_t *timer)
{
	struct snapshot *s = timer->data;

	s->has_figures = true;
}

static void on_answers(uv_timer_t *timer)
{
	finish(timer->data, 0);
}

/* ---- the feed ---- */

static void on_hello(void *owner, const char *version, int64_t pid, enum verb_right right)
{
	struct snapshot *s = owner;

	app_feed_events.hello(s->app, version, pid, right);
}

static void on_snapshot(void *owner, const json_t *snapshot)
{
	struct snapshot *s = owner;

	app_feed_events.snapshot(s->app, snapshot);
	uv_timer_start(&s->figures, on_figures, FIGURES_MS, 0);
	uv_timer_start(&s->answers, on_answers, ANSWERS_MS, 0);
}

static void on_event(void *owner, const json_t *event)
{
	struct snapshot *s = owner;

	app_feed_events.event(s->app, event);
	s->has_figures = s->has_figures || s->app->model->stats;
}

static void on_lost(void *owner, const char *words, bool for_good, int64_t retry_ms)
{
	(void)for_good;
	(void)retry_ms;
	fputs("ccapitop: ", stderr);
	for (; *words; words++)
		if (*words == '\n')
			fputs("\n  ", stderr);
		else
			fputc((unsigned char)*words < 0x20 || *words == 0x7F ? '?' : *words,
			      stderr);
	fputc('\n', stderr);
	finish(owner, -ECONNREFUSED);
}

static int wait_for_daemon(struct app *app)
{
	static const struct feed_events events = {on_hello, on_snapshot, on_event, on_lost};
	const struct feed_conf conf = {.loop = &app->loop,
				       .socket = app->conf.socket,
				       .recent = 1000,
				       .logs = 200,
				       .once = true};
	struct snapshot s = {.app = app};

	uv_timer_init(&app->loop, &app->tick);
	uv_timer_init(&app->loop, &s.figures);
	uv_timer_init(&app->loop, &s.answers);
	app->tick.data = s.figures.data = s.answers.data = &s;
	uv_timer_start(&app->tick, on_tick, 20, 20);
	app->feed = feed_new(&conf, &events, &s);
	if (!app->feed)
		finish(&s, -ENOMEM);
	uv_run(&app->loop, UV_RUN_DEFAULT);
	return s.result;
}

static int write_screen(struct app *app, int columns, int rows)
{
	bool ascii = app->conf.ascii || !screen_curses_is_utf8();
	struct canvas *canvas = canvas_new(columns, rows, ascii ? GLYPHS_ASCII : GLYPHS_UNICODE);
	struct screen *screen = screen_text_new(stdout, false);
	int r = -ENOMEM;

	if (canvas && screen) {
		app_draw(app, canvas);
		r = screen_show(screen, canvas);
	}
	if (r < 0)
		fprintf(stderr, "ccapitop: cannot write: %s\n", uv_strerror(r));
	screen_free(screen);
	canvas_free(canvas);
	return r;
}

int app_snapshot(struct app *app, int columns, int rows)
{
	int r = uv_loop_init(&app->loop);

	if (r < 0)
		return r;
	r = wait_for_daemon(app);
	uv_loop_close(&app->loop);
	return r < 0 ? r : write_screen(app, columns, rows);
}
