/* A small application on the dashboard's terminal layer, for tests in a real terminal and as an
 * example of how the parts go together.
 *
 *	term_demo [--ascii] [--ticks MS] [--events FILE] [--snapshot COLUMNSxROWS [--styles]]
 *
 * --ticks asks for a redraw so often, with nothing changed; --events writes a line for each event.
 *Keys that tests need: E exit(3) from where one is, X a wild pointer, A abort(). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "tests/tui/term_demo_rows.h"
#include "tui/canvas/draw.h"
#include "tui/canvas/meter.h"
#include "tui/term/screen_text.h"
#include "tui/term/terminal.h"
#include "tui/widget/confirm.h"
#include "tui/widget/filter.h"
#include "tui/widget/form.h"
#include "tui/widget/line.h"
#include "tui/widget/message.h"
#include "tui/widget/pager.h"
#include "tui/widget/tabs.h"

enum { CONTEXT_MAIN = 1 };
enum {
	ACTION_QUIT = 1,
	ACTION_FILTER,
	ACTION_HELP,
	ACTION_NEW,
	ACTION_DELETE,
	ACTION_COPY,
	ACTION_ERROR,
	ACTION_SUSPEND,
	ACTION_EXIT,
	ACTION_CRASH,
	ACTION_ABORT
};

static const struct binding bindings[] = {
	{CONTEXT_MAIN, "/", ACTION_FILTER, "filter", "show only rows with a text"},
	{CONTEXT_MAIN, "n", ACTION_NEW, "new", "fill in a form"},
	{CONTEXT_MAIN, "d", ACTION_DELETE, "delete", "delete the selected row"},
	{CONTEXT_MAIN, "y", ACTION_COPY, "copy", "copy the id of the selected row"},
	{CONTEXT_MAIN, "? F1", ACTION_HELP, "help", "this"},
	{CONTEXT_MAIN, "q", ACTION_QUIT, "quit", "end the program"},
	{CONTEXT_MAIN, "e", ACTION_ERROR, NULL, "show an error"},
	{CONTEXT_MAIN, "z", ACTION_SUSPEND, NULL, "stop, as Ctrl-Z does"},
	{CONTEXT_MAIN, "E", ACTION_EXIT, NULL, "exit(3)"},
	{CONTEXT_MAIN, "X", ACTION_CRASH, NULL, "a wild pointer"},
	{CONTEXT_MAIN, "A", ACTION_ABORT, NULL, "abort()"},
};
static const struct keymap keymap = KEYMAP(bindings);
static const char *const tab_names[] = {"Table", "Help", "Meters"};

static const struct field fields[] = {
	{.label = "Name", .hint = "of the project", .kind = FIELD_TEXT, .required = true},
	{.label = "Limit", .kind = FIELD_NUMBER, .min = 1, .max = 100, .initial = "10"},
	{.label = "Window",
	 .kind = FIELD_CHOICE,
	 .choices = (const char *const[]){"hour", "day", "month", NULL},
	 .initial = "day"},
	{.label = "Hard", .kind = FIELD_CHECK, .initial = "1"},
};

struct app {
	uv_loop_t loop;
	uv_timer_t ticks;
	struct terminal *terminal; /* NULL: a snapshot */
	struct tabs tabs;
	struct table *table;
	struct filter filter;
	struct pager *help;
	struct message message;
	struct form *form;
	struct confirm confirm;
	bool confirming;
	struct ring ring;
	char last_event[120];
	FILE *events; /* NULL: nobody asked */
	int ended_by;
};

/* ---- drawing ---- */

static void draw_meters(struct app *app, struct area a)
{
	for (int i = 0; i <= 8; i++)
		draw_gauge(a, 1, i, a.rect.width - 2, i * 125, STYLE_ACCENT);
	draw_sparkline(a, 1, 9, a.rect.width - 2, &app->ring, 0, STYLE_OK);
}

static void draw_view(struct app *app, struct area a)
{
	if (app->tabs.current == 0)
		table_draw(app->table, a);
	else if (app->tabs.current == 1)
		pager_draw(app->help, a);
	else
		draw_meters(app, a);
}

static void draw_hints(struct area a, int y)
{
	const struct hint_source sources[] = {{&keymap, CONTEXT_MAIN, NULL, NULL},
					      {&table_keymap, KEYMAP_ANYWHERE, NULL, NULL}};

	hints_draw(a, y, sources, 2);
}

