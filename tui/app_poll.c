/* Lists of which the daemon tells no changes, or not all: asked for while the view that is shown
 * has them, every few seconds, and soon after an event that makes them old.  One answer at a time
 * is on its way for each. */
#include <string.h>

#include "shared/clock.h"

#include "tui/app_private.h"

enum {
	EVERY_MS = 2000,
	SELDOM_MS = 10000, /* what hardly ever changes without an event, or costs the daemon */
	AGAIN_MS = 300     /* after an event, so that many of them make one question */
};

/* The frame shows it whatever the view is. */
#define ALWAYS PART_STATUS
#define SELDOM (PART_STATUS | PART_WORKERS | PART_TODAY)

void app_polls_init(struct app *app)
{
	for (unsigned bit = 1; bit <= PART_CLOSEST; bit <<= 1) {
		json_t *params;

		if (model_method((enum model_part)bit, &params))
			app->polls[app->poll_count++] =
				(struct poll){.app = app, .part = (enum model_part)bit};
		json_decref(params);
	}
}

/* Answers that were on their way have been given by now, as failures, or are of this link. */
void app_polls_reset(struct app *app)
{
	for (int i = 0; i < app->poll_count; i++) {
		struct poll *p = &app->polls[i];

		/* The snapshot had it. */
		p->asked_ms = (unsigned)p->part & app->model->have ? clock_mono_ms() : 0;
		p->stale = false;
	}
}

void app_polls_stale(struct app *app, unsigned parts)
{
	for (int i = 0; i < app->poll_count; i++)
		if ((unsigned)app->polls[i].part & parts)
			app->polls[i].stale = true;
}

static void on_answer(void *ctx, const json_t *result, const struct rpc_error *error)
{
	struct poll *p = ctx;
	struct app *app = p->app;

	p->open = false;
	if (result) {
		p->complained = false;
		app_changed(app, model_take_answer(app->model, p->part, result));
	} else if (!p->complained && app->model->link == LINK_LIVE && feed_is_live(app->feed)) {
		p->complained = true;
		app->host.ops->complain(&app->host, error->message);
	}
}

static bool is_due(const struct poll *p, int64_t now)
{
	int64_t age = now - p->asked_ms;

	if (p->open)
		return false;
	if (p->asked_ms == 0 || (p->stale && age >= AGAIN_MS))
		return true;
	return age >= ((unsigned)p->part & SELDOM ? SELDOM_MS : EVERY_MS);
}

static void ask(struct app *app, struct poll *p, int64_t now)
{
	json_t *params;
	const char *method = model_method(p->part, &params);

	p->asked_ms = now > 0 ? now : 1;
	p->stale = false;
	p->open = feed_call(app->feed, method, params, on_answer, p) == 0;
}

static unsigned wanted(const struct app *app)
{
	return app_view(app)->parts | ALWAYS;
}

void app_poll(struct app *app)
{
	int64_t now = clock_mono_ms();

	if (!app->feed || app->frozen || !feed_is_live(app->feed))
		return;
	for (int i = 0; i < app->poll_count; i++) {
		struct poll *p = &app->polls[i];

		if (((unsigned)p->part & wanted(app)) && is_due(p, now))
			ask(app, p, now);
	}
}

bool app_polls_done(const struct app *app)
{
	for (int i = 0; i < app->poll_count; i++) {
		const struct poll *p = &app->polls[i];

		if (((unsigned)p->part & wanted(app)) && (p->open || p->asked_ms == 0))
			return false;
	}
	return true;
}
