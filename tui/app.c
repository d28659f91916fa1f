/* What comes from the daemon goes into the model, and the views are told of it when they are next
 * drawn: events may come by the hundreds a second, screens at most five times.
 *
 * While the display is paused, views see a copy of the model; the model itself goes on. */
#include "tui/app.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/err.h"

#include "tui/app_private.h"

enum { TICK_MS = 250, RECENT = 1000, LOGS = 200 };

/* ---- what changes ---- */

void app_touch(struct app *app)
{
	if (app->terminal)
		terminal_redraw(app->terminal);
}

/* The frame shows link and status, and its clock goes on with each of the figures. */
void app_changed(struct app *app, unsigned parts)
{
	unsigned seen = app_view(app)->parts | PART_LINK | PART_STATUS | PART_STATS;

	if (app->frozen) {
		if (parts & PART_LINK)
			app_touch(app);
		return;
	}
	for (int i = 0; i < view_count; i++)
		app->dirty[i] |= parts;
	if (parts & seen)
		app_touch(app);
}

/* What came of an action in another view would puzzle in this one; errors stay until read. */
void app_show_view(struct app *app, int view)
{
	app->tabs.current = view;
	message_info(&app->message, STYLE_NORMAL, "%s", "");
	app_poll(app);
	app_touch(app);
}

void app_set_paused(struct app *app, bool paused)
{
	struct model *frozen = paused ? model_copy(app->model) : NULL;

	if (paused && !frozen) {
		message_error(&app->message, "out of memory");
		return;
	}
	if (paused)
		app->frozen_now_ms = model_now_ms(app->model, clock_mono_ms());
	model_free(app->frozen);
	app->frozen = frozen;
	app->host.model = frozen ? frozen : app->model;
	for (int i = 0; i < view_count; i++)
		app->dirty[i] = ~0u;
	app_poll(app);
	app_touch(app);
}

/* What we may do is true of now, also for a display that stands still. */
static void share_link(struct app *app)
{
	if (!app->frozen)
		return;
	app->frozen->link = app->model->link;
	app->frozen->right = app->model->right;
}

/* ---- the feed ---- */

static void on_hello(void *owner, const char *version, int64_t pid, enum verb_right right)
{
	struct app *app = owner;

	snprintf(app->model->version, sizeof app->model->version, "%s", version);
	app->model->pid = pid;
	app->model->right = right;
	share_link(app);
}

static void on_snapshot(void *owner, const json_t *snapshot)
{
	struct app *app = owner;
	unsigned parts = model_take_snapshot(app->model, snapshot, clock_mono_ms());

	share_link(app);
	app_polls_reset(app);
	app_changed(app, parts);
	app_poll(app);
}

static void on_feed_event(void *owner, const json_t *event)
{
	struct app *app = owner;

	app_changed(app, model_take_event(app->model, event, clock_mono_ms()));
	app_polls_stale(app, model_stale_by(event));
}

static void on_lost(void *owner, const char *words, bool for_good, int64_t retry_ms)
{
	struct app *app = owner;
	int64_t now = clock_mono_ms();
	unsigned parts = model_lost(app->model, for_good ? LINK_REFUSED : LINK_LOST, words, now);

	app->model->retry_at_ms = for_good ? 0 : now + retry_ms;
	share_link(app);
	app_changed(app, parts);
}

const struct feed_events app_feed_events = {
	.hello = on_hello, .snapshot = on_snapshot, .event = on_feed_event, .lost = on_lost};

/* Lists grow old; and a countdown is shown while the daemon is not heard. */
static void on_tick(uv_timer_t *timer)
{
	struct app *app = timer->data;

	app_poll(app);
	if (app->model->link != LINK_LIVE)
		app_touch(app);
}

/* ---- the terminal ---- */

static void on_event(void *owner, const struct event *event)
{
	app_event(owner, event);
}

static void on_draw(void *owner, struct canvas *canvas)
{
	app_draw(owner, canvas);
}

static void on_ended(void *owner, int signo)
{
	struct app *app = owner;

	app->ended_by = signo;
	app_quit(app);
}

void app_quit(struct app *app)
{
	if (app->closing)
		return;
	app->closing = true;
	terminal_close(app->terminal);
	app->terminal = NULL;
	feed_close(app->feed);
	app->feed = NULL;
	if (app->running)
		uv_close((uv_handle_t *)&app->tick, NULL);
}

static int start(struct app *app)
{
	static const struct terminal_events events = {on_event, on_draw, on_ended};
	const struct terminal_conf terminal = {.loop = &app->loop, .ascii = app->conf.ascii};
	const struct feed_conf feed = {
		.loop = &app->loop, .socket = app->conf.socket, .recent = RECENT, .logs = LOGS};
	char why[SCREEN_WHY_MAX];
	int r = terminal_open(&app->terminal, &terminal, &events, app, why);

	if (r < 0) {
		fprintf(stderr, "ccapitop: %s\n", why);
		return r;
	}
	app->feed = feed_new(&feed, &app_feed_events, app);
	if (!app->feed)
		return -ENOMEM;
	return uv_timer_start(&app->tick, on_tick, TICK_MS, TICK_MS);
}

int app_run(struct app *app)
{
	int r = uv_loop_init(&app->loop);

	if (r < 0) {
		fprintf(stderr, "ccapitop: %s\n", uv_strerror(r));
		return r;
	}
	uv_timer_init(&app->loop, &app->tick);
	app->tick.data = app;
	app->running = true;
	r = start(app);
	if (r < 0)
		app_quit(app);
	uv_run(&app->loop, UV_RUN_DEFAULT);
	uv_loop_close(&app->loop);
	return r < 0 ? r : app->ended_by;
}

/* ---- life ---- */

static int call_feed(void *owner, const char *method, json_t *params, actions_answer *answer,
		     void *ctx)
{
	struct app *app = owner;

	if (app->feed)
		return feed_call(app->feed, method, params, answer, ctx);
	json_decref(params);
	return ERR_STATE;
}

static bool init(struct app *app)
{
	int first = app->conf.view ? view_find(app->conf.view) : 0;

	app->host.ops = &app_host_ops;
	app->model = model_new();
	app->host.model = app->model;
	app->actions = actions_new(&app->host, call_feed, app);
	if (!app->model || !app->actions)
		return false;
	message_init(&app->message);
	app_polls_init(app);
	for (int i = 0; i < view_count; i++) {
		app->tab_names[i] = views[i]->title;
		app->dirty[i] = ~0u;
		filter_init(&app->filters[i]);
		app->views[i] = views[i]->create(&app->host);
		if (!app->views[i])
			return false;
	}
	tabs_init(&app->tabs, app->tab_names, view_count);
	app->tabs.current = first > 0 ? first : 0;
	return true;
}

struct app *app_new(const struct app_conf *conf)
{
	struct app *app = calloc(1, sizeof *app);

	if (!app)
		return NULL;
	app->conf = *conf;
	if (init(app))
		return app;
	app_free(app);
	return NULL;
}

void app_free(struct app *app)
{
	if (!app)
		return;
	for (int i = 0; i < view_count; i++)
		if (app->views[i])
			views[i]->free(app->views[i]);
	actions_free(app->actions);
	model_free(app->frozen);
	model_free(app->model);
	free(app);
}