static void draw_all(struct app *app, struct area a)
{
	const struct segment head[] = {
		{"term_demo", STYLE_TITLE | STYLE_BOLD, false, 0},
		{"\xc3\xa4\xc3\xb6\xc3\xbc \xe4\xbd\xa0\xe5\xa5\xbd", STYLE_OK, false, 1},
		{app->last_event, STYLE_DIM, true, 2},
	};
	const struct layout_part parts[] = {{.min = 1},
					    {.min = 1},
					    {.min = 3, .weight = 1},
					    {.min = filter_is_shown(&app->filter)},
					    {.min = message_rows(&app->message, a.rect.width, 3)},
					    {.min = 1}};
	struct rect rows[6];

	if (layout_too_small(a, 40, 10))
		return;
	layout_rows((struct rect){0, 0, a.rect.width, a.rect.height}, parts, 6, rows);
	line_draw(a, rows[0].y, head, 3);
	tabs_draw(&app->tabs, a, rows[1].y);
	draw_view(app, area_inside(a, rows[2]));
	if (rows[3].height > 0)
		filter_draw(&app->filter, a, rows[3].y, table_shown(app->table),
			    demo_source.count(NULL));
	message_draw(&app->message, a, rows[4].y, rows[4].height);
	draw_hints(a, rows[5].y);
	if (app->form)
		form_draw(app->form, a);
	if (app->confirming)
		confirm_draw(&app->confirm, a);
}

static void on_draw(void *owner, struct canvas *canvas)
{
	draw_all(owner, canvas_area(canvas));
}

/* ---- input ---- */

static void stop(struct app *app)
{
	terminal_close(app->terminal);
	uv_close((uv_handle_t *)&app->ticks, NULL);
}

static void copy_id(struct app *app)
{
	size_t row = table_selected(app->table);
	const char *id = row == TABLE_NONE ? "" : demo_source.id(NULL, row);

	if (terminal_copy(app->terminal, id, strlen(id)) < 0)
		message_error(&app->message, "this terminal has no clipboard");
	else
		message_info(&app->message, STYLE_OK, "copied %s", id);
}

static void ask_delete(struct app *app)
{
	confirm_init(&app->confirm, "Delete",
		     "The row and all it has is deleted. This cannot be undone.", "delete", true);
	app->confirming = true;
}

static void crash(void)
{
	volatile int *volatile nowhere = (volatile int *)(uintptr_t)64;

	*nowhere = 1;
}

static void act(struct app *app, int action)
{
	switch (action) {
	case ACTION_QUIT:
		stop(app);
		break;
	case ACTION_FILTER:
		filter_open(&app->filter);
		break;
	case ACTION_HELP:
		app->tabs.current = 1;
		break;
	case ACTION_NEW:
		app->form = form_new("New", "create", fields, 4);
		break;
	case ACTION_DELETE:
		ask_delete(app);
		break;
	case ACTION_COPY:
		copy_id(app);
		break;
	case ACTION_ERROR:
		message_error(&app->message, "it failed: \033[31mred\007 and long, %s",
			      "so that it takes more than one row of a narrow terminal");
		break;
	case ACTION_SUSPEND:
		terminal_suspend(app->terminal);
		break;
	case ACTION_EXIT:
		exit(3);
	case ACTION_CRASH:
		crash();
		break;
	case ACTION_ABORT:
		abort();
	}
}

static void tell_event(struct app *app, const struct event *event)
{
	if (event->kind == EVENT_PASTE)
		snprintf(app->last_event, sizeof(app->last_event), "paste %zu", event->text_len);
	else if (event->kind == EVENT_MOUSE)
		snprintf(app->last_event, sizeof(app->last_event), "mouse %d at %d,%d",
			 (int)event->button, event->x, event->y);
	else if (event->kind == EVENT_RESIZE)
		snprintf(app->last_event, sizeof(app->last_event), "size %dx%d", event->x,
			 event->y);
	else
		snprintf(app->last_event, sizeof(app->last_event), "key %x.%x",
			 (unsigned)event->key, event->mods);
	if (app->events) {
		fprintf(app->events, "%s\n", app->last_event);
		fflush(app->events);
	}
}

/* True: the event was for an open box. */
static bool modal_input(struct app *app, const struct event *event)
{
	if (app->form) {
		int r = form_input(app->form, event);

		if (r == FORM_OK)
			message_info(&app->message, STYLE_OK, "created %s",
				     form_text(app->form, 0));
		if (r == FORM_OK || r == FORM_CANCEL) {
			form_free(app->form);
			app->form = NULL;
		}
		return true;
	}
	if (app->confirming) {
		int r = confirm_input(&app->confirm, event);

		if (r == CONFIRM_YES)
			message_info(&app->message, STYLE_OK, "deleted");
		app->confirming = r != CONFIRM_YES && r != CONFIRM_NO;
		return true;
	}
	return false;
}

