#include "tests/unit/view/view_support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "tests/unit/test.h"
#include "tui/canvas/draw.h"
#include "tui/model/words.h"
#include "tui/widget/line.h"

/* ---- the host ---- */

static struct stage *stage_of(struct host *h)
{
	return (struct stage *)h;
}

static void on_act(struct host *h, const struct action *a)
{
	actions_act(stage_of(h)->actions, a);
}

static void on_say(struct host *h, unsigned style, const char *words)
{
	struct stage *s = stage_of(h);

	snprintf(s->said, sizeof s->said, "%s", words);
	s->said_style = style;
}

static void on_complain(struct host *h, const char *words)
{
	struct stage *s = stage_of(h);

	snprintf(s->complained, sizeof s->complained, "%s", words);
	s->complaints++;
}

static void on_secret(struct host *h, const char *title, const char *secret)
{
	actions_show_secret(stage_of(h)->actions, title, secret);
}

static void on_copy(struct host *h, const char *what, const char *text)
{
	snprintf(stage_of(h)->copied, sizeof stage_of(h)->copied, "%s: %s", what, text);
}

static void on_go(struct host *h, const char *view, const char *filter)
{
	(void)h;
	fail_msg("nobody goes to %s %s", view, filter);
}

static int64_t on_now(const struct host *h)
{
	return ((const struct stage *)h)->now_ms;
}

static bool on_is_paused(const struct host *h)
{
	(void)h;
	return false;
}

static const struct host_ops ops = {.act = on_act,
				    .say = on_say,
				    .complain = on_complain,
				    .show_secret = on_secret,
				    .copy = on_copy,
				    .go = on_go,
				    .now_ms = on_now,
				    .is_paused = on_is_paused};

static int on_call(void *owner, const char *method, json_t *params, actions_answer *answer,
		   void *ctx)
{
	struct stage *s = owner;

	if (s->refuse || s->sent_count == (int)(sizeof s->sent / sizeof s->sent[0])) {
		json_decref(params);
		return s->refuse ? s->refuse : -ENOSPC;
	}
	s->sent[s->sent_count++] = (struct sent_call){method, params, answer, ctx};
	return 0;
}

/* ---- life ---- */

json_t *stage_fixture(const char *name)
{
	char path[512];
	json_error_t error;
	json_t *fixture;

	snprintf(path, sizeof path, "%s/view/fixture/%s.json", VIEW_TEST_DIR, name);
	fixture = json_load_file(path, 0, &error);
	if (!fixture)
		fail_msg("%s:%d: %s", path, error.line, error.text);
	return fixture;
}

void stage_fill(struct stage *s, const json_t *fixture)
{
	static const struct {
		enum model_part part;
		const char *name;
	} answers[] = {{PART_PROJECTS, "projects.list"},
		       {PART_BUDGETS, "budgets.list"},
		       {PART_KEYS, "keys.list"},
		       {PART_LIMITS, "limits.show"},
		       {PART_ROUTING, "routing.show"}};

	const json_t *told = json_object_get(fixture, "answers");

	s->now_ms = words_time(fixture, "now");
	assert_true(s->now_ms > 0);
	model_take_snapshot(s->model, json_object_get(fixture, "snapshot"), 1000);
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
		model_take_answer(s->model, answers[i].part,
				  json_object_get(told, answers[i].name));
}

struct stage *stage_new(const char *fixture)
{
	struct stage *s = calloc(1, sizeof *s);
	json_t *json = stage_fixture(fixture);

	assert_non_null(s);
	s->model = model_new();
	assert_non_null(s->model);
	s->model->right = RIGHT_ADMIN;
	s->host = (struct host){&ops, s->model};
	s->actions = actions_new(&s->host, on_call, s);
	assert_non_null(s->actions);
	stage_fill(s, json);
	json_decref(json);
	return s;
}

void stage_free(struct stage *s)
{
	for (int i = 0; i < s->sent_count; i++)
		json_decref(s->sent[i].params);
	actions_free(s->actions);
	model_free(s->model);
	free(s);
}

/* ---- the daemon ---- */

static struct sent_call take_oldest(struct stage *s)
{
	struct sent_call call;

	if (s->sent_count == 0)
		fail_msg("nothing was asked of the daemon");
	call = s->sent[0];
	s->sent_count--;
	memmove(s->sent, s->sent + 1, (size_t)s->sent_count * sizeof s->sent[0]);
	json_decref(call.params);
	return call;
}

