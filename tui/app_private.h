/* Inside of the application, for its files: app.c (life, what comes from the daemon), app_host.c
 * (what views ask for), app_draw.c, app_input.c, app_poll.c (what is asked of the daemon), and
 * app_snapshot.c. */
#ifndef TUI_APP_PRIVATE_H
#define TUI_APP_PRIVATE_H

#include <uv.h>

#include "tui/app.h"
#include "tui/term/terminal.h"
#include "tui/view/action.h"
#include "tui/view/views.h"
#include "tui/widget/filter.h"
#include "tui/widget/message.h"
#include "tui/widget/tabs.h"

enum { POLLS_MAX = 16 };

/* A part of the model that is asked for. */
struct poll {
	struct app *app;
	enum model_part part;
	bool open;        /* the answer is on its way */
	bool stale;       /* an event said so */
	bool complained;  /* about its last answer */
	int64_t asked_ms; /* 0: not since the link is live */
};

struct app {
	struct host host; /* first: views know no more of us */
	struct app_conf conf;
	uv_loop_t loop;
	uv_timer_t tick;
	struct feed *feed;         /* NULL: driven by hand */
	struct terminal *terminal; /* NULL: there is none */
	int ended_by;              /* a signal */
	bool running;              /* on its loop, which has the tick */
	bool closing;

	struct model *model;  /* as it is */
	struct model *frozen; /* what is shown while the display is paused; NULL: it is not */
	int64_t frozen_now_ms;

	void *views[VIEWS_MAX];
	unsigned dirty[VIEWS_MAX]; /* parts that the view has not been told of yet */
	struct filter filters[VIEWS_MAX];
	const char *tab_names[VIEWS_MAX];
	struct tabs tabs;
	struct message message;
	struct actions *actions;

	struct poll polls[POLLS_MAX];
	int poll_count;
};

extern const struct host_ops app_host_ops;

static inline const struct view_ops *app_view(const struct app *app)
{
	return views[app->tabs.current];
}

/* Something that is shown has changed. */
void app_touch(struct app *app);
/* Parts of the model are others now. */
void app_changed(struct app *app, unsigned parts);
void app_show_view(struct app *app, int view);
void app_set_paused(struct app *app, bool paused);
void app_quit(struct app *app);

void app_polls_init(struct app *app);
/* The link is live: nothing has been asked yet. */
void app_polls_reset(struct app *app);
void app_polls_stale(struct app *app, unsigned parts);
/* Asks for what is due; cheap when nothing is. */
void app_poll(struct app *app);
/* The view that is shown has all that it needs. */
bool app_polls_done(const struct app *app);

#endif
