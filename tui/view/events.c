/* What happens, as it happens: lines of the log and events.  The end is followed until one goes
 * somewhere else; there one finds what one was looking at, also while new lines come. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "tui/canvas/draw.h"
#include "tui/model/words.h"
#include "tui/view/event_words.h"
#include "tui/view/view.h"
#include "tui/widget/pager.h"
#include "tui/widget/table.h"

enum kind { KIND_ALL, KIND_LOG, KIND_EVENTS, KINDS };
static const char *const kind_names[KINDS] = {"log and events", "the log", "events"};

struct events {
	struct host *host;
	struct table *table;
	struct pager *detail; /* of one row, while in_detail */
	bool in_detail;
	json_t *opened; /* the row in the detail; the selection may be elsewhere by now */
	bool follow;
	enum kind kind;
	enum event_level level; /* nothing less important */
	const json_t *rows[MODEL_EVENTS_MAX];
	size_t count; /* those of that kind and level */
};

enum { CONTEXT_LIST = 2, CONTEXT_DETAIL = 4 }; /* the order is that of time: no VIEW_TABLE */
enum { DO_FOLLOW = 1, DO_KIND, DO_LEVEL, DO_OPEN, DO_BACK, DO_COPY };

static const struct binding bindings[] = {
	{CONTEXT_DETAIL, "Esc Backspace Enter", DO_BACK, "back", "back to the list"},
	{CONTEXT_LIST, "Enter", DO_OPEN, "detail", "show all of the line"},
	{CONTEXT_LIST, "f", DO_FOLLOW, "follow", "go to the end and stay there"},
	{CONTEXT_LIST, "v", DO_LEVEL, "level", "show what is this important and more"},
	{CONTEXT_LIST, "t", DO_KIND, "topic", "show the log, events, or both"},
	{CONTEXT_LIST | CONTEXT_DETAIL, "y", DO_COPY, NULL, "copy what the line says"},
};
static const struct keymap keymap = KEYMAP(bindings);

enum { COLUMN_AT, COLUMN_LEVEL, COLUMN_AREA, COLUMN_WORDS, COLUMNS };

static const struct table_column columns[COLUMNS] = {
	[COLUMN_AT] = {"AT", {.min = 8}, ALIGN_LEFT, false, false},
	[COLUMN_LEVEL] = {"LEVEL", {.min = 5, .drop = 1}, ALIGN_LEFT, false, false},
	[COLUMN_AREA] =
		{"OF", {.min = 8, .max = 12, .weight = 1, .drop = 2}, ALIGN_LEFT, false, false},
	[COLUMN_WORDS] = {"WHAT", {.min = 12, .weight = 9}, ALIGN_LEFT, false, false},
};

/* ---- rows ---- */

static size_t row_count(void *owner)
{
	return ((const struct events *)owner)->count;
}

static const char *row_id(void *owner, size_t row)
{
	static char id[32];
	const struct events *v = owner;

	snprintf(id, sizeof id, "%lld", (long long)json_get_int(v->rows[row], "n", 0));
	return id;
}

static void cell(void *owner, size_t row, int column, struct table_cell *ret)
{
	const struct events *v = owner;
	const json_t *event = v->rows[row];
	enum event_level level = event_level(event);

	switch (column) {
	case COLUMN_AT:
		ret->text = words_clock(ret->scratch, words_time(event, "at"));
		ret->style = STYLE_DIM;
		break;
	case COLUMN_LEVEL:
		ret->text = event_level_name(level);
		ret->style = event_level_style(level);
		break;
	case COLUMN_AREA:
		ret->text = event_area(event);
		break;
	default:
		ret->text = event_words(event, ret->scratch, sizeof ret->scratch);
		ret->style = event_level_style(level);
		break;
	}
}

static bool row_matches(void *owner, size_t row, const char *filter)
{
	return event_matches(((const struct events *)owner)->rows[row], filter);
}

static const struct table_source source = {
	.count = row_count, .id = row_id, .cell = cell, .matches = row_matches};

static bool is_wanted(const struct events *v, const json_t *event)
{
	if (v->kind != KIND_ALL && event_is_log(event) != (v->kind == KIND_LOG))
		return false;
	return event_level(event) <= v->level;
}

/* References of the model's rows are good until it changes, and then this is called before anything
 * is drawn; input comes in between, so they are kept. */
static void forget_rows(struct events *v)
{
	for (size_t i = 0; i < v->count; i++)
		json_decref((json_t *)v->rows[i]);
	v->count = 0;
}

static void go_to_end(struct events *v)
{
	static const struct event end = {.kind = EVENT_KEY, .key = KEY_CODE_END};

	table_input(v->table, &end);
}

static void rebuild(struct events *v)
{
	const struct rows *from = &v->host->model->events;

	forget_rows(v);
	for (size_t i = 0; i < from->count && v->count < MODEL_EVENTS_MAX; i++)
		if (is_wanted(v, from->items[i]))
			v->rows[v->count++] = json_incref(from->items[i]);
	table_refresh(v->table);
	if (v->follow)
		go_to_end(v);
}

static void events_changed(void *self, unsigned parts)
{
	if (parts & (PART_EVENTS | PART_LINK))
		rebuild(self);
}

