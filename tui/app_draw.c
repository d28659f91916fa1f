/* The frame: what the service is, what is wrong if something is, the tabs, the view, the filter,
 * what came of the last action, the keys.
 *
 * What the daemon said before it was lost is forgotten by the model, so nothing old can be drawn as
 * if it were now; only a paused display shows the past, and says so. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/json.h"

#include "tui/app_private.h"
#include "tui/canvas/draw.h"
#include "tui/model/words.h"
#include "tui/view/app_keys.h"
#include "tui/widget/layout.h"

enum { MESSAGE_ROWS = 3, TROUBLE_ROWS = 3, TEXT_SIZE = 160 };
enum { LAST_HINTS = 16 }; /* columns of "? help  q quit" */

/* ---- what the service is ---- */

static unsigned state_style(const char *state)
{
	if (strcmp(state, "serving") == 0)
		return STYLE_OK;
	if (strcmp(state, "paused") == 0 || strcmp(state, "draining") == 0)
		return STYLE_WARN;
	return STYLE_ERROR | STYLE_BOLD;
}

/* "not_ready" as people say it. */
static void words_of(char *to, size_t size, const char *name)
{
	snprintf(to, size, "%s", name);
	for (char *at = to; *at; at++)
		if (*at == '_')
			*at = ' ';
}

static void listen_words(char *to, size_t size, const json_t *status)
{
	const json_t *list = json_object_get(status, "listen");
	const char *first = json_string_value(json_array_get(list, 0));
	size_t count = json_array_size(list);

	if (!first)
		to[0] = '\0';
	else if (count > 1)
		snprintf(to, size, "%s +%zu", first, count - 1);
	else
		snprintf(to, size, "%s", first);
}

static void redis_words(char *to, size_t size, unsigned *ret_style, const json_t *status)
{
	const char *state = json_get_str(json_object_get(status, "redis"), "state");

	to[0] = '\0';
	if (!state)
		return;
	*ret_style = strcmp(state, "up") == 0 ? STYLE_OK : STYLE_ERROR;
	snprintf(to, size, "redis %s", strcmp(state, "up") == 0 ? "ok" : state);
}

static void cli_words(char *to, size_t size, const json_t *pool)
{
	const char *version = json_get_str(pool, "cli_version");

	to[0] = '\0';
	if (version)
		snprintf(to, size, "CLI %s", version);
}

static void up_words(char *to, size_t size, const struct model *m)
{
	char span[WORDS_SIZE];
	int64_t up = json_get_int(m->stats, "uptime_s", json_get_int(m->status, "uptime_s", -1));

	to[0] = '\0';
	if (up >= 0)
		snprintf(to, size, "up %s",
			 words_span(span, up < INT64_MAX / 1000 ? up * 1000 : 0));
}

static void add(struct segment *segments, int *count, struct segment segment)
{
	if (segment.text && segment.text[0])
		segments[(*count)++] = segment;
}

static void draw_service(struct app *app, struct area a, int y)
{
	const struct model *m = app->host.model;
	const json_t *pool = json_object_get(m->status, "pool");
	const char *state = json_get_str(m->status, "state");
	char name[64], words[64] = "", listens[TEXT_SIZE], up[64], cli[64], redis[64];
	char clock[WORDS_SIZE], now[64];
	unsigned redis_style = STYLE_NORMAL;
	struct segment all[SEGMENTS_MAX];
	int n = 0;

	snprintf(name, sizeof name, "ccapid %s", m->version);
	if (state)
		words_of(words, sizeof words, state);
	listen_words(listens, sizeof listens, m->status);
	up_words(up, sizeof up, m);
	cli_words(cli, sizeof cli, pool);
	redis_words(redis, sizeof redis, &redis_style, m->status);
	snprintf(now, sizeof now, "%s UTC", words_clock(clock, app->host.ops->now_ms(&app->host)));
	add(all, &n, (struct segment){name, STYLE_TITLE | STYLE_BOLD, false, 2});
	add(all, &n, (struct segment){up, STYLE_NORMAL, false, 5});
	add(all, &n, (struct segment){words, state ? state_style(state) : 0, false, 0});
	add(all, &n, (struct segment){listens, STYLE_NORMAL, false, 4});
	add(all, &n, (struct segment){cli, STYLE_NORMAL, false, 6});
	add(all, &n, (struct segment){json_get_str(pool, "login"), STYLE_DIM, false, 8});
	add(all, &n,
	    (struct segment){redis, redis_style, false, redis_style == STYLE_ERROR ? 1 : 7});
	if (app->frozen)
		add(all, &n,
		    (struct segment){"PAUSED display", STYLE_WARN | STYLE_SELECTED, true, 0});
	add(all, &n, (struct segment){now, STYLE_DIM, true, 3});
	line_draw(a, y, all, n);
}