void stage_answer(struct stage *s, json_t *result)
{
	struct sent_call call = take_oldest(s);

	assert_non_null(result);
	call.answer(call.ctx, result, NULL);
	json_decref(result);
}

void stage_fail(struct stage *s, int code, const char *field, const char *message, const char *hint)
{
	struct sent_call call = take_oldest(s);
	struct rpc_error error;

	rpc_error_set(&error, code, field, "%s", message);
	snprintf(error.hint, sizeof error.hint, "%s", hint);
	call.answer(call.ctx, NULL, &error);
}

void stage_expect(struct stage *s, const char *method, const char *params)
{
	char *is;

	if (s->sent_count == 0)
		fail_msg("%s was not asked of the daemon", method);
	assert_string_equal(s->sent[0].method, method);
	is = s->sent[0].params ? json_dumps(s->sent[0].params, JSON_SORT_KEYS | JSON_COMPACT)
			       : strdup("null");
	assert_non_null(is);
	assert_string_equal(is, params);
	free(is);
}

/* ---- keys ---- */

static void one_key(struct stage *s, const struct view_ops *v, void *self, const struct event *e)
{
	int action;

	if (actions_input(s->actions, e) || !v)
		return;
	if (v->input(self, e) != INPUT_IGNORED)
		return;
	action = keymap_action(v->keymap, v->context(self), e);
	if (action != 0)
		v->act(self, action);
}

void stage_keys(struct stage *s, const struct view_ops *v, void *self, const char *keys)
{
	char name[KEY_NAME_MAX];

	for (const char *at = keys; *at;) {
		size_t len = strcspn(at, " ");
		struct event e;

		snprintf(name, sizeof name, "%.*s", (int)len, at);
		e = key(name);
		assert_int_not_equal(e.key, 0);
		one_key(s, v, self, &e);
		at += len;
		at += strspn(at, " ");
	}
}

void stage_type(struct stage *s, const char *text)
{
	struct event e = pasted(text);

	assert_true(actions_input(s->actions, &e));
}

void stage_set(struct stage *s, const char *text)
{
	stage_keys(s, NULL, NULL, "End C-u");
	if (*text)
		stage_type(s, text);
}

/* ---- screens ---- */

void stage_draw(struct stage *s, const struct view_ops *v, void *self, struct area a)
{
	struct hint_source hints = {v ? v->keymap : NULL, v ? v->context(self) : 0,
				    v ? v->enabled : NULL, self};
	int rows = a.rect.height - 1;

	if (v)
		v->draw(self, area_inside(a, (struct rect){0, 0, a.rect.width, rows}));
	if (actions_hints(s->actions, &hints) || v)
		hints_draw(a, rows, &hints, 1);
	actions_draw(s->actions, a);
}

void stage_golden(struct stage *s, const struct view_ops *v, void *self, const char *name)
{
	static const struct {
		int width, height;
	} sizes[] = {{80, 24}, {120, 40}, {40, 10}};
	char path[128];

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct canvas *c = canvas_new(sizes[i].width, sizes[i].height, GLYPHS_UNICODE);

		assert_non_null(c);
		stage_draw(s, v, self, canvas_area(c));
		snprintf(path, sizeof path, "view/golden/%s-%dx%d", name, sizes[i].width,
			 sizes[i].height);
		golden_check(c, path);
		canvas_free(c);
	}
}

/* NULL: the text is there; else the screen, for the caller to free. */
static char *screen_without(struct stage *s, const struct view_ops *v, void *self, int width,
			    int height, const char *text)
{
	struct canvas *c = canvas_new(width, height, GLYPHS_UNICODE);
	char *drawn;

	assert_non_null(c);
	stage_draw(s, v, self, canvas_area(c));
	golden_sound(c);
	drawn = golden_text(c, false);
	canvas_free(c);
	if (!strstr(drawn, text))
		return drawn;
	free(drawn);
	return NULL;
}

bool stage_shows(struct stage *s, const struct view_ops *v, void *self, int width, int height,
		 const char *text)
{
	char *drawn = screen_without(s, v, self, width, height, text);
	bool shown = drawn == NULL;

	if (!shown)
		print_message("no \"%s\" in:\n%s\n", text, drawn);
	free(drawn);
	return shown;
}

bool stage_hides(struct stage *s, const struct view_ops *v, void *self, int width, int height,
		 const char *text)
{
	char *drawn = screen_without(s, v, self, width, height, text);
	bool hidden = drawn != NULL;

	free(drawn);
	return hidden;
}