static void events_filter(void *self, const char *text)
{
	struct events *v = self;

	table_set_filter(v->table, text);
	if (v->follow)
		go_to_end(v);
}

static void events_counts(void *self, size_t *ret_shown, size_t *ret_all)
{
	struct events *v = self;

	*ret_shown = table_shown(v->table);
	*ret_all = v->count;
}

/* ---- the detail ---- */

static const json_t *selected(const struct events *v)
{
	size_t row = table_selected(v->table);

	return row == TABLE_NONE ? NULL : v->rows[row];
}

/* Every member, those of objects within under their own names. */
static void add_fields(struct pager *p, const json_t *object, int indent)
{
	const char *name;
	json_t *value;

	if (indent > 8)
		return;
	json_object_foreach((json_t *)object, name, value)
	{
		char number[WORDS_SIZE], *text = NULL;
		const char *words = event_value(value, number);

		if (json_is_object(value)) {
			pager_format(p, STYLE_TITLE, "%*s%s", indent, "", name);
			add_fields(p, value, indent + 2);
			continue;
		}
		if (!words)
			words = text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		pager_format(p, STYLE_NORMAL, "%*s%-16s %s", indent, "", name, words ? words : "-");
		free(text);
	}
}

static void open_detail(struct events *v, const json_t *event)
{
	enum event_level level = event_level(event);
	char scratch[1024];
	const char *at = json_get_str(event, "at");

	json_decref(v->opened);
	v->opened = json_incref((json_t *)event);
	pager_clear(v->detail);
	pager_format(v->detail, event_level_style(level) | STYLE_BOLD, "%s %s %s", at ? at : "-",
		     event_level_name(level), event_area(event));
	pager_add(v->detail, STYLE_NORMAL, event_words(event, scratch, sizeof scratch));
	pager_add(v->detail, STYLE_NORMAL, "");
	add_fields(v->detail, json_object_get(event, "data"), 0);
	v->in_detail = true;
}

/* ---- drawing ---- */

static void events_draw(void *self, struct area a)
{
	struct events *v = self;

	if (v->in_detail) {
		pager_draw(v->detail, a);
		return;
	}
	if (a.rect.height < 5) {
		table_draw(v->table, a);
		return;
	}
	draw_format(a, 1, 0, STYLE_DIM, "%s, %s%s%s", kind_names[v->kind],
		    event_level_name(v->level), v->level == EVENT_ERROR ? "" : " and above",
		    v->follow ? ", following" : "");
	table_draw(v->table, area_inside(a, (struct rect){0, 1, a.rect.width, a.rect.height - 1}));
}

/* ---- input ---- */

static enum input_result events_input(void *self, const struct event *e)
{
	struct events *v = self;
	int r;

	if (v->in_detail)
		return pager_input(v->detail, e);
	r = table_input(v->table, e);
	if (r == INPUT_IGNORED)
		return INPUT_IGNORED;
	v->follow = table_is_at_end(v->table);
	if (r == TABLE_ACTIVATED && selected(v))
		open_detail(v, selected(v));
	return INPUT_TAKEN;
}

static void copy(struct events *v)
{
	const json_t *row = v->in_detail ? v->opened : selected(v);
	char scratch[1024];

	if (row)
		v->host->ops->copy(v->host, "line", event_words(row, scratch, sizeof scratch));
}

static void events_act(void *self, int action)
{
	struct events *v = self;

	switch (action) {
	case DO_FOLLOW:
		v->follow = true;
		go_to_end(v);
		break;
	case DO_KIND:
		v->kind = (v->kind + 1) % KINDS;
		rebuild(v);
		break;
	case DO_LEVEL:
		v->level = v->level == EVENT_ERROR ? EVENT_DEBUG : (enum event_level)(v->level - 1);
		rebuild(v);
		break;
	case DO_BACK:
		v->in_detail = false;
		break;
	case DO_COPY:
		copy(v);
		break;
	}
}

static unsigned events_context(void *self)
{
	return ((const struct events *)self)->in_detail ? CONTEXT_DETAIL : CONTEXT_LIST;
}

/* ---- life ---- */

static void events_free(void *self)
{
	struct events *v = self;

	if (!v)
		return;
	forget_rows(v);
	json_decref(v->opened);
	table_free(v->table);
	pager_free(v->detail);
	free(v);
}

static void *events_create(struct host *h)
{
	struct events *v = calloc(1, sizeof *v);

	if (!v)
		return NULL;
	v->host = h;
	v->follow = true;
	v->level = EVENT_DEBUG;
	v->table = table_new(columns, COLUMNS, &source, v);
	v->detail = pager_new();
	if (!v->table || !v->detail) {
		events_free(v);
		return NULL;
	}
	table_set_empty(v->table, "nothing has happened yet");
	return v;
}

const struct view_ops view_events = {
	.name = "events",
	.title = "Events",
	.parts = PART_EVENTS,
	.create = events_create,
	.free = events_free,
	.changed = events_changed,
	.draw = events_draw,
	.input = events_input,
	.filter = events_filter,
	.counts = events_counts,
	.keymap = &keymap,
	.context = events_context,
	.act = events_act,
};
