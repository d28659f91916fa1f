/* What views ask for. */
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"

#include "tui/app_private.h"

static struct app *app_of(struct host *h)
{
	return (struct app *)h;
}

static void host_say(struct host *h, unsigned style, const char *words)
{
	struct app *app = app_of(h);

	message_info(&app->message, style, "%s", words);
	app_touch(app);
}

static void host_complain(struct host *h, const char *words)
{
	struct app *app = app_of(h);

	message_error(&app->message, "%s", words);
	app_touch(app);
}

/* Why a method cannot be called, said; true: it can. */
static bool permitted(struct app *app, const char *method)
{
	const struct verb *verb = verb_find(method);

	if (app->model->link != LINK_LIVE) {
		message_error(&app->message, "ccapid is not heard: nothing can be done now");
		return false;
	}
	if (!verb || app->model->right >= verb->right)
		return true;
	message_error(&app->message, "%s needs the right %s; you have the right %s",
		      verb->words ? verb->words : method, verb_right_name(verb->right),
		      verb_right_name(app->model->right));
	return false;
}

static void host_act(struct host *h, const struct action *a)
{
	struct app *app = app_of(h);

	if (permitted(app, a->method))
		actions_act(app->actions, a);
	else
		json_decref(a->params);
	app_touch(app);
}

static void host_show_secret(struct host *h, const char *title, const char *secret)
{
	struct app *app = app_of(h);

	actions_show_secret(app->actions, title, secret);
	app_touch(app);
}

static void host_copy(struct host *h, const char *what, const char *text)
{
	struct app *app = app_of(h);

	if (!app->terminal || terminal_copy(app->terminal, text, strlen(text)) < 0)
		message_error(&app->message, "this terminal has no clipboard that can be set");
	else
		message_info(&app->message, STYLE_OK,
			     "%s copied, if your terminal permits it (OSC 52)", what);
	app_touch(app);
}

static void host_go(struct host *h, const char *view, const char *filter)
{
	struct app *app = app_of(h);
	int i = view_find(view);

	if (i < 0)
		return;
	edit_set(&app->filters[i].edit, filter ? filter : "");
	app->filters[i].typing = false;
	if (views[i]->filter)
		views[i]->filter(app->views[i], filter_text(&app->filters[i]));
	app_show_view(app, i);
}

static int64_t host_now_ms(const struct host *h)
{
	const struct app *app = (const struct app *)h;

	return app->frozen ? app->frozen_now_ms : model_now_ms(app->model, clock_mono_ms());
}

static bool host_is_paused(const struct host *h)
{
	return ((const struct app *)h)->frozen != NULL;
}

const struct host_ops app_host_ops = {.act = host_act,
				      .say = host_say,
				      .complain = host_complain,
				      .show_secret = host_show_secret,
				      .copy = host_copy,
				      .go = host_go,
				      .now_ms = host_now_ms,
				      .is_paused = host_is_paused};