static void on_event(void *owner, const struct event *event)
{
	struct app *app = owner;
	int r;

	tell_event(app, event);
	if (event->kind == EVENT_RESIZE || modal_input(app, event))
		return;
	r = filter_input(&app->filter, event);
	if (r == FILTER_CHANGED)
		table_set_filter(app->table, filter_text(&app->filter));
	if (r != INPUT_IGNORED || message_input(&app->message, event) != INPUT_IGNORED ||
	    tabs_input(&app->tabs, event) != INPUT_IGNORED)
		return;
	r = app->tabs.current == 0   ? table_input(app->table, event)
	    : app->tabs.current == 1 ? (int)pager_input(app->help, event)
				     : (int)INPUT_IGNORED;
	if (r == TABLE_ACTIVATED)
		message_info(&app->message, STYLE_NORMAL, "detail of %s",
			     demo_source.id(NULL, table_selected(app->table)));
	if (r == INPUT_IGNORED)
		act(app, keymap_action(&keymap, CONTEXT_MAIN, event));
}

static void on_ended(void *owner, int signo)
{
	struct app *app = owner;

	app->ended_by = signo;
	stop(app);
}

static void on_tick(uv_timer_t *timer)
{
	struct app *app = timer->data;

	terminal_redraw(app->terminal);
}

/* ---- start ---- */

static void app_init(struct app *app)
{
	const struct help_section sections[] = {
		{"Everywhere", {&keymap, CONTEXT_MAIN, NULL, NULL}},
		{"Views", {&tabs_keymap, KEYMAP_ANYWHERE, NULL, NULL}},
		{"Tables", {&table_keymap, KEYMAP_ANYWHERE, NULL, NULL}}};

	tabs_init(&app->tabs, tab_names, 3);
	filter_init(&app->filter);
	message_init(&app->message);
	app->table = table_new(demo_columns, demo_column_count, &demo_source, app);
	app->help = pager_new();
	if (!app->table || !app->help)
		exit(1);
	pager_add_help(app->help, sections, 3);
	table_refresh(app->table);
	for (int i = 0; i < 100; i++)
		ring_push(&app->ring, i % 17);
}

static void app_done(struct app *app)
{
	table_free(app->table);
	pager_free(app->help);
	form_free(app->form);
	if (app->events)
		fclose(app->events);
}

static int snapshot(struct app *app, const char *size, bool ascii, bool styles)
{
	struct screen *screen = screen_text_new(stdout, styles);
	struct canvas *canvas;
	int columns, rows, r;

	if (!screen || sscanf(size, "%dx%d", &columns, &rows) != 2)
		return 2;
	canvas = canvas_new(columns, rows, ascii ? GLYPHS_ASCII : GLYPHS_UNICODE);
	if (!canvas)
		return 1;
	on_draw(app, canvas);
	r = screen_show(screen, canvas);
	canvas_free(canvas);
	screen_free(screen);
	return r < 0;
}

static int run(struct app *app, bool ascii, int ticks)
{
	static const struct terminal_events events = {on_event, on_draw, on_ended};
	const struct terminal_conf conf = {.loop = &app->loop, .ascii = ascii};
	char why[SCREEN_WHY_MAX];
	int r;

	uv_loop_init(&app->loop);
	r = terminal_open(&app->terminal, &conf, &events, app, why);
	if (r < 0) {
		fprintf(stderr, "term_demo: %s\n", why);
	} else {
		uv_timer_init(&app->loop, &app->ticks);
		app->ticks.data = app;
		if (ticks > 0)
			uv_timer_start(&app->ticks, on_tick, (uint64_t)ticks, (uint64_t)ticks);
	}
	uv_run(&app->loop, UV_RUN_DEFAULT);
	uv_loop_close(&app->loop);
	return r < 0;
}

int main(int argc, char **argv)
{
	static struct app app;
	const char *size = NULL;
	bool ascii = false, styles = false;
	int ticks = 0, r;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--ascii") == 0)
			ascii = true;
		else if (strcmp(argv[i], "--styles") == 0)
			styles = true;
		else if (strcmp(argv[i], "--ticks") == 0 && i + 1 < argc)
			ticks = atoi(argv[++i]);
		else if (strcmp(argv[i], "--events") == 0 && i + 1 < argc)
			app.events = fopen(argv[++i], "w");
		else if (strcmp(argv[i], "--snapshot") == 0 && i + 1 < argc)
			size = argv[++i];
		else
			return 2;
	}
	app_init(&app);
	r = size ? snapshot(&app, size, ascii, styles) : run(&app, ascii, ticks);
	app_done(&app);
	if (app.ended_by)
		terminal_die(app.ended_by);
	return r;
}
