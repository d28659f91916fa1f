/* A key goes to the first that takes it: the box that is open, the filter while one types, an error
 * that wants to be read, the view, its actions, the filter's end, the tabs, and last the keys that
 * count everywhere.  Pausing comes before the view: it is the same everywhere. */
#include <stdio.h>

#include "shared/json.h"

#include "tui/app_private.h"
#include "tui/view/app_keys.h"

static void tell_filter(struct app *app)
{
	if (app_view(app)->filter)
		app_view(app)->filter(app->views[app->tabs.current],
				      filter_text(&app->filters[app->tabs.current]));
}

static bool filter_takes(struct app *app, const struct event *event)
{
	int r = filter_input(&app->filters[app->tabs.current], event);

	if (r == FILTER_CHANGED)
		tell_filter(app);
	return r != INPUT_IGNORED;
}

static bool view_takes(struct app *app, const struct event *event)
{
	const struct view_ops *v = app_view(app);
	void *self = app->views[app->tabs.current];
	int action;

	if (v->input && v->input(self, event) != INPUT_IGNORED)
		return true;
	if (!v->keymap || !v->act)
		return false;
	action = keymap_action(v->keymap, v->context ? v->context(self) : KEYMAP_ANYWHERE, event);
	if (action != 0)
		v->act(self, action); /* what may not be done is refused there, with words */
	return action != 0;
}

static bool tabs_take(struct app *app, const struct event *event)
{
	if (tabs_input(&app->tabs, event) == INPUT_IGNORED)
		return false;
	app_show_view(app, app->tabs.current);
	return true;
}

/* ---- the keys that count everywhere ---- */

static void queue_paused(struct host *h, const json_t *params, const json_t *result)
{
	(void)params;
	(void)result;
	h->ops->say(h, STYLE_WARN, "the queue is paused: requests wait until P resumes it");
}

static void queue_resumed(struct host *h, const json_t *params, const json_t *result)
{
	(void)params;
	(void)result;
	h->ops->say(h, STYLE_OK, "the queue is served again");
}

static void pause_queue(struct app *app)
{
	const json_t *queue = json_object_get(app->model->status, "queue");
	char text[200];
	struct action a = {.kind = ACTION_CONFIRM,
			   .method = "pause",
			   .title = "Pause the queue",
			   .text = text,
			   .word = "pause",
			   .done = queue_paused};

	if (json_get_true(queue, "paused")) {
		a = (struct action){.kind = ACTION_NOW, .method = "resume", .done = queue_resumed};
	} else {
		snprintf(text, sizeof text,
			 "Requests under way go on. New ones are taken and wait, and none is given "
			 "to a worker; when %lld wait, further ones are refused.",
			 (long long)json_get_int(queue, "most", 0));
	}
	app->host.ops->act(&app->host, &a);
}

static void open_filter(struct app *app)
{
	if (app_view(app)->filter)
		filter_open(&app->filters[app->tabs.current]);
	else
		message_info(&app->message, STYLE_NORMAL, "there is nothing to filter in %s",
			     app_view(app)->title);
}

static void step_view(struct app *app, int by)
{
	app_show_view(app, (app->tabs.current + by + view_count) % view_count);
}

static void toggle_pause(struct app *app)
{
	app_set_paused(app, !app->frozen);
	message_info(&app->message, STYLE_NORMAL, "%s",
		     app->frozen ? "the display is paused: Space goes on" : "");
}

static void act(struct app *app, int action)
{
	switch (action) {
	case APP_FILTER:
		open_filter(app);
		break;
	case APP_PAUSE:
		toggle_pause(app);
		break;
	case APP_QUEUE:
		pause_queue(app);
		break;
	case APP_HELP:
		app_show_view(app, view_find("help"));
		break;
	case APP_QUIT:
		app_quit(app);
		break;
	case APP_NEXT_VIEW:
		step_view(app, 1);
		break;
	case APP_PREVIOUS_VIEW:
		step_view(app, -1);
		break;
	case APP_REPAINT:
		if (app->terminal)
			terminal_repaint(app->terminal);
		break;
	case APP_SUSPEND:
		if (app->terminal)
			terminal_suspend(app->terminal);
		break;
	case APP_INTERRUPT:
		app_quit(app);
		break;
	}
}

void app_event(struct app *app, const struct event *event)
{
	struct filter *filter = &app->filters[app->tabs.current];
	int action = keymap_action(&app_keymap, KEYMAP_ANYWHERE, event);

	if (event->kind == EVENT_RESIZE || actions_input(app->actions, event))
		return;
	if (filter->typing && filter_takes(app, event))
		return;
	if (message_input(&app->message, event) != INPUT_IGNORED)
		return;
	if (action != APP_PAUSE && (view_takes(app, event) || filter_takes(app, event)))
		return;
	if (!tabs_take(app, event))
		act(app, action);
}