/* ---- what is wrong ---- */

static void link_trouble(const struct model *m, char *to, size_t size, unsigned *ret_style)
{
	int64_t now = clock_mono_ms();
	char span[WORDS_SIZE], clock[WORDS_SIZE], next[WORDS_SIZE];

	*ret_style = STYLE_ERROR | STYLE_BOLD;
	words_clock(clock, model_now_ms(m, m->lost_at_ms));
	words_span(span, now - m->lost_at_ms);
	words_span(next, m->retry_at_ms - now);
	if (m->link == LINK_CONNECTING) {
		*ret_style = STYLE_WARN;
		snprintf(to, size, "Connecting to ccapid");
	} else if (m->link == LINK_REFUSED) {
		snprintf(to, size, "No daemon since %s, and no further try: %s", clock,
			 m->link_words);
	} else if (m->retry_at_ms > now) {
		snprintf(to, size, "No daemon since %s (%s), next try in %s: %s", clock, span, next,
			 m->link_words);
	} else {
		snprintf(to, size, "No daemon since %s (%s), trying: %s", clock, span,
			 m->link_words);
	}
}

static void service_trouble(const struct model *m, char *to, size_t size, unsigned *ret_style)
{
	const json_t *pool = json_object_get(m->status, "pool");
	const char *state = json_get_str(m->status, "state"), *detail, *mend, *health;
	char words[64];

	to[0] = '\0';
	if (!state || strcmp(state, "serving") == 0)
		return;
	*ret_style = state_style(state);
	if (strcmp(state, "paused") == 0) {
		snprintf(to, size, "The queue is paused: requests wait. P resumes it.");
		return;
	}
	if (strcmp(state, "draining") == 0) {
		snprintf(
			to, size,
			"ccapid takes no new requests and ends when those under way are finished.");
		return;
	}
	if (strcmp(state, "not_ready") == 0) {
		health = json_get_str(pool, "health");
		detail = json_get_str(pool, "detail");
		mend = json_get_str(pool, "mend");
	} else {
		const json_t *store = json_object_get(m->status, "store");

		health = state;
		detail = json_get_str(store, "detail");
		mend = NULL;
	}
	words_of(words, sizeof words, health ? health : state);
	snprintf(to, size, "Not serving, %s%s%s%s%s", words, detail ? ": " : "",
		 detail ? detail : "", mend ? "\nWhat mends it: " : "", mend ? mend : "");
}

static void trouble(struct app *app, char *to, size_t size, unsigned *ret_style)
{
	if (app->model->link != LINK_LIVE)
		link_trouble(app->model, to, size, ret_style);
	else
		service_trouble(app->host.model, to, size, ret_style);
}

/* ---- the lines at the bottom ---- */

static bool app_key_enabled(void *owner, int action)
{
	const struct app *app = owner;

	if (action == APP_QUEUE)
		return host_may(&app->host, "pause");
	return action != APP_FILTER || app_view(app)->filter;
}

/* Of a table's own keys; what Enter shows is said by each view. */
static const struct binding table_rows[] = {
	{KEYMAP_ANYWHERE, "s", 1, "sort", "as in widget/table.h"},
};
static const struct keymap table_hints = KEYMAP(table_rows);

