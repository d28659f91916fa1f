#include "tests/unit/app/app_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"

#include "tests/unit/golden.h"
#include "tests/unit/test.h"
#include "tests/unit/widget/events.h"

#define MONO_US INT64_C(5000000000)
#define WALL_US INT64_C(1795528951000000) /* 2026-11-24T14:02:31Z */

json_t *fixture_load(const char *name)
{
	char path[512];
	json_error_t error;
	json_t *fixture;

	snprintf(path, sizeof path, "%s/%s.json", FIXTURE_DIR, name);
	fixture = json_load_file(path, 0, &error);
	if (!fixture)
		print_error("%s: %s\n", path, error.text);
	assert_non_null(fixture);
	return fixture;
}

static void take_answers(struct app *app, const json_t *answers)
{
	for (int i = 0; i < app->poll_count; i++) {
		enum model_part part = app->polls[i].part;
		json_t *params;
		const char *method = model_method(part, &params);
		const json_t *answer = json_object_get(answers, method);

		if (answer)
			app_changed(app, model_take_answer(app->model, part, answer));
		json_decref(params);
	}
}

struct app *app_fed(const json_t *fixture)
{
	static const struct app_conf conf = {0};
	struct app *app;

	clock_freeze(MONO_US, WALL_US);
	app = app_new(&conf);
	assert_non_null(app);
	if (!fixture)
		return app;
	app_feed_events.hello(app, "0.1.0", 16254, RIGHT_ADMIN);
	app_feed_events.snapshot(app, json_object_get(fixture, "snapshot"));
	app_feed_events.event(app, json_object_get(fixture, "stats"));
	take_answers(app, json_object_get(fixture, "answers"));
	return app;
}

void app_tell(struct app *app, const char *topic, const char *data)
{
	char *copy = strdup(data);
	json_t *event, *value;

	for (char *at = copy; *at; at++)
		if (*at == '\'')
			*at = '"';
	value = json_loads(copy, 0, NULL);
	assert_non_null(value);
	event = json_pack("{si ss ss so}", "seq", 200, "at", "2026-11-24T14:02:31.000Z", "topic",
			  topic, "data", value);
	app_feed_events.event(app, event);
	json_decref(event);
	free(copy);
}

void app_press(struct app *app, const char *keys)
{
	while (*keys) {
		size_t len = strcspn(keys, " ");
		char name[32];
		struct event event;

		snprintf(name, sizeof name, "%.*s", (int)len, keys);
		event = key(name);
		app_screen(app, 120, 40); /* nobody acts on what was never shown */
		app_event(app, &event);
		keys += len + (keys[len] == ' ');
	}
}

void app_type(struct app *app, const char *text)
{
	for (; *text; text++) {
		char one[2] = {*text, '\0'};
		struct event event = {.kind = EVENT_TEXT, .key = *text, .text = one, .text_len = 1};

		app_event(app, &event);
	}
}

const char *app_screen(struct app *app, int columns, int rows)
{
	static char *text;
	struct canvas *c = canvas_new(columns, rows, GLYPHS_UNICODE);

	assert_non_null(c);
	app_draw(app, c);
	golden_sound(c);
	free(text);
	text = golden_text(c, false);
	canvas_free(c);
	return text;
}

bool app_shows(struct app *app, const char *text)
{
	return strstr(app_screen(app, 120, 40), text) != NULL;
}

void app_golden(struct app *app, const char *name)
{
	static const int sizes[][2] = {{80, 24}, {120, 40}, {40, 10}};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct canvas *c = canvas_new(sizes[i][0], sizes[i][1], GLYPHS_UNICODE);
		char path[128];

		app_draw(app, c);
		snprintf(path, sizeof path, "app/golden/%s-%dx%d", name, sizes[i][0], sizes[i][1]);
		golden_check(c, path);
		canvas_free(c);
	}
}