static void draw_hints(struct app *app, struct area a, int y)
{
	const struct view_ops *v = app_view(app);
	void *self = app->views[app->tabs.current];
	struct hint_source sources[4];
	unsigned context;
	int n = 0;

	if (actions_hints(app->actions, &sources[0])) {
		hints_draw(a, y, sources, 1);
		return;
	}
	if (app->filters[app->tabs.current].typing) {
		sources[0] = (struct hint_source){&filter_keymap, KEYMAP_ANYWHERE, NULL, NULL};
		hints_draw(a, y, sources, 1);
		return;
	}
	context = v->context ? v->context(self) : KEYMAP_ANYWHERE;
	if (v->keymap)
		sources[n++] = (struct hint_source){v->keymap, context, v->enabled, self};
	if (v->filter && (context & VIEW_TABLE))
		sources[n++] = (struct hint_source){&table_hints, KEYMAP_ANYWHERE, NULL, NULL};
	sources[n++] = (struct hint_source){&app_keymap, APP_KEYS_FIRST, app_key_enabled, app};
	hints_draw(area_inside(a, (struct rect){0, y, a.rect.width - LAST_HINTS, 1}), 0, sources,
		   n);
	sources[0] = (struct hint_source){&app_keymap, APP_KEYS_LAST, NULL, NULL};
	hints_draw(area_inside(a, (struct rect){a.rect.width - LAST_HINTS, y, LAST_HINTS, 1}), 0,
		   sources, 1);
}

static void draw_message(struct app *app, struct area a, int y, int rows)
{
	const char *waiting = actions_waiting(app->actions);

	if (waiting && !message_has_error(&app->message))
		draw_format(a, 1, y, STYLE_DIM, "%s", waiting);
	else
		message_draw(&app->message, a, y, rows);
}

/* ---- all of it ---- */

static void draw_view(struct app *app, struct area a)
{
	int i = app->tabs.current;

	if (app->dirty[i] && views[i]->changed)
		views[i]->changed(app->views[i], app->dirty[i]);
	app->dirty[i] = 0;
	views[i]->draw(app->views[i], a);
}

static void draw_filter(struct app *app, struct area a, int y)
{
	size_t shown = 0, all = 0;

	if (app_view(app)->counts)
		app_view(app)->counts(app->views[app->tabs.current], &shown, &all);
	filter_draw(&app->filters[app->tabs.current], a, y, shown, all);
}

void app_draw(struct app *app, struct canvas *canvas)
{
	struct area a = canvas_area(canvas);
	int width = a.rect.width, small = a.rect.height < 16, most;
	char wrong[MODEL_WORDS_MAX + 512] = "";
	unsigned style = STYLE_NORMAL;
	struct rect rows[7];

	if (layout_too_small(a, APP_COLUMNS_MIN, APP_ROWS_MIN))
		return;
	trouble(app, wrong, sizeof wrong, &style);
	/* While nothing is heard there is nothing else to be shown. */
	most = small && app->model->link == LINK_LIVE ? 2 : TROUBLE_ROWS;

	const struct layout_part parts[] = {
		{.min = 1},
		{.min = wrong[0] ? draw_wrapped_rows(wrong, width - 2, most) : 0},
		{.min = 1},
		{.min = 3, .weight = 1},
		{.min = filter_is_shown(&app->filters[app->tabs.current])},
		{.min = message_rows(&app->message, width, small ? 2 : MESSAGE_ROWS)},
		{.min = 1}};

	layout_rows((struct rect){0, 0, width, a.rect.height}, parts, 7, rows);
	draw_service(app, a, rows[0].y);
	if (rows[1].height > 0)
		draw_wrapped(area_inside(a, (struct rect){1, rows[1].y, width - 2, rows[1].height}),
			     0, style, wrong);
	tabs_draw(&app->tabs, a, rows[2].y);
	draw_view(app, area_inside(a, rows[3]));
	if (rows[4].height > 0)
		draw_filter(app, a, rows[4].y);
	draw_message(app, a, rows[5].y, rows[5].height);
	draw_hints(app, a, rows[6].y);
	actions_draw(app->actions, a);
}
